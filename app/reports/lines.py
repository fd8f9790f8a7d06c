"""How are the lines of an attribution report added up? In flat lists of figures, since there may be many thousands."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from app.attribution.names import FIVE_MODELS, Model
from app.reports.amounts import Amounts
from app.reports.exchange import ReportedCredit
from app.reports.pages import Line

Totals = dict[tuple[str, Model], Amounts]
"""(currency, model) -> what all lines sum to."""

WIDTH = 4
"""Figures of a model in a flat list, in the order of `Amounts`; the models follow each other in that of FIVE_MODELS."""

ALL = WIDTH * len(FIVE_MODELS)
SUMS = 7
"""Figures of a model in a row of a `report_lines` statement."""
AT = {model: WIDTH * place for place, model in enumerate(FIVE_MODELS)}
"""Where a model's figures begin."""


Key = TypeVar("Key", bound=Hashable)
Lines = Sequence[tuple[Line, list[int]]]
"""In order, each with the figures of all models."""


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
    unattributed: dict[str, list[int]] = field(default_factory=dict)

    def add_row(self, line: Line, is_unattributed: bool, sums: Sequence[int], *, net_is_gross: bool) -> None:
        """A row of a `report_lines` statement.

        Parameters
        ----------
        sums : of each model its place, four figures, and how often gross and net have wrapped in 64 bits.
        net_is_gross : what adjustments change is added to it later.
        """
        found = [0] * ALL
        for place in range(0, len(sums), SUMS):
            at = WIDTH * sums[place]
            found[at : at + WIDTH] = sums[place + 1 : place + 1 + WIDTH]
            found[at + 2] += sums[place + 5] << 64
            found[at + 3] += sums[place + 6] << 64
        if net_is_gross:
            found[1::WIDTH], found[3::WIDTH] = found[0::WIDTH], found[2::WIDTH]
        if not any(found):
            return
        if is_unattributed:
            _add(self.unattributed, line[0], 0, found)
        if line in self.lines:
            _add(self.lines, line, 0, found)
        else:
            self.lines[line] = found

    def add_all(self, credits: Iterable[ReportedCredit]) -> None:
        """What is not in the rollups, conversion by conversion."""
        for credit in credits:
            found = msgspec.structs.astuple(credit.amounts)
            if any(found):
                _add(self.lines, (credit.currency, credit.group), AT[credit.model], found)
                if credit.is_unattributed:
                    _add(self.unattributed, credit.currency, AT[credit.model], found)

    def ordered(self) -> Lines:
        """All lines, by currency and group."""
        return sorted(self.lines.items())

    def totals(self) -> Lines:
        """One line for each currency: all that it has."""
        of_currency: dict[str, list[list[int]]] = {}
        for (currency, _), figures in self.lines.items():
            of_currency.setdefault(currency, []).append(figures)
        return [((code, ()), list(map(sum, zip(*of_currency[code], strict=True)))) for code in sorted(of_currency)]

    def without_touches(self) -> Lines:
        """One line for each currency: what is unattributed."""
        codes = sorted({currency for currency, _ in self.lines})
        return [((code, ()), self.unattributed.get(code, [0] * ALL)) for code in codes]

    def worth(self) -> Totals:
        """The totals of every currency and model that has something."""
        rows = rows_of(self.totals(), FIVE_MODELS)
        return {(row.currency, row.model): row.amounts for row in rows if row.amounts}

    def models_agree(self) -> bool:
        """Every model shares out the same conversions."""
        return all(sums == sums[:WIDTH] * len(FIVE_MODELS) for _, sums in self.totals())


def rows_of(lines: Lines, models: Sequence[Model]) -> list[AttributionRow]:
    """A row for each line and each model."""
    places = [(model, AT[model]) for model in models]
    return [
        AttributionRow(group, model, currency, Amounts(*figures[at : at + WIDTH]))
        for (currency, group), figures in lines
        for model, at in places
    ]


def _add(sums: dict[Key, list[int]], key: Key, at: int, found: Sequence[int]) -> None:
    figures = sums.setdefault(key, [0] * ALL)
    for place, figure in enumerate(found, at):
        figures[place] += figure
