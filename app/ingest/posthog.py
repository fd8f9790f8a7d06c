"""What does an event of a PostHog SDK say?

PostHog has one namespace of `distinct_id`; here an id is a user's or anonymous (SEMANTICS 2.10). It is anonymous where
the SDK says so: `$is_identified` is false, or, where that is not sent, `$process_person_profile` is false or
`$device_id` is the same id. Every other distinct_id is a user's.

`$identify` joins `$anon_distinct_id` to the user as an anonymous id, and as nothing else: two users who identify with
one such id must stay two. `$create_alias` joins the two ids that it names, the older one in both namespaces; it is how
a server SDK, which says nothing of who is anonymous, joins what it sent before a login.
"""

from __future__ import annotations

import msgspec

from app.ingest.events import ANONYMOUS, USER, Conversion, Event, Touch
from app.ingest.ids import derived_message_id, read_id, read_person_id
from app.ingest.reading import Reading, text_of
from app.ingest.refusals import Reason, Refused
from app.ingest.roles import read_name, role_of
from app.ingest.touch import page_touch
from app.ingest.wire import PostHogEvent, Properties, decode_posthog

EVENT_TYPES = {
    "$pageview": "page",
    "$screen": "screen",
    "$identify": "identify",
    "$create_alias": "alias",
    "$groupidentify": "group",
}
_NO_PROPERTIES = Properties()


def read_posthog(raw: msgspec.Raw, reading: Reading) -> Event:
    """One event.

    Raises
    ------
    Refused : with reason, field and remedy.
    msgspec.MsgspecError, UnicodeDecodeError, RecursionError : the JSON itself cannot be read.
    """
    posted = decode_posthog(raw)
    properties = posted.properties or _NO_PROPERTIES
    name = read_name(posted.event, "event", "the event's name as a string")
    event_type = EVENT_TYPES.get(name, "track")
    message_id = (
        read_id(posted.uuid, "uuid")
        or read_id(properties.insert_id, "properties.$insert_id")
        or derived_message_id(raw)
    )
    user_id, anonymous_id, previous_id = _ids_of(posted, properties, event_type, reading.warnings)
    ts = reading.time_of(posted.timestamp, posted.sent_at, "timestamp")
    touch: Touch | None = None
    conversion: Conversion | None = None
    if event_type == "track":
        touch, conversion = role_of(name, message_id, None, properties, reading, raw)
    elif event_type in ("page", "screen"):
        name = properties.screen_name if type(properties.screen_name) is str else ""
        touch = page_touch(None, properties, reading.own_hosts, reading.book)
    body = text_of(raw) if touch is None and conversion is None else ""
    return Event(message_id, event_type, name, ts, user_id, anonymous_id, previous_id, touch, conversion, body)


def _ids_of(posted: PostHogEvent, properties: Properties, event_type: str, warnings: list[str]) -> tuple[str, str, str]:
    distinct_id = read_person_id(posted.distinct_id, "distinct_id", warnings) or read_person_id(
        properties.distinct_id, "properties.distinct_id", warnings
    )
    if not distinct_id:
        raise Refused(Reason.MISSING_ID, "distinct_id is missing.", "Send the id of the person as distinct_id.")
    if event_type == "alias":
        alias = read_person_id(properties.alias, "properties.alias", warnings)
        if not alias:
            raise Refused(Reason.MISSING_ID, "properties.alias is missing.", "Send both ids that are to be joined.")
        known_user = properties.is_identified is True
        return USER + alias, "" if known_user else ANONYMOUS + distinct_id, USER + distinct_id
    if event_type == "identify":
        anonymous = read_person_id(properties.anon_distinct_id, "properties.$anon_distinct_id", warnings)
        if not anonymous:
            return USER + distinct_id, "", ""
        return USER + distinct_id, ANONYMOUS + anonymous, ""
    prefix = ANONYMOUS if _is_anonymous(distinct_id, properties) else USER
    return prefix + distinct_id, "", ""


def _is_anonymous(distinct_id: str, properties: Properties) -> bool:
    if properties.is_identified is not None:
        return properties.is_identified is False
    return properties.process_person_profile is False or properties.device_id == distinct_id
