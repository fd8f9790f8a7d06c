"""Which days' journeys are behind the ledger? Those that a block's run has touched and nobody has summed up since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from app.storage import keys
from app.storage.scripts import script

Marks = Mapping[int, Mapping[date, str]]
"""Tenant -> day -> the mark that its last touch has left: another one each time."""


class StaleJourneys:
    """The marks in Redis. A run's close sets them, whoever has refreshed the rollups of journeys takes them away."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._refreshed = script(redis, "journeys_refreshed")

    def tenants(self, most: int) -> list[int]:
        """Those that have some, who has had them longest first."""
        return [int(tenant) for tenant in self._redis.zrange(keys.JOURNEYS_STALE, 0, most - 1)]

    def marks(self, tenant_ids: Collection[int], most_days: int) -> dict[int, dict[date, str]]:
        """The first stale days of each of these tenants; one without any is not among them."""
        with self._redis.pipeline(transaction=False) as pipe:
            for tenant_id in tenant_ids:
                pipe.hgetall(keys.stale_journeys(tenant_id))
            answers = pipe.execute()
        found = {}
        for tenant_id, marks in zip(tenant_ids, answers, strict=True):
            first = sorted((day.decode(), mark.decode()) for day, mark in marks.items())[:most_days]
            if first:
                found[tenant_id] = {date.fromisoformat(day): mark for day, mark in first}
        return found

    def refreshed(self, marks: Marks) -> None:
        """Take these marks away. A day that was touched again meanwhile has another mark, which stays."""
        listed = [
            word for tenant_id, days in marks.items() for day, mark in days.items()
            for word in (tenant_id, day.isoformat(), mark)
        ]  # fmt: skip
        if listed:
            self._refreshed(keys=[keys.JOURNEYS_STALE], args=[keys.stale_journeys(""), *listed])
