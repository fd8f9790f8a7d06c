"""What has a tenant never had? Refunds, cuts of meetings, webhooks: most have none, and need not be asked for any.

Redis remembers 'none' of a tenant once storage was asked, and 'some' for good. Whoever stores the first one says so
before: from then on nobody can remember 'none', and who read it earlier is as one who asked before it was stored. And
once more after: when the mirror of tenants is filled again, as after a restart of Redis, all is asked again, and who
asked in between remembers 'none' of what was not stored yet.

A 'none' counts only in that life of Redis, and since that filling of the mirror, in which storage was asked. One that
came back with a Redis that had lost its last writes, or with an old copy of it, says nothing of what was stored since;
nor does one that is said late, by who asked before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from app.storage import keys
from app.storage.adjustments import adjusted_among
from app.storage.client import Storage
from app.storage.identity import cut_among
from app.storage.webhooks import webhooked_among

SOME = b"some"
FILLED = b"filled"
"""Field of a fact's hash, beside the tenants: a name of when the mirror was filled."""


class Fact(StrEnum):
    """What may never have been; its value is the name of the hash in Redis."""

    ADJUSTED = keys.ADJUSTED
    CUT = keys.CUT
    WEBHOOKED = keys.WEBHOOKED


Never = Mapping[Fact, Collection[int]]
"""The tenants of which it never was."""
CREDITED_BY = (Fact.ADJUSTED, Fact.CUT)
"""What a chunk is credited by."""
UNKNOWN: Never = dict.fromkeys(CREDITED_BY, ())
"""Of no tenant is it known: all is asked for."""


def none_now(life: bytes, filled: bytes | None) -> bytes:
    """What says 'none' of a tenant in this life of Redis, since this filling of the mirror."""
    return b"none %s %s" % (life, filled or b"")


ASK: Mapping[Fact, Callable[[Storage, Collection[int]], set[int]]] = {
    Fact.ADJUSTED: adjusted_among,
    Fact.CUT: cut_among,
    Fact.WEBHOOKED: webhooked_among,
}


@contextmanager
def storing(redis: Any, fact: Fact, tenant_ids: Collection[int]) -> Iterator[None]:
    """Around what stores such a thing of these tenants: before any run is recorded that needs it."""
    some = {str(tenant_id): SOME for tenant_id in tenant_ids}
    if some:
        redis.hset(fact, mapping=some)
    yield
    if some:
        redis.hset(fact, mapping=some)
