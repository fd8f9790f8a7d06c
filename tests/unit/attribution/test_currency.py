import subprocess
import sys
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attribution.currency import (
    MAX_MINOR,
    AmountError,
    CurrencyError,
    canonical,
    exponent,
    to_decimal_string,
    to_minor,
)


@pytest.mark.parametrize(("code", "places"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("ISK", 0), ("UGX", 0), ("KWD", 3)])
def test_exponents(code: str, places: int) -> None:
    assert exponent(code) == places
    assert canonical(f" {code.lower()} ") == code


@pytest.mark.parametrize("code", ["", "US", "USDT", "XAU", "XXX", "CLF", "UYW", None, 840])
def test_a_currency_without_money_is_refused_with_a_remedy(code: str) -> None:
    with pytest.raises(CurrencyError) as refused:
        exponent(code)
    assert refused.value.problem
    assert refused.value.remedy in str(refused.value)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.99", "USD", 1999),
        (" 19.99 ", "USD", 1999),
        ("+5", "USD", 500),
        (".5", "USD", 50),
        ("5.", "USD", 500),
        ("1e3", "USD", 100_000),
        (0.1 + 0.2, "USD", 30),
        (1.005, "USD", 100),  # half, to even
        (1.015, "USD", 102),
        ("2.5", "JPY", 2),
        ("3.5", "JPY", 4),
        ("1.0149999999999999999999999999999999999999999999999999", "USD", 101),
        (12, "KWD", 12_000),
        (Decimal("0.0005"), "KWD", 0),
        (-0.0, "USD", 0),
        ("1e-9999", "USD", 0),
        (Decimal("1e-999999999"), "USD", 0),
        ("10000000000000.00", "USD", MAX_MINOR),
        (10**15, "JPY", MAX_MINOR),
    ],
)
def test_amounts(amount: str | int | float | Decimal, currency: str, minor: int) -> None:
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        (float("nan"), "not finite"),
        (float("inf"), "not finite"),
        (Decimal("sNaN"), "not finite"),
        ("nan", "not a number"),
        ("", "not a number"),
        ("1,234.50", "not a number"),
        ("1_000", "not a number"),
        ("٣", "not a number"),
        ("1e99999", "not a number"),
        ("12 USD", "not a number"),
        (True, "not a number"),
        (None, "not a number"),
        ([1], "not a number"),
        (-0.001, "negative"),
        ("-5", "negative"),
        ("10000000000000.01", "above"),
        (1e300, "above"),
        ("1e9999", "above"),
        pytest.param(10**5000, "above", id="huge"),
        (Decimal("1e999999"), "above"),
    ],
)
def test_what_is_no_amount_is_refused_with_a_remedy(amount: str, problem: str) -> None:
    with pytest.raises(AmountError) as refused:
        to_minor(amount, "USD")
    assert problem in refused.value.problem
    assert refused.value.remedy in str(refused.value)
    assert len(str(refused.value)) < 200


@given(st.integers(0, MAX_MINOR), st.sampled_from(["JPY", "USD", "KWD"]))
def test_a_decimal_string_is_exact_both_ways(minor: int, currency: str) -> None:
    shown = to_decimal_string(minor, currency)
    assert to_minor(shown, currency) == minor
    assert Decimal(shown).scaleb(exponent(currency)) == minor
    assert to_decimal_string(-minor, currency) == (f"-{shown}" if minor else shown)


def test_the_decimal_context_of_the_caller_changes_nothing() -> None:
    with localcontext() as context:
        context.prec = 3
        assert to_minor("1234567.89", "USD") == 123_456_789


def test_the_edge_can_import_it_without_numpy() -> None:
    program = "import sys, app.attribution.currency, app.attribution.names; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
