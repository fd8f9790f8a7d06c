"""Does the journeys report tell the paths of the worked oracle, converting and not, and reconcile?"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from app.errors import BadInput
from app.reports.journeys import JourneysReport, journeys, read_journeys_query
from tests.integration.reports.asking import NOW_MS, ask, period_of, require_proof, total
from tests.integration.reports.conftest import MakeWorld
from tests.integration.reports.world import HOUR, World, at

NOON = at("2025-03-20T12:00:00+00:00")
DAY = 24 * HOUR
# SEMANTICS 6: path, conversions, value in cents (of all), journeys without conversion, ages in hours
ORACLE = [
    ("A", 1, 10_000, 0, [0]),
    ("AB", 1, 10_000, 0, [168, 0]),
    ("ABC", 1, 9_000, 0, [336, 168, 0]),
    ("ABCD", 1, 1_001, 0, [504, 336, 168, 24]),
    ("AA", 1, 5_000, 0, [168, 24]),
    ("ABA", 1, 3_000, 0, [240, 120, 12]),
    ("DDC", 2, 6_000, 0, [72, 48, 24]),
    ("BC", 0, 0, 3, [48, 24]),
    ("C", 0, 0, 5, [24]),
    ("DABAC", 1, 0, 1, [400, 300, 200, 100, 50]),
]


def look(world: World, first: str = "2025-02-01", end: str = "2025-04-01", **words: str) -> JourneysReport:
    query = read_journeys_query(period_of(world, first, end), **words)
    return journeys(world.storage, world.tenant, query, now_ms=NOW_MS)


@pytest.fixture
def oracle(make_world: MakeWorld) -> World:
    world = make_world()
    number = 0
    for path, conversions, value, lost, ages in ORACLE:
        for place in range(conversions + lost):
            user = f"u:{path}{place}"
            for channel, age in zip(path, ages, strict=True):
                number += 1
                world.touch(user, NOON - age * HOUR, channel.lower(), f"t{number}")
            if place < conversions:
                world.conversion(user, NOON, f"{path}{place}", value // conversions)
    world.conversion("u:none", NOON, "none", 7)
    world.attribute()
    return world


def test_paths_lengths_and_lags(oracle: World) -> None:
    report = look(oracle)
    assert report.reconciled
    answer = report.shown()
    assert answer["paths"][0]["path"] == ["d", "d", "c"]
    paths = {"".join(line["path"]): (line["conversions"], line["value"]) for line in answer["paths"]}
    assert paths == {path.lower(): (str(count), f"{value / 100:.2f}") for path, count, value, _, _ in ORACLE if count}
    assert {line["length"]: line["conversions"] for line in answer["lengths"]} == {
        1: "1",
        2: "2",
        3: "4",
        4: "1",
        5: "1",
    }
    assert {line["lag"]: line["conversions"] for line in answer["lags"] if line["conversions"]} == {
        "under 1 hour": 1,
        "under 7 days": 2,
        "under 14 days": 3,
        "under 30 days": 3,
    }
    assert answer["unattributed"][0]["value"] == "0.07"
    assert answer["other_paths"][0]["conversions"] == "0"


def test_every_part_sums_to_the_conversions(oracle: World) -> None:
    report = look(oracle, limit="3")
    whole = report.totals["USD"]
    with_touches = whole - report.unattributed["USD"]
    for part in (report.lengths, report.ends):
        assert sum((item.amounts for item in part[1:]), part[0].amounts) == with_touches
    assert len(report.paths) == 3
    listed = sum((item.amounts for item in report.paths[1:]), report.paths[0].amounts)
    assert listed + report.other_paths()["USD"] == with_touches
    assert sum(report.lags["USD"]) * 1_000_000 == with_touches.conversions_micro
    assert whole == total(ask(oracle, "2025-02-01"))


def test_channels_first_last_and_assists(oracle: World) -> None:
    roles = {role.channel: role for role in look(oracle).roles}
    # first and last are the worked oracle's first_touch and last_touch
    assert {name: role.first for name, role in roles.items()} == {"a": 6, "b": 0, "c": 0, "d": 3}
    assert {name: role.last for name, role in roles.items()} == {"a": 3, "b": 1, "c": 4, "d": 1}
    values = {"a": 18_000, "b": 10_000, "c": 15_000, "d": 1_001}
    assert {name: role.last_minor for name, role in roles.items()} == values
    assert {name: role.present for name, role in roles.items()} == {"a": 7, "b": 5, "c": 5, "d": 4}
    assert {name: role.alone for name, role in roles.items()} == {"a": 2, "b": 0, "c": 0, "d": 0}
    assert all(role.present == role.last + role.assisted for role in roles.values())
    ends = {item.key: item.amounts.conversions_micro // 1_000_000 for item in look(oracle).ends}
    assert ends == {("a", "a"): 3, ("a", "b"): 1, ("a", "c"): 1, ("a", "d"): 1, ("d", "c"): 3}


def test_journeys_that_did_not_convert(oracle: World) -> None:
    answer = look(oracle, with_="non_converting").shown()["non_converting"]
    assert answer["journeys"] == 9
    assert {"".join(line["path"]): line["journeys"] for line in answer["paths"]} == {"c": 5, "bc": 3, "dabac": 1}
    assert answer["lengths"] == [
        {"length": 1, "journeys": 5},
        {"length": 2, "journeys": 3},
        {"length": 5, "journeys": 1},
    ]
    by_channel = {line["channel"]: (line["converting"], line["non_converting"]) for line in answer["channels"]}
    assert by_channel == {"a": (7, 1), "b": (5, 4), "c": (5, 9), "d": (4, 1)}


def test_a_person_is_one_journey_whatever_its_ids(make_world: MakeWorld) -> None:
    world = make_world()
    world.touch("a:x", NOON - 9 * HOUR, "one", "t1")
    world.touch("u:1", NOON - 8 * HOUR, "two", "t2")
    world.met("a:x", "u:1", NOON - 7 * HOUR)
    world.touch("u:old", NOON - 6 * HOUR, "three", "t3")
    world.met("u:old", "u:1", NOON - 5 * HOUR)
    # a second user of the device: what comes from their meeting on is theirs
    world.met("a:x", "u:2", NOON - 4 * HOUR)
    world.touch("a:x", NOON - 3 * HOUR, "four", "t4")
    world.touch("a:alone", NOON, "five", "t5")
    world.cancel_touch("a:alone", NOON, "five", "t5")
    world.touch("a:alone", NOON - HOUR, "five", "t5")
    world.flush()
    found = look(world, with_="non_converting").non_converting
    assert found is not None
    assert sorted(found.paths) == [(("five",), 1), (("four",), 1), (("one", "two", "three"), 1)]


def test_touches_of_a_conversion_outside_of_the_period_are_in_a_journey(make_world: MakeWorld) -> None:
    world = make_world()
    world.touch("u:1", at("2025-03-31T12:00:00+00:00"), "a", "t1")
    world.conversion("u:1", at("2025-04-02T12:00:00+00:00"), "o1", 100)
    world.attribute()
    found = look(world, with_="non_converting").non_converting
    assert found is not None
    assert found.paths == []


def test_they_follow_every_change(oracle: World) -> None:
    oracle.touch("u:A0", NOON - 2 * HOUR, "late", "t-late")
    oracle.adjust("r1", "retract", "AB0", NOON + HOUR)
    oracle.conversion("u:yen", NOON, "yen", 5, currency="JPY", conversion_type="Lead")
    oracle.attribute()
    report = look(oracle)
    assert report.reconciled
    paths = {item.key: item.amounts for item in report.paths}
    assert ("a",) not in paths
    assert paths["late", "a"].conversions_micro == 1_000_000
    assert paths["a", "b"].net_conversions_micro == 0
    assert report.unattributed["JPY"].value_minor == 5
    assert list(look(oracle, conversion_type="Lead").totals) == ["JPY"]
    require_proof(oracle)


def test_a_short_list_begins_the_long_one(make_world: MakeWorld) -> None:
    """Whether the largest buckets of paths tell the first ones, or every path has to be counted."""
    world = make_world()
    paths = ["".join(order) for order in itertools.permutations("abc")] + [*"abcdefghij", "b", "dd", "dd", "dd"]
    for number, path in enumerate(paths):
        for place, channel in enumerate(path):
            world.touch(f"u:{number}", NOON - (9 - place) * HOUR, channel, f"t{number}-{place}")
        world.conversion(f"u:{number}", NOON, f"o{number}", 100 + number, currency=("USD", "JPY")[number % 5 == 4])
    world.attribute()
    whole = look(world).paths
    assert whole[[item.currency for item in whole].index("USD")].key == ("d", "d")
    for limit in range(1, 8):
        expected = [[item for item in whole if item.currency == code][:limit] for code in ("JPY", "USD")]
        assert look(world, limit=str(limit)).paths == [item for items in expected for item in items]


def test_a_rollup_that_lags_is_not_reconciled(oracle: World) -> None:
    oracle.conversion("u:9", NOON, "later", 1)
    oracle.attribute(refresh=False)
    assert not look(oracle).reconciled


def test_sums_beyond_64_bits(make_world: MakeWorld) -> None:
    world = make_world()
    world.touch("u:1", NOON - HOUR, "a", "t1")
    for number in range(9_400):
        world.conversion("u:1", NOON, f"o{number}", 10**15)
    world.attribute()
    report = look(world)
    assert report.reconciled
    assert report.paths[0].amounts.value_minor == report.roles[0].present_minor == 9_400 * 10**15


def test_tenants_do_not_see_each_other(oracle: World, make_world: MakeWorld) -> None:
    other = make_world()
    other.touch("u:A0", NOON, "z", "t1")
    other.flush()
    report = look(other, with_="non_converting")
    assert (report.totals, report.paths, report.roles) == ({}, [], [])
    assert report.non_converting is not None
    assert report.non_converting.paths == [(("z",), 1)]


@pytest.mark.parametrize(
    "words", [{"limit": "0"}, {"limit": "1001"}, {"limit": "ten"}, {"limit": "²"}, {"with_": "all"}]
)
def test_bad_words(make_world: MakeWorld, words: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as raised:
        look(make_world(), **words)
    assert raised.value.detail
