"""What does the choice of the model change? Ranks, shares and money of channels or campaigns, model beside model.

The first model asked for is the base; each other one is compared with it, and all pairs with each other. What moves
between two models is the money (or conversions) that one gives to other lines than the other does: the sum of what
some lines gain, which is what the rest loses. Unattributed conversions are the same under every model, and apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import Any

import msgspec

from app.attribution.currency import to_decimal_string
from app.attribution.names import UNATTRIBUTED, Model
from app.errors import BadInput
from app.reports.amounts import Amounts, micro_string
from app.reports.attribution import AttributionReport, credited
from app.reports.bootstrap import LEAST_BLOCKS
from app.reports.days import rfc3339
from app.reports.lines import AT
from app.reports.moves import (
    INTERVAL_LINES,
    Interval,
    Table,
    moved,
    moved_share,
    ranks_of,
    shares_intervals,
    shares_of,
)
from app.reports.query import AttributionQuery, By
from app.storage.client import Storage
from app.tenants.tenant import Tenant

_LINES = (By.CHANNEL, By.CAMPAIGN, By.CONVERSION_TYPE)
_DAYS_BY_DAY, _DAYS_BY_WEEK = 92, 731
_DIGITS = 6


class Measure(StrEnum):
    """What is compared."""

    VALUE = "value"
    NET_VALUE = "net_value"
    CONVERSIONS = "conversions"
    NET_CONVERSIONS = "net_conversions"

    @property
    def place(self) -> int:
        """Where it stands among the figures of `Amounts`."""
        return (Measure.CONVERSIONS, Measure.NET_CONVERSIONS, Measure.VALUE, Measure.NET_VALUE).index(self)

    def of(self, amounts: Amounts) -> int:
        """Minor units, or millionths of a conversion."""
        return int(msgspec.structs.astuple(amounts)[self.place])

    @property
    def is_money(self) -> bool:
        return self in (Measure.VALUE, Measure.NET_VALUE)

    def shown(self, units: int, currency: str) -> dict[str, Any]:
        """A figure of this measure: exact, twice."""
        if self.is_money:
            return {"amount": to_decimal_string(units, currency), "amount_minor": units}
        return {"amount": micro_string(units), "amount_micro": units}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models in one currency: units that move, their share of all that is credited, and its interval."""

    one: Model
    other: Model
    moved: int
    moved_share: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Change:
    """A line under another model than the base. `interval` is of the change of its share."""

    units: int
    share: float
    ranks: int
    interval: tuple[float, float] | None

    @property
    def disagrees(self) -> bool | None:
        """Whether the models differ by more than chance moves; None where that cannot be said."""
        return None if self.interval is None else not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, slots=True)
