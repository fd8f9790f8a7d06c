"""Does one tenant that floods slow down the others? 100 tenants, in turns without and with one at 10 times its share.

Posts are sent when they are due. What counts is how the 99 others fare: the p95 of their posts, from when each was due,
and of their orders, from then until the credit stands in the ledger. A ratio of 0.8 is a quarter longer. Ten times a
hundredth is a tenth more for the whole: `_heavy` is a tenant that sends five times as much as all others together.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from clickhouse_driver import Client

from app.storage.connections import get_storage
from app.storage.redis import make_redis
from app.tenants.registry import Registry
from config.queues import Queue
from load.events import numbered, orders_in, template
from load.figures import Figure, compared, of_times, percentile
from load.memory import wait_until_stored
from load.open_loop import Posted, Posts
from load.setting import Setting
from load.web import web
from load.worker_processes import beat, workers

TENANTS, QUICK_TENANTS = 100, 6
EVENTS_PER_S = 200.0
"""Of all tenants together, without the flood: each has an even share."""
BATCH = 5
FLOODS = {"": (10, 4), "_heavy": (500, 2)}
"""Figures' suffix -> times its share that the first tenant sends, and rounds."""
SECONDS, QUICK_SECONDS = 15.0, 1.0
SETTLED_WITHIN_S = 120.0
LOOK_EVERY_S = 0.05
PROCESSES = 2


@dataclass(slots=True)
class Round:
    """How the others fared: of their posts and of their orders, seconds from when each was due."""

    posts_s: list[float] = field(default_factory=list)
    credits_s: list[float] = field(default_factory=list)
    refused: int = 0
    flood_events: int = 0


def measure(setting: Setting) -> Iterator[Figure]:
    count = QUICK_TENANTS if setting.is_quick else TENANTS
    write_keys = make_tenants(setting, count)
    queues = (Queue.INGEST, Queue.ATTRIBUTION, Queue.MAINTENANCE)
    with web(setting.settings) as url, workers(setting.settings, PROCESSES, *queues), beat(setting.settings):
        if not setting.is_quick:
            one_round(setting, url, write_keys)
        for suffix, (flood, rounds) in list(FLOODS.items())[: 1 if setting.is_quick else None]:
            calm: list[Round] = []
            flooded: list[Round] = []
            for _ in range(setting.rounds(rounds)):
                calm.append(one_round(setting, url, write_keys))
                flooded.append(one_round(setting, url, write_keys, flood))
            yield from _figures(suffix, flood, count, calm, flooded)


def _figures(
    suffix: str, flood: int, tenants: int, calm: Sequence[Round], flooded: Sequence[Round]
) -> Iterator[Figure]:
    facts = {
        "tenants": tenants,
        "events_per_s": EVENTS_PER_S,
        "flood": flood,
        "flood_events": sum(one.flood_events for one in flooded),
        "others_refused": sum(one.refused for one in (*calm, *flooded)),
    }
    for name in ("posts", "credits"):
        with_s, without_s = ([p95_of(one, name) for one in rounds] for rounds in (flooded, calm))
        n = sum(len(getattr(one, f"{name}_s")) for one in flooded)
        figure = of_times(f"fairness{suffix}_{name}_p95", with_s, n, **facts)
        yield compared(figure, "the same without the flood", 1000 * statistics.median(without_s))


def p95_of(one: Round, name: str) -> float:
    return percentile(getattr(one, f"{name}_s"), 0.95)


def make_tenants(setting: Setting, count: int) -> list[str]:
    """New tenants; their write keys, the flooder's first."""
    storage = get_storage(settings=setting.settings)
    registry = Registry(make_redis(setting.settings.redis_url), lambda: storage, setting.settings)
    registry.rebuild()
    run = uuid.uuid4().hex[:6]
    return [registry.create(f"fair-{run}-{number}", "Fair")[1] for number in range(count)]


