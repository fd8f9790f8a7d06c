"""What are a chunk's conversions, field by field? Each field of all of them is taken out once, for all who ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from app.attribution.touches import Int64s, UInt64s
from app.ledger.conversions import Order

QUARTER_S, DAY_S = 900, 86_400
QUARTER_MS, QUARTERS = 1000 * QUARTER_S, DAY_S // QUARTER_S
EPOCH = date(1970, 1, 1)

Times = tuple[Int64s, UInt64s, Int64s]
"""Tenant, key and time (epoch ms) of rows of conversions."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Of n conversions that stand, in their order.

    Parameters
    ----------
    tenant_id, ts_ms, gross_minor, net_minor, duplicates : int64 (n,)
    key : uint64 (n,)
    retracted : bool (n,)
    conversion_type, order_id, message_id, user_id, currency : list of str (n,)
    """

    tenant_id: Int64s
    key: UInt64s
    ts_ms: Int64s
    gross_minor: Int64s
    net_minor: Int64s
    retracted: NDArray[np.bool_]
    duplicates: Int64s
    conversion_type: list[str]
    order_id: list[str]
    message_id: list[str]
    user_id: list[str]
    currency: list[str]

    def __len__(self) -> int:
        return len(self.key)


def fields_of(standing: Sequence[Order]) -> Fields:
    """Of conversions that have a winner, one at least."""
    tenant_id, key, winners, duplicates, _, net_minor, retracted = zip(*standing, strict=True)
    _, _, ts_ms, message_id, conversion_type, order_id, user_id, gross_minor, currency, _ = zip(*winners, strict=True)
    return Fields(
        tenant_id=np.array(tenant_id, np.int64),
        key=np.array(key, np.uint64),
        ts_ms=np.array(ts_ms, np.int64),
        gross_minor=np.array(gross_minor, np.int64),
        net_minor=np.array(net_minor, np.int64),
        retracted=np.array(retracted, np.bool_),
        duplicates=np.array(duplicates, np.int64),
        conversion_type=list(conversion_type),
        order_id=list(order_id),
        message_id=list(message_id),
        user_id=list(user_id),
        currency=list(currency),
    )


def times_of(found: Sequence[Order]) -> Times:
    """Of every row that conversions ever had: wherever an answer may stand."""
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64)
    tenant_id, key, _, _, times, _, _ = zip(*found, strict=True)
    counts = np.fromiter(map(len, times), np.int64, len(found))
    ts_ms = np.fromiter(chain.from_iterable(times), np.int64, int(counts.sum()))
    return np.array(tenant_id, np.int64).repeat(counts), np.array(key, np.uint64).repeat(counts), ts_ms


def days_of(times_ms: Int64s, zone: ZoneInfo) -> tuple[date, ...]:
    """The days of a zone that some times lie in, in order: at once, but for UTC days in which its offset changes."""
    quarters = np.unique(times_ms // QUARTER_MS)
    utc_days, place = np.unique(quarters // QUARTERS, return_inverse=True)
    bounds = np.array([[_offset_s(day + ahead, zone) for ahead in (0, 1)] for day in utc_days.tolist()], np.int64)
    start_s, end_s = bounds.reshape(-1, 2)[place].T
    is_steady = start_s == end_s
    local = np.unique((quarters[is_steady] * QUARTER_S + start_s[is_steady]) // DAY_S).tolist()
    days = {EPOCH + timedelta(days=day) for day in local}
    days |= {datetime.fromtimestamp(quarter * QUARTER_S, zone).date() for quarter in quarters[~is_steady].tolist()}
    return tuple(sorted(days))


def _offset_s(utc_day: int, zone: ZoneInfo) -> int:
    """Seconds that a zone is ahead of UTC at the beginning of a day, counted from 1970."""
    offset = datetime.fromtimestamp(utc_day * DAY_S, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
