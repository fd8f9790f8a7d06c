"""Why can this JSON not be read? The decoder's errors, in words that name the field or the place and the remedy."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from app.errors import BadInput
from app.ingest.refusals import JSON_KINDS, Reason, Refused

_AT_BYTE = re.compile(r"\(byte (\d+)\)")
_AT_PATH = re.compile(r" - at `\$\.?(.*)`")
_EXPECTED = re.compile(r"Expected `(.+?)`, got `(.+?)`")
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the decoder raises."""


class _NotFinite:
    """Stands where NaN or Infinity stood."""

    def __init__(self, text: str) -> None:
        self.text = text


def malformed(body: bytes, error: Exception) -> BadInput:
    """The answer to a body that is no JSON as a whole, naming the place."""
    found = _AT_BYTE.search(str(error))
    if isinstance(error, RecursionError):
        what, at = "it is nested too deeply", None
    elif isinstance(error, UnicodeDecodeError):
        what, at = "it is not UTF-8", None
    elif found:
        what, at = _AT_BYTE.sub("", str(error)).removeprefix("JSON is malformed: ").strip(), int(found.group(1))
    else:
        what, at = "it ends too early", len(body)
    place = f", at byte {at}" if at is not None else ""
    return BadInput(
        Reason.MALFORMED.value,
        f"The body is not JSON: {what}{place}.",
        "Send one JSON document (RFC 8259), encoded as UTF-8.",
    )


def wrong_shape(error: msgspec.ValidationError, remedy: str) -> BadInput:
    """The answer to a body that is JSON of another shape."""
    refused = _of_validation(error, "The body")
    return BadInput(refused.code, refused.message, remedy)


def explain(raw: bytes, error: Exception) -> Refused:
    """The refusal of one event that cannot be decoded."""
    if isinstance(error, RecursionError):
        return Refused(Reason.TOO_DEEP, "The event is nested too deeply.", "Send flatter properties.")
    if isinstance(error, UnicodeDecodeError):
        return _bad_text()
    if isinstance(error, msgspec.ValidationError):
        return _of_validation(error, "The event")
    value, problem = read_leniently(raw)
    if problem is not None:
        return problem
    place = _path_to_not_finite(value)
    if place is None:
        return _bad_text()
    path, text = place
    return Refused(
        Reason.NOT_FINITE,
        f"{path or 'The event'} is {text}, which JSON does not have.",
        "Send a number or null, or leave the field out.",
    )


def read_leniently(raw: bytes) -> tuple[Any, Refused | None]:
    """What the standard library makes of it: it reads NaN, Infinity and lone surrogates, which RFC 8259 has not."""
    try:
        return json.loads(raw, parse_constant=_NotFinite), None
    except RecursionError as error:
        return None, explain(raw, error)
    except UnicodeDecodeError:
        return None, _bad_text()
    except json.JSONDecodeError as error:
        message = f"The event is not JSON: {error.msg}, at character {error.pos} of it."
        return None, Refused(Reason.MALFORMED, message, "Send each event as one JSON object.")
    except ValueError:
        return None, Refused(
            Reason.OUT_OF_RANGE, "The event holds a number with too many digits.", "Send it as a string."
        )


def _of_validation(error: msgspec.ValidationError, whole: str) -> Refused:
    text = str(error)
    at = _AT_PATH.search(text)
    field = at.group(1) if at and at.group(1) else whole
    expected = _EXPECTED.search(text)
    if expected is None:
        return Refused(Reason.OUT_OF_RANGE, f"{field} is a number out of range.", "Send it as a string.")
    wanted = " or ".join(JSON_KINDS.get(kind.strip(), kind.strip()) for kind in expected.group(1).split("|"))
    got = JSON_KINDS.get(expected.group(2), expected.group(2))
    return Refused(Reason.BAD_TYPE, f"{field} is {got}.", f"Send {wanted}.")


def _bad_text() -> Refused:
    return Refused(
        Reason.BAD_TEXT,
        "The event holds text that is not Unicode.",
        "Send JSON encoded as UTF-8, without lone surrogates.",
    )


def _path_to_not_finite(value: Any) -> tuple[str, str] | None:
    """Where the first NaN or Infinity stands; a loop, since an event may be nested deeply."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, part = waiting.pop()
        if isinstance(part, _NotFinite):
            return path, part.text
        if isinstance(part, dict):
            waiting.extend((f"{path}.{key}" if path else str(key), item) for key, item in part.items())
        elif isinstance(part, list):
            waiting.extend((f"{path}[{number}]", item) for number, item in enumerate(part))
    return None
