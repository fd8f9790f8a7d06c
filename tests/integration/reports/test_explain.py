"""Does an explanation name every touch, in or out, and the rule that decided?"""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import NotFound
from app.reports.explain import explain
from app.reports.explained import shown
from tests.integration.reports.conftest import MakeWorld
from tests.integration.reports.world import HOUR, World, at

NOON = at("2025-03-10T12:00:00+00:00")
DAY = 24 * HOUR


def ask(world: World, order_id: str, conversion_type: str = "") -> dict[str, Any]:
    return shown(explain(world.storage, world.tenant, order_id, conversion_type))


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    return {touch["message_id"]: touch["reason"] for touch in answer["touches"]}


@pytest.fixture
def shop(make_world: MakeWorld) -> World:
    world = make_world()
    world.touch("u:1", NOON - 30 * DAY - HOUR, "search", "too-old")
    world.touch("u:1", NOON - 30 * DAY, "search", "edge")
    world.touch("u:1", NOON - 25 * HOUR, "display", "old-view", kind="view")
    world.touch("a:phone", NOON - 2 * HOUR, "email", "by-phone", campaign="spring")
    world.touch("u:1", NOON + 1, "social", "after")
    world.touch("u:1", NOON - HOUR, "search", "twice")
    world.touch("u:1", NOON - 3 * HOUR, "search", "twice")
    world.cancel_touch("u:1", NOON - HOUR, "search", "twice")
    world.touch("a:phone", NOON - DAY - HOUR, "social", "next-owner")
    world.met("a:phone", "u:1", NOON - DAY)
    world.conversion("u:1", NOON, "o/1", 10_001)
    world.conversion("u:1", NOON + HOUR, "o/1", 1, message_id="m-again")
    world.adjust("a1", "restate", "o/1", NOON + HOUR, "60.00")
    world.adjust("a2", "restate", "o/1", NOON + 2 * HOUR, "50.00", "USD")
    world.adjust("a3", "restate", "o/1", NOON + 3 * HOUR, "50.00", "EUR")
    world.attribute()
    return world


def test_every_touch_has_its_reason(shop: World) -> None:
    answer = ask(shop, "o/1")
    assert answer["state"] == "credited"
    assert answer["person"]["id"] == "u:1"
    assert [item["id"] for item in answer["person"]["ids"]] == ["u:1", "a:phone"]
    by_time = [(touch["message_id"], touch["reason"]) for touch in answer["touches"]]
    assert by_time[:2] == [("too-old", "outside_window"), ("edge", "credited")]
    assert sorted(by_time[2:4]) == [("next-owner", "credited"), ("old-view", "outside_window")]  # at one time
    assert by_time[4:] == [
        ("twice", "credited"),
        ("by-phone", "credited"),
        ("twice", "sent_again"),
        ("after", "after_conversion"),
    ]
    said = {touch["message_id"]: touch["explanation"] for touch in answer["touches"]}
    assert "1 h outside the click window of 30 d" in said["too-old"]
    assert "1 h outside the view window of 1 d" in said["old-view"]
    assert "1 ms after" in said["after"]


def test_credits_sum_to_the_conversion(shop: World) -> None:
    answer = ask(shop, "o/1")
    for model in ("first_touch", "last_touch", "linear", "time_decay", "position_based"):
        given = [touch["credits"][model] for touch in answer["touches"] if touch["in"]]
        assert sum(item["value_minor"] for item in given) == 10_001
        assert sum(item["net_value_minor"] for item in given) == 5_000
        assert sum(item["conversions_micro"] for item in given) == 1_000_000
        assert sum(item["weight"] for item in given) == pytest.approx(1)


def test_adjustments_and_duplicates_are_told(shop: World) -> None:
    answer = ask(shop, "o/1")
    assert {item["adjustment_id"]: (item["applied"], item["problem"]) for item in answer["adjustments"]} == {
        "a1": (False, None),
        "a2": (True, None),
        "a3": (False, "other_currency"),
    }
    assert [item["message_id"] for item in answer["duplicates"]] == ["m-again"]
    assert answer["amounts"]["net_value"] == "50.00"


def test_filters_collapse_and_cap(make_world: MakeWorld) -> None:
    world = make_world()
    world.rules(skip_direct=True, excluded_channels=("brand",), collapse_repeats=True, touch_cap=2)
    channels = ("search", "direct", "brand", "email", "email", "social", "search")
    for place, channel in enumerate(channels):
        world.touch("u:1", NOON - (10 - place) * HOUR, channel, f"t{place}")
    world.conversion("u:1", NOON, "o1", 100)
    world.attribute()
    answer = ask(world, "o1")
    assert reasons(answer) == {
        "t0": "credited",
        "t1": "filtered_direct",
        "t2": "filtered_channel",
        "t3": "collapsed",
        "t4": "over_cap",
        "t5": "over_cap",
        "t6": "credited",
    }
    assert answer["touches_left_out"] == 2


def test_an_id_that_changed_hands(make_world: MakeWorld) -> None:
    world = make_world()
    world.met("a:phone", "u:1", NOON - 5 * HOUR)
    world.met("a:phone", "u:2", NOON - 2 * HOUR)
    world.touch("a:phone", NOON - 3 * HOUR, "email", "before")
    world.touch("a:phone", NOON - HOUR, "email", "since")
    world.conversion("u:1", NOON, "o1", 100)
    world.attribute()
    assert reasons(ask(world, "o1")) == {"before": "credited", "since": "other_person"}


def test_a_conversion_that_waits_is_pending(make_world: MakeWorld) -> None:
    world = make_world()
    world.touch("u:1", NOON - HOUR, "email", "t1")
    world.conversion("u:1", NOON, "o1", 100)
    world.flush()
    answer = ask(world, "o1")
    assert answer["state"] == "pending"
    assert reasons(answer) == {"t1": "not_credited_yet"}
    world.attribute()
    world.touch("u:1", NOON - 2 * HOUR, "search", "late")
    world.flush()
    assert reasons(ask(world, "o1")) == {"t1": "credited", "late": "not_credited_yet"}


def test_several_types_of_one_order(make_world: MakeWorld) -> None:
    world = make_world()
    world.conversion("u:1", NOON, "o1", 100)
    world.conversion("u:1", NOON + 1, "o1", 50, conversion_type="Upsell", message_id="m2")
    world.attribute()
    assert ask(world, "o1")["other_conversion_types"] == ["Upsell"]
    assert ask(world, "o1", "Upsell")["conversion"]["value"] == "0.50"
    with pytest.raises(NotFound, match="Order Completed, Upsell"):
        ask(world, "o1", "Lead")


def test_an_unknown_order_says_where_it_may_be(shop: World, make_world: MakeWorld) -> None:
    with pytest.raises(NotFound, match="inbox"):
        ask(shop, "nowhere")
    with pytest.raises(NotFound, match="'o/1'"):
        ask(shop, "m-again")
    with pytest.raises(NotFound, match="touch"):
        ask(shop, "edge")
    with pytest.raises(NotFound, match="inbox"):
        ask(make_world(), "o/1")
