"""How are conversions and money written down? Whole numbers inside, exact decimal strings beside them outside."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.attribution.currency import to_decimal_string

MICRO = 1_000_000
_WRAP = 1 << 64
_THOUSAND = [f"{part:03d}" for part in range(1000)]
_ENDS = [part.rstrip("0") for part in _THOUSAND]
_SAFE = 9e18  # below 2**63 by more than a float's error


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """Conversions in millionths and value in minor units, before and after adjustments (SEMANTICS 4.3, 4.4).

    A struct, and not a dataclass, since a report may hold a hundred thousand of them.
    """

    conversions_micro: int = 0
    net_conversions_micro: int = 0
    value_minor: int = 0
    net_value_minor: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.conversions_micro + other.conversions_micro,
            self.net_conversions_micro + other.net_conversions_micro,
            self.value_minor + other.value_minor,
            self.net_value_minor + other.net_value_minor,
        )

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.conversions_micro - other.conversions_micro,
            self.net_conversions_micro - other.net_conversions_micro,
            self.value_minor - other.value_minor,
            self.net_value_minor - other.net_value_minor,
        )

    def __bool__(self) -> bool:
        return bool(self.conversions_micro or self.net_conversions_micro or self.value_minor or self.net_value_minor)

    def shown(self, currency: str) -> dict[str, str | int]:
        """As answers hold them: each number exact, twice."""
        micro, net_micro, minor, net_minor = (
            self.conversions_micro,
            self.net_conversions_micro,
            self.value_minor,
            self.net_value_minor,
        )
        conversions, value = micro_string(micro), to_decimal_string(minor, currency)
        return {
            "conversions": conversions,
            "conversions_micro": micro,
            "net_conversions": conversions if net_micro == micro else micro_string(net_micro),
            "net_conversions_micro": net_micro,
            "value": value,
            "value_minor": minor,
            "net_value": value if net_minor == minor else to_decimal_string(net_minor, currency),
            "net_value_minor": net_minor,
            "currency": currency,
        }


NOTHING = Amounts()

Columns = tuple[Sequence[int], ...]
"""The four figures of many `Amounts`, each a column."""


def summed(micros: int, net_micros: int, gross: int, net: int, gross_about: float, net_about: float) -> Amounts:
    """Amounts of a statement's sums: each sum of money as it wraps in 64 bits, and as a float."""
    return Amounts(micros, net_micros, exact(gross, gross_about), exact(net, net_about))


def exact(wrapped: int, about: float) -> int:
    """The true sum, of the one that wraps in 64 bits and the one that has been rounded.

    Examples
    --------
    >>> exact(7_278_142_230_970_761_216, 4.5e20) == 50 * 9 * 10**18
    True
    """
    if -_SAFE < about < _SAFE:
        return wrapped
    return wrapped + round((about - wrapped) / _WRAP) * _WRAP


def micro_strings(micros: Sequence[int]) -> list[str]:
    """`micro_string` of each of many.

    Examples
    --------
    >>> micro_strings([4_150_000, 0, 70])
    ['4.15', '0', '0.00007']
    """
    if min(micros, default=0) < 0:
        return list(map(micro_string, micros))
    return [
        f"{micro // MICRO}.{_THOUSAND[micro // 1000 % 1000]}{_ENDS[micro % 1000]}"
        if micro % 1000
        else f"{micro // MICRO}.{_ENDS[micro // 1000 % 1000]}"
        if micro % MICRO
        else str(micro // MICRO)
        for micro in micros
    ]


def micro_string(micro: int) -> str:
    """Conversions as a decimal string, without trailing zeros.

    Examples
    --------
    >>> micro_string(4_150_000), micro_string(2_000_000), micro_string(-1)
    ('4.15', '2', '-0.000001')
    """
    whole, part = divmod(abs(micro), MICRO)
    text = f"{whole}.{part:06d}".rstrip("0") if part else str(whole)
    return text if micro >= 0 else f"-{text}"
