"""What does it save that tenants and their rules are remembered? The same look-up in memory, in Redis, in ClickHouse.

`queries` is how many statements reached ClickHouse in all rounds of the two that are remembered: none.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from app.storage.connections import get_storage
from app.storage.redis import make_redis
from app.storage.tenants import one_tenant
from app.tenants.mirror import tenant_of
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant
from load.figures import Figure, compared, in_turns, of_times
from load.setting import Setting
from load.spent import Spent

TENANTS, QUICK_TENANTS = 20, 4
LOOKUPS = 5
"""Of each tenant in a round."""


def measure(setting: Setting) -> Iterator[Figure]:
    storage = get_storage(settings=setting.settings)
    settings = replace(setting.settings, tenant_cache_s=3_600)  # a slow round must not make memory ask again
    registry = Registry(make_redis(settings.redis_url), lambda: storage, settings)
    registry.rebuild()
    count = QUICK_TENANTS if setting.is_quick else TENANTS
    ids = [registry.create(f"cached-{number}", "Cached")[0].tenant_id for number in range(count)]
    registry.rebuild()

    def from_clickhouse(tenant_id: int) -> Tenant:
        row = one_tenant(storage, tenant_id)
        if row is None:
            raise AssertionError(f"tenant {tenant_id} is gone")
        return tenant_of(row)

    _every(registry.get, ids)
    with Spent() as spent:
        in_turns([partial(_every, registry.get, ids), partial(_every, registry.fresh, ids)], 2)
    ways = [partial(_every, way, ids) for way in (registry.get, registry.fresh, from_clickhouse)]
    memory_s, redis_s, clickhouse_s = in_turns(ways, setting.rounds(7))
    lookups = count * LOOKUPS
    without_ms = 1000 * statistics.median(clickhouse_s) / lookups
    for name, times in (("cache_memory", memory_s), ("cache_redis", redis_s)):
        figure = of_times(name, [taken / lookups for taken in times], lookups, queries=len(spent.seconds))
        yield compared(figure, "a query to ClickHouse", without_ms)


def _every(look_up: Callable[[int], Tenant], ids: Sequence[int]) -> None:
    for _ in range(LOOKUPS):
        for tenant_id in ids:
            look_up(tenant_id)
