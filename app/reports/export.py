"""What does every single credit look like? The ledger as CSV: one line per conversion, model and touch.

Made slice by slice, never whole in memory; the sums of an export are those of the report.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.errors import BadInput
from app.reports.amounts import MICRO
from app.reports.days import Period, rfc3339
from app.reports.slices import LedgerRow, Slice, ledger_rows, slices
from app.storage.client import Storage
from app.storage.report_statements import EXPORT_MESSAGE_IDS
from app.tenants.tenant import Tenant

COLUMNS = (
    *("conversion_type", "order_id", "conversion_time", "currency", "model", "touch_id", "message_id", "touch_time"),
    *("channel", "campaign", "weight", "conversions_micro", "gross_minor", "net_minor", "rules_version"),
)
_TASK = "report.export"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def require_format(text: str) -> None:
    """BadInput unless the export can be written in this format."""
    if text == "parquet":
        raise BadInput("bad_format", "format=parquet comes with a later release.", "Use format=csv.")
    if text != "csv":
        raise BadInput("bad_format", f"format is {text[:40]!r}.", "Use format=csv.")


def ledger_csv(
    storage: Storage, tenant: Tenant, period: Period, *, raw_text: bool = False, header: bool = True
) -> Iterator[bytes]:
    """The export in pieces of UTF-8, the header first; conversions by UTC day, in a fixed order.

    Parameters
    ----------
    raw_text : leave texts as they are. Otherwise one that a spreadsheet would run as a formula (it begins with
        = + - @, a tab or a return) gets an apostrophe in front: anyone who has the public write key can choose
        campaign names and order ids.
    """
    if header:
        yield _written([COLUMNS])
    for part in slices(storage, tenant, period, task=_TASK):
        rows = ledger_rows(storage, tenant, period, part, task=_TASK)
        names = _message_ids(storage, tenant, period, part)
        for start in range(0, len(rows), 200):
            lines = [line for row in rows[start : start + 200] for line in ledger_lines(row, names, raw_text=raw_text)]
            yield _written(lines)


def ledger_lines(row: LedgerRow, message_ids: dict[int, str], *, raw_text: bool) -> Iterator[tuple[Any, ...]]:
    """The lines of one conversion; without touches, one for each model under ``(unattributed)`` with weight 1."""
    text = _same if raw_text else _safe
    head = (text(row.conversion_type), text(row.order_id), rfc3339(row.ts_ms), row.currency)
    if not row.touch_keys:
        for model in FIVE_MODELS:
            empty = (str(model), "", "", "", UNATTRIBUTED, "", 1, MICRO, row.gross_minor, row.net_minor)
            yield (*head, *empty, row.rules_version)
        return
    touches = [
        (str(key), text(message_ids.get(key, "")), rfc3339(time_ms), text(channel), text(campaign))
        for key, time_ms, channel, campaign in zip(
            row.touch_keys, row.touch_times_ms, row.touch_channels, row.touch_campaigns, strict=True
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
