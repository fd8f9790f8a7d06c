"""Does the reconciliation prove what holds, and find what does not?"""

from __future__ import annotations

import pytest

from app.reports.days import read_period
from app.reports.proof import Unmatched
from app.reports.reconcile import Reconciliation, reconcile
from tests.integration.reports.conftest import MakeWorld
from tests.integration.reports.world import HOUR, World, at

NOON = at("2025-03-10T12:00:00+00:00")
NOW_MS = at("2025-04-15T00:00:00+00:00")


def prove(world: World, first: str = "2025-03-01", end: str = "2025-04-01") -> Reconciliation:
    period = read_period(first, end, world.tenant.timezone, NOW_MS)
    return reconcile(world.storage, world.tenant, period, now_ms=NOW_MS)


@pytest.fixture
def shop(make_world: MakeWorld) -> World:
    world = make_world()
    world.touch("u:1", NOON - 2 * HOUR, "search", "t1")
    world.touch("u:1", NOON - HOUR, "email", "t2")
    world.conversion("u:1", NOON, "o1", 10_001)
    world.conversion("u:1", NOON + HOUR, "o1", 77, message_id="m-again")
    world.conversion("u:2", NOON, "o2", 999)
    world.adjust("a1", "restate", "o1", NOON + HOUR, "50.00")
    world.adjust("a2", "retract", "o2", NOON + HOUR)
    world.attribute()
    return world


def test_everything_is_accounted_for(shop: World) -> None:
    found = prove(shop)
    assert found.reconciled
    assert len(found.lines) == 5
    for line in found.lines:
        assert line.credited.value_minor == 10_001
        assert line.unattributed.value_minor == 999
        assert line.total.value_minor == 11_000
        assert line.total.net_value_minor == 5_000
        assert line.total.net_conversions_micro == 1_000_000
    answer = found.shown()
    assert answer["reconciled"] is True
    assert answer["pending"] == 0
    assert answer["orphans"]["ledger_rows"] == 0
    [dollars] = answer["currencies"]
    assert dollars["duplicates"] == {"events": 1, "orders": 1}


def test_a_conversion_that_is_not_credited_yet_is_pending(shop: World) -> None:
    shop.conversion("u:3", NOON, "o3", 123)
    shop.flush()
    found = prove(shop)
    assert not found.reconciled
    assert found.pending == 1
    assert found.worth.currencies["USD"].pending_orders == ["o3"]
    assert {line.difference.value_minor for line in found.lines} == {-123}
    assert "not credited yet" in " ".join(found.notes)


def test_an_earlier_copy_of_an_order_makes_the_credit_stale(shop: World) -> None:
    shop.conversion("u:1", NOON - HOUR, "o1", 10_000, message_id="m-earlier")
    shop.flush()
    found = prove(shop)
    assert not found.reconciled
    assert found.worth.currencies["USD"].stale_orders == ["o1"]
    shop.attribute()
    assert prove(shop).reconciled


def test_a_cancelled_conversion_leaves_an_orphan_until_it_is_credited_again(shop: World) -> None:
    shop.conversion("u:2", NOON, "o2", 999, is_deleted=1)
    shop.flush()
    found = prove(shop)
    assert (found.reconciled, found.orphans, found.orphan_orders) == (False, 1, ["o2"])
    shop.attribute()
    found = prove(shop)
    assert (found.reconciled, found.orphans) == (True, 0)


def test_adjustments_that_change_nothing_are_listed(shop: World) -> None:
    shop.adjust("b1", "retract", "nowhere", NOON)
    shop.adjust("b2", "restate", "o1", NOON + 5 * HOUR, "1.00", "EUR")
    shop.adjust("b3", "restate", "o1", NOON + 6 * HOUR, "much")
    shop.attribute()
    found = prove(shop)
    assert {item.adjustment_id: item.reason for item in found.worth.unmatched} == {
        "b1": Unmatched.UNKNOWN_ORDER,
        "b2": Unmatched.OTHER_CURRENCY,
        "b3": Unmatched.UNUSABLE_VALUE,
    }
    assert found.reconciled
    assert found.shown()["adjustments"]["unmatched"] == 3


def test_the_last_adjustment_stands_and_its_repeat_does_nothing(shop: World) -> None:
    shop.adjust("c1", "restate", "o2", NOON + 9 * HOUR, "3.00")
    shop.adjust("c1", "restate", "o2", NOON + 12 * HOUR, "4.00")
    shop.attribute()
    found = prove(shop)
    assert found.reconciled
    assert {line.total.net_value_minor for line in found.lines} == {5_300}


def test_a_rollup_that_lags_is_told_apart(shop: World) -> None:
    shop.conversion("u:3", NOON, "o3", 123)
    shop.attribute(refresh=False)
    found = prove(shop)
    assert not found.reconciled
    assert {line.difference.value_minor for line in found.lines} == {0}
    assert {line.rollup_difference.value_minor for line in found.lines} == {-123}


def test_a_winner_outside_of_the_period_takes_its_duplicates_along(make_world: MakeWorld) -> None:
    world = make_world()
    world.conversion("u:1", at("2025-02-28T23:59:59.999+00:00"), "o1", 100, message_id="m1")
    world.conversion("u:1", at("2025-03-01T00:00:00+00:00"), "o1", 100, message_id="m2")
    world.attribute()
    assert prove(world).lines == []
    assert {line.total.value_minor for line in prove(world, "2025-02-28", "2025-03-01").lines} == {100}


def test_other_tenants_are_not_counted(shop: World, make_world: MakeWorld) -> None:
    other = make_world()
    assert prove(other).lines == []
    assert prove(other).reconciled


def test_the_period_before_the_retention_is_noted(shop: World, make_world: MakeWorld) -> None:
    assert "retention" in " ".join(prove(make_world(retention_days=10)).notes)
