"""Which paths did the journeys take that came to nothing? Kept by buckets of persons; only changed ones counted again.

(SEMANTICS 2.11.) Any touch, merge, cut, erasure or conversion may move such a journey, but only those of the persons
concerned. So every bucket's touches are summed up into a digest, in one pass, and the paths of those whose digest is
another than when they were counted are counted anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from app.attribution.journeys import JourneyRules, select
from app.attribution.paths import Count, PathCounts, count_paths
from app.attribution.touches import Touches
from app.reports.channels import Inputs, Question, rules_of
from app.reports.non_converting import spans_of
from app.storage.client import Storage
from app.storage.unconverted import (
    MOST_BITS,
    Bucket,
    buckets_of,
    count_buckets,
    kept_buckets,
    paths_of_buckets,
)
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant

TOUCHES_A_BUCKET = 200
"""Few enough that a change concerns few others."""
TOUCHES_AT_ONCE = 500_000
MOST_LINKED_IDS = 2_000_000
_FOR_EVER_MS = 1 << 62
_TASK = "attribution.model_channels"


def unconverted(
    storage: Storage, tenant: Tenant, question: Question, inputs: Inputs, tick: Callable[[int, int], None]
) -> PathCounts:
    """The journeys of a question's period that did not convert, under the tenant's rules on channels and its cap.

    Parameters
    ----------
    tick : called with lots of buckets counted, and how many there are.

    Raises
    ------
    BadInput : more linked ids than can be resolved at once.
    """
    spans = spans_of(storage, tenant, question.period, MOST_LINKED_IDS, task=_TASK)
    params = question.params() | {"bits": bits_for(inputs.touches)}
    now = buckets_of(storage, tenant.tenant_id, params, spans)
    kept = kept_buckets(storage, tenant.tenant_id, params)
    lots = list(_lots([bucket for bucket in now if kept.get(bucket.bucket) != bucket.digest]))
    for number, lot in enumerate(lots):
        count_buckets(storage, tenant.tenant_id, params, spans, lot, time.time_ns() // 1_000)
        tick(number + 1, len(lots))
    found = paths_of_buckets(storage, tenant.tenant_id, params, [bucket.bucket for bucket in now])
    return filtered(found, rules_of(tenant, question))


def bits_for(touches: int) -> int:
    """Into 2 to the how many buckets the persons are parted. It doubles as they grow, and then all is counted anew.

    Examples
    --------
    >>> [bits_for(touches) for touches in (0, 1_000, 10**6, 10**9)]
    [1, 3, 13, 16]
    """
    return min(max((touches // TOUCHES_A_BUCKET).bit_length(), 1), MOST_BITS)


def filtered(found: Sequence[tuple[Sequence[str], int]], rules: Rules) -> PathCounts:
    """Paths as the tenant's rules leave them.

    Parameters
    ----------
    found : distinct paths and how many went each.
    """
    lengths = np.array([len(path) for path, _ in found], np.int64)
    names = sorted({channel for path, _ in found for channel in path})
    place = {name: code for code, name in enumerate(names)}
    codes = np.fromiter((place[channel] for path, _ in found for channel in path), np.int32, int(lengths.sum()))
    order = np.arange(len(codes))
    touches = Touches(
        conversion_index=np.repeat(np.arange(len(found)), lengths),
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


def _lots(changed: Sequence[Bucket]) -> Iterator[list[int]]:
    """Neighbouring buckets, about 500,000 touches at once."""
    lot: list[int] = []
    touches = 0
    for bucket in changed:
        lot.append(bucket.bucket)
        touches += bucket.touches
        if touches >= TOUCHES_AT_ONCE:
            yield lot
            lot, touches = [], 0
    if lot:
        yield lot


def _filters(rules: Rules) -> JourneyRules:
    return JourneyRules(
        click_window_ms=_FOR_EVER_MS,
        view_window_ms=_FOR_EVER_MS,
        cap=rules.touch_cap,
        skip_direct=rules.skip_direct,
        excluded_channels=frozenset(rules.excluded_channels),
        collapse_repeats=rules.collapse_repeats,
    )
