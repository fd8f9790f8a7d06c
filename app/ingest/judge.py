"""Which events of this request are kept, and why are the others not? One verdict per event, none is lost."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TypeVar

import msgspec

from app.ingest.dead_letters import DeadLetter, Source
from app.ingest.envelope import Posted
from app.ingest.events import Event
from app.ingest.explain import UNREADABLE, explain
from app.ingest.posthog import read_posthog
from app.ingest.reading import Reading
from app.ingest.refusals import Reason, Refused
from app.ingest.segment import read_segment

log = logging.getLogger(__name__)
T = TypeVar("T")


class Dialect(StrEnum):
    """Whose words an event is in."""

    SEGMENT = "segment"
    POSTHOG = "posthog"
    SPEND = "spend"
    ADJUSTMENT = "adjustment"


class Rejection(msgspec.Struct, rename="camel", gc=False):
    """The verdict on one thing that is not kept, as the answer says it."""

    index: int
    message_id: str | None
    code: str
    message: str
    detail: str


class Letter(msgspec.Struct, omit_defaults=True, gc=False):
    """What the edge puts into a dead letter's body: all that is needed to read the thing again.

    `posted` is its JSON; where that is no JSON or too large, `text` has its beginning instead.
    """

    dialect: Dialect
    received_ms: int
    event_type: str = ""
    skew_ms: int | None = None
    posted: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str = ""


class _Named(msgspec.Struct, gc=False):
    message_id: str | None = msgspec.field(default=None, name="messageId")
    uuid: str | None = None
    adjustment_id: str | None = None


@dataclass(slots=True)
class Verdicts:
    """What became of the events of a request: `len(events) + len(rejected)` were sent."""

    events: list[Event] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)


_UNFIT = frozenset(
    {
        Reason.MALFORMED,
        Reason.NOT_FINITE,
        Reason.TOO_DEEP,
        Reason.BAD_TEXT,
        Reason.OUT_OF_RANGE,
        Reason.EVENT_TOO_LARGE,
    }
)
"""Reasons that lie in the JSON itself: a dead letter, which is JSON, keeps its text instead."""

_encode_letter = msgspec.json.Encoder().encode
_decode_named = msgspec.json.Decoder(_Named).decode


def judge(posted: Posted, dialect: Dialect, reading: Reading, tenant_id: int) -> Verdicts:
    """Read every event of a request."""
    read: Callable[[msgspec.Raw, Reading], Event] = (
        read_posthog if dialect is Dialect.POSTHOG else partial(read_segment, shared=posted.context)
    )
    events, verdicts = judge_rows(posted, read, dialect, reading, tenant_id)
    verdicts.events = events
    return verdicts


def judge_rows(
    posted: Posted, read: Callable[[msgspec.Raw, Reading], T], dialect: Dialect, reading: Reading, tenant_id: int
) -> tuple[list[T], Verdicts]:
    """Read every row of a request with `read`; the good ones, and the verdicts on the others."""
    kept: list[T] = []
    verdicts = Verdicts()
    largest = reading.event_bytes
    for index, raw in enumerate(posted.items):
        try:
            if len(raw) > largest:
                raise too_large(len(raw), largest)
            kept.append(read(raw, reading))
        except Refused as refused:
            reject(verdicts, index, raw, refused, dialect, reading, tenant_id)
        except UNREADABLE as error:
            reject(verdicts, index, raw, explain(bytes(raw), error), dialect, reading, tenant_id)
        except Exception:
            # Our own fault. Answering 503 would make the client send the same event for ever.
            reject(verdicts, index, raw, our_fault(), dialect, reading, tenant_id)
    return kept, verdicts


def reject(
    verdicts: Verdicts,
    index: int,
    raw: msgspec.Raw,
    refused: Refused,
    dialect: Dialect,
    reading: Reading,
    tenant_id: int,
) -> None:
    """Note a refusal in the answer and among the dead letters."""
    verdicts.rejected.append(Rejection(index, _name_of(raw), refused.code, refused.message, refused.detail))
    body = _body_of(raw, refused, dialect, reading)
    verdicts.letters.append(
        DeadLetter(tenant_id, refused.code, refused.message, refused.detail, Source.EDGE, body, reading.received_ms)
    )


def too_large(size: int, largest: int) -> Refused:
    """The refusal of an event above the limit."""
    return Refused(
        Reason.EVENT_TOO_LARGE,
        f"The event has {size} bytes.",
        f"Send at most {largest} bytes an event; leave large properties out.",
    )


def our_fault() -> Refused:
    """The refusal of an event that stumbles over an error of ours; called while that error is handled."""
    error_id = uuid.uuid4().hex[:12]
    log.exception("edge: an event could not be read, error %s", error_id)
    return Refused(
        Reason.INTERNAL,
        f"The event could not be read because of an error here ({error_id}).",
        "It is kept among the dead letters, and can be replayed once this is mended.",
    )


def _name_of(raw: msgspec.Raw) -> str | None:
    try:
        named = _decode_named(raw)
    except UNREADABLE:
        return None
    return named.message_id or named.uuid or named.adjustment_id


def _body_of(raw: msgspec.Raw, refused: Refused, dialect: Dialect, reading: Reading) -> str:
    letter = Letter(dialect, reading.received_ms, reading.event_type, reading.skew_ms)
    if refused.code in _UNFIT:
        letter.text = bytes(raw)[: reading.event_bytes].decode("utf-8", "replace")
    else:
        letter.posted = raw
    return _encode_letter(letter).decode("utf-8", "replace")
