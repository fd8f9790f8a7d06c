"""What is in this request? Its events as they stand in the body, its key, and when it was sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from app.errors import BadInput, TributaryError
from app.ingest.explain import UNREADABLE, malformed, read_leniently, wrong_shape
from app.ingest.refusals import Reason
from app.ingest.split import split_batch
from app.ingest.wire import Context

MOST_EVENTS = 10_000
"""In one request; smaller events than this allows for are no events."""


class _Token(msgspec.Struct, gc=False):
    token: Any = None


class _Envelope(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    write_key: Any = msgspec.field(default=None, name="writeKey")
    sent_at: Any = msgspec.field(default=None, name="sentAt")
    context: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    api_key: Any = None
    token: Any = None
    sent_at_snake: Any = msgspec.field(default=None, name="sent_at")


class _Keyed(msgspec.Struct, gc=False):
    """A PostHog event, as far as it may carry the key."""

    api_key: Any = None
    token: Any = None
    properties: _Token | None = None


_decode = msgspec.json.Decoder(_Envelope).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_keyed = msgspec.json.Decoder(_Keyed).decode
_decode_context: Callable[[msgspec.Raw], Context | None] = msgspec.json.Decoder(Context | None).decode

BATCH_REMEDY = 'Send an object whose "batch" is a list of events.'
EVENT_REMEDY = "Send one event as a JSON object."


@dataclass(frozen=True, slots=True)
class Posted:
    """The events of a request, undecoded. `alone` says that the body itself is the one event."""

    items: list[msgspec.Raw]
    key: str = ""
    sent_at: Any = None
    context: Context | None = None
    alone: bool = False


def open_batch(body: bytes) -> Posted:
    """A batch of Segment's form, or of PostHog's with `api_key` and `sent_at`.

    Raises
    ------
    BadInput : the body is no JSON, or no batch. A single event that is broken is left to its own verdict.
    """
    try:
        envelope = _decode(body)
        items = envelope.batch
    except msgspec.ValidationError as error:
        raise wrong_shape(error, BATCH_REMEDY) from None
    except UNREADABLE as error:
        envelope, items = _rescue(body, error)
    if items is msgspec.UNSET:
        raise BadInput("missing_batch", "batch is missing.", BATCH_REMEDY)
    return _posted(envelope, _counted(items), alone=False)


def open_event(body: bytes) -> Posted:
    """A single event of Segment's form."""
    try:
        return _posted(_decode(body), [msgspec.Raw(body)], alone=True)
    except msgspec.ValidationError as error:
        return _alone(body, error, EVENT_REMEDY)
    except UNREADABLE as error:
        return _alone(body, error, EVENT_REMEDY)


def open_capture(body: bytes) -> Posted:
    """What PostHog SDKs post: a batch, a list of events, or one event."""
    if body.lstrip()[:1] == b"[":
        try:
            items = _decode_list(body)
        except UNREADABLE as error:
            _, items = _rescue(body, error)
        return Posted(_counted(items), key=_key_in(items))
    try:
        envelope = _decode(body)
    except msgspec.ValidationError as error:
        raise wrong_shape(error, BATCH_REMEDY) from None
    except UNREADABLE as error:
        if split_batch(body) is None:
            return _alone(body, error, BATCH_REMEDY)
        envelope, rescued = _rescue(body, error)
        return _posted(envelope, _counted(rescued), alone=False)
    if envelope.batch is not msgspec.UNSET:
        posted = _posted(envelope, _counted(envelope.batch), alone=False)
    else:
        posted = _posted(envelope, [msgspec.Raw(body)], alone=True)
    if posted.key:
        return posted
    return Posted(posted.items, _key_in(posted.items), posted.sent_at, None, posted.alone)


