"""Which paths did a period's journeys take? Counted in chunks and added up (SEMANTICS 2.11).

Conversions come from the rollup of paths, which is summed up first where it is stale; journeys that did not
convert from buckets of persons, of which those are counted again that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from app.attribution.paths import PathCounts, count_paths, merged
from app.errors import BadInput
from app.ledger.unconverted import unconverted
from app.reports.channels import Inputs, Question
from app.reports.days import Period
from app.storage.channel_models import CONVERTING_PATHS
from app.storage.client import Storage
from app.tenants.tenant import Tenant

DAYS_AT_ONCE = 31
_HALF = 50
_MOST_MINOR = 2.0**62
_TASK = "attribution.model_channels"

Tick = Callable[[int, int], None]
"""Called with steps done and steps in all."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The paths of a period: conversions by (type, currency), and journeys that did not convert."""

    converting: dict[tuple[str, str], PathCounts]
    lost: PathCounts

    def of_type(self, conversion_type: str) -> dict[str, PathCounts]:
        """Currency -> its conversions."""
        return {code: paths for (name, code), paths in self.converting.items() if name == conversion_type}

    @property
    def types(self) -> list[str]:
        return sorted({name for name, _ in self.converting})


def count_period(storage: Storage, tenant: Tenant, question: Question, inputs: Inputs, tick: Tick) -> Counted:
    """All paths of a question.

    Raises
    ------
    BadInput : the period's money, or the ids of its persons, are more than can be counted at once.
    """
    months = list(_months(question.period))
    chunks: dict[tuple[str, str], list[PathCounts]] = {}
    for number, month in enumerate(months):
        for key, paths in _converting(storage, tenant, question, month).items():
            chunks.setdefault(key, []).append(paths)
        tick(_HALF * (number + 1) // len(months), 2 * _HALF)
    try:
        converting = {key: merged(parts) for key, parts in chunks.items()}
    except ValueError:
        raise _too_much_money() from None
    lost = unconverted(
        storage, tenant, question, inputs, lambda done, lots: tick(_HALF + _HALF * done // lots, 2 * _HALF)
    )
    return Counted(converting, lost)


def _months(period: Period) -> Iterator[Period]:
    first = period.first
    while first < period.end:
        end = min(first + timedelta(days=DAYS_AT_ONCE), period.end)
        yield Period(first, end, period.timezone)
        first = end


def _converting(
    storage: Storage, tenant: Tenant, question: Question, month: Period
) -> dict[tuple[str, str], PathCounts]:
    params = question.params() | {"first": month.first.isoformat(), "end": month.end.isoformat()}
    rows = storage.rows(CONVERTING_PATHS, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    by_key: dict[tuple[str, str], list[tuple[list[str], list[int]]]] = {}
    for name, code, path, conversions, net_conversions, gross, net, gross_about, net_about in rows:
        if max(gross_about, net_about) >= _MOST_MINOR:
            raise _too_much_money()
        counts = [conversions, net_conversions, 0, gross, net]
        by_key.setdefault((name, code), []).append((path, counts))
    return {key: _paths(found) for key, found in by_key.items()}


def _paths(found: Sequence[tuple[Sequence[str], list[int]]]) -> PathCounts:
    offsets = np.cumsum(np.array([0, *(len(path) for path, _ in found)], np.int64))
    names = sorted({channel for path, _ in found for channel in path})
    place = {name: code for code, name in enumerate(names)}
    codes = np.fromiter((place[channel] for path, _ in found for channel in path), np.int32, int(offsets[-1]))
    try:
        return count_paths(offsets, codes, names, np.array([counts for _, counts in found], np.int64))
    except ValueError:
        raise _too_much_money() from None


def _too_much_money() -> BadInput:
    return BadInput(
        "report_too_large", "The period's value is more than 64 bits hold in minor units.", "Ask for fewer days."
    )
