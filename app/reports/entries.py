"""What did each refund and correction change, on which day? Adjustments as entries of their own (SEMANTICS 4.4, 4.8).

A conversion begins with its gross value. Its adjustments follow in the order (time, id), and each entry is the
difference that one makes: to the value, and to the count where it takes the conversion back or restores it. The
entries of a conversion sum to its net; shared by the original weights, they do so for each touch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from app.attribution.currency import to_minor
from app.attribution.names import FIVE_MODELS, UNATTRIBUTED, Model
from app.reports.amounts import MICRO, Amounts
from app.reports.exchange import Rates, ReportedCredit, read_rates
from app.reports.proof import problem_with
from app.reports.query import Adjusted, AttributionQuery
from app.reports.sharing import share_value
from app.reports.slices import LedgerRow
from app.storage.client import Storage
from app.storage.report_ledger import ADJUSTED_LEDGER, ADJUSTMENTS_RECEIVED
from app.tenants.tenant import Tenant

_TASK = "report.entries"


@dataclass(frozen=True, slots=True)
class Received:
    """One adjustment that counts; `day` is its own, in the tenant's timezone."""

    adjustment_id: str
    order_id: str
    conversion_type: str
    action: str
    value: str
    currency: str
    at_ms: int
    day: date

    def applies_to(self, row: LedgerRow) -> bool:
        if self.conversion_type not in ("", row.conversion_type):
            return False
        return problem_with(self.action, self.value, self.currency, row.currency) is None


@dataclass(frozen=True, slots=True)
class State:
    """What a conversion is worth from a day on."""

    day: date
    value_minor: int
    kept: int


def entries(storage: Storage, tenant: Tenant, query: AttributionQuery) -> Iterator[ReportedCredit]:
    """What the adjustments that count change in net, by the lines of the report; gross is 0 in all of them."""
    by_own_day = query.adjusted is Adjusted.ADJUSTMENT_DAY
    params = query.params() | {"by_own_day": int(by_own_day)}
    received: dict[str, list[Received]] = {}
    for row in storage.rows(ADJUSTMENTS_RECEIVED, tenant_id=tenant.tenant_id, params=params, task=_TASK):
        adjustment = Received(*row)
        received.setdefault(adjustment.order_id, []).append(adjustment)
    if not received:
        return
    rates = read_rates(storage, tenant, query.currency)
    for found in storage.stream(ADJUSTED_LEDGER, tenant_id=tenant.tenant_id, params=params, task=_TASK):
        conversion = LedgerRow(*found)
        states = states_of(conversion, received.get(conversion.order_id, ()))
        if not by_own_day:
            states = [states[0], State(conversion.day, states[-1].value_minor, states[-1].kept)]
        yield from _changes(conversion, states, query, rates)


def states_of(row: LedgerRow, adjustments: Iterable[Received]) -> list[State]:
    """What the conversion was worth at first, and after each of its adjustments."""
    states = [State(row.day, row.gross_minor, 1)]
    for item in sorted(adjustments, key=lambda item: (item.at_ms, item.adjustment_id)):
        if item.applies_to(row):
            is_kept = item.action != "retract"
            value_minor = to_minor(item.value, row.currency) if is_kept else 0
            states.append(State(item.day, value_minor, int(is_kept)))
    return states


def _changes(
    row: LedgerRow, states: Sequence[State], query: AttributionQuery, rates: Rates
) -> Iterator[ReportedCredit]:
    """The steps from each state to the next that fall into the period."""
    period, currency = query.period, rates.currency(row.currency)
    values = [rates.minor(state.value_minor, row.currency, row.day) for state in states]
    for number in range(1, len(states)):
        before, after = states[number - 1], states[number]
        kept, value = after.kept - before.kept, values[number] - values[number - 1]
        if not period.first <= after.day < period.end or not (kept or value):
            continue
        if not row.touch_keys:
            group = _group(query, UNATTRIBUTED, None, after.day, row)
            for model in FIVE_MODELS:
                yield ReportedCredit(group, model, currency, Amounts(0, MICRO * kept, 0, value), True)
            continue
        for place, model in enumerate(FIVE_MODELS):
            old = _shares(row, place, model, before.value_minor, values[number - 1])
            new = _shares(row, place, model, after.value_minor, values[number])
            micros = row.micros[row.of_model(place)]
            for touch, channel in enumerate(row.touch_channels):
                group = _group(query, channel, touch, after.day, row)
                amounts = Amounts(0, micros[touch] * kept, 0, new[touch] - old[touch])
                yield ReportedCredit(group, model, currency, amounts, False)


def _shares(row: LedgerRow, place: int, model: Model, stored_minor: int, value_minor: int) -> list[int]:
    """Of a state: as the ledger has them where it has them, else shared by the same rule."""
    at = row.of_model(place)
    if not value_minor:
        return [0] * len(row.touch_keys)
    if value_minor == stored_minor == row.gross_minor:
        return row.gross[at]
    return share_value(value_minor, row.weights[at], row.conversion_key, row.touch_keys, model)


def _group(query: AttributionQuery, channel: str, touch: int | None, day: date, row: LedgerRow) -> tuple[str, ...]:
    """The line of a touch, by its place; of the conversion itself where it has none."""
    campaign, source = ("", "") if touch is None else (row.touch_campaigns[touch], row.touch_sources[touch])
    return query.group(channel=channel, campaign=campaign, source=source, day=day, conversion_type=row.conversion_type)
