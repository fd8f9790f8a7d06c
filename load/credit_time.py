"""How long after it was due to be sent is an order's credit readable? Of every order, from the chunk ledger.

An order is credited when the first run that names it is closed: its ledger row is stored, an order that is asked for
shows it, and a report that is asked for sums it up first (`load.report_time`). While the load runs it is noted which
conversions each run names; when it was closed stands in its record. That costs a few reads of Redis, where to ask the
API for every order would be a load of its own. A run may come and go between two looks: an order that seems to be late
because its first run did, and a touch that came later had it credited again, has no time. One order a second is asked
for through the API all the same, just after its run was closed: its credit has to be there.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.errors import TributaryError
from app.ledger.cut import decode_chunk
from app.ledger.keys import conversion_key
from app.storage import keys
from app.storage.redis import make_redis
from load.stack import Stack
from workers.edge import Edge

LOOK_EVERY_S = 0.02
"""A run of a small block is open for little longer than its credit takes."""
LOOKS_AN_ASKING = 50
ORDER_EVENT = "Order Completed"


@dataclass(frozen=True, slots=True)
class Credited:
    """Seconds from when an order was due to be sent until it was stored, and until its credit could be read."""

    stage: str
    stored_s: float
    credited_s: float


@dataclass(slots=True)
class Run:
    """What a run names, and when it was recorded and closed (epoch ms)."""

    conversions: list[int]
    created_ms: int
    closed_ms: int = 0


class CreditTimes:
    """Watches the chunk ledger of a stack from a thread, from `begin` to `finish`."""

    def __init__(self, stack: Stack) -> None:
        self._redis: Any = make_redis(stack.settings.redis_url)
        self._edge = Edge(stack.url, secret_key=stack.secret_key)
        self._due: dict[int, tuple[str, float, str]] = {}
        self._runs: dict[str, Run] = {}
        self._closed: set[int] = set()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="credit", daemon=True)
        self.asked = 0
        self.failure = ""
        """What the API answered of an order that should have been credited, where that was anything else."""

    def begin(self) -> None:
        self._thread.start()

    def offer(self, orders: list[str], due_ms: float, stage: str) -> None:
        """These orders were accepted; they were due to be sent at `due_ms` (epoch ms), in this stage of the load."""
        for order in orders:
            self._due[conversion_key(ORDER_EVENT, order)] = (order, due_ms, stage)

    def closed_orders(self) -> int:
        """How many of the orders have been seen in a run that is closed."""
        return len(self._closed)

    def finish(self) -> list[Credited]:
        """Stop watching, when nothing waits any more. One entry for each order whose first run was seen."""
        self._is_over.set()
        self._thread.join()
        unseen = self._unseen_ms()
        self._edge.close()
        self._redis.close()
        return list(first_times(self._due.values(), map(self._first().get, self._due), unseen))

    def _first(self) -> dict[int, Run]:
        return {key: run for run in sorted(self._runs.values(), key=_newest_first) for key in run.conversions}

    def _unseen_ms(self) -> list[int]:
        """When those runs were created of which nobody saw what they name; ascending."""
        names = set(self._redis.scan_iter(match=keys.run("*"), count=1_000, _type="HASH"))
        names -= {keys.run(run_id).encode() for run_id in self._runs}
        created = (self._redis.hget(name, "created_ms") for name in names)
        return sorted(int(created_ms) for created_ms in created if created_ms)

    def _watch(self) -> None:
        looks = 0
        try:
            while not self._is_over.wait(LOOK_EVERY_S):
                closed = self._look()
                looks += 1
                if looks >= LOOKS_AN_ASKING and closed and self._ask(closed):
                    looks = 0
            self._look()
        except Exception as error:  # told by the load, which would not miss the thread
            self.failure = self.failure or f"credit could not be watched any more: {error!r}"
            raise

    def _look(self) -> list[Run]:
        """Note new runs and what they name. Returns those that have been closed since the last look.

        Runs that come and go while Redis does not answer are not seen: the report says of how many orders.
        """
        with suppress(RedisConnectionError, RedisTimeoutError):
            self._note_new_runs()
            return self._note_closed_runs()
        return []

    def _note_new_runs(self) -> None:
        for name in self._redis.zrange(keys.RUNS_DUE, 0, -1):
            run_id = name.decode()
            created_ms = self._redis.hget(keys.run(run_id), "created_ms") if run_id not in self._runs else None
            if created_ms:
                packed = self._redis.hvals(keys.run_chunks(run_id))
                shares = [share for chunk in map(decode_chunk, packed) for share in chunk.shares]
                found = [key for share in shares for key in share.conversion_keys()]
                self._runs[run_id] = Run(found, int(created_ms))

    def _note_closed_runs(self) -> list[Run]:
        closed = []
        for run_id, run in self._runs.items():
            if not run.closed_ms and (closed_ms := self._redis.hget(keys.run(run_id), "closed_ms")):
                run.closed_ms = int(closed_ms)
                self._closed.update(key for key in run.conversions if key in self._due)
                closed.append(run)
        return closed

    def _ask(self, closed: list[Run]) -> bool:
        """Ask the API for one order of the runs; False where they name none of ours."""
        orders = (self._due[key][0] for run in closed for key in run.conversions if key in self._due)
        order = next(orders, None)
        if order is None:
            return False
        self.asked += 1
        try:
            state = self._edge.get(f"/v1/conversions/{order}")["state"]
        except TributaryError as error:
            state = f"{error.code}: {error.message}"
        if state == "pending" or ":" in state:
            self.failure = f"the run of {order} is closed, and the API says: {state}"
        return True


def first_times(
    due: Iterable[tuple[str, float, str]], runs: Iterable[Run | None], unseen_ms: Sequence[int]
) -> Iterator[Credited]:
    """The times of orders, of those where they are known.

    Blocks take a tenant's batches in the order in which they came. So an order that was stored after one that was due
    later, while a run was recorded of which nobody saw what it names, was named by that one.

    Parameters
    ----------
    due : of each order its id, when it was due (epoch ms), and its stage; `runs`: the first that was seen to name it.
    unseen_ms : when those runs were recorded of which nobody saw what they name, ascending.
    """
    soonest_ms = float("inf")
    closed = [(due_ms, stage, run) for (_, due_ms, stage), run in zip(due, runs, strict=True) if run and run.closed_ms]
    for due_ms, stage, run in sorted(closed, key=_latest_due_first):
        is_overtaken, soonest_ms = soonest_ms < run.created_ms, min(soonest_ms, run.created_ms)
        if not is_overtaken or bisect_left(unseen_ms, due_ms) == bisect_left(unseen_ms, run.created_ms):
            yield Credited(stage, (run.created_ms - due_ms) / 1000, (run.closed_ms - due_ms) / 1000)


def _latest_due_first(one: tuple[float, str, Run]) -> float:
    return -one[0]


def _newest_first(run: Run) -> int:
    return -run.created_ms
