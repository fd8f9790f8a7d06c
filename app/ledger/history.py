"""What was a conversion's credit before it was attributed again, and what is it now?

Every run compares what it is about to write with what stands. Where the credit differs, both sides are kept, summed by
channel; where it does not, and where a conversion is credited for the first time, nothing is written. It is kept
before the ledger is: a chunk that dies in between finds the same difference again, and writes the same row.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.ledger.conversions import Order
from app.ledger.fields import times_of
from app.ledger.rows import LedgerRows
from app.storage.changes import SIDES, insert_changes
from app.storage.client import Storage
from app.storage.standing import StandingCredit, standing_content, standing_credit

EPOCH = date(1970, 1, 1)
DAY_MS = 86_400_000
MILLION = 1_000_000
Standing = Mapping[str, NDArray[Any]]
"""Columns of `standing_content`."""
_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Credit:
    """One side of a change. `micros`, `gross` and `net` are model-major over `channels`; digest 0: there is none."""

    digest: int = 0
    ts_ms: int = 0
    rules_version: int = 0
    currency: str = ""
    gross_minor: int = 0
    net_minor: int = 0
    retracted: int = 0
    touches: int = 0
    channels: tuple[str, ...] = ()
    micros: tuple[int, ...] = ()
    net: tuple[int, ...] = ()


NO_CREDIT = Credit()


def record_changes(
    storage: Storage,
    stood: Standing,
    rows: LedgerRows,
    *,
    reason: str,
    run_id: str,
    version: int,
) -> int:
    """Keep before and after of the conversions whose credit these ledger rows are going to change.

    Parameters
    ----------
    stood : of the conversions of these rows.
    rows : what is about to be inserted into `ledger`, all of one run.
    reason : the kind of the run.

    Returns
    -------
    How many conversions change.
    """
    if not len(rows):
        return 0
    differing = _differing(stood, rows, version)
    if not differing:
        return 0
    whose = list(zip(rows.tenant_id.tolist(), rows.key.tolist(), strict=True))
    after = {one: number for number, one in enumerate(whose) if not rows.is_deleted[number]}
    wanted = [number for number, one in enumerate(whose) if one in differing]
    places = (
        rows.tenant_id[wanted].tolist(),
        [EPOCH + timedelta(days=int(day)) for day in rows.day[wanted]],
        rows.key[wanted].tolist(),
    )
    changes = []
    for one, old in standing_credit(storage, *places, task="ledger.history").items():
        new = rows.credit(after[one], version) if one in after else None
        if old.version > version or _is_same(old, new):
            continue  # a later run's rows stand, or it was written before rows said what they hold
        changes.append(_columns(*one, version, run_id, reason, _of(old), _of(new)))
    if changes:
        insert_changes(storage, dict(zip(_NAMES, zip(*changes, strict=True), strict=True)), task="ledger.history")
    return len(changes)


def standing_of(arrays: Storage, found: Sequence[Order]) -> Standing:
    """What the ledger holds of these conversions, on every day on which an answer may stand."""
    if not found:
        return {}
    tenant_id, key, ts_ms = times_of(found)
    return standing_content(arrays, tenant_id, ts_ms // DAY_MS, key, task="ledger.history")


Whose = tuple[int, int]
"""A tenant's number and a conversion key of its own."""


def _differing(stood: Standing, rows: LedgerRows, version: int) -> set[Whose]:
    """The conversions whose standing credit is not known to be the same as the new one."""
    alive = np.flatnonzero(rows.is_deleted == 0)
    keys, whose = np.unique(np.append(rows.key, stood["conversion_key"])), np.unique(rows.tenant_id)

    def pair(tenant_id: NDArray[Any], key: NDArray[Any]) -> NDArray[np.int64]:
        return np.searchsorted(keys, key) * len(whose) + np.searchsorted(whose, tenant_id)

    # Of those that there are: of many tenants most pairs of tenant and key are nobody's.
    made, asked = pair(rows.tenant_id[alive], rows.key[alive]), pair(stood["tenant_id"], stood["conversion_key"])
    order = np.argsort(made)
    place = np.searchsorted(made, asked, sorter=order)
    made, content = np.append(made[order], -1), np.append(rows.content[alive[order]], np.uint64(0))
    new = np.where(made[place] == asked, content[place], np.uint64(0))  # 0: there is none any more
    # A deleted row and no new one are the same too; a content of 0 is not known.
    is_gone = stood["is_deleted"] != 0
    same = np.where(is_gone, new == 0, (new == stood["content"]) & (new != 0))
    differing = ~same & (stood["version"] <= version)
    found = (stood[name][differing].tolist() for name in ("tenant_id", "conversion_key"))
    return set(zip(*found, strict=True))


