"""What was a conversion's credit before it was attributed again, and what is it now?

Every run compares what it is about to write with what stands. Where the credit differs, both sides are kept, summed by
channel; where it does not, and where a conversion is credited for the first time, nothing is written. It is kept
before the ledger is: a chunk that dies in between finds the same difference again, and writes the same row.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.attribution.touches import Int64s, UInt64s
from app.ledger.credits import Credits, of_standing, summed
from app.ledger.fields import Times
from app.ledger.rows import LedgerRows
from app.storage.changes import SIDES, insert_changes
from app.storage.client import Storage
from app.storage.native import Coded, Flat
from app.storage.standing import standing_content, standing_credit

DAY_MS = 86_400_000
TASK = "ledger.history"
Standing = Mapping[str, NDArray[Any]]
"""Columns of `standing_content`."""


def record_changes(
    storage: Storage,
    arrays: Storage,
    stood: Standing,
    rows: LedgerRows,
    *,
    reason: str,
    run_id: str,
    version: int,
) -> int:
    """Keep before and after of the conversions whose credit these ledger rows are going to change.

    Parameters
    ----------
    storage, arrays : without and with numpy.
    stood : of the conversions of these rows.
    rows : what is about to be inserted into `ledger`, all of one run.
    reason : the kind of the run.

    Returns
    -------
    How many conversions change.
    """
    if not len(rows):
        return 0
    differing = differing_of(stood, rows, version)
    if not differing.any():
        return 0
    ours, theirs = _numbered(
        (rows.tenant_id, rows.key), (stood["tenant_id"][differing], stood["conversion_key"][differing])
    )
    wanted = np.isin(ours, theirs)  # and the other days on which an answer may stand
    since = int(stood["version"][differing].min())
    places = rows.tenant_id[wanted], rows.day[wanted], rows.key[wanted]
    old, newest = standing_credit(arrays, *places, since=since, task=TASK)
    before, row = of_standing(old), _row_of(rows, old["tenant_id"], old["conversion_key"])
    is_there = old["is_deleted"] == 0
    held = old["content"]
    if (is_there & (held == 0)).any():
        held = before.content()
    digests = np.where(is_there, held, np.uint64(0)), _content(rows, row)
    # A later run's rows may stand by now.
    changed = newest[((digests[0] != digests[1]) & (old["version"] <= version))[newest]]
    if not len(changed):
        return 0
    n = len(changed)
    columns = {
        "tenant_id": Flat(old["tenant_id"][changed]),
        "conversion_key": Flat(old["conversion_key"][changed]),
        "version": Flat(np.full(n, version)),
        "run_id": [run_id] * n,
        "reason": Coded(np.zeros(n, np.int64), [reason]),
        "changed_at": Flat(np.full(n, time.time_ns() // 1_000_000)),
    }
    sides = (("before", before, np.where(is_there, np.arange(len(row)), -1)), ("after", Credits.of(rows), row))
    for (side, credits, numbers), digest in zip(sides, digests, strict=True):
        said = summed(credits, numbers[changed]) | {"digest": Flat(digest[changed])}
        columns |= {f"{name}_{side}": said[name] for name in SIDES}
    return insert_changes(storage, columns, task=TASK)


def differing_of(stood: Standing, rows: LedgerRows, version: int) -> NDArray[np.bool_]:
    """Which of the standing credits are not known to be what these rows say."""
    row = _row_of(rows, stood["tenant_id"], stood["conversion_key"])
    # Of rows that were written before they said what they hold, content is 0: they are read to be compared.
    other = (row < 0) | (_content(rows, row) != stood["content"])
    differing: NDArray[np.bool_] = np.where(stood["is_deleted"] == 0, other, row >= 0)
    return differing & (stood["version"] <= version)


def standing_of(arrays: Storage, times: Times) -> Standing:
    """What the ledger holds of the conversions of these times, on every day on which an answer may stand."""
    tenant_id, key, ts_ms = times
    if not len(key):
        return {}
    return standing_content(arrays, tenant_id, ts_ms // DAY_MS, key, task=TASK)


def _row_of(rows: LedgerRows, tenant_id: Int64s, key: UInt64s) -> Int64s:
    """Which of the rows is the credit of each of these conversions; -1: none is, it has none any more."""
    alive = np.flatnonzero(rows.is_deleted == 0)
    ours, theirs = _numbered((rows.tenant_id[alive], rows.key[alive]), (tenant_id, key))
    order = np.argsort(ours)
    places = np.searchsorted(ours[order], theirs)
    found = np.full(len(theirs), -1)
    inside = np.flatnonzero(places < len(order))
    candidates = order[places[inside]]
    same = ours[candidates] == theirs[inside]
    found[inside[same]] = alive[candidates[same]]
    return found


def _numbered(*pairs: tuple[Int64s, UInt64s]) -> list[Int64s]:
    """A number for each pair of tenant and key; equal pairs have equal numbers."""
    tenants, keys = (np.unique(np.concatenate(part)) for part in zip(*pairs, strict=True))
    return [np.searchsorted(keys, key) * len(tenants) + np.searchsorted(tenants, tenant) for tenant, key in pairs]


def _content(rows: LedgerRows, numbers: Int64s) -> UInt64s:
    """Of the rows with these numbers; 0 for -1, which is none."""
    return np.append(rows.content, np.uint64(0))[numbers]
