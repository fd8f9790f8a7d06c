"""What is a conversion worth in another currency? (SEMANTICS 4.5)

Each conversion is converted at the rate of its own day and rounded once, half to even; then it is shared by its
stored weights. So a report in one currency still sums to the unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

from app.attribution.currency import exponent
from app.attribution.names import FIVE_MODELS, UNATTRIBUTED, Model
from app.errors import BadInput
from app.reports.amounts import MICRO, Amounts
from app.reports.query import AttributionQuery
from app.reports.sharing import share_value
from app.reports.slices import LedgerRow, ledger_rows, slices
from app.storage.client import Storage
from app.storage.report_statements import FOREIGN_DAYS, RATES
from app.tenants.tenant import Tenant

_TASK = "report.exchange"
_CONTEXT = Context(prec=80)  # an amount of 16 digits times a rate of any sensible length: exact before it is rounded

Rates = dict[tuple[date, str], Decimal]


@dataclass(frozen=True, slots=True)
class ConvertedCredit:
    """What one model gives one line of the report out of one conversion in another currency."""

    group: tuple[str, ...]
    model: Model
    amounts: Amounts
    is_unattributed: bool


def convert(storage: Storage, tenant: Tenant, query: AttributionQuery) -> Iterator[ConvertedCredit]:
    """The credits of all conversions that are not in the query's currency, converted into it.

    Raises
    ------
    BadInput : `missing_rate`, which names the first day and pair that has none.
    """
    rates = _rates(storage, tenant, query)
    if not rates:
        return
    for part in slices(storage, tenant, query.period, task=_TASK):
        for row in ledger_rows(storage, tenant, query.period, part, task=_TASK):
            if row.currency != query.currency and query.conversion_type in ("", row.conversion_type):
                yield from _credits(row, query, rates[row.day, row.currency])


def converted_minor(value_minor: int, currency: str, into: str, rate: Decimal) -> int:
    """An amount in minor units of `into`, rounded once, half to even.

    Examples
    --------
    >>> converted_minor(1050, "USD", "JPY", Decimal("149.5"))
    1570
    """
    moved = Decimal(value_minor).scaleb(exponent(into) - exponent(currency), context=_CONTEXT)
    return int(_CONTEXT.multiply(moved, rate).to_integral_value(ROUND_HALF_EVEN, context=_CONTEXT))


def _rates(storage: Storage, tenant: Tenant, query: AttributionQuery) -> Rates:
    """The rate of every day and currency that the report has to convert; all there, or an error."""
    params = query.params() | {"currency": query.currency}
    needed = storage.rows(FOREIGN_DAYS, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    if not needed:
        return {}
    stored = storage.rows(RATES, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    rates = {(day, currency): Decimal(rate) for day, currency, rate in stored}
    for day, currency, conversions in needed:
        if (day, currency) not in rates:
            raise BadInput(
                "missing_rate",
                f"No rate of {day} from {currency} into {query.currency}, for {conversions} conversions.",
                "Store the rate of that day and pair, or leave `currency` out: rows are then per currency.",
            )
    return rates


def _credits(row: LedgerRow, query: AttributionQuery, rate: Decimal) -> Iterator[ConvertedCredit]:
    gross = converted_minor(row.gross_minor, row.currency, query.currency, rate)
    net = converted_minor(row.net_minor, row.currency, query.currency, rate)
    kept = 0 if row.retracted else 1
    if not row.touch_keys:
        group = query.group(channel=UNATTRIBUTED, campaign="", day=row.day, conversion_type=row.conversion_type)
        for model in FIVE_MODELS:
            yield ConvertedCredit(group, model, Amounts(MICRO, MICRO * kept, gross, net), True)
        return
    for number, model in enumerate(FIVE_MODELS):
        at = row.of_model(number)
        weights = row.weights[at]
        shares = zip(
            row.touch_channels,
            row.touch_campaigns,
            row.micros[at],
            share_value(gross, weights, row.conversion_key, row.touch_keys, model),
            share_value(net, weights, row.conversion_key, row.touch_keys, model),
            strict=True,
        )
        for channel, campaign, micros, gross_minor, net_minor in shares:
            group = query.group(channel=channel, campaign=campaign, day=row.day, conversion_type=row.conversion_type)
            yield ConvertedCredit(group, model, Amounts(micros, micros * kept, gross_minor, net_minor), False)
