"""How many events a second does the edge take in, and at which p95?"""

from __future__ import annotations

import itertools
import statistics
import uuid
from collections.abc import Iterator

from app.ingest.inbox import TOTAL
from app.storage import keys
from app.storage.connections import get_storage
from app.storage.redis import make_redis
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant
from load.events import USERS
from load.figures import Figure, compared, of_rates, percentile
from load.poster import Order, Tally, post_from_processes
from load.setting import Setting
from load.web import web

BATCH = 50
CONCURRENCIES, QUICK_CONCURRENCIES = (2, 8, 32), (2,)
PROCESSES = 2
_runs = itertools.count(1)


def measure(setting: Setting) -> Iterator[Figure]:
    _, write_key = bench_tenant(setting)
    seconds = 0.5 if setting.is_quick else 2.0
    with web(setting.settings) as url:
        _post(setting, url, write_key, BATCH, 4, seconds)
        for concurrency in QUICK_CONCURRENCIES if setting.is_quick else CONCURRENCIES:
            batches: list[Tally] = []
            singles: list[Tally] = []
            for _ in range(setting.rounds(3)):
                batches.append(_post(setting, url, write_key, BATCH, concurrency, seconds))
                singles.append(_post(setting, url, write_key, 1, concurrency, seconds))
            single = _figure(f"edge_batches_of_1_by_{concurrency}", singles)
            yield compared(_figure(f"edge_batches_of_{BATCH}_by_{concurrency}", batches), "batches of 1", single.value)
            yield single


def bench_tenant(setting: Setting) -> tuple[Tenant, str]:
    """A new tenant and its write key."""
    registry = Registry(
        make_redis(setting.settings.redis_url), lambda: get_storage(settings=setting.settings), setting.settings
    )
    registry.rebuild()
    tenant, write_key, _ = registry.create(f"bench-{uuid.uuid4().hex[:8]}", "Bench")
    return tenant, write_key


def orders_for(
    url: str, write_key: str, events: int, connections: int, seconds: float, requests: int = 0, users: int = USERS
) -> list[Order]:
    """The same order for every client process; `connections` and `requests` are of all of them together."""
    count = min(PROCESSES, connections)
    prefix = f"bench-{uuid.uuid4().hex[:6]}"
    return [
        Order(url, write_key, prefix, connections // count, events, seconds, -(-requests // count), next(_runs), users)
        for _ in range(count)
    ]


def require_all(tally: Tally) -> Tally:
    """The tally, if every post was answered 200: a refusal is quick, and would look like speed."""
    if tally.refused or not tally.milliseconds:
        raise AssertionError(f"the edge refused posts: {tally.refused}")
    return tally


def empty_inboxes(setting: Setting) -> None:
    """What nobody drains must not slow down what is measured next."""
    redis = make_redis(setting.settings.redis_url)
    for shard in range(setting.settings.shards):
        tenants = [int(field) for field in redis.hkeys(keys.waiting(shard)) if field != TOTAL]
        redis.delete(keys.waiting(shard), *(keys.tenant_inbox(tenant) for tenant in tenants))
    redis.close()


def _post(setting: Setting, url: str, write_key: str, events: int, connections: int, seconds: float) -> Tally:
    tally = require_all(post_from_processes(orders_for(url, write_key, events, connections, seconds)))
    empty_inboxes(setting)
    return tally


def _figure(name: str, tallies: list[Tally]) -> Figure:
    rates = [one.events / one.took_s for one in tallies]
    return of_rates(
        name,
        "events",
        rates,
        sum(one.events for one in tallies),
        p95_ms=statistics.median(percentile(one.milliseconds, 0.95) for one in tallies),
        p50_ms=statistics.median(percentile(one.milliseconds, 0.5) for one in tallies),
    )
