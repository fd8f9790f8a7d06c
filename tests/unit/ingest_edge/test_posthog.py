"""Do PostHog's names, properties and ids mean what they mean there?"""

from __future__ import annotations

from typing import Any

import pytest

from app.ingest.refusals import Refused
from tests.unit.ingest_edge.read import posthog


def ids(**event: Any) -> tuple[str, str, str]:
    read = posthog(**event)
    return read.user_id, read.anonymous_id, read.previous_id


def test_pageviews_are_touches() -> None:
    url = "https://shop.example/?utm_source=google&utm_medium=cpc"
    event = posthog(event="$pageview", properties={"$current_url": url, "$referrer": "$direct"})
    assert event.event_type == "page"
    assert event.touch is not None
    assert (event.touch.channel, event.touch.url, event.touch.referrer) == ("paid_search", url, "")
    assert posthog(event="$pageview", properties={"$referrer": "https://t.co/x"}).touch.channel == "organic_social"  # type: ignore[union-attr]
    assert posthog(event="$pageview", properties={"utm_source": "x", "utm_medium": "email"}).touch.channel == "email"  # type: ignore[union-attr]
    assert posthog(event="$pageview").touch.channel == "direct"  # type: ignore[union-attr]
    own = {"$current_url": "https://shop.example/b", "$referrer": "https://shop.example/a"}
    assert posthog(event="$pageview", properties=own).touch is None


def test_screens() -> None:
    event = posthog(event="$screen", properties={"$screen_name": "Home"})
    assert (event.event_type, event.name) == ("screen", "Home")
    assert event.touch is not None


def test_conversions_and_others() -> None:
    event = posthog(event="Order Completed", properties={"order_id": "o", "revenue": 5, "currency": "USD"})
    assert event.conversion is not None
    assert (event.event_type, event.conversion.value_minor) == ("track", 500)
    assert posthog(event="$set").body


@pytest.mark.parametrize(
    ("properties", "user_id"),
    [
        ({}, "u:u1"),
        ({"$device_id": "d"}, "u:u1"),
        ({"$device_id": "u1"}, "a:u1"),
        ({"$process_person_profile": False}, "a:u1"),
        ({"$process_person_profile": True}, "u:u1"),
        ({"$is_identified": False, "$device_id": "d", "$process_person_profile": True}, "a:u1"),
        ({"$is_identified": True, "$device_id": "u1", "$process_person_profile": False}, "u:u1"),
    ],
)
def test_whose_distinct_id(properties: dict[str, Any], user_id: str) -> None:
    assert ids(properties=properties) == (user_id, "", "")


def test_identify() -> None:
    browser = {"$anon_distinct_id": "d", "$device_id": "d", "$is_identified": True}
    assert ids(event="$identify", properties=browser) == ("u:u1", "a:d", "")
    # A server said of "d" only that it is a distinct_id, and was taken at its word.
    assert ids(event="$identify", properties={"$anon_distinct_id": "d"}) == ("u:u1", "a:d", "")
    assert ids(event="$identify") == ("u:u1", "", "")


def test_alias() -> None:
    server = {"distinct_id": "old", "alias": "new"}
    assert ids(event="$create_alias", distinct_id="old", properties=server) == ("u:new", "a:old", "u:old")
    known = {"alias": "new", "$is_identified": True}
    assert ids(event="$create_alias", distinct_id="old", properties=known) == ("u:new", "", "u:old")
    with pytest.raises(Refused, match=r"properties\.alias"):
        posthog(event="$create_alias")


def test_message_ids() -> None:
    assert posthog(uuid="x").message_id == "x"
    assert posthog(uuid=None, properties={"$insert_id": "y"}).message_id == "y"
    assert posthog(uuid=None).message_id == posthog(uuid=None, sent_at="2026-01-01").message_id


def test_missing() -> None:
    with pytest.raises(Refused, match="distinct_id"):
        posthog(distinct_id=None)
    with pytest.raises(Refused, match="event"):
        posthog(event=None)
    assert posthog(distinct_id=None, properties={"distinct_id": "x"}).user_id == "u:x"
