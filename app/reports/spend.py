"""What did the credit cost? Spend beside the lines of a report: CPA, ROAS, and what has no match on either side.

Spend has a day, a channel and a campaign, and belongs to no model and no conversion type: the same spend stands beside
every model. It is matched by the report's own columns and currency. Spend of a line that nothing credits is listed, as
is credit that cost nothing; so the spend of the rows of one model and the unmatched spend sum to all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.attribution.currency import to_decimal_string
from app.errors import BadInput
from app.reports.amounts import MICRO, Amounts, exact
from app.reports.exchange import Rates, read_rates
from app.reports.query import AttributionQuery, By
from app.storage.client import Storage
from app.storage.spend import SPEND_ROWS, SPEND_TO_CONVERT
from app.tenants.tenant import Tenant

MAX_SPEND_ROWS = 500_000
ROAS_SCALE = 10_000
"""Return on spend has four decimals."""

_TASK = "report.spend"
_BY = (By.CHANNEL, By.CAMPAIGN, By.DAY, By.WEEK, By.MONTH)
Line = tuple[str, tuple[str, ...]]
"""(currency, group)"""


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
        group = query.group(channel=channel, campaign=campaign, day=day, conversion_type="") if found.has_lines else ()
        found.add(query.currency, group, rates.minor(amount_minor, currency, day))


def shown_beside(amounts: Amounts, spend_minor: int | None, currency: str) -> dict[str, str | int | None]:
    """Spend and its ratios as a line shows them; null where there is no spend, or nothing to divide by.

    `cpa`, `net_cpa`: spend per conversion, in the currency, half to even. `roas`, `net_roas`: value per spend.
    """
    if not spend_minor:
        return NO_SPEND
    micro, net_micro = amounts.conversions_micro, amounts.net_conversions_micro
    minor, net_minor = amounts.value_minor, amounts.net_value_minor
    cpa, roas = _cost_of_one(spend_minor, micro, currency), _ratio(minor, spend_minor)
    return {
        "spend": to_decimal_string(spend_minor, currency),
        "spend_minor": spend_minor,
        "cpa": cpa,
        "net_cpa": cpa if net_micro == micro else _cost_of_one(spend_minor, net_micro, currency),
        "roas": roas,
        "net_roas": roas if net_minor == minor else _ratio(net_minor, spend_minor),
    }


NO_SPEND: dict[str, str | int | None] = dict.fromkeys(("spend", "spend_minor", "cpa", "net_cpa", "roas", "net_roas"))
"""What stands beside a line without spend."""


def _cost_of_one(spend_minor: int, micros: int, currency: str) -> str | None:
    if micros <= 0:  # by the adjustment's day more may be taken back than was sold
        return None
    return to_decimal_string(_half_even(spend_minor * MICRO, micros), currency)


def _ratio(value_minor: int, spend_minor: int) -> str:
    parts = _half_even(value_minor * ROAS_SCALE, spend_minor)
    whole, part = divmod(abs(parts), ROAS_SCALE)
    text = f"{whole}.{part:04d}"
    return text if parts >= 0 else f"-{text}"


def _half_even(dividend: int, divisor: int) -> int:
    """The whole number nearest to a quotient, of two the even one; the divisor is above 0."""
    whole, left = divmod(dividend, divisor)
    return whole + (2 * left > divisor or (2 * left == divisor and whole & 1))
