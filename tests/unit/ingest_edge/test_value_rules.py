"""What is a conversion worth whose type has a value rule, and do a tenant's channel rules reach the edge?"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.channels.book import EXCLUDED
from app.ingest.events import Event
from app.ingest.posthog import read_posthog
from app.ingest.reading import begin_reading
from app.ingest.refusals import Refused
from app.ingest.segment import read_segment
from app.tenants.rules import AliasRule, ChannelRule, ConversionRule, Match, Rules, ValueRule
from config.settings import Settings
from tests.unit.ingest_edge.read import NOW_MS, TENANT


def read(rules: Rules, reader: Any = read_segment, **event: Any) -> Event:
    posted = {"type": "track", "userId": "u1", "messageId": "m1", "uuid": "m1", "distinct_id": "u1"} | event
    reading = begin_reading(msgspec.structs.replace(TENANT, rules=rules), NOW_MS, None, Settings())
    read_event: Event = reader(msgspec.Raw(json.dumps(posted).encode()), reading)
    return read_event


@pytest.mark.parametrize("reader", [read_segment, read_posthog])
@pytest.mark.parametrize(
    ("value", "properties", "expected"),
    [
        (ValueRule(), {"revenue": 12.5}, (1250, "EUR")),
        (ValueRule(property="margin"), {"revenue": 99, "margin": "3.10"}, (310, "EUR")),
        (ValueRule(property="margin"), {"revenue": 99}, (0, "EUR")),
        (ValueRule(property="margin", factor="0.5"), {"margin": 0.25, "currency": "USD"}, (12, "USD")),
        (ValueRule(factor="0.333"), {"revenue": 10, "currency": "JPY"}, (3, "JPY")),
        (ValueRule(fixed="50"), {"revenue": 7, "currency": "JPY"}, (5000, "EUR")),
        (ValueRule(fixed="50", currency="jpy"), {}, (50, "JPY")),
    ],
)
def test_a_value_rule_says_what_it_is_worth(
    reader: Any, value: ValueRule, properties: dict[str, Any], expected: tuple[int, str]
) -> None:
    event = read(Rules(conversions=(ConversionRule("Lead", value=value),)), reader, event="Lead", properties=properties)
    assert event.conversion is not None
    assert (event.conversion.value_minor, event.conversion.currency) == expected


def test_a_bad_value_names_the_property() -> None:
    rules = Rules(conversions=(ConversionRule("Lead", value=ValueRule(property="margin")),))
    with pytest.raises(Refused, match=r"properties\.margin"):
        read(rules, event="Lead", properties={"margin": "a lot"})


def test_channel_rules_aliases_and_exclusions_reach_the_edge() -> None:
    rules = Rules(
        channel_rules=(ChannelRule("partners", (Match("source", "Partner"),)),),
        source_aliases=(AliasRule("prt", "partner"),),
        campaign_aliases=(AliasRule("spring", "Spring 2026"),),
        excluded_referrers=("pay.example",),
    )

    def page(url: str, referrer: str = "") -> Any:
        return read(rules, type="page", context={"page": {"url": url, "referrer": referrer}}).touch

    named = page("https://shop.example/?utm_source=prt&utm_medium=cpc&utm_campaign=SPRING")
    assert (named.channel, named.source, named.campaign) == ("partners", "partner", "Spring 2026")
    assert (named.sent_source, named.sent_campaign, named.said) == ("prt", "SPRING", "")
    assert page("https://shop.example/", "https://www.pay.example/done").channel == EXCLUDED
    assert page("https://shop.example/?gclid=x", "https://www.pay.example/done").channel == "paid_search"
    assert page("https://shop.example/b", "https://shop.example/a") is None
    said = read(rules, event="Ad Clicked", properties={"channel": "TV ", "utm_source": "prt"}).touch
    assert said is not None
    assert (said.channel, said.said, said.source) == ("tv", "tv", "partner")
