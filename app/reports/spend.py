"""What did the credit cost? Spend beside the lines of a report: CPA, ROAS, and what has no match on either side.

Spend has a day, a channel and a campaign, and belongs to no model and no conversion type: the same spend stands beside
every model. It is matched by the report's own columns and currency. Spend of a line that nothing credits is listed, as
is credit that cost nothing; so the spend of the rows of one model and the unmatched spend sum to all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import truediv
from typing import Any

from app.attribution.currency import to_decimal_strings
from app.errors import BadInput
from app.reports.amounts import MICRO, Columns, exact
from app.reports.exchange import Rates, read_rates
from app.reports.pages import Line
from app.reports.query import AttributionQuery, By
from app.storage.client import Storage
from app.storage.spend import SPEND_ROWS, SPEND_TO_CONVERT
from app.tenants.tenant import Tenant

MAX_SPEND_ROWS = 500_000
ROAS_SCALE = 10_000
"""Return on spend has four decimals."""

_FLOAT_TELLS = 1 << 52
_HUNDRED = [f"{part:02d}" for part in range(100)]
_TASK = "report.spend"
_BY = (By.CHANNEL, By.CAMPAIGN, By.DAY, By.WEEK, By.MONTH)


@dataclass(slots=True)
class Spend:
    """Spend in minor units by the lines of a report, and in all. Without lines (`by` holds a column that spend does
    not have) only the totals are known."""

    has_lines: bool
    lines: dict[Line, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)

    def add(self, currency: str, group: tuple[str, ...], amount_minor: int) -> None:
        self.totals[currency] = self.totals.get(currency, 0) + amount_minor
        if self.has_lines:
            self.lines[currency, group] = self.lines.get((currency, group), 0) + amount_minor


def spend_of(storage: Storage, tenant: Tenant, query: AttributionQuery) -> Spend:
    """The spend of a report's days.

    Raises
    ------
    BadInput : more than 500,000 lines, or a `currency` into which a day's spend has no rate.
    """
    found = Spend(has_lines=set(query.by) <= set(_BY))
    place = [_BY.index(by) for by in query.by if by in _BY]
    params = query.params() | {"currency": query.currency, "limit": MAX_SPEND_ROWS + 1}
    rows = storage.rows(SPEND_ROWS, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    for currency, *columns, wrapped, about in rows:
        found.add(currency, tuple(columns[i] for i in place), exact(wrapped, about))
    foreign = []
    if query.currency:
        foreign = storage.rows(SPEND_TO_CONVERT, tenant_id=tenant.tenant_id, params=params, task=_TASK)
        _convert(found, foreign, query, read_rates(storage, tenant, query.currency, params) if foreign else None)
    if max(len(rows), len(foreign)) > MAX_SPEND_ROWS:
        raise BadInput(
            "report_too_large",
            f"The period has more than {MAX_SPEND_ROWS} rows of spend.",
            "Ask for fewer days, or for less in `by`.",
        )
    return found


def _convert(found: Spend, rows: list[Any], query: AttributionQuery, rates: Rates | None) -> None:
    if rates is None:
        return
    rates.require(((day, currency) for day, currency, *_ in rows), "the spend of that day")
    for day, currency, channel, campaign, amount_minor in rows:
        group: tuple[str, ...] = ()
        if found.has_lines:
            group = query.group(channel=channel, campaign=campaign, source="", day=day, conversion_type="")
        found.add(query.currency, group, rates.minor(amount_minor, currency, day))


SPEND_FIELDS = ("spend", "spend_minor", "cpa", "net_cpa", "roas", "net_roas")
"""What stands beside a line; null in one without spend."""


def beside(texts: Sequence[str], amounts: Columns, spends: Sequence[int], currency: str) -> list[str]:
    """JSON objects of lines with spend, which lack their last brace, with spend and its ratios behind.

    `cpa`, `net_cpa`: spend per conversion, in the currency, half to even; null where there is nothing to divide by.
    `roas`, `net_roas`: value per spend.

    Parameters
    ----------
    amounts : the four figures of `Amounts`, each of a line for each.
    spends : minor units above 0.
    """
    micros, net_micros, minors, net_minors = amounts
    cpa, roas = _costs_of_one(spends, micros, currency), _ratios(minors, spends)
    net_cpa = cpa if net_micros == micros else _costs_of_one(spends, net_micros, currency)
    net_roas = roas if net_minors == minors else _ratios(net_minors, spends)
    shown = to_decimal_strings(spends, currency)
    return [
        f'{text},"spend":"{spend}","spend_minor":{minor},"cpa":{cost},"net_cpa":{net_cost},"roas":"{ratio}",'
        f'"net_roas":"{net_ratio}"}}'
        for text, spend, minor, cost, net_cost, ratio, net_ratio in zip(
            texts, shown, spends, cpa, net_cpa, roas, net_roas, strict=True
        )
    ]


def _costs_of_one(spends: Sequence[int], micros: Sequence[int], currency: str) -> list[str]:
    """As JSON. By the adjustment's day more may be taken back than was sold, so conversions may be below 0."""
    dividends = [spend * MICRO for spend in spends]
    if min(micros, default=1) > 0:
        return [f'"{cost}"' for cost in to_decimal_strings(_half_even(dividends, micros), currency)]
    some = [micro > 0 for micro in micros]
    costs = _half_even(list(compress(dividends, some)), list(compress(micros, some)))
    found = iter(to_decimal_strings(costs, currency))
    return [f'"{next(found)}"' if is_some else "null" for is_some in some]


def _ratios(minors: Sequence[int], spends: Sequence[int]) -> list[str]:
    parts = _half_even([minor * ROAS_SCALE for minor in minors], spends)
    if min(parts, default=0) < 0:
        return [f"{'-' if part < 0 else ''}{abs(part) // ROAS_SCALE}.{abs(part) % ROAS_SCALE:04d}" for part in parts]
    return [f"{part // ROAS_SCALE}.{_HUNDRED[part // 100 % 100]}{_HUNDRED[part % 100]}" for part in parts]


def _half_even(dividends: Sequence[int], divisors: Sequence[int]) -> list[int]:
    """The whole number nearest to each quotient, of two the even one; divisors are above 0.

    A quotient that is not half-way is 1 / (2 divisor) or more from where it would be. Below 2**52 a float is nearer to
    it than that, so rounding the float is exact.
    """
    if min(dividends, default=0) > -_FLOAT_TELLS and max(dividends, default=0) < _FLOAT_TELLS:
        return list(map(round, map(truediv, dividends, divisors)))
    nearest = []
    for dividend, divisor in zip(dividends, divisors, strict=True):
        whole, left = divmod(2 * dividend + divisor, 2 * divisor)
        nearest.append(whole if left else whole - (whole & 1))
    return nearest
