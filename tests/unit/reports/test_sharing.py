"""Is a converted value shared as the ledger shares, to the unit?"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.attribution.money import share
from app.reports.exchange import converted_minor
from app.reports.sharing import share_value

weights = st.lists(st.integers(0, 12), min_size=1, max_size=40).filter(any)
keys = st.integers(0, 2**64 - 1)


@example(28_882_342, [0, 0, 0, 3, 10, 10, 7, 12, 12, 2, 6, 6, 12, 12], 0)  # sums of floats differed by their order
@given(st.integers(0, 10**12), weights, keys)
def test_it_is_the_share_of_the_pure_room(value: int, parts: list[int], key: int) -> None:
    fractions = [part / sum(parts) for part in parts]
    touch_keys = [(key * 31 + place * 0x9E3779B97F4A7C15) % 2**64 for place in range(len(parts))]
    expected = share(
        np.array([value]),
        np.array([fractions]),
        np.array([0, len(parts)]),
        np.array([key], np.uint64),
        np.array(touch_keys, np.uint64),
        ["linear"],
    )[0]
    found = share_value(value, fractions, key, touch_keys, "linear")
    assert sum(found) == value
    assert found == expected.tolist()


@given(st.integers(0, 10**15), st.lists(st.floats(0, 1), min_size=1, max_size=60).filter(any), keys)
def test_it_always_sums(value: int, fractions: list[float], key: int) -> None:
    total = sum(fractions)
    if total < 1e-300:
        return
    shared = share_value(value, fractions, key, list(range(len(fractions))), "time_decay")
    assert sum(shared) == value
    assert min(shared) >= 0


@pytest.mark.parametrize(
    ("value", "currency", "into", "rate", "expected"),
    [
        (150, "USD", "EUR", "0.9", 135),
        (5, "USD", "EUR", "0.9", 4),  # 4.5 to even
        (15, "USD", "EUR", "0.9", 14),  # 13.5 to even
        (1, "JPY", "KWD", "0.0021", 2),
        (1_001, "KWD", "JPY", "485.25", 486),
        (10**15, "USD", "EUR", "0.123456789012345678", 123_456_789_012_346),
        (0, "USD", "EUR", "0.9", 0),
    ],
)
def test_a_value_is_rounded_once_half_to_even(value: int, currency: str, into: str, rate: str, expected: int) -> None:
    assert converted_minor(value, currency, into, Decimal(rate)) == expected
