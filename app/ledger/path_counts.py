"""Which paths did a period's journeys take? Counted in chunks and added up (SEMANTICS 2.11).

Conversions come from the rollup of paths, which every run keeps fresh for the days it touched. Journeys that did not
convert come from the touches, by slices of the persons: any touch, merge or later conversion may move one of them, so
they are counted whole, and the count is kept until one of these has changed.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from app.attribution.journeys import JourneyRules, select
from app.attribution.path_bytes import from_bytes, to_bytes
from app.attribution.paths import Count, PathCounts, count_paths, merged
from app.attribution.touches import Touches
from app.errors import BadInput
from app.reports.channels import Inputs, Question, rules_of
from app.reports.days import Period
from app.reports.non_converting import paths_of, spans_of
from app.storage.channel_models import CONVERTING_PATHS, STORED_COUNTS, store_row
from app.storage.client import Storage
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant

DAYS_AT_ONCE = 31
TOUCHES_AT_ONCE = 500_000
MOST_LINKED_IDS = 2_000_000
_FOR_EVER_MS = 1 << 62
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
    slices = max(-(-inputs.touches // TOUCHES_AT_ONCE), 1)
    steps = len(months) + slices + 1
    chunks: dict[tuple[str, str], list[PathCounts]] = {}
    for number, month in enumerate(months):
        for key, paths in _converting(storage, tenant, question, month).items():
            chunks.setdefault(key, []).append(paths)
        tick(number + 1, steps)
    try:
        converting = {key: merged(parts) for key, parts in chunks.items()}
    except ValueError:
        raise _too_much_money() from None
    lost = _kept(storage, tenant, question, inputs)
    if lost is None:
        lost = _lost(storage, tenant, question, slices, lambda done: tick(len(months) + done, steps))
        _keep(storage, tenant, question, inputs, lost)
    return Counted(converting, lost)


def count_lost(found: Sequence[tuple[Sequence[str], int]], rules: Rules) -> PathCounts:
    """Journeys without a conversion, under the tenant's rules on channels and its cap.

    Parameters
    ----------
    found : distinct paths and how many went each.
    """
    lengths = np.array([len(path) for path, _ in found], np.int64)
    names = sorted({channel for path, _ in found for channel in path})
    place = {name: code for code, name in enumerate(names)}
    codes = np.fromiter((place[channel] for path, _ in found for channel in path), np.int32, int(lengths.sum()))
    journey = np.repeat(np.arange(len(found)), lengths)
    order = np.arange(len(codes))
    touches = Touches(
        conversion_index=journey,
        time_ms=order,
        key=order.astype(np.uint64),
        channel=codes,
        kind=np.zeros(len(codes), np.int8),
        campaign=np.zeros(len(codes), np.int32),
        channel_names=names,
    )
    kept = select(touches, np.full(len(found), len(codes), np.int64), _filters(rules))
    counts = np.zeros((len(found), len(Count)), np.int64)
    counts[:, Count.NULLS] = np.where(lengths > 0, [count for _, count in found], 0)
    return count_paths(kept.offsets, codes[kept.index], names, counts)


def _filters(rules: Rules) -> JourneyRules:
    return JourneyRules(
        click_window_ms=_FOR_EVER_MS,
        view_window_ms=_FOR_EVER_MS,
        cap=rules.touch_cap,
        skip_direct=rules.skip_direct,
        excluded_channels=frozenset(rules.excluded_channels),
        collapse_repeats=rules.collapse_repeats,
    )


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


def _lost(storage: Storage, tenant: Tenant, question: Question, slices: int, tick: Callable[[int], None]) -> PathCounts:
    spans = spans_of(storage, tenant, question.period, MOST_LINKED_IDS, task=_TASK)
    rules, parts = rules_of(tenant, question), []
    for number in range(slices):
        found = paths_of(
            storage, tenant, question.period, spans, slice=number, slices=slices, limit=1 << 32, task=_TASK
        )
        parts.append(count_lost(found, rules))
        tick(number + 1)
    return merged(parts)


def _kept(storage: Storage, tenant: Tenant, question: Question, inputs: Inputs) -> PathCounts | None:
    params = question.params() | {"digest": inputs.journeys_digest}
    rows = storage.rows(STORED_COUNTS, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    return from_bytes(base64.b64decode(rows[0][0])) if rows else None


def _keep(storage: Storage, tenant: Tenant, question: Question, inputs: Inputs, lost: PathCounts) -> None:
    now_us = time.time_ns() // 1_000
    row = {
        "tenant_id": tenant.tenant_id,
        "first_day": question.period.first,
        "end_day": question.period.end,
        "timezone": question.period.timezone,
        "digest": inputs.journeys_digest,
        "counted_at": now_us // 1000,
        "counts": base64.b64encode(to_bytes(lost)).decode(),
        "version": now_us,
    }
    store_row(storage, "path_counts", row, task=_TASK)


def _too_much_money() -> BadInput:
    return BadInput(
        "report_too_large", "The period's value is more than 64 bits hold in minor units.", "Ask for fewer days."
    )
