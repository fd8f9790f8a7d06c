"""What does the comparison say that the attribution report does not, and does it add up?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from app.errors import BadInput
from app.reports.compare import CompareReport, compare, read_measure
from app.reports.query import read_query
from tests.integration.reports.asking import NOW_MS, ask, period_of
from tests.integration.reports.conftest import MakeWorld
from tests.integration.reports.world import HOUR, World, at

NOON = at("2025-03-03T12:00:00+00:00")
DAY = 24 * HOUR


def look(world: World, measure: str = "", **words: str) -> CompareReport:
    query = read_query(period_of(world), **words)
    return compare(world.storage, world.tenant, query, read_measure(measure), now_ms=NOW_MS)


@pytest.fixture
def shop(make_world: MakeWorld) -> World:
    """Search always begins and email always ends; social comes in between on some days. One order has no touch."""
    world, rng = make_world(), random.Random(1)
    number = 0
    for day in range(14):
        for order in range(4):
            user, ts = f"u:{day}-{order}", NOON + day * DAY
            channels = ["search", "social", "email"] if rng.random() < 0.5 else ["search", "email"]
            for place, channel in enumerate(channels):
                number += 1
                world.touch(user, ts - (9 - place) * HOUR, channel, f"t{number}", campaign=f"c{number % 3}")
            world.conversion(user, ts, f"o{day}-{order}", 1_000 + rng.randrange(5_000))
    world.conversion("u:none", NOON, "none", 700)
    world.attribute()
    return world


def test_ranks_shares_and_money_that_move(shop: World) -> None:
    report = look(shop, models="first_touch,last_touch,linear")
    (found,) = report.comparisons
    credited = found.credited
    lines = {line.group[0]: line for line in found.lines}
    first, last, linear = report.query.models
    assert lines["search"].units == {first: credited, last: 0, linear: lines["search"].units[linear]}
    assert (lines["search"].ranks[first], lines["search"].ranks[last], lines["email"].ranks[last]) == (1, 2, 1)
    assert lines["email"].changes[last].ranks == 1
    assert lines["email"].changes[last].units == credited
    pairs = {(pair.one, pair.other): pair for pair in found.pairs}
    assert pairs[first, last].moved == credited
    assert pairs[first, last].moved_share == 1
    assert pairs[first, linear].moved == lines["email"].units[linear] + lines["social"].units[linear]
    assert found.unattributed == 700


def test_it_is_the_attribution_report(shop: World) -> None:
    for measure in ("value", "net_value", "conversions", "net_conversions"):
        report = look(shop, measure, models="time_decay,linear", by="channel,campaign")
        (found,) = report.comparisons
        reference = ask(shop, by="channel,campaign", models="time_decay,linear")
        expected = {(row.group, row.model): report.measure.of(row.amounts) for row in reference.rows}
        for line in found.lines:
            for model, units in line.units.items():
                assert expected[line.group, model] == units
            assert sum(line.units[model] for model in line.units) >= 0
        for model in report.query.models:
            assert sum(line.units[model] for line in found.lines) == found.credited
            (whole,) = [row for row in reference.totals if row.model == model]
            assert found.credited + found.unattributed == report.measure.of(whole.amounts)
        for pair in found.pairs:
            gains = [line.units[pair.other] - line.units[pair.one] for line in found.lines]
            assert pair.moved == sum(gain for gain in gains if gain > 0) == -sum(gain for gain in gains if gain < 0)
        assert report.shown()["reconciled"]


def test_intervals_hold_the_figure_and_are_the_same_again(shop: World) -> None:
    report = look(shop, models="first_touch,linear")
    (found,) = report.comparisons
    for line in found.lines:
        change = line.changes[report.query.models[1]]
        assert change.interval is not None
        assert change.interval[0] <= change.share <= change.interval[1]
        assert change.disagrees
    pair = found.pairs[0]
    assert pair.interval is not None
    assert pair.interval[0] < pair.moved_share < pair.interval[1]
    assert report.shown() == look(shop, models="first_touch,linear").shown()


def test_a_model_agrees_with_one_that_differs_by_chance_alone(make_world: MakeWorld) -> None:
    world = make_world()
    for day in range(20):
        channels = ["a", "b"] if day % 2 else ["b", "a"]
        for place, channel in enumerate(channels):
            world.touch(f"u:{day}", NOON + day * DAY - (3 - place) * HOUR, channel, f"t{day}-{place}")
        world.conversion(f"u:{day}", NOON + day * DAY, f"o{day}", 1_000)
    world.attribute()
    report = look(world, models="first_touch,last_touch")
    assert {line.changes[report.query.models[1]].disagrees for line in report.comparisons[0].lines} == {False}


def test_few_days_have_no_intervals(make_world: MakeWorld) -> None:
    world = make_world()
    world.touch("u:1", NOON - HOUR, "a", "t1")
    world.conversion("u:1", NOON, "o1", 100)
    world.attribute()
    answer = look(world, models="first_touch,linear").shown()
    assert answer["rows"][0]["changes"]["linear"]["share_interval"] is None
    assert answer["rows"][0]["changes"]["linear"]["disagrees"] is None
    assert answer["pairs"][0]["moved"] == {"amount": "0.00", "amount_minor": 0}


def test_no_conversions(make_world: MakeWorld) -> None:
    assert look(make_world()).shown()["rows"] == []


def test_currencies_stay_apart(shop: World) -> None:
    shop.touch("u:yen", NOON, "search", "ty")
    shop.conversion("u:yen", NOON, "yen", 5, currency="JPY")
    shop.attribute()
    found = look(shop)
    assert [item.currency for item in found.comparisons] == ["JPY", "USD"]
    assert found.comparisons[0].credited == 5
    few, many = (item.pairs[0].interval for item in found.comparisons)
    assert few is None, "one day has credit in yen, whatever the days of dollars are"
    assert many is not None


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"models": "linear"}, "models"),
        ({"by": "day"}, "by"),
        ({"by": "channel,month"}, "by"),
        ({"measure": "fame"}, "measure"),
    ],
)
def test_bad_words(make_world: MakeWorld, words: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as raised:
        look(make_world(), **words)
    assert field in raised.value.message
