"""What was refunded or corrected? Adjustments of an order's value, each with an id of its own (SEMANTICS 4.4, 4.8)."""

from __future__ import annotations

from typing import Any

import msgspec

from app.ingest.amounts import read_currency, read_decimal, read_minor
from app.ingest.events import Adjustment
from app.ingest.ids import read_id
from app.ingest.reading import HOUR_MS, Reading
from app.ingest.refusals import Reason, Refused
from app.ingest.times import to_ms

ACTIONS = ("restate", "retract")


class _Posted(msgspec.Struct, gc=False):
    adjustment_id: Any = None
    type: Any = None
    order_id: Any = None
    value: Any = None
    currency: Any = None
    at: Any = None
    conversion_type: Any = None


ADJUSTMENT_FIELDS = _Posted.__struct_fields__
_decode = msgspec.json.Decoder(_Posted).decode


def read_adjustment(raw: msgspec.Raw, reading: Reading) -> Adjustment:
    """One adjustment. Without `at` it happened when it was received; a retraction's `value` is not looked at.

    Raises
    ------
    Refused : with reason, field and remedy.
    msgspec.MsgspecError, UnicodeDecodeError, RecursionError : the JSON itself cannot be read.
    """
    posted = _decode(raw)
    adjustment_id = _needed_id(posted.adjustment_id, "adjustment_id")
    order_id = _needed_id(posted.order_id, "order_id")
    if posted.type not in ACTIONS:
        said = "missing" if posted.type is None else repr(posted.type)[:40]
        raise Refused(Reason.BAD_ADJUSTMENT, f"type is {said}.", "Send 'restate' or 'retract'.")
    value, currency = "", ""
    if posted.type == "restate":
        value, currency = _value(posted)
    at_ms = reading.received_ms
    if posted.at is not None and posted.at != "":
        at_ms = _time(posted.at, reading)
    conversion_type = read_id(posted.conversion_type, "conversion_type")
    return Adjustment(adjustment_id, posted.type, order_id, value, currency, at_ms, conversion_type)


def _value(posted: _Posted) -> tuple[str, str]:
    """The new value as a decimal string, and its currency; '' where it is the conversion's."""
    if posted.value is None or posted.value == "":
        raise Refused(
            Reason.BAD_AMOUNT, "value is missing.", "Send the order's new value; to take it away, send type 'retract'."
        )
    currency = read_currency(posted.currency, "currency", "")
    if currency:
        read_minor(posted.value, "value", currency)
    return read_decimal(posted.value, "value"), currency


def _time(value: Any, reading: Reading) -> int:
    at_ms = to_ms(value, "at")
    if at_ms > reading.newest_ms:
        hours = (reading.newest_ms - reading.received_ms) // HOUR_MS
        raise Refused(
            Reason.TOO_FAR_AHEAD, f"at is more than {hours} hours ahead of the time of receipt.", "Correct the time."
        )
    if at_ms < 0:
        raise Refused(Reason.TOO_OLD, "at is before 1970.", "Correct the time.")
    return at_ms


def _needed_id(value: Any, field: str) -> str:
    text = read_id(value, field)
    if not text:
        raise Refused(Reason.MISSING_ID, f"{field} is missing.", "Send 1 to 512 bytes of text.")
    return text
