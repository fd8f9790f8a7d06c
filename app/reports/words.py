"""How are numbers said to a person? Commas between thousands, one thing in the singular. JSON has the bare figures."""

from __future__ import annotations


def grouped(decimal: str) -> str:
    """A decimal string with commas in its whole part; not a digit changes.

    Examples
    --------
    >>> grouped("-1234567.891"), grouped("-0.05"), grouped("999")
    ('-1,234,567.891', '-0.05', '999')
    """
    sign, digits = ("-", decimal[1:]) if decimal.startswith("-") else ("", decimal)
    whole, point, rest = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{rest}" if whole.isdigit() else decimal


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "order"), counted(2500, "order"), counted(0, "journey has", "journeys have")
    ('1 order', '2,500 orders', '0 journeys have')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