_content = attrgetter(
    *("ts_ms", "currency", "gross_minor", "net_minor", "retracted", "touch_keys", "touch_channels", "micros"),
    *("gross", "net"),
)
"""What makes a credit; the digest is over it, in this order."""


def _is_same(stood: StandingCredit, new: StandingCredit | None) -> bool:
    """Whether the credit that stands says the same as the new row (None: there is none any more)."""
    if new is None or stood.is_deleted:
        return new is None and bool(stood.is_deleted)
    return bool(_content(stood) == _content(new))


def _of(row: StandingCredit | None) -> Credit:
    if row is None or row.is_deleted:
        return NO_CREDIT
    return _credit(
        row.ts_ms, row.rules_version, row.currency, row.gross_minor, row.net_minor, row.retracted,
        row.touch_keys, row.touch_channels, row.micros, row.gross, row.net,
    )  # fmt: skip


def _credit(
    ts_ms: int,
    rules_version: int,
    currency: str,
    gross_minor: int,
    net_minor: int,
    retracted: int,
    touch_keys: Sequence[int],
    touch_channels: Sequence[str],
    micros: Sequence[int],
    gross: Sequence[int],
    net: Sequence[int],
) -> Credit:
    content = (ts_ms, currency, gross_minor, net_minor, retracted, touch_keys, touch_channels, micros, gross, net)
    digest = int.from_bytes(hashlib.blake2b(_pack(content), digest_size=8).digest(), "little") or 1
    channels, summed = _by_channel(touch_channels, micros, net or gross, net_minor)
    return Credit(
        digest, ts_ms, rules_version, currency, gross_minor, net_minor, retracted, len(touch_keys), channels, *summed
    )


def _by_channel(
    touch_channels: Sequence[str], micros: Sequence[int], net: Sequence[int], net_minor: int
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], tuple[int, ...]]]:
    """Channels in order of name, and their conversions (micros) and net amounts, model-major."""
    models = len(FIVE_MODELS)
    if not touch_channels:
        return (UNATTRIBUTED,), ((MILLION,) * models, (net_minor,) * models)
    channels = tuple(sorted(set(touch_channels)))
    place = {channel: number for number, channel in enumerate(channels)}
    width, touches = len(channels), len(touch_channels)
    places = [place[channel] for channel in touch_channels]
    sums = [0] * (models * width), [0] * (models * width)
    for model in range(models):
        start, base = model * touches, model * width
        end = start + touches
        for to, micro, amount in zip(places, micros[start:end], net[start:end], strict=True):
            sums[0][base + to] += micro
            sums[1][base + to] += amount
    return channels, (tuple(sums[0]), tuple(sums[1]))


_NAMES = (
    *("tenant_id", "conversion_key", "version", "run_id", "reason", "changed_at"),
    *(f"{name}_{side}" for name in SIDES for side in ("before", "after")),
)


def _columns(
    tenant_id: int, key: int, version: int, run_id: str, reason: str, old: Credit, new: Credit
) -> tuple[Any, ...]:
    sides = zip(_side(old), _side(new), strict=True)
    head = (tenant_id, key, version, run_id, reason, time.time_ns() // 1_000_000)
    return head + tuple(value for pair in sides for value in pair)


def _side(credit: Credit) -> tuple[Any, ...]:
    return (
        *(credit.rules_version, credit.digest, credit.ts_ms, credit.currency, credit.gross_minor, credit.net_minor),
        *(credit.retracted, credit.touches, credit.channels, credit.micros, credit.net),
    )
