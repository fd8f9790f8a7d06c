from dataclasses import replace

import numpy as np
import pytest

from app.attribution.journeys import (
    DAY_MS,
    NO_PREVIOUS_MS,
    Fate,
    JourneyRules,
    Journeys,
    Reuse,
    select,
)
from app.attribution.names import TouchKind
from tests.unit.attribution.build import journey_of, times, touches_of

T = 10**12


def kept(journeys: Journeys) -> list[int]:
    return [int(row) for row in journeys.index]


def labels(journeys: Journeys) -> list[str]:
    return [Fate(fate).label for fate in journeys.fate]


@pytest.mark.parametrize(("kind", "window_ms"), [(TouchKind.CLICK, 30 * DAY_MS), (TouchKind.VIEW, DAY_MS)])
def test_both_ends_of_the_window_count_to_the_millisecond(kind: TouchKind, window_ms: int) -> None:
    touches = journey_of([T - window_ms - 1, T - window_ms, T - window_ms + 1, T - 1, T, T + 1], kind=kind)
    journeys = select(touches, times(T), JourneyRules())
    assert kept(journeys) == [1, 2, 3, 4]
    assert journeys.age_ms.tolist() == [window_ms, window_ms - 1, 1, 0]
    assert labels(journeys)[0] == "outside_window"
    assert labels(journeys)[-1] == "after_conversion"


def test_each_kind_has_its_own_window() -> None:
    rows = [(0, T - 2 * DAY_MS, 1, "a", TouchKind.VIEW), (0, T - 2 * DAY_MS, 2, "a", TouchKind.CLICK)]
    assert kept(select(touches_of(rows), times(T), JourneyRules())) == [1]
    longer = JourneyRules(click_window_ms=0, view_window_ms=2 * DAY_MS)
    assert kept(select(touches_of(rows), times(T), longer)) == [0]


def test_equal_times_are_in_the_order_of_keys_all_64_bits() -> None:
    rows = [(0, T, key, "a", TouchKind.CLICK) for key in (2**63 + 1, 5, 2**64 - 1, 2**63)]
    touches = touches_of(rows)
    assert touches.key.tolist() == [5, 2**63, 2**63 + 1, 2**64 - 1]
    assert kept(select(touches, times(T), JourneyRules())) == [0, 1, 2, 3]


@pytest.mark.parametrize("rows", [[0, 2, 1], [0, 1, 1]])
def test_touches_out_of_order_or_twice_are_refused(rows: list[int]) -> None:
    touches = journey_of([T - 2, T - 1, T])
    with pytest.raises(ValueError, match="sorted by"):
        replace(
            touches,
            time_ms=touches.time_ms[rows],
            key=touches.key[rows],
        )


@pytest.mark.parametrize(("count", "left_out"), [(499, 0), (500, 0), (501, 1), (600, 100)])
def test_the_cap_keeps_the_first_and_the_newest(count: int, left_out: int) -> None:
    journeys = select(journey_of(range(T - count, T)), times(T), JourneyRules())
    assert journeys.left_out.tolist() == [left_out]
    assert kept(journeys) == [0, *range(1 + left_out, count)]
    assert labels(journeys).count("over_cap") == left_out
    assert journeys.left_out.dtype == np.int32


def test_the_cap_comes_after_the_filters() -> None:
    touches = journey_of(range(T - 6, T), ["direct", "a", "direct", "b", "direct", "c"])
    journeys = select(touches, times(T), JourneyRules(cap=3, skip_direct=True))
    assert kept(journeys) == [1, 3, 5]
    assert journeys.left_out.tolist() == [0]


def test_the_cap_is_each_journeys_own() -> None:
    rows = [(i, T - age, 10 * i + age, "a", TouchKind.CLICK) for i, n in enumerate([2, 5, 0, 4]) for age in range(n)]
    journeys = select(touches_of(rows), times(T, T, T, T), JourneyRules(cap=3))
    assert journeys.offsets.tolist() == [0, 2, 5, 5, 8]
    assert journeys.left_out.tolist() == [0, 2, 0, 1]


