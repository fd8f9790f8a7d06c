"""Which paths led to the most conversions?

Nearly all paths of a large tenant may be different ones, and counting each of them would take longer than all the rest
of the report. So paths are first counted by a few bits of their hash, in buckets: no path has more conversions than its
bucket. Then the paths of the largest buckets are counted by themselves. Where the last one that is listed has more than
the largest bucket that was left out, the list is the true one; where it has not, every path is counted after all.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from app.reports.amounts import MICRO, Amounts, summed
from app.storage.client import Storage
from app.storage.external import External, one_column
from app.storage.report_journeys import CHANNELS_OF_PATHS, PATH_BUCKETS, PATHS_OF_BUCKETS, TOP_PATHS, WORTH_OF_PATHS
from app.tenants.tenant import Tenant

BUCKETS_A_PATH = 4
"""How many buckets are looked into for each path that is listed."""

Params = dict[str, Any]
Found = list[tuple[Any, ...]]
"""Paths in order, as PATHS_OF_BUCKETS and WORTH_OF_PATHS give them: currency, hash, conversions, …, one of its days."""


def top_paths(
    storage: Storage, tenant: Tenant, params: Params, currencies: list[str]
) -> list[tuple[str, tuple[str, ...], Amounts]]:
    """The most frequent paths of each currency, at most `limit` (of `params`): currency, channels, amounts."""
    ask = partial(storage.rows, tenant_id=tenant.tenant_id, task="report.journeys")
    found = _likely(ask, params, currencies)
    for code in currencies:
        if code not in found:
            found[code] = _counted(ask, params | {"currency": code})
    paths = [row for code in currencies for row in found[code]]
    if not paths:
        return []
    days = {path_hash: day for _, path_hash, *_, day in paths}
    wanted = {"paths": External({"day": ("Date", list(days.values())), "wanted": ("UInt64", list(days))})}
    channels = dict(ask(CHANNELS_OF_PATHS, params=params, external=wanted))
    return [
        (code, tuple(channels[path_hash]), summed(count * MICRO, net_count * MICRO, *money))
        for code, path_hash, count, net_count, *money, _ in paths
        if path_hash in channels  # a run may end between two questions
    ]


def _likely(ask: Any, params: Params, currencies: list[str]) -> dict[str, Found]:
    """By currency, where the largest buckets are enough to tell."""
    limit = params["limit"]
    most = BUCKETS_A_PATH * limit
    buckets = {code: ask(PATH_BUCKETS, params=params | {"currency": code, "buckets": most + 1}) for code in currencies}
    wanted = sorted({bucket for found in buckets.values() for bucket, _ in found[:most]})
    found: dict[str, Found] = {code: [] for code in currencies}
    if wanted:
        for row in ask(PATHS_OF_BUCKETS, params=params, external={"buckets": one_column("wanted", "UInt16", wanted)}):
            found.setdefault(row[0], []).append(row)
    left_out = {code: buckets[code][most][1] if len(buckets[code]) > most else 0 for code in currencies}
    return {
        code: found[code]
        for code in currencies
        if not left_out[code] or (len(found[code]) == limit and found[code][-1][2] > left_out[code])
    }


def _counted(ask: Any, params: Params) -> Found:
    """Of one currency, every path counted."""
    order = [path_hash for path_hash, *_ in ask(TOP_PATHS, params=params)]
    wanted = {"paths": one_column("wanted", "UInt64", sorted(order))}
    worth = {row[1]: row for row in ask(WORTH_OF_PATHS, params=params, external=wanted)} if order else {}
    return [worth[path_hash] for path_hash in order if path_hash in worth]
