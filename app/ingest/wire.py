"""What may a posted event look like? The fields that are looked at, as structs that msgspec decodes straight into.

Containers are typed, so that a list where an object belongs is refused with its path. Values inside of `properties`
are the client's own: they stay untyped here, and are checked only where an event's role gives them a meaning.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Opaque(msgspec.Struct, gc=False):
    """An object whose fields are not looked at."""


class Campaign(msgspec.Struct, gc=False):
    """Campaign parameters, as in ``context.campaign``."""

    name: Any = None
    source: Any = None
    medium: Any = None
    term: Any = None
    content: Any = None


class Page(msgspec.Struct, gc=False):
    """``context.page``."""

    url: Any = None
    referrer: Any = None
    search: Any = None


class Context(msgspec.Struct, gc=False):
    """``context``."""

    campaign: Campaign | None = None
    page: Page | None = None


class Properties(
    msgspec.Struct,
    gc=False,
    rename={
        "current_url": "$current_url",
        "page_referrer": "$referrer",
        "screen_name": "$screen_name",
        "device_id": "$device_id",
        "is_identified": "$is_identified",
        "process_person_profile": "$process_person_profile",
        "anon_distinct_id": "$anon_distinct_id",
        "insert_id": "$insert_id",
    },
):
    """``properties``: the ones that have a meaning for a touch, a conversion or, from PostHog, for who it was."""

    channel: Any = None
    kind: Any = None
    campaign: Any = None
    cost: Any = None
    url: Any = None
    referrer: Any = None
    search: Any = None
    utm_source: Any = None
    utm_medium: Any = None
    utm_campaign: Any = None
    utm_term: Any = None
    utm_content: Any = None
    gclid: Any = None
    fbclid: Any = None
    msclkid: Any = None
    ttclid: Any = None
    twclid: Any = None
    li_fat_id: Any = None
    gbraid: Any = None
    wbraid: Any = None
    dclid: Any = None
    order_id: Any = None
    revenue: Any = None
    value: Any = None
    total: Any = None
    currency: Any = None
    current_url: Any = None
    page_referrer: Any = None
    screen_name: Any = None
    distinct_id: Any = None
    alias: Any = None
    device_id: Any = None
    is_identified: Any = None
    process_person_profile: Any = None
    anon_distinct_id: Any = None
    insert_id: Any = None


class SegmentEvent(msgspec.Struct, gc=False, rename="camel"):
    """One event as Segment's HTTP API has it; RudderStack's and analytics.js's are the same."""

    type: Any = None
    message_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None
    event: Any = None
    name: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    context: Context | None = None
    properties: Properties | None = None
    traits: Opaque | None = None


class PostHogEvent(msgspec.Struct, gc=False):
    """One event as PostHog's capture API has it."""

    event: Any = None
    uuid: Any = None
    distinct_id: Any = None
    timestamp: Any = None
    sent_at: Any = None
    properties: Properties | None = None


decode_segment = msgspec.json.Decoder(SegmentEvent).decode
decode_posthog = msgspec.json.Decoder(PostHogEvent).decode
