"""The worked oracle of SEMANTICS 6: ten paths, and Adobe's example."""

import numpy as np
import pytest

from app.attribution.credit import Conversions, Credit, credit
from app.attribution.models import ModelParams, weights
from app.attribution.names import FIVE_MODELS, TouchKind
from app.attribution.touches import Touches
from tests.unit.attribution.build import times, touches_of

HOUR_MS = 3_600_000
CONVERTED_AT_MS = 10**12

# path, value in cents, ages in hours
CONVERSIONS = [
    ("A", 10000, [0]),
    ("AB", 10000, [168, 0]),
    ("ABC", 9000, [336, 168, 0]),
    ("ABCD", 1001, [504, 336, 168, 24]),
    ("AA", 5000, [168, 24]),
    ("ABA", 3000, [240, 120, 12]),
    ("DDC", 3000, [72, 48, 24]),
    ("DDC", 3000, [72, 48, 24]),
    ("DABAC", 0, [400, 300, 200, 100, 50]),
]

ORACLE = {  # model: conversions of A, B, C, D; value of A, B, C, D
    "first_touch": ([6, 0, 0, 3], [380.01, 0, 0, 60.00]),
    "last_touch": ([3, 1, 4, 1], [180.00, 100.00, 150.00, 10.01]),
    "linear": ([4.15, 1.616667, 1.45, 1.783333], [252.5025, 92.5025, 52.5025, 42.5025]),
    "time_decay": ([3.628386, 1.591032, 1.925479, 1.855103], [217.432179, 103.247241, 76.249021, 43.081559]),
    "position_based": ([4.233333, 1.066667, 1.7, 2.0], [264.004, 75.001, 61.001, 40.004]),
}


@pytest.fixture
def ten_paths() -> tuple[Touches, Credit]:
    touches = touches_of(
        (i, CONVERTED_AT_MS - age * HOUR_MS, 10 * i + place, channel, TouchKind.CLICK)
        for i, (path, _, ages) in enumerate(CONVERSIONS)
        for place, (channel, age) in enumerate(zip(path, ages, strict=True))
    )
    conversions = Conversions.unadjusted(
        np.full(len(CONVERSIONS), CONVERTED_AT_MS),
        np.arange(len(CONVERSIONS), dtype=np.uint64),
        np.array([cents for _, cents, _ in CONVERSIONS]),
    )
    return touches, credit(touches, conversions)


@pytest.mark.parametrize("model", FIVE_MODELS)
def test_ten_paths(ten_paths: tuple[Touches, Credit], model: str) -> None:
    touches, result = ten_paths
    row = FIVE_MODELS.index(model)
    channel = touches.channel[result.journeys.index]
    values = np.repeat([cents / 100 for _, cents, _ in CONVERSIONS], np.diff(result.journeys.offsets))
    conversions, value = ORACLE[model]

    assert np.bincount(channel, result.weights[row]) == pytest.approx(conversions, abs=5e-7)
    assert np.bincount(channel, result.weights[row] * values) == pytest.approx(value, abs=5e-7)
    # The whole units are within one of the exact share, touch by touch; A has ten touches.
    assert np.bincount(channel, result.conversions_micro[row]) / 1e6 == pytest.approx(conversions, abs=1e-5)
    assert np.bincount(channel, result.gross_minor[row]) / 100 == pytest.approx(value, abs=0.05)
    assert result.gross_minor[row].sum() == sum(cents for _, cents, _ in CONVERSIONS)
    assert result.conversions_micro[row].sum() == 9_000_000


def test_adobe() -> None:
    ages_ms = times(9, 6, 0, 0) * 24 * HOUR_MS
    linear, decay = 50 * weights(times(0, 4), ages_ms, ModelParams(half_life_ms=168 * HOUR_MS))[[2, 3]]
    assert linear.tolist() == [12.5] * 4
    assert decay.round(2).tolist() == [6.92, 9.32, 16.88, 16.88]
