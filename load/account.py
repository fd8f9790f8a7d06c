"""Where did every event go? Each that was answered 200 has to be stored once, each order credited once.

What is stored is asked of storage itself, by message id, and not of any counter on the way.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.storage import keys
from app.storage.client import Storage
from app.storage.redis import make_redis
from app.storage.statements import TenantStatement
from app.tenants.registry import Registry
from load.events import message_ids, numbered, orders_in
from load.stack import Stack

SETTLED_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.25

# The register knows every event; touches and conversions are what reports are made of. A message has to stand in both
# or in neither, and once.
_REGISTERED = TenantStatement(
    "load_registered",
    """
    SELECT message_id, count(), max(role != 'other')
    FROM events FINAL
    WHERE {tenant}
      AND startsWith(message_id, %(prefix)s)
    GROUP BY message_id
    """,
)
_TOUCHES = TenantStatement(
    "load_touches",
    """
    SELECT message_id, count()
    FROM touchpoints FINAL
    WHERE {tenant}
      AND startsWith(message_id, %(prefix)s)
      AND is_deleted = 0
    GROUP BY message_id
    """,
)
_CONVERSIONS = TenantStatement(
    "load_conversions",
    """
    SELECT message_id, count()
    FROM conversions FINAL
    WHERE {tenant}
      AND startsWith(message_id, %(prefix)s)
      AND is_deleted = 0
    GROUP BY message_id
    """,
)
_CREDITED = TenantStatement(
    "load_credited",
    """
    SELECT order_id, count()
    FROM ledger FINAL
    WHERE {tenant}
      AND startsWith(order_id, %(prefix)s)
    GROUP BY order_id
    """,
)


@dataclass(slots=True)
class Sent:
    """What a run has sent: the batches that were answered 200, and those of which nothing is known.

    Parameters
    ----------
    accepted : number of a batch -> its template.
    uncertain : the same, of posts that had no answer or another one: their events may be stored, and need not.
    """

    accepted: dict[int, bytes] = field(default_factory=dict)
    uncertain: dict[int, bytes] = field(default_factory=dict)

    def events(self) -> Iterable[str]:
        return (id for number, body in self.accepted.items() for id in message_ids(numbered(body, number)))

    def orders(self) -> Iterable[str]:
        return (id for number, body in self.accepted.items() for id in orders_in(numbered(body, number)))

    def perhaps(self) -> set[str]:
        """Events that may be stored though nobody was told so."""
        return {id for number, body in self.uncertain.items() for id in message_ids(numbered(body, number))}


@dataclass(frozen=True, slots=True)
class Registered:
    """Rows of an event in the register, and whether it is a touch or a conversion."""

    rows: int
    is_owned: bool


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a run's events. All but `accepted`, `stored`, `orders` and `credited` should be 0.

    Parameters
    ----------
    lost : answered 200 and not stored.
    duplicated : stored more than once, in any of the tables.
    unasked : stored though no post carried them.
    uncredited, credited_twice : orders.
    waiting : batches in the inbox, and runs that are open, when the waiting was given up.
    """

    accepted: int
    stored: int
    lost: int
    duplicated: int
    unasked: int
    orders: int
    credited: int
    uncredited: int
    credited_twice: int
    waiting: int
    settled_s: float

    @property
    def amiss(self) -> int:
        """How many events, orders, batches and runs are not where they belong."""
        return self.lost + self.duplicated + self.unasked + self.uncredited + self.credited_twice + self.waiting

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"accepted {self.accepted:,}, stored {self.stored:,}, lost {self.lost}, duplicated {self.duplicated}, "
            f"unasked for {self.unasked}",
            f"orders {self.orders:,}, credited {self.credited:,}, not credited {self.uncredited}, "
            f"credited twice {self.credited_twice}",
            f"nothing waited any more {self.settled_s:.1f} s after the last post"
            if not self.waiting
            else f"{self.waiting} batches and runs still waited after {self.settled_s:.0f} s",
        ]


def account(stack: Stack, prefix: str, sent: Sent, say: Callable[[str], None]) -> Account:
    """Wait until everything is stored and credited, then count.

    Parameters
    ----------
    prefix : of the run's message ids.
    """
    began_s = time.monotonic()
    waiting = _wait_until_settled(stack, say)
    settled_s = time.monotonic() - began_s
    storage = Storage(stack.settings)
    registry = Registry(make_redis(stack.settings.redis_url), lambda: storage, stack.settings)
    tenant = registry.by_write_key(stack.write_key)
    if tenant is None:
        raise AssertionError("the stack does not know its own write key")

    def found(statement: TenantStatement, start: str) -> list[tuple[Any, ...]]:
        return storage.rows(statement, tenant_id=tenant.tenant_id, params={"prefix": start})

    registered = {id: Registered(rows, bool(is_owned)) for id, rows, is_owned in found(_REGISTERED, prefix)}
    owned = Counter(dict(found(_TOUCHES, prefix))) + Counter(dict(found(_CONVERSIONS, prefix)))
    credited = dict(found(_CREDITED, f"o-{prefix}"))
    storage.close()
    return compare(sent, registered, owned, credited, waiting, settled_s)


def compare(
    sent: Sent,
    registered: Mapping[str, Registered],
    owned: Mapping[str, int],
    credited: Mapping[str, int],
    waiting: int,
    settled_s: float,
) -> Account:
    """What was sent beside what is stored.

    Parameters
    ----------
    registered : of all events, by message id.
    owned : message id -> rows of touches and conversions.
    credited : order id -> ledger rows.
    """
    accepted, orders, perhaps = set(sent.events()), set(sent.orders()), sent.perhaps()
    duplicated = {id for id, one in registered.items() if one.rows > 1} | {id for id, rows in owned.items() if rows > 1}
    # A touch or conversion that stands in the register alone is lost to every report.
    halves = {id for id, one in registered.items() if one.is_owned and id not in owned}
    return Account(
        accepted=len(accepted),
        stored=len(registered),
        lost=len((accepted - registered.keys()) | halves),
        duplicated=len(duplicated),
        unasked=len((registered.keys() | owned.keys()) - accepted - perhaps),
        orders=len(orders),
        credited=len(credited),
        uncredited=len(orders - credited.keys()),
        credited_twice=sum(rows > 1 for rows in credited.values()),
        waiting=waiting,
        settled_s=settled_s,
    )


def _wait_until_settled(stack: Stack, say: Callable[[str], None]) -> int:
    """Returns what still waits: 0, unless the time was up."""
    redis = make_redis(stack.settings.redis_url)
    shards = range(stack.settings.shards)
    end, told = time.monotonic() + SETTLED_WITHIN_S, 0.0
    while True:
        batches = sum(int(redis.hget(keys.waiting(shard), "all") or 0) for shard in shards)
        waiting = batches + int(redis.zcard(keys.RUNS_DUE))
        if not waiting or time.monotonic() > end:
            redis.close()
            return waiting
        if time.monotonic() - told > 2:
            say(f"{waiting} batches and runs wait …")
            told = time.monotonic()
        time.sleep(_LOOK_EVERY_S)
