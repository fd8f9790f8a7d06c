import numpy as np
import pytest

from app.attribution.credit import Conversions, Credit, credit
from app.attribution.journeys import DAY_MS, JourneyRules, Reuse
from app.attribution.names import FIVE_MODELS, TouchKind
from tests.unit.attribution.build import random_chunk, taken, times, touches_of

RULES = [
    JourneyRules(view_window_ms=20 * DAY_MS),
    JourneyRules(
        cap=5,
        skip_direct=True,
        excluded_channels=frozenset({"email"}),
        collapse_repeats=True,
        reuse=Reuse.RESET,
    ),
]
AMOUNTS = ("weights", "conversions_micro", "net_conversions_micro", "gross_minor", "net_minor")


def of_conversion(result: Credit, i: int, rows: np.ndarray | None = None) -> dict[str, list[object]]:
    """All that the credit says of conversion i; `rows` turns rows of a part into those of the whole."""
    journeys = result.journeys
    journey = slice(journeys.offsets[i], journeys.offsets[i + 1])
    index = journeys.index[journey]
    said: dict[str, list[object]] = {name: getattr(result, name)[:, journey].tolist() for name in AMOUNTS}
    said["index"] = (index if rows is None else rows[index]).tolist()
    said["of conversion"] = [journeys.left_out[i], result.unattributed[i]]
    return said


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("size", [1, 7, 5000])
def test_chunks_and_order_change_nothing(rules: JourneyRules, size: int) -> None:
    n = 6000 if size == 5000 else 250
    touches, conversions = random_chunk(n, seed=size)
    whole = credit(touches, conversions, rules)
    permuted = np.random.default_rng(size).permutation(n)
    for start in range(0, n, size):
        which = permuted[start : start + size]
        part_touches, part_conversions, rows = taken(touches, conversions, which)
        part = credit(part_touches, part_conversions, rules)
        for place, i in enumerate(which):
            assert of_conversion(part, place, rows) == of_conversion(whole, i)


@pytest.mark.parametrize("rules", RULES)
def test_everything_is_credited_or_unattributed_to_the_unit(rules: JourneyRules) -> None:
    touches, conversions = random_chunk(2000, seed=5)
    result = credit(touches, conversions, rules)
    assert result.unattributed.any()
    net_minor = np.where(conversions.retracted, 0, conversions.net_minor)
    for row in range(len(FIVE_MODELS)):
        for amounts, whole in [
            (result.gross_minor, conversions.gross_minor),
            (result.net_minor, net_minor),
            (result.conversions_micro, np.full(2000, 1_000_000)),
            (result.net_conversions_micro, np.where(conversions.retracted, 0, 1_000_000)),
        ]:
            credited = np.add.reduceat(np.append(amounts[row], 0), result.journeys.offsets[:-1])
            assert np.array_equal(np.where(result.unattributed, whole, credited), whole)


def test_adjustments_keep_the_weights() -> None:
    touches, conversions = random_chunk(300, seed=8)
    adjusted = credit(touches, conversions)
    plain = credit(touches, Conversions.unadjusted(conversions.time_ms, conversions.key, conversions.gross_minor))
    restated = credit(touches, Conversions.unadjusted(conversions.time_ms, conversions.key, conversions.net_minor))
    assert np.array_equal(adjusted.weights, plain.weights)
    assert np.array_equal(adjusted.gross_minor, plain.gross_minor)
    retracted = np.repeat(conversions.retracted, np.diff(adjusted.journeys.offsets))
    assert np.array_equal(adjusted.net_minor, np.where(retracted, 0, restated.gross_minor))
    assert np.array_equal(plain.net_minor, plain.gross_minor)
    assert np.array_equal(plain.net_conversions_micro, plain.conversions_micro)


def test_a_conversion_of_no_value_still_counts() -> None:
    touches = touches_of([(0, 5, 1, "a", TouchKind.CLICK)])
    result = credit(touches, Conversions.unadjusted(times(5), np.array([1], np.uint64), times(0)))
    assert result.gross_minor.sum() == 0
    assert result.conversions_micro.tolist() == [[1_000_000]] * 5


def test_nothing_to_credit() -> None:
    nothing = credit(touches_of([]), Conversions.unadjusted(times(), np.array([], np.uint64), times()))
    assert nothing.weights.shape == nothing.gross_minor.shape == (5, 0)
    alone = credit(touches_of([]), Conversions.unadjusted(times(9), np.array([1], np.uint64), times(100)))
    assert alone.unattributed.tolist() == [True]


def test_a_negative_value_is_refused() -> None:
    with pytest.raises(ValueError, match="refund"):
        credit(touches_of([]), Conversions.unadjusted(times(9), np.array([1], np.uint64), times(-1)))
