"""Touches of the past under today's channel rules: changed, changed back, and never brought to life again."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app.channels.book import EXCLUDED
from app.ingest.events import Event, Touch
from app.ledger.reclassify import Reclassified, reclassify
from app.storage.classification import sent_touches
from app.tenants.rules import AliasRule, ChannelRule, Match, Rules
from app.tenants.tenant import Tenant
from tests.integration.pipeline.conftest import DAY, NOON, Pipeline, order, touch

PARTNERS = Rules(
    channel_rules=(ChannelRule("partners", (Match("source", "p-", "prefix"),)),),
    campaign_aliases=(AliasRule("spring*", "Spring", "glob"),),
    excluded_referrers=("pay.example",),
)


def visit(
    ts: int, source: str = "", medium: str = "", campaign: str = "", *, channel: str, id: str = "", **more: Any
) -> Event:
    what = Touch(0, channel, campaign, source, medium, **more)
    return Event(id or uuid.uuid4().hex, "page", "", ts, "u:1", touch=what)


class Shop:
    """A tenant whose history is classified again."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.tenant = pipeline.tenant()

    def rules(self, rules: Rules) -> Tenant:
        return self.pipeline.context.registry.set_rules(self.tenant.tenant_id, rules)

    def classify(self) -> Reclassified:
        context = self.pipeline.context
        tenant = context.tenant(self.tenant.tenant_id)
        done = reclassify(context.redis, context.storage, context.settings, tenant, NOON - 40 * DAY, NOON + DAY)
        if done.job_id:
            self.pipeline.finish(done.job_id)
        return done

    def send(self, *events: Event) -> None:
        self.pipeline.send(self.tenant, *events)
        self.pipeline.settle()

    def journey(self) -> list[tuple[str, str]]:
        (row,) = self.pipeline.ledger(self.tenant)
        return list(zip(row["channels"], row["campaigns"], strict=True))


@pytest.fixture
def shop(pipeline: Pipeline) -> Shop:
    made = Shop(pipeline)
    made.send(
        visit(NOON - 5, "p-7", "affiliate", "springtime", channel="affiliates"),
        visit(NOON - 4, channel="referral", referrer="https://pay.example/done"),
        visit(NOON - 3, "google", "cpc", "spring_26", channel="paid_search"),
        visit(NOON - 2, "p-8", "", "", channel="tv", said="tv"),
        visit(NOON - 1, channel="direct"),
        order("u:1", NOON, "1"),
    )
    return made


AS_SENT = [
    ("affiliates", "springtime"),
    ("referral", ""),
    ("paid_search", "spring_26"),
    ("tv", ""),
    ("direct", ""),
]
AS_RULED = [("partners", "Spring"), ("paid_search", "Spring"), ("tv", ""), ("direct", "")]


def test_history_follows_the_rules_and_goes_back_with_them(shop: Shop) -> None:
    assert shop.journey() == AS_SENT
    assert shop.classify() == Reclassified(5, 0, 0, "")
    shop.rules(PARTNERS)
    done = shop.classify()
    assert (done.read, done.changed, done.conversions) == (5, 3, 1)
    assert shop.journey() == AS_RULED
    assert shop.classify().changed == 0
    shop.rules(Rules())
    assert shop.classify().changed == 3
    assert shop.journey() == AS_SENT


def test_merged_parts_say_the_same(shop: Shop) -> None:
    shop.rules(PARTNERS)
    shop.classify()
    shop.pipeline.context.storage.command("OPTIMIZE TABLE touchpoints FINAL")
    assert shop.classify().changed == 0
    assert shop.journey() == AS_RULED


def test_a_touch_that_moved_stays_moved(shop: Shop) -> None:
    shop.send(visit(NOON - 20, "p-1", "affiliate", "x", channel="affiliates", id="moves"))
    shop.rules(PARTNERS)
    shop.classify()
    shop.send(visit(NOON - 30, "p-1", "affiliate", "x", channel="partners", id="moves"))
    shop.classify()
    assert shop.journey() == [("partners", "x"), *AS_RULED]
    storage, tenant_id = shop.pipeline.context.storage, shop.tenant.tenant_id
    moved = [row.ts for row in sent_touches(storage, tenant_id, NOON - DAY, NOON) if row.message_id == "moves"]
    assert moved == [NOON - 30]


def test_excluded_referrers_are_kept_out_of_journeys_and_come_back(shop: Shop) -> None:
    tenant = shop.rules(PARTNERS)
    shop.classify()
    storage = shop.pipeline.context.storage
    channels = {row.channel for row in sent_touches(storage, tenant.tenant_id, NOON - DAY, NOON)}
    assert EXCLUDED in channels
    assert EXCLUDED not in dict(shop.journey())


def test_other_tenants_are_left_alone(shop: Shop, pipeline: Pipeline) -> None:
    other = Shop(pipeline)
    other.send(visit(NOON - 5, "p-7", "affiliate", "springtime", channel="affiliates"), order("u:1", NOON, "1"))
    shop.rules(PARTNERS)
    shop.classify()
    assert other.journey() == [("affiliates", "springtime")]


def test_a_touch_that_says_its_channel_in_a_named_event(pipeline: Pipeline) -> None:
    shop = Shop(pipeline)
    opened = Event("e1", "track", "Email Opened", NOON - 1, "u:1", touch=Touch(0, "email"))
    shop.send(opened, touch("u:1", NOON - 2, "direct"), order("u:1", NOON, "1"))
    assert shop.classify().changed == 0
