"""What does an event of a Segment-style SDK say? Segment, RudderStack and analytics.js share this form."""

from __future__ import annotations

import msgspec

from app.ingest.events import ANONYMOUS, USER, Conversion, Event, Touch
from app.ingest.ids import derived_message_id, read_id, read_person_id
from app.ingest.reading import Reading, text_of
from app.ingest.refusals import Reason, Refused, bad_type
from app.ingest.roles import read_name, role_of
from app.ingest.touch import page_touch
from app.ingest.wire import Context, SegmentEvent, decode_segment

EVENT_TYPES = ("track", "page", "screen", "identify", "alias", "group")
_TYPES = frozenset(EVENT_TYPES)


def read_segment(raw: msgspec.Raw, reading: Reading, shared: Context | None = None) -> Event:
    """One event.

    Parameters
    ----------
    shared : the request's own context, for events without one.

    Raises
    ------
    Refused : with reason, field and remedy.
    msgspec.MsgspecError, UnicodeDecodeError, RecursionError : the JSON itself cannot be read.
    """
    posted = decode_segment(raw)
    event_type = reading.event_type or _type_of(posted)
    message_id = read_id(posted.message_id, "messageId") or derived_message_id(raw)
    user_id, anonymous_id, previous_id = _ids_of(posted, event_type, reading.warnings)
    when = posted.timestamp if posted.timestamp is not None else posted.original_timestamp
    ts = reading.time_of(when, posted.sent_at, "timestamp")
    context = posted.context or shared
    name = ""
    touch: Touch | None = None
    conversion: Conversion | None = None
    if event_type == "track":
        name = read_name(posted.event, "event", "the event's name as a string")
        touch, conversion = role_of(name, message_id, context, posted.properties, reading, raw)
    elif event_type in ("page", "screen"):
        name = read_name(posted.name, "name", "the page's name as a string") if posted.name else ""
        touch = page_touch(context, posted.properties, reading.own_hosts, reading.book)
    body = text_of(raw) if touch is None and conversion is None else ""
    return Event(message_id, event_type, name, ts, user_id, anonymous_id, previous_id, touch, conversion, body)


def _type_of(posted: SegmentEvent) -> str:
    event_type = posted.type
    if type(event_type) is str and event_type in _TYPES:
        return event_type
    if event_type is None or event_type == "":
        raise Refused(Reason.MISSING_TYPE, "type is missing.", f"Send one of {', '.join(EVENT_TYPES)}.")
    if type(event_type) is not str:
        raise bad_type("type", event_type, f"one of {', '.join(EVENT_TYPES)}")
    raise Refused(Reason.UNKNOWN_TYPE, f"type is {event_type[:40]!r}.", f"Send one of {', '.join(EVENT_TYPES)}.")


def _ids_of(posted: SegmentEvent, event_type: str, warnings: list[str]) -> tuple[str, str, str]:
    """The id that the event belongs to, the anonymousId that met it, and the one that it was before."""
    noted = len(warnings)
    user = read_person_id(posted.user_id, "userId", warnings)
    anonymous = read_person_id(posted.anonymous_id, "anonymousId", warnings)
    if event_type == "alias":
        previous = read_person_id(posted.previous_id, "previousId", warnings)
        if not user or not previous:
            missing = "previousId" if user else "userId"
            raise Refused(Reason.MISSING_ID, f"{missing} is missing.", "Send alias with both userId and previousId.")
        return USER + user, ANONYMOUS + anonymous if anonymous else "", USER + previous
    if user:
        return USER + user, ANONYMOUS + anonymous if anonymous else "", ""
    if anonymous:
        return ANONYMOUS + anonymous, "", ""
    nobody = " (they name nobody)" if len(warnings) > noted else ""
    raise Refused(Reason.MISSING_ID, f"userId and anonymousId are both missing{nobody}.", "Send at least one of them.")
