"""Is this an id? 1 to 512 bytes of UTF-8, kept byte for byte (SEMANTICS 2.10)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from app.ingest.refusals import Reason, Refused, bad_type

LONGEST = 512
_PER_SENDING = frozenset({"sentAt", "sent_at", "writeKey", "api_key", "token", "receivedAt"})
NOBODY = frozenset(
    {
        *("null", "(null)", "nil", "none", "undefined", "nan", "void", "empty", "n/a", "na", "-", "--", "?"),
        *("0", "-1", "true", "false", "[object object]", "{}", "[]", '""', "''"),
        *("unknown", "anonymous", "anon", "guest", "not set", "not_set", "(not set)", "not_authenticated"),
        *("id", "userid", "user_id", "anonymousid", "anonymous_id", "distinctid", "distinct_id", "email"),
        "00000000-0000-0000-0000-000000000000",
    }
)
"""What clients send where they have no id (case and spaces around it aside). As an id it would join everybody."""
_LONGEST_NOBODY = max(map(len, NOBODY)) + 8
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


def read_person_id(value: object, field: str, warnings: list[str]) -> str:
    """The id of a person: as `read_id`, but what names nobody is missing, and noted among the warnings.

    Examples
    --------
    >>> noted = []
    >>> read_person_id("u1", "userId", noted), read_person_id("[object Object]", "userId", noted), noted
    ('u1', '', ['userId'])
    """
    id = read_id(value, field)
    if id and len(id) <= _LONGEST_NOBODY and names_nobody(id):
        warnings.append(field)
        return ""
    return id


def names_nobody(id: str) -> bool:
    """Whether an id is one of those that stand for none.

    Examples
    --------
    >>> names_nobody(" NULL "), names_nobody("   "), names_nobody("nullable")
    (True, True, False)
    """
    bare = id.strip().lower()
    return not bare or bare in NOBODY


def derived_message_id(raw: bytes | msgspec.Raw) -> str:
    """The messageId of an event that came without one: a hash of its content.

    What changes from one sending to the next (sentAt) and the order of its keys do not count, so that a blind retry
    has the same id.
    """
    content: Any = _decode_any(raw)
    kept = {name: value for name, value in content.items() if name not in _PER_SENDING}
    canonical = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return "derived-" + hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