def open_rows(body: bytes, name: str) -> Posted:
    """Rows that are no events: a list, an object with a list in the field `name`, or one row."""
    try:
        if body.lstrip()[:1] == b"[":
            return Posted(_counted(_decode_list(body)))
        fields = _decode_object(body)
        if name not in fields:
            return Posted([msgspec.Raw(body)], alone=True)
        return Posted(_counted(_decode_list(fields[name])))
    except msgspec.ValidationError as error:
        raise wrong_shape(error, f'Send one object, a list, or an object whose "{name}" is a list.') from None
    except UNREADABLE as error:
        parts = split_batch(body, name.encode())
        if parts is None:
            return _alone(body, error, "Send one object or a list of them.")
        return Posted(_counted(_whole(body, parts[1], error)))


def _posted(envelope: _Envelope, items: list[msgspec.Raw], *, alone: bool) -> Posted:
    key = envelope.write_key or envelope.api_key or envelope.token
    sent_at = envelope.sent_at if envelope.sent_at is not None else envelope.sent_at_snake
    context = None if alone or not len(envelope.context) else _shared_context(envelope.context)
    return Posted(items, key if isinstance(key, str) else "", sent_at, context, alone)


def _shared_context(raw: msgspec.Raw) -> Context | None:
    try:
        return _decode_context(raw)
    except msgspec.ValidationError as error:
        raise wrong_shape(error, "Correct the context of the batch.") from None
    except UNREADABLE as error:
        raise malformed(bytes(raw), error) from None


def _rescue(body: bytes, error: Exception) -> tuple[_Envelope, list[msgspec.Raw]]:
    """The events of a body that cannot be decoded whole, if each by itself is JSON but for its own defect."""
    parts = split_batch(body)
    if parts is None:
        raise malformed(body, error) from None
    rest, texts = parts
    try:
        envelope = _Envelope() if rest.lstrip().startswith(b"[") else _decode(rest)
    except msgspec.ValidationError as second:
        raise wrong_shape(second, BATCH_REMEDY) from None
    except UNREADABLE:
        envelope = _lenient_envelope(rest, body, error)
    return envelope, _whole(body, texts, error)


def _lenient_envelope(rest: bytes, body: bytes, error: Exception) -> _Envelope:
    """What stands around the events where it holds a NaN or the like itself: its usable fields."""
    fields, problem = read_leniently(rest)
    if problem is not None or not isinstance(fields, dict):
        raise malformed(body, error) from None
    usable = {name: value for name, value in fields.items() if isinstance(value, str | int)}
    return _Envelope(
        write_key=usable.get("writeKey"),
        sent_at=usable.get("sentAt"),
        api_key=usable.get("api_key"),
        token=usable.get("token"),
        sent_at_snake=usable.get("sent_at"),
    )


def _whole(body: bytes, texts: list[bytes], error: Exception) -> list[msgspec.Raw]:
    """The parts of a body, each of them JSON but for a defect of its own."""
    for text in texts:
        _, problem = read_leniently(text)
        if problem is not None and problem.code == Reason.MALFORMED:
            raise malformed(body, error) from None
    return [msgspec.Raw(text) for text in texts]


def _alone(body: bytes, error: Exception, remedy: str) -> Posted:
    """One event with a defect of its own: it gets its verdict and its dead letter like any other."""
    value, problem = read_leniently(body)
    if problem is not None and problem.code == Reason.MALFORMED:
        raise malformed(body, error) from None
    if problem is None and not isinstance(value, dict):
        raise BadInput(Reason.BAD_TYPE.value, "The body is not a JSON object.", remedy)
    fields = value if isinstance(value, dict) else {}
    key = fields.get("writeKey") or fields.get("api_key") or fields.get("token")
    return Posted([msgspec.Raw(body)], key if isinstance(key, str) else "", alone=True)


def _key_in(items: list[msgspec.Raw]) -> str:
    """The key that PostHog's browser SDK writes into each event."""
    for item in items[:1]:
        try:
            event = _decode_keyed(item)
        except UNREADABLE:
            continue
        key = event.api_key or event.token or (event.properties.token if event.properties else None)
        return key if isinstance(key, str) else ""
    return ""


def _counted(items: list[msgspec.Raw]) -> list[msgspec.Raw]:
    if len(items) > MOST_EVENTS:
        raise TributaryError(
            "too_many_events",
            f"The request has {len(items)} events.",
            f"Send at most {MOST_EVENTS} in one request.",
            status=413,
        )
    return items
