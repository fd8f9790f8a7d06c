from decimal import Decimal, localcontext
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.attribution.decay import halvings
from app.attribution.models import ModelParams, weigh, weights
from app.attribution.names import FIVE_MODELS
from tests.unit.attribution.build import times

YEAR_MS = 365 * 86_400_000
LAST, LINEAR, DECAY, POSITION = 1, 2, 3, 4

AGES_MS = st.lists(
    st.lists(st.one_of(st.integers(0, 10), st.integers(0, 10 * YEAR_MS)), max_size=30).map(
        lambda ages: sorted(ages, reverse=True)
    ),
    max_size=8,
)


def ragged(ages_ms: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, ages_ms)])
    return offsets, np.array([age for journey in ages_ms for age in journey], np.int64)


@settings(deadline=None)
@given(AGES_MS, st.sampled_from([1, 3_600_000, 7 * 86_400_000, 10**15]))
def test_weights_sum_to_one_and_agree_with_their_parts(ages_ms: list[list[int]], half_life_ms: int) -> None:
    offsets, flat = ragged(ages_ms)
    weighed = weigh(offsets, flat, ModelParams(half_life_ms=half_life_ms))
    assert weighed.fraction.shape == weighed.part.shape == (len(FIVE_MODELS), len(flat))
    for start, end in pairwise(offsets):
        if start == end:
            continue
        fraction, part = weighed.fraction[:, start:end], weighed.part[:, start:end]
        assert fraction.min() >= 0
        assert fraction.sum(axis=1) == pytest.approx([1] * 5, abs=1e-12)
        assert part / part.sum(axis=1)[:, None] == pytest.approx(fraction, abs=1e-15)


def test_an_old_journey_with_a_half_life_of_a_millisecond_does_not_underflow() -> None:
    decay = weights(times(0, 3), times(9 * YEAR_MS + 2, 9 * YEAR_MS + 1, 9 * YEAR_MS), ModelParams(half_life_ms=1))
    assert decay[DECAY].tolist() == [1 / 7, 2 / 7, 4 / 7]


@pytest.mark.parametrize(
    ("params", "n", "expected"),
    [
        (ModelParams(), 1, [1]),
        (ModelParams(), 2, [0.5, 0.5]),
        (ModelParams(), 3, [0.4, 0.2, 0.4]),
        (ModelParams(), 5, [0.4, 0.2 / 3, 0.2 / 3, 0.2 / 3, 0.4]),
        (ModelParams(first=0.6, middle=0.2, last=0.2), 1, [1]),
        (ModelParams(first=0.6, middle=0.2, last=0.2), 2, [0.75, 0.25]),
        (ModelParams(first=0.6, middle=0.2, last=0.2), 4, [0.6, 0.1, 0.1, 0.2]),
        (ModelParams(first=0, middle=1, last=0), 2, [0.5, 0.5]),
        (ModelParams(first=0, middle=1, last=0), 4, [0, 0.5, 0.5, 0]),
        (ModelParams(first=0, middle=0, last=1), 2, [0, 1]),
        (ModelParams(first=1 / 3, middle=1 / 3, last=1 / 3), 3, [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_position_based(params: ModelParams, n: int, expected: list[float]) -> None:
    assert weights(times(0, n), np.zeros(n, np.int64), params)[POSITION].tolist() == pytest.approx(expected)


def test_the_chunk_changes_no_bit_of_a_weight() -> None:
    rng = np.random.default_rng(3)
    ages_ms = [sorted(rng.integers(0, YEAR_MS, n).tolist(), reverse=True) for n in rng.integers(0, 300, 40)]
    together = weigh(*ragged(ages_ms))
    apart = [weigh(*ragged([journey])) for journey in ages_ms]
    assert np.array_equal(together.fraction, np.hstack([one.fraction for one in apart]))
    assert np.array_equal(together.part, np.hstack([one.part for one in apart]))


def test_a_very_long_journey_keeps_its_parts_in_range() -> None:
    n = 200_000
    weighed = weigh(
        times(0, n), np.zeros(n, np.int64), ModelParams(first=0.123456789012, middle=0.5, last=0.376543210988)
    )
    assert weighed.part.min() >= 0
    assert all(sum(row.tolist()) <= 2**61 for row in weighed.part)
    assert weighed.fraction.sum(axis=1) == pytest.approx([1] * 5, abs=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"half_life_ms": 0},
        {"half_life_ms": -5},
        {"half_life_ms": float("nan")},
        {"first": 0.5},
        {"first": -0.2, "middle": 0.8},
        {"middle": float("nan")},
        {"last": float("inf")},
    ],
)
def test_params_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        ModelParams(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offsets", "ages"), [((0, 1), (1, 2)), ((0, 2, 1), (1,)), ((1, 2), (1, 2)), ((), ()), ((0, 2), (1, 2))]
)
def test_journeys_that_do_not_fit_are_refused(offsets: tuple[int, ...], ages: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"offsets|newest"):
        weights(times(*offsets), times(*ages))


def test_halvings_against_fifty_digits() -> None:
    x = np.concatenate([np.linspace(0, 3, 301), np.random.default_rng(1).uniform(0, 900, 300), [0.5, 1.5, 1e-18]])
    with localcontext() as context:
        context.prec = 50
        exact = [Decimal(2) ** -Decimal(value) for value in x.tolist()]
        errors = [abs(Decimal(got) / want - 1) for got, want in zip(halvings(x).tolist(), exact, strict=True)]
    assert max(errors) < 2 * Decimal(2) ** -52
    assert halvings(np.arange(60.0)).tolist() == [2.0**-k for k in range(60)]
