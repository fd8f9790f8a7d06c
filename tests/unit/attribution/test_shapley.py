"""The Shapley value against the oracle of SEMANTICS 6 and against all orders of joining."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.attribution.money import MICRO
from app.attribution.paths import Count
from app.attribution.shapley import shapley, shapley_weights
from tests.unit.attribution.walks import TEN_PATHS, Walk, paths_of, plain_shapley

CONVERSIONS, VALUE = 1, 3

WALKS = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcde"), max_size=6).map(tuple),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(0, 10**15),
    ),
    max_size=10,
)


def test_the_ten_paths() -> None:
    credit = shapley(paths_of(TEN_PATHS))
    assert credit.channels == tuple("ABCD")
    assert credit.share * 9 == pytest.approx([3.833333, 1.833333, 1.833333, 1.5], abs=5e-7)
    assert credit.conversions_micro.tolist()[3] == 1_500_000
    assert credit.conversions_micro.sum() == 9 * MICRO


def test_pathdata(pathdata) -> None:  # type: ignore[no-untyped-def]
    credit = shapley(pathdata)
    counted = dict(zip(credit.channels, (credit.conversions_micro / MICRO).tolist(), strict=True))
    assert counted["alpha"] == pytest.approx(7627.9440, abs=1e-4)
    assert credit.conversions_micro.sum() == 19_785 * MICRO
    assert credit.gross_minor.sum() == pathdata.credited()[Count.GROSS_MINOR]


@settings(max_examples=60, deadline=None)
@given(WALKS)
def test_all_orders_of_joining(walks: list[Walk]) -> None:
    paths = paths_of(walks)
    credit = shapley(paths)
    for amounts, factor, of in ((credit.conversions_micro, MICRO, CONVERSIONS), (credit.gross_minor, 1, VALUE)):
        exact = plain_shapley(walks, of)
        for channel, amount in zip(credit.channels, amounts.tolist(), strict=True):
            assert abs(amount - factor * exact[channel]) < 1
        assert sum(amounts.tolist()) == factor * sum(walk[of] for walk in walks if walk[0])
    assert credit.net_minor.tolist() == credit.gross_minor.tolist()
    assert credit.unattributed[2] == sum(walk[VALUE] for walk in walks if not walk[0])


@settings(deadline=None)
@given(WALKS)
def test_the_touches_of_each_channel_have_its_part(walks: list[Walk]) -> None:
    offsets = np.cumsum([0, *(len(path) for path, *_ in walks)])
    codes = np.array(["abcde".index(channel) for path, *_ in walks for channel in path], np.int32)
    weights = shapley_weights(offsets, codes)
    assert len(weights) == len(codes)
    for start, end in pairwise(offsets.tolist()):
        journey = codes[start:end].tolist()
        expected = [Fraction(1, len(set(journey)) * journey.count(channel)) for channel in journey]
        assert weights[start:end].tolist() == pytest.approx([float(weight) for weight in expected], rel=1e-15)
        assert not journey or weights[start:end].sum() == pytest.approx(1)


def test_refunds_take_back_what_they_gave() -> None:
    paths = paths_of([(("a", "b"), 2, 0, 1000), (("b",), 1, 0, 500)])
    refunded = paths.counts.copy()
    refunded[0, Count.NET_MINOR], refunded[0, Count.NET_CONVERSIONS] = 0, 0  # the order of b alone
    credit = shapley(type(paths)(paths.channels, paths.offsets, paths.codes, refunded))
    assert credit.gross_minor.tolist() == [500, 1000]
    assert credit.net_minor.tolist() == [500, 500]
    assert credit.net_conversions_micro.tolist() == [MICRO, MICRO]


def test_many_channels_together_are_exact() -> None:
    """60 distinct channels: the common denominator has 25 digits."""
    walks: list[Walk] = [(tuple(f"c{i:02}" for i in range(size)), 1, 0, 10**14 + size) for size in range(1, 61)]
    credit = shapley(paths_of(walks))
    for place, amount in enumerate(credit.gross_minor.tolist()):
        exact = sum(Fraction(value, len(path)) for path, _, _, value in walks if len(path) > place)
        assert abs(amount - exact) < 1
    assert sum(credit.gross_minor.tolist()) == sum(value for *_, value in walks)
