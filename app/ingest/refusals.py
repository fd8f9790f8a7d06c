"""Why is an event not kept? Every way out has a name; the edge's answer, the dead letters and the metrics share it."""

from __future__ import annotations

from enum import StrEnum

from app.errors import BadInput


class Reason(StrEnum):
    """The reasons for which an event, a spend row or an adjustment is refused by itself."""

    MALFORMED = "malformed"
    NOT_FINITE = "not_finite"
    TOO_DEEP = "too_deep"
    BAD_TEXT = "bad_text"
    BAD_TYPE = "bad_type"
    OUT_OF_RANGE = "out_of_range"
    EVENT_TOO_LARGE = "event_too_large"
    MISSING_TYPE = "missing_type"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_EVENT = "missing_event"
    MISSING_ID = "missing_id"
    ID_TOO_LONG = "id_too_long"
    TEXT_TOO_LONG = "text_too_long"
    BAD_TIME = "bad_time"
    TOO_FAR_AHEAD = "too_far_ahead"
    TOO_OLD = "too_old"
    BAD_AMOUNT = "bad_amount"
    BAD_CURRENCY = "bad_currency"
    BAD_KIND = "bad_kind"
    BAD_CHANNEL = "bad_channel"
    BAD_DAY = "bad_day"
    BAD_ADJUSTMENT = "bad_adjustment"
    BAD_RATE = "bad_rate"
    INTERNAL = "internal_error"


class Refused(BadInput):
    """One event cannot be kept: `message` names the field and what is wrong, `detail` the remedy."""

    def __init__(self, reason: Reason, message: str, detail: str) -> None:
        super().__init__(reason.value, message, detail)


JSON_KINDS = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def kind_of(value: object) -> str:
    """What a decoded JSON value is, in words.

    Examples
    --------
    >>> kind_of({}), kind_of(True), kind_of(1.5)
    ('an object', 'true or false', 'a number')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return JSON_KINDS["bool"]
    if isinstance(value, dict):
        return JSON_KINDS["object"]
    if isinstance(value, list):
        return JSON_KINDS["array"]
    return JSON_KINDS["str"] if isinstance(value, str) else JSON_KINDS["int"]


def bad_type(field: str, value: object, wanted: str) -> Refused:
    """The refusal of a value of the wrong type."""
    return Refused(Reason.BAD_TYPE, f"{field} is {kind_of(value)}.", f"Send {wanted}.")
