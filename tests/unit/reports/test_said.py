"""Do rows that are said column by column hold what each of their figures says by itself?"""

from __future__ import annotations

import random
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import msgspec
import pytest

from app.attribution.currency import exponent, to_decimal_string, to_decimal_strings
from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.errors import BadInput
from app.reports.amounts import MICRO, Amounts, micro_string, micro_strings
from app.reports.lines import Lines, rows_of
from app.reports.pages import Line, cursor_of, read_after, read_limit
from app.reports.said import SaidRows
from app.reports.spend import _half_even

NAMES = ("search", "", "50 % off", 'a "b" \\ c', "ü 🦊", "\x00\n", "{}%s", UNATTRIBUTED)
EXACT = Context(prec=60)


def lines(seed: int, currencies: tuple[str, ...] = ("JPY", "KWD", "USD")) -> Lines:
    rng = random.Random(seed)

    def figures() -> list[int]:
        size = 10 ** rng.randrange(1, 26)
        found = [rng.randrange(-size if rng.random() < 0.2 else 0, size) for _ in range(4)]
        return [found[0], found[0], found[2], found[2]] if rng.random() < 0.3 else found

    names = [(code, (first, second)) for code in currencies for first in NAMES for second in ("x", "y")]
    return [(name, [figure for _ in FIVE_MODELS for figure in figures()]) for name in sorted(names)]


def beside(amounts: Amounts, spend: int, currency: str) -> dict[str, Any]:
    """Spend's part of a row, with decimals of 60 digits."""

    def cost(micros: int) -> str | None:
        if micros <= 0:
            return None
        one = EXACT.divide(Decimal(spend * MICRO), Decimal(micros))
        return to_decimal_string(int(one.quantize(Decimal(1), ROUND_HALF_EVEN, EXACT)), currency)

    def ratio(minor: int) -> str:
        text = str(EXACT.divide(Decimal(minor), Decimal(spend)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN, EXACT))
        return "0.0000" if Decimal(text) == 0 else text

    return {
        "spend": to_decimal_string(spend, currency),
        "spend_minor": spend,
        "cpa": cost(amounts.conversions_micro),
        "net_cpa": cost(amounts.net_conversions_micro),
        "roas": ratio(amounts.value_minor),
        "net_roas": ratio(amounts.net_value_minor),
    }


@pytest.mark.parametrize("seed", range(6))
def test_each_row_says_its_amounts(seed: int) -> None:
    some, models, by = lines(seed), FIVE_MODELS[seed % 2 :], ("channel", "day")
    rng = random.Random(seed)
    spend = {line: rng.randrange(1, 10**9) for line, _ in some if rng.random() < 0.5}
    said = SaidRows(some, models, by)
    plain = msgspec.json.decode(said.plain())
    with_spend = msgspec.json.decode(said.with_spend(spend))
    credit = []
    for row, short, full in zip(rows_of(some, models), plain, with_spend, strict=True):
        line = row.currency, row.group
        amounts = row.amounts
        named = dict(zip(by, row.group, strict=True)) | {"model": str(row.model)} | amounts.shown(row.currency)
        nothing = dict.fromkeys(("spend", "spend_minor", "cpa", "net_cpa", "roas", "net_roas"))
        assert short == named
        assert list(short) == list(named)
        assert full == named | (beside(amounts, spend[line], row.currency) if line in spend else nothing)
        if line not in spend and UNATTRIBUTED not in row.group and amounts:
            credit.append(named)
    assert msgspec.json.decode(said.credit_without(spend)) == credit


def test_no_lines_are_no_rows() -> None:
    said = SaidRows([], FIVE_MODELS, ("channel",))
    for rows in (said.plain(), said.with_spend({}), said.credit_without({})):
        assert msgspec.json.decode(rows) == []


@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
def test_columns_are_written_as_single_figures_are(currency: str) -> None:
    edges = [10**place + more for place in range(20) for more in (-1, 0, 1)]
    for column in (edges, [-edge for edge in edges], []):
        assert to_decimal_strings(column, currency) == [to_decimal_string(minor, currency) for minor in column]
        assert micro_strings(column) == [micro_string(micro) for micro in column]
    assert exponent(currency) in (0, 2, 3)


def test_quotients_are_rounded_half_to_even_on_both_sides_of_where_floats_end() -> None:
    rng = random.Random(4)
    divisors = [rng.randrange(1, 10 ** rng.randrange(1, 17)) for _ in range(4_000)]
    halves = [rng.randrange(2 ** rng.randrange(1, 20)) for _ in divisors]
    ties = [(2 * half + 1) * divisor // 2 for half, divisor in zip(halves, divisors, strict=True)]
    near = [tie + rng.randrange(-1, 2) for tie in ties]
    for sign in (1, -1):
        dividends = [sign * dividend for dividend in near]
        expected = [
            int(EXACT.divide(Decimal(dividend), Decimal(divisor)).quantize(Decimal(1), ROUND_HALF_EVEN, EXACT))
            for dividend, divisor in zip(dividends, divisors, strict=True)
        ]
        pairs = [pair for pair in zip(dividends, divisors, expected, strict=True) if abs(pair[0]) < 2**52]
        assert len(pairs) > 1_000
        assert _half_even([pair[0] for pair in pairs], [pair[1] for pair in pairs]) == [pair[2] for pair in pairs]
        assert _half_even([*dividends, 2**53], [*divisors, 1]) == [*expected, 2**53]


class TestPages:
    @pytest.mark.parametrize("group", [(), ("ü 🦊",), ("", "a,b", '"')])
    def test_a_cursor_names_its_line(self, group: tuple[str, ...]) -> None:
        line: Line = ("USD", group)
        assert read_after(cursor_of(line), len(group)) == line

    @pytest.mark.parametrize("text", ["x", "é", "W10", "eyJhIjoxfQ", "%", cursor_of(("USD", ("a", "b")))])
    def test_another_word_is_refused(self, text: str) -> None:
        with pytest.raises(BadInput) as raised:
            read_after(text, 1)
        assert raised.value.code == "bad_after"

    @pytest.mark.parametrize("text", ["0", "-1", "200001", "1e3", "٣", "9" * 5000, "0" * 9 + "7" * 9])
    def test_a_limit_has_its_bounds(self, text: str) -> None:
        with pytest.raises(BadInput) as raised:
            read_limit(text, 200_000, "lines")
        assert raised.value.code == "bad_limit"
