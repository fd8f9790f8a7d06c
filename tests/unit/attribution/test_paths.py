"""Counts of paths: one form for one content, however it was cut and put together."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.attribution.credit import credit
from app.attribution.journeys import JourneyRules, select
from app.attribution.paths import Count, PathCounts, count_conversions, count_paths, count_unconverted, merged
from tests.unit.attribution.build import random_chunk, taken
from tests.unit.attribution.walks import TEN_PATHS, Walk, paths_of, walks_of

CHANNELS = ["", "ads", "email", "(start)", "søk", "🙂", "z" * 40]
WALKS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(CHANNELS), max_size=9).map(tuple),
        st.integers(0, 4),
        st.integers(0, 4),
        st.integers(0, 10**15),
    ),
    max_size=14,
)


def same(one: PathCounts, other: PathCounts) -> bool:
    arrays = ("offsets", "codes", "counts")
    return one.channels == other.channels and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        and getattr(one, name).dtype == getattr(other, name).dtype
        for name in arrays
    )


@settings(deadline=None)
@given(WALKS)
def test_counting_is_what_a_dictionary_does(walks: list[Walk]) -> None:
    expected: dict[tuple[str, ...], Counter[int]] = {}
    for path, converted, null, value in walks:
        counted = expected.setdefault(path, Counter())
        counted.update(dict(enumerate([converted, converted, null, value, value])))
    found = walks_of(paths_of(walks))
    assert found == {
        path: [counted[i] for i in range(len(Count))] for path, counted in expected.items() if any(counted.values())
    }
    assert list(found) == sorted(found, key=lambda path: (len(path), path))


@settings(deadline=None)
@given(WALKS, st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_cut_and_any_order_merge_to_the_whole(walks: list[Walk], dice, chunks: int) -> None:  # type: ignore[no-untyped-def]
    whole = paths_of(walks)
    shuffled = list(walks)
    dice.shuffle(shuffled)
    parts = [paths_of(shuffled[i::chunks]) for i in range(chunks)]
    assert same(merged(parts), whole)
    nested = parts[0]
    for part in parts[1:]:
        nested = merged([part, nested])
    assert same(nested, whole)
    assert same(merged(parts[1:]), whole.minus(parts[0]))
    assert same(merged([whole.minus(parts[0]), parts[0]]), whole)


def test_nothing() -> None:
    nothing = merged([])
    assert len(nothing) == 0
    assert nothing.channels == ()
    assert nothing.credited().tolist() == nothing.unattributed().tolist() == [0] * len(Count)
    assert same(paths_of(TEN_PATHS).minus(paths_of(TEN_PATHS)), nothing)


def test_a_chunk_of_conversions_counts_what_was_credited() -> None:
    touches, conversions = random_chunk(700, seed=4)
    rules = JourneyRules(skip_direct=True)
    journeys = credit(touches, conversions, rules).journeys
    paths = count_conversions(journeys, touches, conversions)

    everything = paths.credited() + paths.unattributed()
    kept = ~conversions.retracted
    assert everything[Count.CONVERSIONS] == 700
    assert everything[Count.NET_CONVERSIONS] == kept.sum()
    assert everything[Count.NULLS] == 0
    assert everything[Count.GROSS_MINOR] == conversions.gross_minor.sum()
    assert everything[Count.NET_MINOR] == conversions.net_minor[kept].sum()
    empty = np.diff(journeys.offsets) == 0
    assert paths.unattributed()[Count.CONVERSIONS] == empty.sum() > 0

    parts = []
    for which in np.array_split(np.random.default_rng(1).permutation(700), 6):
        part, chunk, _ = taken(touches, conversions, which)
        parts.append(count_conversions(select(part, chunk.time_ms, rules), part, chunk))
    assert same(merged(parts), paths)


def test_persons_who_did_not_convert_count_once_each() -> None:
    paths = count_unconverted(np.array([0, 2, 2, 3, 5]), np.array([1, 0, 1, 1, 0], np.int32), ["email", "ads"])
    assert walks_of(paths) == {("ads",): [0, 0, 1, 0, 0], ("ads", "email"): [0, 0, 2, 0, 0]}


def test_codes_of_one_name_are_one_channel() -> None:
    counts = np.ones((2, len(Count)), np.int64)
    paths = count_paths(np.array([0, 1, 2]), np.array([0, 2], np.int32), ["ads", "never", "ads"], counts)
    assert walks_of(paths) == {("ads",): [2] * len(Count)}


def test_long_paths_of_many_channels() -> None:
    rng = np.random.default_rng(2)
    names = [f"channel-{i}" for i in range(3000)]
    once = rng.integers(0, 3000, (40, 600))
    once[20:30, 599] = once[:10, 599] + 1  # differ in the last step alone
    once[20:30, :599] = once[:10, :599]
    walked = np.concatenate([once, once[:15]]).astype(np.int32) % 3000
    offsets = np.arange(56) * 600
    paths = count_paths(offsets, walked.reshape(-1), names, np.ones((55, len(Count)), np.int64))
    assert Counter(paths.column(Count.NULLS).tolist()) == {1: 25, 2: 15}


def test_sums_past_64_bits_are_refused() -> None:
    paths = paths_of([(("ads",), 1, 0, 2**61)])
    with pytest.raises(ValueError, match="64 bits"):
        merged([paths, paths])


@pytest.mark.parametrize(
    ("offsets", "codes", "names", "counts"),
    [
        ([0, 2], [0], ["a"], np.ones((1, 5), np.int64)),
        ([0, 1], [0], [], np.ones((1, 5), np.int64)),
        ([0, 1], [-1], ["a"], np.ones((1, 5), np.int64)),
        ([0, 1], [0], ["a"], np.ones((1, 4), np.int64)),
        ([0, 1], [0], ["a"], np.ones((1, 5))),
    ],
)
def test_arrays_that_do_not_fit_are_refused(offsets, codes, names, counts) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"offsets|name|counts"):
        count_paths(np.array(offsets), np.array(codes, np.int32), names, counts)
