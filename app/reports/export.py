"""What does every single credit look like? The ledger, one line per conversion, model and touch, as CSV or Parquet.

Made slice by slice, never whole in memory; the sums of an export are those of the report.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.errors import BadInput
from app.reports.amounts import MICRO
from app.reports.days import Period, rfc3339
from app.reports.parquet import parquet_pieces, require_parquet
from app.reports.slices import LedgerRow, Slice, ledger_rows, slices
from app.storage.client import Storage
from app.storage.report_statements import EXPORT_MESSAGE_IDS
from app.tenants.tenant import Tenant

COLUMNS = (
    *("conversion_type", "order_id", "conversion_time", "currency", "model", "touch_id", "message_id", "touch_time"),
    *("channel", "campaign", "source", "weight", "conversions_micro", "gross_minor", "net_minor", "rules_version"),
)
FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_TASK = "report.export"
_CURSOR = re.compile(r"([0-9]{8})-([0-9a-f]{16})")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Part:
    """What one answer of an export holds; `next_cursor` is '' where nothing comes after it."""

    slices: list[Slice]
    next_cursor: str


def require_format(text: str) -> str:
    """The format; BadInput unless the export can be written in it.

    Raises
    ------
    TributaryError : Parquet is asked for and cannot be written here; says what to install.
    """
    if text not in FORMATS:
        raise BadInput("bad_format", f"format is {text[:40]!r}.", "Use format=csv or format=parquet.")
    if text == "parquet":
        require_parquet()
    return text


def plan(storage: Storage, tenant: Tenant, period: Period, *, after: str = "", limit: int = 0) -> Part:
    """Where an answer begins and ends.

    Conversions go by UTC day and, within a day, by ranges of their keys: an order that nothing changes, so a cursor
    means the same whenever it is used. What is attributed again in between is there as it stands when it is read.

    Parameters
    ----------
    after : the cursor that the part before ended with; '' for the beginning.
    limit : about so many conversions; 0 for all.
    """
    day, key = _read_cursor(after) if after else (date.min, 0)
    chosen: list[Slice] = []
    conversions = 0
    for part in slices(storage, tenant, period, task=_TASK):
        if part.utc_day < day or (part.utc_day == day and part.high <= key):
            continue
        if limit and chosen and conversions + part.about > limit:
            return Part(chosen, _cursor(chosen[-1]))
        chosen.append(replace(part, low=max(part.low, key + 1)) if part.utc_day == day else part)
        conversions += part.about
    return Part(chosen, "")


def _cursor(part: Slice) -> str:
    return f"{part.utc_day:%Y%m%d}-{part.high:016x}"


def _read_cursor(text: str) -> tuple[date, int]:
    found = _CURSOR.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return date.fromisoformat(found[1]), int(found[2], 16)
    except ValueError:
        raise BadInput(
            "bad_cursor", f"after is {text[:40]!r}.", "Give the Tributary-Next-Cursor of the part before."
        ) from None


def ledger_csv(
    storage: Storage,
    tenant: Tenant,
    period: Period,
    *,
    raw_text: bool = False,
    header: bool = True,
    part: Part | None = None,
) -> Iterator[bytes]:
    """The export in pieces of UTF-8, the header first; conversions by UTC day, in a fixed order.

    Parameters
    ----------
    raw_text : leave texts as they are. Otherwise one that a spreadsheet would run as a formula (it begins with
        = + - @, a tab or a return) gets an apostrophe in front: anyone who has the public write key can choose
        campaign names and order ids.
    part : of the period; all of it where None.
    """
    if header:
        yield _written([COLUMNS])
    for one in (part or plan(storage, tenant, period)).slices:
        rows = ledger_rows(storage, tenant, period, one, task=_TASK)
        names = _message_ids(storage, tenant, period, one)
        for start in range(0, len(rows), 200):
            lines = [line for row in rows[start : start + 200] for line in ledger_lines(row, names, raw_text=raw_text)]
            yield _written(lines)


def ledger_parquet(storage: Storage, tenant: Tenant, period: Period, *, part: Part | None = None) -> Iterator[bytes]:
    """The export as one Parquet file, in pieces: a row group a slice, so that none is larger than memory bears."""
    chosen = part or plan(storage, tenant, period)

    def groups() -> Iterator[tuple[list[LedgerRow], dict[int, str]]]:
        for one in chosen.slices:
            rows = ledger_rows(storage, tenant, period, one, task=_TASK)
            yield rows, _message_ids(storage, tenant, period, one)

    return parquet_pieces(groups())


def ledger_lines(row: LedgerRow, message_ids: dict[int, str], *, raw_text: bool) -> Iterator[tuple[Any, ...]]:
    """The lines of one conversion; without touches, one for each model under ``(unattributed)`` with weight 1."""
    text = _same if raw_text else _safe
    head = (text(row.conversion_type), text(row.order_id), rfc3339(row.ts_ms), row.currency)
    if not row.touch_keys:
        for model in FIVE_MODELS:
            empty = (str(model), "", "", "", UNATTRIBUTED, "", "", 1, MICRO, row.gross_minor, row.net_minor)
            yield (*head, *empty, row.rules_version)
        return
    touches = [
        (str(key), text(message_ids.get(key, "")), rfc3339(time_ms), text(channel), text(campaign), text(source))
        for key, time_ms, channel, campaign, source in zip(
            row.touch_keys, row.touch_times_ms, row.touch_channels, row.touch_campaigns, row.touch_sources, strict=True
        )
    ]
    net = row.net or row.gross
    for number, model in enumerate(FIVE_MODELS):
        at = row.of_model(number)
        credits = zip(touches, row.weights[at], row.micros[at], row.gross[at], net[at], strict=True)
        for touch, weight, micro, gross_minor, net_minor in credits:
            yield (*head, str(model), *touch, weight, micro, gross_minor, net_minor, row.rules_version)


def _message_ids(storage: Storage, tenant: Tenant, period: Period, part: Slice) -> dict[int, str]:
    """The messageId of each touch of a slice; a touch past its retention has none any more."""
    found = storage.rows(EXPORT_MESSAGE_IDS, tenant_id=tenant.tenant_id, params=part.params(period), task=_TASK)
    return dict(found)


def _written(lines: list[tuple[Any, ...]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(lines)  # RFC 4180
    return buffer.getvalue().encode()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _same(text: str) -> str:
    return text