class ComparedLine:
    group: tuple[str, ...]
    units: dict[Model, int]
    shares: dict[Model, float]
    ranks: dict[Model, int]
    changes: dict[Model, Change]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One currency."""

    currency: str
    credited: int
    unattributed: int
    lines: list[ComparedLine]
    pairs: list[Pair]


@dataclass(frozen=True, slots=True)
class CompareReport:
    query: AttributionQuery
    measure: Measure
    block: By
    comparisons: list[Comparison]
    source: AttributionReport

    def shown(self) -> dict[str, Any]:
        """As the API answers."""
        query, period = self.query, self.query.period
        return {
            "from": period.first.isoformat(),
            "to": period.end.isoformat(),
            "timezone": period.timezone,
            "by": list(query.by),
            "models": list(query.models),
            "base": str(query.models[0]),
            "measure": str(self.measure),
            "conversion_type": query.conversion_type or None,
            "rows": [_shown_line(line, item.currency, self) for item in self.comparisons for line in item.lines],
            "pairs": [
                _shown_pair(pair, item.currency, self.measure) for item in self.comparisons for pair in item.pairs
            ],
            "totals": [_shown_total(item, self.measure) for item in self.comparisons],
            "intervals": f"95 %, 400 resamplings of whole {self.block}s; null with fewer than {LEAST_BLOCKS} of them "
            f"or more than {INTERVAL_LINES} lines",
            "reconciled": self.source.reconciled,
            "rules_version": self.source.rules_version,
            "as_of": rfc3339(self.source.as_of_ms),
        }


def read_measure(text: str) -> Measure:
    """Raises BadInput on another word."""
    try:
        return Measure(text or Measure.VALUE)
    except ValueError:
        raise BadInput("bad_measure", f"measure is {text[:40]!r}.", f"Use one of {', '.join(Measure)}.") from None


def compare(
    storage: Storage, tenant: Tenant, query: AttributionQuery, measure: Measure, *, now_ms: int
) -> CompareReport:
    """The report of one tenant; the query's first model is the base.

    Raises
    ------
    BadInput : fewer than two models, a breakdown by time, and whatever `credited` raises.
    """
    if len(query.models) < 2:
        raise BadInput("bad_models", "models names fewer than two models.", "Name two or more, the base first.")
    if not set(query.by) <= set(_LINES):
        raise BadInput("bad_by", f"by holds {', '.join(query.by)}.", f"Compare by {', '.join(_LINES)}.")
    block = _block(query.period.days)
    report = credited(storage, tenant, replace(query, by=(*query.by, block)), now_ms=now_ms)
    tables, unattributed = _tables(report, measure)
    seed = f"{tenant.tenant_id}|{query.period.first}|{query.period.end}|{measure}|{query.conversion_type}"
    comparisons = [
        _comparison(code, tables.get(code, {}), unattributed.get(code, 0), query.models, f"{seed}|{code}")
        for (code, _), _ in report.figures.totals()
    ]
    return CompareReport(query, measure, block, comparisons, report)


def _block(days: int) -> By:
    if days <= _DAYS_BY_DAY:
        return By.DAY
    return By.WEEK if days <= _DAYS_BY_WEEK else By.MONTH


def _tables(report: AttributionReport, measure: Measure) -> tuple[dict[str, Table], dict[str, int]]:
    """Per currency, the credited lines by block; and the unattributed units.

    Blocks are those in which the currency has credit: what another one earned on other days says nothing about it.
    """
    places = {model: AT[model] + measure.place for model in report.query.models}
    lines = report.figures.lines
    named: dict[str, set[str]] = {}
    for currency, (*group, block) in lines:
        if UNATTRIBUTED not in group:
            named.setdefault(currency, set()).add(block)
    blocks = {code: {block: place for place, block in enumerate(sorted(some))} for code, some in named.items()}
    tables: dict[str, Table] = {}
    for (currency, (*group, block)), figures in lines.items():
        if UNATTRIBUTED not in group:
            table = tables.setdefault(currency, {})
            models = table.setdefault(tuple(group), {model: [0] * len(blocks[currency]) for model in places})
            for model, at in places.items():
                models[model][blocks[currency][block]] += figures[at]
    first = places[report.query.models[0]]
    return tables, {currency: sums[first] for (currency, _), sums in report.figures.without_touches()}


def _comparison(code: str, table: Table, unattributed: int, models: Sequence[Model], seed: str) -> Comparison:
    groups = sorted(table)
    units = {model: [sum(table[group][model]) for group in groups] for model in models}
    credited = sum(units[models[0]])
    shares = {model: shares_of(units[model]) for model in models}
    ranks = {model: ranks_of(units[model]) for model in models}
    changes, moves = shares_intervals(table, groups, models, seed)
    base = models[0]
    lines = [
        ComparedLine(
            group,
            {model: units[model][place] for model in models},
            {model: shares[model][place] for model in models},
            {model: ranks[model][place] for model in models},
            {
                model: Change(
                    units[model][place] - units[base][place],
                    shares[model][place] - shares[base][place],
                    ranks[base][place] - ranks[model][place],
                    changes[model][place] if changes else None,
                )
                for model in models[1:]
            },
        )
        for place, group in enumerate(groups)
    ]
    lines.sort(key=lambda line: (-line.units[base], line.group))
    pairs = [
        Pair(
            one,
            other,
            moved(units[one], units[other]),
            moved_share(shares[one], shares[other]),
            moves[one, other] if moves else None,
        )
        for one, other in combinations(models, 2)
    ]
    return Comparison(code, credited, unattributed, lines, pairs)


def _shown_line(line: ComparedLine, currency: str, report: CompareReport) -> dict[str, Any]:
    named = {str(name): value for name, value in zip(report.query.by, line.group, strict=True)}
    models = {
        str(model): report.measure.shown(line.units[model], currency)
        | {"share": round(line.shares[model], _DIGITS), "rank": line.ranks[model]}
        for model in report.query.models
    }
    changes = {
        str(model): report.measure.shown(change.units, currency)
        | {
            "share": round(change.share, _DIGITS),
            "share_interval": _rounded(change.interval),
            "ranks_gained": change.ranks,
            "disagrees": change.disagrees,
        }
        for model, change in line.changes.items()
    }
    return named | {"currency": currency, "models": models, "changes": changes}


def _shown_pair(pair: Pair, currency: str, measure: Measure) -> dict[str, Any]:
    return {"models": [str(pair.one), str(pair.other)], "currency": currency} | {
        "moved": measure.shown(pair.moved, currency),
        "moved_share": round(pair.moved_share, _DIGITS),
        "moved_share_interval": _rounded(pair.interval),
    }


def _shown_total(item: Comparison, measure: Measure) -> dict[str, Any]:
    return {
        "currency": item.currency,
        "credited": measure.shown(item.credited, item.currency),
        "unattributed": measure.shown(item.unattributed, item.currency),
    }


def _rounded(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(end, _DIGITS) for end in interval]