def one_round(setting: Setting, url: str, write_keys: Sequence[str], flood: int = 1) -> Round:
    """Post for a while, and wait for the credit; the first tenant sends `flood` times its share and is not counted."""
    seconds = QUICK_SECONDS if setting.is_quick else SECONDS
    prefix = f"fair-{uuid.uuid4().hex[:8]}"
    done = Round()
    watch = Watch(setting.settings.clickhouse_url, f"o-{prefix}-other")
    posted = asyncio.run(_post(url, write_keys, prefix, seconds, flood, watch))
    for one, events, is_other in posted:
        if not is_other:
            done.flood_events += events
        elif one.status == "200":
            done.posts_s.append(one.milliseconds / 1000)
        else:
            done.refused += 1
    done.credits_s = watch.finish()
    wait_until_stored(setting.settings)  # what a flood has left waiting must not slow down the round without one
    return done


async def _post(
    url: str, write_keys: Sequence[str], prefix: str, seconds: float, flood: int, watch: Watch
) -> list[tuple[Posted, int, bool]]:
    """Every tenant at its share, evenly spaced, out of step with the others; the first at `flood` times its share."""
    share = EVENTS_PER_S / TENANTS
    dice = random.Random(prefix)
    due: list[tuple[float, int, int]] = []
    for tenant in range(len(write_keys)):
        every_s = BATCH / (share * (flood if tenant == 0 else 1))
        first_s = min(every_s, seconds) * dice.random()
        due += [(first_s + number * every_s, tenant, number) for number in range(max(round(seconds / every_s), 1))]
    posts = [Posts(url, key) for key in write_keys]
    began_s = time.perf_counter()
    tasks = []
    for at_s, tenant, number in sorted(due):
        await asyncio.sleep(began_s + at_s - time.perf_counter())
        is_other = tenant > 0
        name = f"{prefix}-{'other' if is_other else 'flood'}-{tenant}"
        body = _body(name, number, dice)
        if is_other:
            watch.expect(orders_in(body), began_s + at_s)
        tasks.append(asyncio.create_task(_one(posts[tenant], body, began_s + at_s, is_other)))
    posted = list(await asyncio.gather(*tasks))
    for one in posts:
        one.close()
    return posted


def _body(name: str, number: int, dice: random.Random) -> bytes:
    """A batch; every fourth of a tenant has an order in it for certain."""
    while True:
        body = numbered(template(name, BATCH, dice, time.time_ns() // 1_000_000), number)
        if number % 4 or orders_in(body):
            return body


async def _one(posts: Posts, body: bytes, due_s: float, is_other: bool) -> tuple[Posted, int, bool]:
    return await posts.send(body, due_s, ""), BATCH, is_other


class Watch:
    """Sees when an order's credit first stands in the ledger.

    Parameters
    ----------
    prefix : of the order ids that are looked for.
    """

    def __init__(self, clickhouse_url: str, prefix: str) -> None:
        self._client = Client.from_url(clickhouse_url)
        self._prefix = prefix
        self._due_s: dict[str, float] = {}
        self._credited_s: dict[str, float] = {}
        self._no_more = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def expect(self, orders: Sequence[str], due_s: float) -> None:
        """These orders were due to be posted then, by the clock of `time.perf_counter`."""
        self._due_s |= dict.fromkeys(orders, due_s)

    def finish(self) -> list[float]:
        """Wait for all of them; seconds from due to credited."""
        self._no_more.set()
        self._thread.join(SETTLED_WITHIN_S)
        self._client.disconnect()
        missing = self._due_s.keys() - self._credited_s.keys()
        if missing:
            raise RuntimeError(f"{len(missing)} of {len(self._due_s)} orders were not credited.")
        return [self._credited_s[order] - due_s for order, due_s in self._due_s.items()]

    def _look(self) -> None:
        query = "SELECT DISTINCT order_id FROM ledger WHERE startsWith(order_id, %(prefix)s)"
        while not (self._no_more.is_set() and self._due_s.keys() <= self._credited_s.keys()):
            for (order,) in self._client.execute(query, {"prefix": self._prefix}):
                self._credited_s.setdefault(order, time.perf_counter())
            time.sleep(LOOK_EVERY_S)
