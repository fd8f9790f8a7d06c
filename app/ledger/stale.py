"""Which days' rollups are behind the ledger? Those that a block's run has touched and nobody has summed up since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from app.storage import keys
from app.storage.redis import clock_us
from app.storage.scripts import script
from app.storage.statements import Rollup

Marks = Mapping[int, Mapping[date, str]]
"""Tenant -> day -> the mark that its last touch has left: another one each time."""
EVER = date.min, date.max


class StaleDays:
    """A rollup's marks in Redis. A run's close sets them, whoever has refreshed the rollup takes them away."""

    def __init__(self, redis: Any, rollup: Rollup) -> None:
        self._redis = redis
        self._tenants = keys.stale_tenants(rollup)
        self._prefix = keys.stale_days(rollup, "")
        self._refreshed = script(redis, "rollups_refreshed")

    def tenants(self, most: int) -> list[int]:
        """Those whose turn it is, who has waited longest first."""
        now_ms = self._now_ms()
        return [int(tenant) for tenant in self._redis.zrangebyscore(self._tenants, "-inf", now_ms, 0, most)]

    def put_off(self, tenant_id: int, seconds: float) -> None:
        """It is not a tenant's turn before these have gone by, unless its days are fresh by then."""
        self._redis.zadd(self._tenants, {tenant_id: self._now_ms() + round(1000 * seconds)}, xx=True)

    def marks(
        self, tenant_ids: Collection[int], within: tuple[date, date] = EVER, most_days: int | None = None
    ) -> dict[int, dict[date, str]]:
        """The first stale days of each of these tenants, from the first of `within` until before its second.

        A tenant without any is not among them.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for tenant_id in tenant_ids:
                pipe.hgetall(self._prefix + str(tenant_id))
            answers = pipe.execute()
        found = {}
        for tenant_id, marks in zip(tenant_ids, answers, strict=True):
            days = sorted((date.fromisoformat(day.decode()), mark.decode()) for day, mark in marks.items())
            first = [(day, mark) for day, mark in days if within[0] <= day < within[1]][:most_days]
            if first:
                found[tenant_id] = dict(first)
        return found

    def refreshed(self, marks: Marks) -> None:
        """Take these marks away. A day that was touched again meanwhile has another mark, which stays."""
        listed = [
            word for tenant_id, days in marks.items() for day, mark in days.items()
            for word in (tenant_id, day.isoformat(), mark)
        ]  # fmt: skip
        if listed:
            self._refreshed(keys=[self._tenants], args=[self._prefix, *listed])

    def _now_ms(self) -> int:
        return clock_us(self._redis) // 1_000
