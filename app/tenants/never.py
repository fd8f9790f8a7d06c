"""What has a tenant never had? Refunds, and cuts of meetings: most have none of either, and need not be asked for any.

Redis remembers 'none' of a tenant once storage was asked, and 'some' for good. Whoever stores the first one says so
before: from then on nobody can remember 'none', and who read it earlier is as one who asked before it was stored. And
once more after: when the mirror of tenants is filled again, as after a restart of Redis, all is asked again, and who
asked in between remembers 'none' of what was not stored yet.
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

NONE, SOME = b"none", b"some"


class Fact(StrEnum):
    """What may never have been; its value is the name of the hash in Redis."""

    ADJUSTED = keys.ADJUSTED
    CUT = keys.CUT


Never = Mapping[Fact, Collection[int]]
"""The tenants of which it never was."""
UNKNOWN: Never = {Fact.ADJUSTED: (), Fact.CUT: ()}
"""Of no tenant is it known: all is asked for."""

ASK: Mapping[Fact, Callable[[Storage, Collection[int]], set[int]]] = {
    Fact.ADJUSTED: adjusted_among,
    Fact.CUT: cut_among,
}


@contextmanager
def storing(redis: Any, fact: Fact, tenant_ids: Collection[int]) -> Iterator[None]:
    """Around what stores such a thing of these tenants: before any run is recorded that credits by it."""
    some = {str(tenant_id): SOME for tenant_id in tenant_ids}
    if some:
        redis.hset(fact, mapping=some)
    yield
    if some:
        redis.hset(fact, mapping=some)
