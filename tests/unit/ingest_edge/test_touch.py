"""Which events are touches, and of which channel? (SEMANTICS 2.7, 2.9)"""

from __future__ import annotations

from typing import Any

import pytest

from app.ingest.events import Touch
from app.ingest.refusals import Refused
from tests.unit.ingest_edge.read import segment


def page(**event: Any) -> Touch | None:
    return segment(type="page", event=None, **event).touch


def channel(**event: Any) -> str | None:
    touch = page(**event)
    return touch.channel if touch else None


def test_campaigns_from_each_place() -> None:
    utm = "?utm_source=google&utm_medium=cpc&utm_campaign=spring%20sale&utm_term=a+b"
    campaign = {"source": "google", "medium": "cpc", "name": "spring sale", "term": "a b"}
    wanted = ("paid_search", "spring sale", "google", "cpc", "a b")
    for event in (
        {"context": {"campaign": campaign}},
        {"properties": {"url": f"https://shop.example/{utm}"}},
        {"context": {"page": {"url": f"https://shop.example/{utm}#top"}}},
        {"context": {"page": {"url": "https://shop.example/", "search": utm}}},
        {
            "properties": {
                "utm_source": "google",
                "utm_medium": "cpc",
                "utm_campaign": "spring sale",
                "utm_term": "a b",
            }
        },
    ):
        touch = page(**event)
        assert touch is not None
        assert (touch.channel, touch.campaign, touch.source, touch.medium, touch.term) == wanted


def test_the_context_goes_before_the_address() -> None:
    touch = page(
        context={
            "campaign": {"source": "fb", "medium": "paid"},
            "page": {"url": "https://s.example/?utm_source=google"},
        }
    )
    assert touch is not None
    assert (touch.channel, touch.source) == ("paid_social", "fb")


def test_click_ids_and_referrers() -> None:
    assert channel(properties={"url": "https://shop.example/?gclid=1"}) == "paid_search"
    assert channel(properties={"url": "https://shop.example/", "msclkid": "1"}) == "paid_search"
    assert channel(properties={"referrer": "https://www.google.com/"}) == "organic_search"
    assert channel(context={"page": {"referrer": "https://blog.example.org/x"}}) == "referral"
    touch = page(properties={"url": "https://shop.example/?gclid=1"})
    assert touch is not None
    assert touch.click_id == "gclid"


def test_direct_and_own_pages() -> None:
    assert channel() == "direct"
    assert channel(properties={"url": "https://shop.example/"}) == "direct"
    assert channel(properties={"referrer": ""}) == "direct"
    own = {"url": "https://elsewhere.example/b", "referrer": "https://www.shop.example/a"}
    event = segment(type="page", properties=own)
    assert event.touch is None
    assert event.body
    # Without a list of hosts, a page reached from the same site is no touch either.
    assert channel(properties={"url": "https://x.example/b", "referrer": "https://www.x.example/a"}) is None


def test_screens_are_pages() -> None:
    touch = segment(type="screen", event=None, name="Home").touch
    assert touch is not None
    assert touch.channel == "direct"


def test_a_named_event_says_it_outright() -> None:
    touch = segment(
        event="Touchpoint", properties={"channel": " Paid-TV ", "kind": "view", "campaign": "c", "cost": 0.0035}
    ).touch
    assert touch == Touch(1, "paid-tv", "c", cost="0.0035", said="paid-tv")


@pytest.mark.parametrize(
    ("name", "kind", "channel"),
    [
        ("Touchpoint", 0, "unassigned"),
        ("Ad Clicked", 0, "unassigned"),
        ("Ad Viewed", 1, "unassigned"),
        ("Email Opened", 1, "email"),
        ("Email Link Clicked", 0, "email"),
        ("Deep Link Opened", 0, "unassigned"),
        ("Install Attributed", 0, "unassigned"),
    ],
)
def test_named_events_that_say_nothing(name: str, kind: int, channel: str) -> None:
    assert segment(event=name).touch == Touch(kind, channel)


def test_a_named_event_with_a_campaign() -> None:
    touch = segment(event="Install Attributed", properties={"campaign": {"source": "google", "medium": "cpc"}}).touch
    assert touch is not None
    assert (touch.channel, touch.campaign) == ("paid_search", "")
    touch = segment(event="Ad Clicked", context={"campaign": {"source": "fb", "medium": "cpc", "name": "n"}}).touch
    assert touch is not None
    assert (touch.channel, touch.campaign) == ("paid_social", "n")


@pytest.mark.parametrize(
    ("properties", "code", "field"),
    [
        ({"channel": ["x"]}, "bad_type", "properties.channel"),
        ({"channel": "x" * 129}, "bad_channel", "properties.channel"),
        ({"channel": "(Unattributed)"}, "bad_channel", "properties.channel"),
        ({"kind": "look"}, "bad_kind", "properties.kind"),
        ({"kind": {}}, "bad_type", "properties.kind"),
        ({"cost": -1}, "bad_amount", "properties.cost"),
        ({"cost": "1e99"}, "bad_amount", "properties.cost"),
        ({"campaign": ["x"]}, "bad_type", "properties.campaign"),
        ({"campaign": {"name": {}}}, "bad_type", "properties.campaign.name"),
        ({"utm_source": "x", "utm_campaign": []}, "bad_type", "properties.utm_campaign"),
        ({"url": 3, "referrer": {}}, "bad_type", "properties.referrer"),
    ],
)
def test_refusals_name_the_field(properties: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Refused) as caught:
        segment(event="Touchpoint", properties=properties)
    assert caught.value.code == code
    assert field in caught.value.message
