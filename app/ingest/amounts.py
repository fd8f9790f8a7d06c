"""What is it worth? Amounts as clients write them (SEMANTICS 4.6), refused with the field's name and the remedy."""

from __future__ import annotations

from decimal import Decimal

from app.attribution.currency import AmountError, CurrencyError, canonical, to_minor
from app.ingest.refusals import Reason, Refused

_PLACES = 12  # decimals of a touch's cost


def read_currency(value: object, field: str, default: str) -> str:
    """An ISO 4217 code in upper case; the default where it is missing."""
    if value is None or value == "":
        return default
    if value == default:
        return default
    try:
        return canonical(value)  # type: ignore[arg-type]
    except CurrencyError as error:
        raise Refused(Reason.BAD_CURRENCY, f"{field}: {error.problem}.", _sentence(error.remedy)) from None


def read_minor(value: object, field: str, currency: str) -> int:
    """An amount in minor units of its currency."""
    try:
        return to_minor(value, currency)  # type: ignore[arg-type]
    except (AmountError, CurrencyError) as error:
        raise Refused(Reason.BAD_AMOUNT, f"{field}: {error.problem}.", _sentence(error.remedy)) from None


def read_decimal(value: object, field: str) -> str:
    """An amount as a plain decimal string, every decimal kept (a click may cost 0.0035); '' where it is missing."""
    if value is None or value == "":
        return ""
    read_minor(value, field, "USD")
    # As in currency.to_minor: a float is the shortest decimal that prints it.
    number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    if number.as_tuple().exponent < -_PLACES:  # type: ignore[operator]
        number = round(number, _PLACES)
    return format(number, "f") if number else "0"


def _sentence(remedy: str) -> str:
    return remedy[:1].upper() + remedy[1:] + "."
