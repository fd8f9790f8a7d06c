"""Random tenants with every nasty case together: the ledger and the days against a plain reference in fractions."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from app.ingest.events import Adjustment, Event, Touch
from app.reports.days import Period, read_day
from app.reports.reconcile import reconcile
from app.storage.external import one_column
from app.storage.statements import Statement, TenantStatement
from app.tenants.rules import ChannelWindow, ConversionRule, Rules
from app.tenants.tenant import Tenant
from tests.integration.pipeline.conftest import DAY, Pipeline, join, meet, order
from tests.integration.pipeline.plain import plain_daily, plain_ledger

HOUR = DAY // 24
MIDDLE = int(datetime(2026, 11, 1, 6, tzinfo=UTC).timestamp() * 1000)
"""New York's day of 25 hours, at the end of its first two o'clock."""
LONGEST = "é" * 255
EMOJI = "👩‍🚀"
USERS = [f"u:{n}" for n in range(12)] + [f"u:{EMOJI}", f"u:{LONGEST}é"]
DEVICES = [f"a:{n}" for n in range(7)] + [f"a:{LONGEST}x"]
CHANNELS = ["direct", "email", "paid_search", "tv", EMOJI]
CURRENCIES = {"USD": "12.34", "JPY": "77", "KWD": "1.005"}
EVERYTHING = Rules(
    conversions=(
        ConversionRule("Order Completed", reset=True, view_window_ms=5 * DAY),
        ConversionRule("Lead Created", click_window_ms=12 * DAY),
        ConversionRule("Signed Up"),
    ),
    channel_windows=(ChannelWindow("tv", "", 3 * DAY, 2 * DAY), ChannelWindow("tv", "Lead Created", None, 9 * DAY)),
    clicks_win_ties=True,
    half_life_ms=2 * DAY,
    position_preset="w",
    milestones=("Lead Created", "Signed Up"),
    touch_cap=4,
    skip_direct=True,
    excluded_channels=("email",),
    collapse_repeats=True,
)
RULES = {
    "as they come": [(0, Rules())],
    "everything at once": [(0, EVERYTHING)],
    "one after another": [(0, Rules(touch_cap=2, position_preset="inverse_j")), (MIDDLE, EVERYTHING)],
}
KEYS = Statement("test_keys", "SELECT id, sipHash64(id) FROM ids")
DAYS = TenantStatement(
    "test_days",
    """
    SELECT toString(day), toString(model), toString(channel), sum(micros), sum(gross_minor), sum(net_minor)
    FROM attribution_daily FINAL
    WHERE {tenant}
    GROUP BY day, model, channel
    HAVING (sum(micros) != 0 OR sum(gross_minor) != 0)
    """,
)


def events_of(dice: random.Random) -> list[Event]:
    """Few persons and coarse times, so that equal times, window edges and meetings that cross are common."""

    def when() -> int:
        return (
            MIDDLE - dice.choice([0, 1, 2, 3, 5, 30]) * DAY + dice.randrange(-6, 7) * HOUR + dice.choice([-1, 0, 0, 1])
        )

    def touched(number: int) -> Event:
        who = dice.choice(USERS[: dice.choice([3, 14])] + DEVICES)
        named = dice.choice(["", "autumn"]), dice.choice(["", "bing", EMOJI])
        what = Touch(dice.randrange(2), dice.choice(CHANNELS), *named)
        return Event(f"t{number}", "page", "", when(), who, touch=what)

    def bought(number: int) -> Event:
        type, currency = (
            dice.choice(["Order Completed", "Order Completed", "Lead Created", "Signed Up"]),
            dice.choice(list(CURRENCIES)),
        )
        value = dice.choice([0, 1, 2, 9_999, 10_001, 10**12 + 1])
        who = dice.choice(USERS[: dice.choice([3, 14])] + DEVICES[:3])
        name = f"{dice.randrange(40)}{EMOJI}"
        return order(who, when(), name, value, id=f"c{number}", currency=currency, type=type)

    events = [touched(number) for number in range(260)] + [bought(number) for number in range(70)]
    events += [meet(dice.choice(DEVICES), dice.choice(USERS), when()) for _ in range(14)]
    events += [meet(DEVICES[0], user, when()) for user in USERS[:6]]  # a shared device
    events += [join(*dice.sample(USERS[4:], 2), when()) for _ in range(4)]
    again = dice.sample(events[:330], 40)
    events += [
        Event(
            e.message_id,
            e.event_type,
            e.name,
            e.ts + dice.choice([-DAY, 0, DAY]),
            e.user_id,
            "",
            "",
            e.touch,
            e.conversion,
        )
        for e in again
    ]
    dice.shuffle(events)
    return events


def adjustments_of(dice: random.Random) -> list[Adjustment]:
    def one(number: int) -> Adjustment:
        currency = dice.choice(["", *CURRENCIES])
        action = dice.choice(["restate", "retract"])
        value = dice.choice(list(CURRENCIES.values())) if action == "restate" else ""
        name = f"{dice.randrange(44)}{EMOJI}"
        at = MIDDLE + dice.randrange(5) * HOUR
        return Adjustment(
            f"r{number}", action, name, value, currency if value else "", at, dice.choice(["", "Signed Up"])
        )

    found = [one(number) for number in range(30)]
    return found + [one(number) for number in range(5)]  # ids that come again, for this order or another


@pytest.mark.parametrize("name", RULES)
def test_a_tenant_is_credited_as_the_rules_say(pipeline: Pipeline, name: str) -> None:
    dice = random.Random(name)
    events, adjustments = events_of(dice), adjustments_of(dice)
    tenant = tenant_under(pipeline, RULES[name])
    half = len(events) // 2
    pipeline.send(tenant, *events[:half], adjustments=adjustments[::2])
    pipeline.settle()
    pipeline.send(tenant, *events[half:], adjustments=adjustments[1::2])
    pipeline.settle()

    keys = keys_of(pipeline, {event.message_id for event in events})
    expected = plain_ledger(tenant, events, adjustments, keys.__getitem__)
    rows = pipeline.ledger(tenant)
    assert [(row["type"], row["order_id"]) for row in rows] == [(row["type"], row["order_id"]) for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert row == wanted
    days = {
        tuple(key): amounts
        for *key, micros, gross, net in days_of(pipeline, tenant)
        for amounts in [[micros, gross, net]]
    }
    assert days == plain_daily(tenant, expected)
    whole = Period(read_day("from", "2026-09-01"), read_day("to", "2026-12-01"), tenant.timezone)
    proof = reconcile(pipeline.context.storage, tenant, whole, now_ms=MIDDLE)
    assert (proof.reconciled, proof.pending, proof.orphans) == (True, 0, 0)
    require_nasty(rows, name)


def require_nasty(rows: list[dict[str, Any]], name: str) -> None:
    """The cases are really there."""
    assert any(row["duplicates"] for row in rows)
    assert any(row["retracted"] for row in rows)
    assert any(row["net"] and not row["retracted"] for row in rows)
    assert {row["currency"] for row in rows} == set(CURRENCIES)
    assert any(not row["keys"] for row in rows)
    assert any(row["left_out"] for row in rows) or name == "as they come"
    assert len({row["person"] for row in rows}) > 5


def tenant_under(pipeline: Pipeline, versions: list[tuple[int, Rules]]) -> Tenant:
    tenant = pipeline.tenant(timezone="America/New_York")
    for from_ms, rules in versions:
        tenant = pipeline.context.registry.set_rules(tenant.tenant_id, rules, from_ms)
    return tenant


def keys_of(pipeline: Pipeline, ids: set[str]) -> dict[str, int]:
    return dict(pipeline.context.storage.rows(KEYS, external={"ids": one_column("id", "String", sorted(ids))}))


def days_of(pipeline: Pipeline, tenant: Tenant) -> list[Any]:
    return pipeline.context.storage.rows(DAYS, tenant_id=tenant.tenant_id)
