"""What is money worth in another currency? (SEMANTICS 4.5)

Each conversion is converted at the rate of its own day and rounded once, half to even; then it is shared by its
stored weights. So a report in one currency still sums to the unit. An adjustment is converted at the rate of its
conversion's day too, whatever day it counts on: what is taken back whole leaves nothing behind. Spend is converted
row by row at the rate of its own day. Only a stored rate of that very day and pair serves: no inverse, no day before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from app.attribution.currency import exponent
from app.attribution.names import FIVE_MODELS, UNATTRIBUTED, Model
from app.errors import BadInput
from app.reports.amounts import MICRO, Amounts
from app.reports.query import AttributionQuery
from app.reports.sharing import share_value
from app.reports.slices import LedgerRow, ledger_rows, slices
from app.storage.client import Storage
from app.storage.fx import RATES
from app.storage.report_ledger import LATE_CONVERSIONS
from app.storage.report_statements import FOREIGN_DAYS
from app.tenants.tenant import Tenant

_TASK = "report.exchange"
_CONTEXT = Context(prec=80)  # an amount of 16 digits times a rate of any sensible length: exact before it is rounded
_NAMED = 10
PER_CURRENCY = "Or leave `currency` out: rows are then per currency."
_EVER = {"first": "1971-01-01", "end": "2148-01-01"}


@dataclass(frozen=True, slots=True)
class ReportedCredit:
    """What one model gives one line of the report out of one conversion."""

    group: tuple[str, ...]
    model: Model
    currency: str
    amounts: Amounts
    is_unattributed: bool


@dataclass(frozen=True, slots=True)
class Rates:
    """A tenant's rates into one currency; `into` '' converts nothing. `or_else` is another way than a missing rate."""

    into: str
    table: dict[tuple[date, str], Decimal]
    or_else: str = PER_CURRENCY

    def currency(self, currency: str) -> str:
        """The currency that an amount of this one is reported in."""
        return self.into or currency

    def minor(self, value_minor: int, currency: str, day: date) -> int:
        """An amount as it is reported.

        Raises
        ------
        BadInput : `missing_rate`.
        """
        if self.into in ("", currency):
            return value_minor
        rate = self.table.get((day, currency))
        if rate is None:
            raise self._missing([(day, currency)], "a conversion or an amount of that day")
        return converted_minor(value_minor, currency, self.into, rate)

    def require(self, needed: Iterable[tuple[date, str]], what: str) -> None:
        """BadInput unless there is a rate for each day and currency."""
        missing = sorted({pair for pair in needed if pair[1] != self.into and pair not in self.table})
        if self.into and missing:
            raise self._missing(missing, what)

    def _missing(self, missing: list[tuple[date, str]], what: str) -> BadInput:
        """The error that names the first day and pair in its message, and up to ten in its detail."""
        day, currency = missing[0]
        more = "; ".join(f"{day} {code}" for day, code in missing[:_NAMED])
        rest = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        return BadInput(
            "missing_rate",
            f"No rate of {day} from {currency} into {self.into}, for {what}.",
            f"POST /v1/fx the rates of these days into {self.into}: {more}{rest}. {self.or_else}",
        )


def read_rates(
    storage: Storage, tenant: Tenant, into: str, params: dict[str, Any] | None = None, or_else: str = PER_CURRENCY
) -> Rates:
    """The rates into a currency: of the period in `params`, or all of them."""
    if not into:
        return Rates("", {})
    asked = (params or _EVER) | {"currency": into}
    stored = storage.rows(RATES, tenant_id=tenant.tenant_id, params=asked, task=_TASK)
    return Rates(into, {(day, currency): Decimal(rate) for day, currency, rate in stored}, or_else)


def convert(storage: Storage, tenant: Tenant, query: AttributionQuery) -> Iterator[ReportedCredit]:
    """The credits of all conversions that are not in the query's currency, converted into it.

    Raises
    ------
    BadInput : `missing_rate`, which names the first day and pair that has none.
    """
    params = query.params() | {"currency": query.currency}
    needed = storage.rows(FOREIGN_DAYS, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    if not needed:
        return
    rates = read_rates(storage, tenant, query.currency, params)
    conversions = sum(count for day, code, count in needed if (day, code) not in rates.table)
    rates.require(((day, code) for day, code, _ in needed), f"{conversions} conversions")
    late = _late(storage, tenant, query)
    for part in slices(storage, tenant, query.period, task=_TASK):
        for row in ledger_rows(storage, tenant, query.period, part, task=_TASK):
            is_asked = query.conversion_type in ("", row.conversion_type) and row.conversion_key not in late
            if is_asked and row.currency != query.currency:
                yield from _credits(row, query, rates)


def converted_minor(value_minor: int, currency: str, into: str, rate: Decimal) -> int:
    """An amount in minor units of `into`, rounded once, half to even.

    Examples
    --------
    >>> converted_minor(1050, "USD", "JPY", Decimal("149.5"))
    1570
    """
    moved = Decimal(value_minor).scaleb(exponent(into) - exponent(currency), context=_CONTEXT)
    return int(_CONTEXT.multiply(moved, rate).to_integral_value(ROUND_HALF_EVEN, context=_CONTEXT))


def _late(storage: Storage, tenant: Tenant, query: AttributionQuery) -> frozenset[int]:
    if not query.is_past:
        return frozenset()
    found = storage.rows(LATE_CONVERSIONS, tenant_id=tenant.tenant_id, params=query.params(), task=_TASK)
    return frozenset(key for (key,) in found)


def _credits(row: LedgerRow, query: AttributionQuery, rates: Rates) -> Iterator[ReportedCredit]:
    """With entries, net begins as gross, and the entries take it from there."""
    gross = rates.minor(row.gross_minor, row.currency, row.day)
    net = gross if query.has_entries else rates.minor(row.net_minor, row.currency, row.day)
    kept = 0 if row.retracted and not query.has_entries else 1
    if not row.touch_keys:
        group = _group(query, UNATTRIBUTED, "", "", row)
        for model in FIVE_MODELS:
            yield ReportedCredit(group, model, rates.into, Amounts(MICRO, MICRO * kept, gross, net), True)
        return
    for number, model in enumerate(FIVE_MODELS):
        at = row.of_model(number)
        weights = row.weights[at]
        gross_shares = share_value(gross, weights, row.conversion_key, row.touch_keys, model)
        shares = zip(
            row.touch_channels,
            row.touch_campaigns,
            row.touch_sources,
            row.micros[at],
            gross_shares,
            gross_shares if net == gross else share_value(net, weights, row.conversion_key, row.touch_keys, model),
            strict=True,
        )
        for channel, campaign, source, micros, gross_minor, net_minor in shares:
            group = _group(query, channel, campaign, source, row)
            amounts = Amounts(micros, micros * kept, gross_minor, net_minor)
            yield ReportedCredit(group, model, rates.into, amounts, False)


def _group(query: AttributionQuery, channel: str, campaign: str, source: str, row: LedgerRow) -> tuple[str, ...]:
    return query.group(
        channel=channel, campaign=campaign, source=source, day=row.day, conversion_type=row.conversion_type
    )
