from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.attribution.currency import MAX_MINOR, to_decimal_string, to_minor
from app.attribution.models import ModelParams, weigh
from app.attribution.money import MICRO, share
from app.attribution.names import FIVE_MODELS
from tests.unit.attribution import reference
from tests.unit.attribution.build import times

KEY = np.array([77], np.uint64)


def keys(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def exact(parts: list[int]) -> list[Fraction]:
    return [Fraction(part, sum(parts)) for part in parts]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 500), st.integers(0, 10**12), st.sampled_from(["JPY", "USD", "KWD"]), st.integers(0, 999))
@example(500, 10**12, "USD", 0)
@example(3, 10**12 - 1, "USD", 0)
def test_every_model_sums_to_the_value(n: int, value: int, currency: str, seed: int) -> None:
    ages_ms = np.sort(np.random.default_rng(seed).integers(0, 30 * 86_400_000, n))[::-1].copy()
    weighed = weigh(times(0, n), ages_ms)
    minor = to_minor(to_decimal_string(value, currency), currency)
    for weights in (weighed.part, weighed.fraction):
        amounts = share(times(minor), weights, times(0, n), KEY, keys(n, seed))
        assert amounts.min() >= 0
        assert [sum(row.tolist()) for row in amounts] == [value] * 5
        assert np.abs(amounts - value * weighed.fraction).max() < 1.001


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 40), st.integers(0, MAX_MINOR), st.integers(0, 999))
@example(3, MAX_MINOR, 0)
@example(40, MAX_MINOR - 1, 1)
@example(7, 10**12, 2)
def test_rational_models_are_exact_up_to_the_largest_value(n: int, value: int, seed: int) -> None:
    params = ModelParams(first=0.3, middle=0.45, last=0.25)
    touch_keys = keys(n, seed)
    amounts = share(times(value), weigh(times(0, n), np.zeros(n, np.int64), params).part, times(0, n), KEY, touch_keys)
    for model, weights in reference.model_weights([0] * n, params).items():
        expected = reference.share(value, weights, 77, model, touch_keys.tolist())
        assert amounts[FIVE_MODELS.index(model)].tolist() == expected


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.one_of(st.integers(0, 3), st.integers(0, 2**55)), min_size=1, max_size=20).filter(any),
    st.one_of(st.integers(0, 20), st.integers(0, MAX_MINOR)),
)
@example([1, 2**55, 1], MAX_MINOR)
@example([2**55 - 1, 2**55, 2**55 + 1], MAX_MINOR)
def test_any_whole_weights_against_fractions(parts: list[int], value: int) -> None:
    touch_keys = keys(len(parts))
    row = np.array([parts], np.int64)
    amounts = share(times(value), row, times(0, len(parts)), KEY, touch_keys, ["mine"])
    assert amounts[0].tolist() == reference.share(value, exact(parts), 77, "mine", touch_keys.tolist())


@pytest.mark.parametrize("seed", range(20))
def test_a_floor_that_a_float_rounds_up_is_put_right(seed: int) -> None:
    """A great share a little below a whole unit, where a float is too coarse to see it, beside 30 small ones
    whose remainders are a little larger: all units are theirs."""
    rng = np.random.default_rng(seed)
    total, value = int(rng.integers(2**59, 2**60)), int(rng.integers(9 * 10**14, 10**15))
    remainder = 1 - Fraction(1, 31) + Fraction(1, 2000)
    small = [round(Fraction(total, value) * (floor + remainder)) for floor in rng.integers(1, 10**5, 30).tolist()]
    parts = [total - sum(small), *small]
    touch_keys = keys(len(parts), seed)
    row = np.array([parts])
    amounts = share(times(value), row, times(0, len(parts)), KEY, touch_keys, ["mine"])
    assert amounts[0].tolist() == reference.share(value, exact(parts), 77, "mine", touch_keys.tolist())


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=12).filter(lambda w: sum(w) > 1e-3),
    st.integers(0, MAX_MINOR),
)
@example([1.0, 1e-17, 0.0], MAX_MINOR)
@example([0.1] * 10, MAX_MINOR)
@example([1e-300, 1.0], MAX_MINOR)
def test_any_fractions_sum_exactly_and_never_fall_below_nothing(fractions: list[float], value: int) -> None:
    n = len(fractions)
    amounts = share(times(value), np.array([fractions]), times(0, n), KEY, keys(n), ["mine"])[0].tolist()
    assert sum(amounts) == value
    assert min(amounts) >= 0
    assert all(amount == 0 for amount, fraction in zip(amounts, fractions, strict=True) if fraction == 0)
    whole = sum(map(Fraction, fractions))
    shares = [value * Fraction(fraction) / whole for fraction in fractions]
    assert all(abs(amount - want) < 1.3 for amount, want in zip(amounts, shares, strict=True))


