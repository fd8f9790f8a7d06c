"""How many minor units is this amount? ISO 4217 exponents and exact conversion (SEMANTICS 4.1, 4.6).

Standard library only. No float is ever rounded or added up: a float is read as the shortest decimal
that prints it.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

MAX_MINOR = 10**15  # one amount; int64 sums of thousands of them and 53-bit estimates stay safe

_TWO_DECIMALS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
    RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
    USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_TWO_DECIMALS_WITHDRAWN = "ANG BGN CUC HRK SLL ZWL"  # since 2021: still met in backfills
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = frozenset({"CLF", "UYW"})  # units of account, not money that is paid

_EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_TWO_DECIMALS_WITHDRAWN.split(), 2),
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}

_DECIMAL_STRING = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_CONTEXT = Context(prec=40)  # our own: the thread's context must not change what an amount is worth


class CurrencyError(ValueError):
    """A currency that no amount can be kept in; `problem` and `remedy` say what and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class AmountError(ValueError):
    """An amount that is refused; `problem` and `remedy` say what and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


def to_minor(amount: str | int | float | Decimal, currency: str) -> int:
    """The amount in minor units of its currency, rounded half to even (SEMANTICS 4.6).

    Parameters
    ----------
    amount : str, int, float or Decimal
        A number or a decimal string, in major units (12.34 dollars).
    currency : str
        ISO 4217 code, in either case.

    Returns
    -------
    int
        0 to 10**15 minor units.

    Raises
    ------
    AmountError
        Not a number, not finite, negative, or above 10**15 minor units.
    CurrencyError
        The code is unknown or has no 0, 2 or 3 decimals.

    Examples
    --------
    >>> to_minor("19.99", "USD"), to_minor(1.005, "usd"), to_minor(5, "JPY")
    (1999, 100, 5)
    """
    places = exponent(currency)
    number = _read(amount)
    if not number.is_finite():
        raise AmountError(f"the amount {_shown(amount)} is not finite", "send a decimal number")
    if number < 0:
        raise AmountError(f"the amount {_shown(amount)} is negative", "send 0 or more; a refund is an adjustment")
    # The magnitude first: quantizing 1e9999 would need ten thousand digits.
    if number and number.adjusted() > 16:
        raise _too_large(amount, currency)
    units = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, context=_CONTEXT)
    minor = int(units.scaleb(places, context=_CONTEXT))
    if minor > MAX_MINOR:
        raise _too_large(amount, currency)
    return minor


_FORMATS = {2: "%d.%02d", 3: "%d.%03d"}
_ENDS = {places: [f"{part:0{places}d}" for part in range(10**places)] for places in _FORMATS}
"""What may stand behind the point: looked up where there are many, since formatting takes three times as long."""


def to_decimal_string(minor: int, currency: str) -> str:
    """The exact decimal string of an amount in minor units, negative ones too.

    Examples
    --------
    >>> to_decimal_string(1999, "USD"), to_decimal_string(-5, "KWD"), to_decimal_string(5, "JPY")
    ('19.99', '-0.005', '5')
    """
    places = _EXPONENTS[currency] if currency in _EXPONENTS else exponent(currency)
    if places == 0:
        return str(int(minor))
    text = _FORMATS[places] % divmod(abs(int(minor)), 10**places)
    return text if minor >= 0 else f"-{text}"


def to_decimal_strings(minors: Sequence[int], currency: str) -> list[str]:
    """`to_decimal_string` of each of many.

    Examples
    --------
    >>> to_decimal_strings([1999, 5], "USD")
    ['19.99', '0.05']
    """
    places = exponent(currency)
    if not places:
        return list(map(str, minors))
    if min(minors, default=0) < 0:
        return [to_decimal_string(minor, currency) for minor in minors]
    unit, ends = 10**places, _ENDS[places]
    return [f"{minor // unit}.{ends[minor % unit]}" for minor in minors]


def exponent(code: str) -> int:
    """The number of decimals of a currency: 0, 2 or 3 (ISO 4217).

    Examples
    --------
    >>> exponent("EUR"), exponent("JPY"), exponent("KWD")
    (2, 0, 3)
    """
    return _EXPONENTS[canonical(code)]


def canonical(code: str) -> str:
    """The code as it is stored, trimmed and in upper case; CurrencyError if it is not supported.

    Examples
    --------
    >>> canonical(" eur ")
    'EUR'
    """
    if not isinstance(code, str):
        raise CurrencyError(f"the currency {_shown(code)} is not a code", "send an ISO 4217 code such as USD")
    upper = code.strip().upper()
    if upper in _FOUR_DECIMALS:
        raise CurrencyError(f"the currency {upper} has 4 decimals", "send the amount in CLP or UYU")
    if upper not in _EXPONENTS:
        raise CurrencyError(f"the currency {_shown(code)} is unknown", "send an ISO 4217 code such as USD")
    return upper


def _read(amount: object) -> Decimal:
    if isinstance(amount, Decimal):
        return amount
    if isinstance(amount, float):
        return Decimal(float.__repr__(amount))
    if isinstance(amount, int) and not isinstance(amount, bool):
        return Decimal(int(amount))
    if isinstance(amount, str) and _DECIMAL_STRING.fullmatch(amount.strip()):
        return Decimal(amount.strip())
    raise AmountError(f"the amount {_shown(amount)} is not a number", "send a number or a decimal string")


def _too_large(amount: object, currency: str) -> AmountError:
    return AmountError(
        f"the amount {_shown(amount)} {currency} is above {MAX_MINOR} minor units",
        "send it in major units, such as dollars",
    )


def _shown(value: object) -> str:
    if isinstance(value, int) and abs(value) > 10**40:  # str() of a huge int is slow, and refused by Python
        return "(an integer of more than 40 digits)"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
