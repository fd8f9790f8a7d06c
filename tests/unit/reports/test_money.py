"""Sums, ratios, intervals and states of a conversion, by themselves."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import astuple

from app.attribution.names import FIVE_MODELS, Model
from app.errors import BadInput
from app.reports import days
from app.reports.amounts import Amounts, exact
from app.reports.bootstrap import intervals
from app.reports.entries import Received, states_of
from app.reports.exchange import Rates, converted_minor
from app.reports.moves import moved, ranks_of
from app.reports.query import Adjusted, read_query
from app.reports.said import SaidRows
from app.reports.slices import LedgerRow
from app.reports.spend import SPEND_FIELDS

MARCH = days.Period(date(2025, 3, 1), date(2025, 4, 1), "Europe/Berlin")


@pytest.mark.parametrize("true", [0, -1, 2**63 - 1, 2**63, -(2**63), 10**25 + 7, -(10**21), 9_224 * 10**15])
def test_a_wrapped_sum_is_told_from_its_float(true: int) -> None:
    wrapped = (true + 2**63) % 2**64 - 2**63
    assert exact(wrapped, float(true)) == true
    assert exact(wrapped, float(true) * (1 + 1e-12)) == true


def test_random_sums_are_exact() -> None:
    rng = random.Random(1)
    for _ in range(200):
        parts = [rng.randrange(10**15) for _ in range(rng.randrange(1, 20_000, 997))] * rng.choice((1, 7))
        true = sum(parts)
        assert exact((true + 2**63) % 2**64 - 2**63, float(sum(map(float, parts)))) == true


def shown_beside(amounts: Amounts, spend_minor: int | None, currency: str) -> dict[str, Any]:
    line = (currency, ())
    rows = SaidRows([(line, [*astuple(amounts)] * len(FIVE_MODELS))], [Model.LINEAR])
    (row,) = msgspec.json.decode(rows.with_spend({} if spend_minor is None else {line: spend_minor}))
    return {name: row[name] for name in SPEND_FIELDS}


class TestSpendBeside:
    def test_ratios_are_rounded_half_to_even(self) -> None:
        shown = shown_beside(Amounts(8_000_000, 3_000_000, 12_345, 0), 100, "USD")
        assert (shown["cpa"], shown["net_cpa"]) == ("0.12", "0.33")
        assert (shown["roas"], shown["net_roas"]) == ("123.4500", "0.0000")

    def test_nothing_is_divided_by_zero(self) -> None:
        assert set(shown_beside(Amounts(), None, "USD").values()) == {None}
        assert shown_beside(Amounts(0, -1, 0, -5), 100, "USD")["net_cpa"] is None

    def test_amounts_far_beyond_64_bits(self) -> None:
        shown = shown_beside(Amounts(10**6, 10**6, 10**25, 10**25), 3, "JPY")
        assert shown["roas"] == "3333333333333333333333333.3333"


class TestStates:
    row = LedgerRow(
        *(1, "Order", "o1", 0, date(2025, 3, 1), "USD", 1_000, 0, 1_000, [], [], [], [], []),
        *([], [], [], [], 1),
    )

    def received(self, id: str, action: str, value: str, at_ms: int, currency: str = "", type: str = "") -> Received:
        return Received(id, "o1", type, action, value, currency, at_ms, date(2025, 3, 1 + at_ms))

    def test_they_follow_by_time_and_id(self) -> None:
        found = states_of(
            self.row,
            [
                self.received("b", "restate", "3", 2),
                self.received("a", "restate", "2", 2),
                self.received("c", "retract", "", 1),
            ],
        )
        assert [(state.value_minor, state.kept) for state in found] == [(1_000, 1), (0, 0), (200, 1), (300, 1)]
        assert [state.day.day for state in found] == [1, 2, 3, 3]

    def test_what_does_not_fit_changes_nothing(self) -> None:
        others = [
            self.received("a", "restate", "3", 2, currency="EUR"),
            self.received("b", "restate", "x", 2),
            self.received("c", "retract", "", 2, type="Lead"),
        ]
        assert len(states_of(self.row, others)) == 1


class TestRates:
    def test_the_currency_itself_needs_none(self) -> None:
        assert Rates("USD", {}).minor(5, "USD", date(2025, 3, 1)) == 5
        assert Rates("", {}).minor(5, "JPY", date(2025, 3, 1)) == 5

    def test_what_is_missing_is_named_up_to_ten(self) -> None:
        needed = [(date(2025, 3, day), "EUR") for day in range(1, 14)]
        with pytest.raises(BadInput) as raised:
            Rates("USD", {needed[0]: Decimal(1)}).require(needed, "13 conversions")
        assert "2025-03-02 from EUR into USD, for 13 conversions" in raised.value.message
        assert raised.value.detail.count("EUR") == 10
        assert "and 2 more" in raised.value.detail

    @pytest.mark.parametrize(
        ("minor", "currency", "into", "rate", "expected"),
        [
            (1, "JPY", "KWD", "0.0025", 2),
            (1, "JPY", "KWD", "0.0035", 4),
            (10**15, "KWD", "JPY", "1e12", 10**24),
            (1, "KWD", "JPY", "0.000000000001", 0),
            (125, "USD", "JPY", "2", 2),
            (10**15, "USD", "EUR", "0.123456789012345678", 123456789012346),
        ],
    )
    def test_exponents_and_limits(self, minor: int, currency: str, into: str, rate: str, expected: int) -> None:
        assert converted_minor(minor, currency, into, Decimal(rate)) == expected


class TestQuery:
    def test_as_of_ends_with_its_day(self) -> None:
        query = read_query(MARCH, as_of="2025-03-29", adjusted="adjustment_day")
        assert query.as_of_ms == 1_743_289_200_000  # 30 March, midnight in Berlin
        assert query.adjusted is Adjusted.ADJUSTMENT_DAY
        assert not read_query(MARCH).has_entries
        # the next day has 23 hours
        assert read_query(MARCH, as_of="2025-03-30").as_of_ms - query.as_of_ms == 23 * 3_600_000

    @pytest.mark.parametrize("words", [{"as_of": "now"}, {"as_of": "2025-02-29"}, {"adjusted": "x"}])
    def test_bad_words(self, words: dict[str, str]) -> None:
        with pytest.raises(BadInput) as raised:
            read_query(MARCH, **words)
        assert next(iter(words)) in raised.value.message


@pytest.mark.parametrize("most", [0, 1, 10**6, 2**61, 10**25])
def test_resampled_sums_are_exact(most: int) -> None:
    rng = random.Random(most)
    series = [[rng.randint(-most, most) for _ in range(9)] for _ in range(5)]
    seen: list[list[int]] = []

    def noted(sums: list[int]) -> list[float]:
        seen.append(sums)
        return [0.0]

    intervals(series, noted, "seed", replicates=20)
    draws = random.Random("seed")
    for sums in seen:
        blocks = draws.choices(range(9), k=9)
        assert sums == [sum(figure[block] for block in blocks) for figure in series]


@pytest.mark.parametrize(
    ("value", "spend", "ratio"),
    [
        *((1, 8, "0.1250"), (1, 32, "0.0312"), (3, 32, "0.0938")),
        *((-1, 32, "-0.0312"), (-2, 3, "-0.6667"), (-1, 10**9, "0.0000")),
    ],
)
def test_a_ratio_of_any_sign_is_rounded_half_to_even(value: int, spend: int, ratio: str) -> None:
    assert shown_beside(Amounts(0, 0, value, 0), spend, "JPY")["roas"] == ratio


def test_intervals_need_seven_blocks_and_narrow_with_more() -> None:
    assert intervals([[1] * 6], lambda sums: [1.0], "s") is None
    rng = random.Random(2)

    def width(blocks: int) -> float:
        series = [[rng.randrange(50, 150) for _ in range(blocks)] for _ in range(2)]
        found = intervals(series, lambda sums: [sums[0] / sum(sums)], "s")
        assert found is not None
        low, high = found[0]
        return high - low

    assert width(10) > width(90) > 0


def test_ranks_share_the_better_place() -> None:
    assert ranks_of([5, 9, 5, 1]) == [2, 1, 2, 4]
    assert moved([3, 5, 2], [5, 1, 4]) == 4
