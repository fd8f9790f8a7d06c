"""How are the lines of an attribution report added up? In flat lists of figures, since there may be many thousands."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import add, itemgetter
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
AT = {model: WIDTH * place for place, model in enumerate(FIVE_MODELS)}
"""Where a model's figures begin."""

_BY_MODEL = itemgetter(*(place for model in range(len(FIVE_MODELS)) for place in range(model, ALL, len(FIVE_MODELS))))
"""Of figures one after the other, each of all models: model after model."""

Key = TypeVar("Key", bound=Hashable)
Lines = Sequence[tuple[Line, Sequence[int]]]
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

    lines: dict[Line, Sequence[int]] = field(default_factory=dict)
    unattributed: dict[str, Sequence[int]] = field(default_factory=dict)
    _totals: Lines | None = None

    def add_row(self, line: Line, is_unattributed: bool, sums: Sequence[int], *, net_is_gross: bool) -> None:
        """A row of CHANNEL_LINES and the statements that are like it.

        Parameters
        ----------
        sums : four figures, and how often gross and net have wrapped in 64 bits, each of all models.
        net_is_gross : what adjustments change is added to it later.
        """
        found = _BY_MODEL(sums)
        if any(sums[ALL:]):
            found = _unwrapped(found, sums[ALL:])
        if net_is_gross:
            found = [figure for at in AT.values() for figure in (found[at], found[at], found[at + 2], found[at + 2])]
        if any(found):
            self._add(line, is_unattributed, found)

    def add_all(self, credits: Iterable[ReportedCredit]) -> None:
        """What is not in the rollups, conversion by conversion."""
        for credit in credits:
            found = msgspec.structs.astuple(credit.amounts)
            if any(found):
                at = AT[credit.model]
                padded = [0] * at + [*found] + [0] * (ALL - at - WIDTH)
                self._add((credit.currency, credit.group), credit.is_unattributed, padded)

    def ordered(self) -> Lines:
        """All lines, by currency and group."""
        return sorted(self.lines.items())

    def totals(self) -> Lines:
        """One line for each currency: all that it has."""
        if self._totals is None:
            found: dict[str, list[Sequence[int]]] = {}
            for (currency, _), figures in self.lines.items():
                found.setdefault(currency, []).append(figures)
            self._totals = [((code, ()), list(map(sum, zip(*found[code], strict=True)))) for code in sorted(found)]
        return self._totals

    def without_touches(self) -> Lines:
        """One line for each currency: what is unattributed."""
        return [(total, self.unattributed.get(total[0], [0] * ALL)) for total, _ in self.totals()]

    def worth(self) -> Totals:
        """The totals of every currency and model that has something."""
        rows = rows_of(self.totals(), FIVE_MODELS)
        return {(row.currency, row.model): row.amounts for row in rows if row.amounts}

    def models_agree(self) -> bool:
        """Every model shares out the same conversions."""
        return all([*sums] == [*sums[:WIDTH]] * len(FIVE_MODELS) for _, sums in self.totals())

    def _add(self, line: Line, is_unattributed: bool, found: Sequence[int]) -> None:
        self._totals = None
        _add(self.lines, line, found)
        if is_unattributed:
            _add(self.unattributed, line[0], found)


def rows_of(lines: Lines, models: Sequence[Model]) -> list[AttributionRow]:
    """A row for each line and each model."""
    places = [(model, AT[model]) for model in models]
    return [
        AttributionRow(group, model, currency, Amounts(*figures[at : at + WIDTH]))
        for (currency, group), figures in lines
        for model, at in places
    ]


def _add(sums: dict[Key, Sequence[int]], key: Key, found: Sequence[int]) -> None:
    before = sums.get(key)
    sums[key] = found if before is None else list(map(add, before, found))


def _unwrapped(found: Sequence[int], wraps: Sequence[int]) -> list[int]:
    """Figures whose money is beyond 64 bits; `wraps` are those of gross of all models, then those of net."""
    whole, half = list(found), len(FIVE_MODELS)
    for place, at in enumerate(AT.values()):
        whole[at + 2] += wraps[place] << 64
        whole[at + 3] += wraps[half + place] << 64
    return whole
