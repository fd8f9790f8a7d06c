"""Is this an id? 1 to 512 bytes of UTF-8, kept byte for byte (SEMANTICS 2.10)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from app.ingest.refusals import Reason, Refused, bad_type

LONGEST = 512
_PER_SENDING = frozenset({"sentAt", "sent_at", "writeKey", "api_key", "token", "receivedAt"})
_decode_any = msgspec.json.Decoder().decode


def read_id(value: object, field: str) -> str:
    """An id as text; '' where it is missing (null or an empty string). Whole numbers are ids too.

    Raises
    ------
    Refused : another type, or more than 512 bytes.

    Examples
    --------
    >>> read_id("u1", "userId"), read_id(17, "userId"), read_id(None, "userId")
    ('u1', '17', '')
    """
    if type(value) is str:
        # No character takes more than 4 bytes.
        if len(value) > LONGEST // 4 and len(value.encode()) > LONGEST:
            raise Refused(
                Reason.ID_TOO_LONG, f"{field} has {len(value.encode())} bytes.", f"Send at most {LONGEST} bytes."
            )
        return value
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    raise bad_type(field, value, "a string")


def derived_message_id(raw: bytes | msgspec.Raw) -> str:
    """The messageId of an event that came without one: a hash of its content.

    What changes from one sending to the next (sentAt) and the order of its keys do not count, so that a blind retry
    has the same id.
    """
    content: Any = _decode_any(raw)
    kept = {name: value for name, value in content.items() if name not in _PER_SENDING}
    canonical = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return "derived-" + hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