def test_remainders_almost_equal_are_equal_and_others_are_not() -> None:
    """One unit for two touches whose remainders differ by 4e-10, then by 4e-9, whatever the hash says."""
    first_wins = {}
    for difference in (8 * 10**8, 8 * 10**9):
        half = 10**18
        parts = np.array([[half - difference // 2, half + difference // 2]])
        first_wins[difference] = {
            int(share(times(1), parts, times(0, 2), KEY, keys(2, seed), ["mine"])[0, 0]) for seed in range(40)
        }
    assert first_wins == {8 * 10**8: {0, 1}, 8 * 10**9: {0}}


def test_a_touch_without_weight_gets_nothing_even_where_a_chain_of_equals_reaches_it() -> None:
    parts = np.concatenate([np.zeros(100_000, np.int64), np.arange(1, 50_001)])[None, :]
    for seed in range(3):
        amounts = share(times(1), parts, times(0, 150_000), KEY, keys(150_000, seed), ["mine"])
        assert amounts.sum() == 1
        assert amounts[parts == 0].sum() == 0


def test_no_position_is_favoured() -> None:
    n, journeys = 3, 30_000
    offsets = np.arange(journeys + 1) * n
    parts = np.ones((1, journeys * n), np.int64)
    amounts = share(np.full(journeys, 100), parts, offsets, keys(journeys), keys(journeys * n, 1), ["linear"])
    extra = (amounts - 33).reshape(-1, n).sum(axis=0) / journeys
    assert extra == pytest.approx([1 / 3] * 3, abs=0.01)


def test_models_break_ties_independently_and_by_name() -> None:
    journeys = 400
    offsets = np.arange(journeys + 1) * 2
    parts = np.ones((2, journeys * 2), np.int64)
    arguments = (np.ones(journeys, np.int64), parts, offsets, keys(journeys), keys(journeys * 2, 1))
    one, other = share(*arguments, ["linear", "shapley"])
    swapped_other, swapped_one = share(*arguments, ["shapley", "linear"])
    assert 100 < (one != other).sum() / 2 < 300
    assert np.array_equal(one, swapped_one)
    assert np.array_equal(other, swapped_other)


def test_equal_keys_still_sum() -> None:
    same = np.zeros(5, np.uint64)
    assert share(times(3), np.ones((1, 5), np.int64), times(0, 5), KEY, same, ["linear"]).sum() == 3


def test_conversions_are_shared_by_the_same_rule() -> None:
    parts = weigh(times(0, 3), times(3, 2, 1)).part
    counted = share(times(MICRO), parts, times(0, 3), KEY, keys(3))
    assert counted[2].sum() == MICRO
    assert sorted(counted[2].tolist()) == [333_333, 333_333, 333_334]


def test_a_value_of_nothing_and_journeys_of_nothing() -> None:
    assert share(times(0), np.ones((1, 2), np.int64), times(0, 2), KEY, keys(2), ["m"]).tolist() == [[0, 0]]
    assert share(times(9), np.ones((1, 0), np.int64), times(0, 0), KEY, keys(0), ["m"]).shape == (1, 0)
    assert share(times(), np.ones((5, 0)), times(0), keys(0), keys(0)).shape == (5, 0)


@pytest.mark.parametrize(
    ("value", "weights", "problem"),
    [
        (-1, [[1, 1]], "refund"),
        (MAX_MINOR + 1, [[1, 1]], "minor units"),
        (1, [[0, 0]], "weight above 0"),
        (1, [[0.0, 0.0]], "weight above 0"),
        (1, [[-1, 2]], "0 or more"),
        (1, [[float("nan"), 1.0]], "finite"),
        (1, [[float("inf"), 1.0]], "finite"),
        (1, [[2**61, 1]], "2\\*\\*61"),
        (1, [[2**63 - 1, 2**63 - 1]], "2\\*\\*61"),
        (1, [[1, 1, 1]], "shape"),
    ],
)
def test_what_cannot_be_shared_is_refused(value: int, weights: list[list[float]], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        share(times(value), np.array(weights), times(0, 2), KEY, keys(2), ["m"])
