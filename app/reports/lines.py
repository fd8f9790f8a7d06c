"""How are the lines of an attribution report added up, and how does an answer say them?

There may be a hundred thousand of them, so figures are added up in flat lists, and a line is said in one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.attribution.names import FIVE_MODELS, Model
from app.reports.amounts import Amounts, exact
from app.reports.exchange import ReportedCredit
from app.reports.spend import Line, shown_beside

Totals = dict[tuple[str, Model], Amounts]
"""(currency, model) -> what all lines sum to."""

WIDTH = 4
"""Figures of a model in a flat list, in the order of `Amounts`; the models follow each other in that of FIVE_MODELS."""

_ALL = WIDTH * len(FIVE_MODELS)
_AT = {model: WIDTH * place for place, model in enumerate(FIVE_MODELS)}
_AT_NAME = {str(model): at for model, at in _AT.items()}


class AttributionRow(msgspec.Struct, frozen=True, gc=False):
    """One line under one model: its group (a value for each of the query's `by`), currency and amounts."""

    group: tuple[str, ...]
    model: Model
    currency: str
    amounts: Amounts


@dataclass(slots=True)
class Figures:
    """What was read so far, under all five models: a line that any of them gives something is shown under each."""

    lines: dict[Line, list[int]] = field(default_factory=dict)
    sums: dict[str, list[int]] = field(default_factory=dict)
    unattributed: dict[str, list[int]] = field(default_factory=dict)

    def add_line(
        self, line: Line, is_unattributed: bool, arrays: Sequence[Sequence[Any]], *, net_is_gross: bool
    ) -> None:
        """A row of a `report_lines` statement.

        Parameters
        ----------
        arrays : names of models, and of each the six sums that `app.reports.amounts.summed` takes.
        net_is_gross : what adjustments change is added to it later.
        """
        for name, micro, net_micro, gross, net, gross_about, net_about in zip(*arrays, strict=True):
            at = _AT_NAME[name]
            value = exact(gross, gross_about)
            found = (micro, micro, value, value) if net_is_gross else (micro, net_micro, value, exact(net, net_about))
            self._add(line, at, found, is_unattributed)

    def add_all(self, credits: Iterable[ReportedCredit]) -> None:
        """What is not in the rollups, conversion by conversion."""
        for credit in credits:
            found = msgspec.structs.astuple(credit.amounts)
            self._add((credit.currency, credit.group), _AT[credit.model], found, credit.is_unattributed)

    def rows(self, models: Sequence[Model]) -> list[AttributionRow]:
        """A row for each line and each model, in order."""
        places = [(model, _AT[model]) for model in models]
        return [
            AttributionRow(group, model, currency, Amounts(*figures[at : at + WIDTH]))
            for (currency, group), figures in sorted(self.lines.items())
            for model, at in places
        ]

    def totals(self) -> Totals:
        """Of every currency and model that has something."""
        return {
            (currency, model): amounts
            for currency, sums in self.sums.items()
            for model, at in _AT.items()
            if (amounts := Amounts(*sums[at : at + WIDTH]))
        }

    def total_rows(self, models: Sequence[Model]) -> list[AttributionRow]:
        return list(_rows_of(self.sums, models))

    def unattributed_rows(self, models: Sequence[Model]) -> list[AttributionRow]:
        return list(_rows_of({code: self.unattributed.get(code, [0] * _ALL) for code in self.sums}, models))

    def models_agree(self) -> bool:
        """Every model shares out the same conversions."""
        return all(sums == sums[:WIDTH] * len(FIVE_MODELS) for sums in self.sums.values())

    def _add(self, line: Line, at: int, found: tuple[int, ...], is_unattributed: bool) -> None:
        if not any(found):
            return
        _add(self.lines.setdefault(line, [0] * _ALL), at, found)
        _add(self.sums.setdefault(line[0], [0] * _ALL), at, found)
        if is_unattributed:
            _add(self.unattributed.setdefault(line[0], [0] * _ALL), at, found)


def _add(figures: list[int], at: int, found: tuple[int, ...]) -> None:
    figures[at] += found[0]
    figures[at + 1] += found[1]
    figures[at + 2] += found[2]
    figures[at + 3] += found[3]


def _rows_of(sums: dict[str, list[int]], models: Sequence[Model]) -> Iterator[AttributionRow]:
    for currency, figures in sorted(sums.items()):
        for model in models:
            yield AttributionRow((), model, currency, Amounts(*figures[_AT[model] : _AT[model] + WIDTH]))


def shown_rows(
    rows: Iterable[AttributionRow], by: Sequence[str] = (), spend: dict[Line, int] | None = None
) -> list[dict[str, Any]]:
    """As an answer holds them, with their spend where it is given."""
    names = [str(name) for name in by]
    shown: list[dict[str, Any]] = []
    named: dict[str, Any] = {}
    group: tuple[str, ...] | None = None
    for row in rows:
        if row.group is not group:
            group = row.group
            named = dict(zip(names, group, strict=True))
        beside = {} if spend is None else shown_beside(row.amounts, spend.get((row.currency, group)), row.currency)
        shown.append({**named, "model": row.model.value, **row.amounts.shown(row.currency), **beside})
    return shown