@pytest.mark.parametrize(
    ("channels", "rules", "expected"),
    [
        (["direct", "a", "direct"], JourneyRules(), [0, 1, 2]),
        (["direct", "a", "direct"], JourneyRules(skip_direct=True), [1]),
        (["direct", "direct"], JourneyRules(skip_direct=True), [0, 1]),
        (["a", "b", "a"], JourneyRules(excluded_channels=frozenset({"a"})), [1]),
        (["a", "b"], JourneyRules(excluded_channels=frozenset({"a", "b"})), [0, 1]),
        (["a", "b"], JourneyRules(excluded_channels=frozenset({"unheard of"})), [0, 1]),
        (["a", "direct"], JourneyRules(skip_direct=True, excluded_channels=frozenset({"a"})), [1]),
        (["a", "direct", "b"], JourneyRules(skip_direct=True, excluded_channels=frozenset({"a"})), [2]),
    ],
)
def test_filters_empty_no_journey(channels: list[str], rules: JourneyRules, expected: list[int]) -> None:
    journeys = select(journey_of(range(T, T + len(channels)), channels), times(T + 9), rules)
    assert kept(journeys) == expected


def test_a_filter_looks_at_the_touches_inside_the_window_only() -> None:
    touches = journey_of([T - 100, T - 10], ["a", "direct"])
    journeys = select(touches, times(T), JourneyRules(click_window_ms=50, skip_direct=True))
    assert labels(journeys) == ["outside_window", "credited"]


def test_rules_that_name_channels_need_their_names() -> None:
    nameless = replace(journey_of([T]), channel_names=())
    assert kept(select(nameless, times(T), JourneyRules())) == [0]
    with pytest.raises(ValueError, match="channel_names"):
        select(nameless, times(T), JourneyRules(skip_direct=True))


def test_repeats_collapse_to_the_newest_in_a_row_and_only_there() -> None:
    journeys = select(journey_of(range(T, T + 6), "aabbba"), times(T + 9), JourneyRules(collapse_repeats=True))
    assert kept(journeys) == [1, 4, 5]
    assert labels(journeys).count("collapsed") == 3


def test_repeats_do_not_collapse_across_conversions() -> None:
    rows = [(0, T, 1, "a", TouchKind.CLICK), (1, T, 1, "a", TouchKind.CLICK)]
    journeys = select(touches_of(rows), times(T, T), JourneyRules(collapse_repeats=True))
    assert kept(journeys) == [0, 1]


def test_reset_gives_a_touch_to_the_next_conversion_at_or_after_it() -> None:
    conversion_time_ms = times(T + 20, T + 10, T + 10)
    previous_ms = times(T + 10, T + 10, NO_PREVIOUS_MS)
    rows = [(i, T + at, at, "a", TouchKind.CLICK) for i in range(3) for at in (5, 10, 11, 20)]
    journeys = select(touches_of(rows), conversion_time_ms, JourneyRules(reuse=Reuse.RESET), previous_ms)
    assert journeys.offsets.tolist() == [0, 2, 2, 4]
    assert labels(journeys)[4:8] == ["taken_by_earlier_conversion"] * 2 + ["after_conversion"] * 2
    reused = select(touches_of(rows), conversion_time_ms, JourneyRules(), previous_ms)
    assert reused.offsets.tolist() == [0, 4, 6, 8]


def test_reset_without_the_previous_conversions_is_refused() -> None:
    with pytest.raises(ValueError, match="previous_conversion_ms"):
        select(journey_of([T]), times(T), JourneyRules(reuse=Reuse.RESET))


def test_no_touches_and_no_conversions() -> None:
    assert select(touches_of([]), times(T, T), JourneyRules(skip_direct=True)).offsets.tolist() == [0, 0, 0]
    assert select(touches_of([]), times(), JourneyRules()).offsets.tolist() == [0]


def test_touches_of_conversions_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="conversion_index"):
        select(journey_of([T]), times(), JourneyRules())


@pytest.mark.parametrize("wrong", [{"cap": 1}, {"click_window_ms": -1}, {"view_window_ms": -1}])
def test_rules_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        JourneyRules(**wrong)  # type: ignore[arg-type]
