"""Whose key is this, and which rules hold for it? Answered from memory, else from Redis, else from ClickHouse.

ClickHouse holds the truth; Redis a mirror of it, so that the edge goes on while ClickHouse is away; every process
a copy for `tenant_cache_s`. An unknown key costs one look into Redis and never a query.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence

from redis import Redis

from app.errors import NotFound, TributaryError, Unavailable
from app.storage.client import Storage
from app.storage.tenants import TenantRow, all_tenants, one_tenant, tenant_by_slug
from app.tenants.cache import Cache
from app.tenants.keys import hash_of
from app.tenants.mirror import Known, Mirror, tenant_of
from app.tenants.never import ASK, CREDITED_BY, SOME, Fact, Never
from app.tenants.tenant import Tenant
from config.settings import Settings

UNKNOWN_FOR_S = 5.0
RETRY_REBUILD_S = 2.0
"""After a rebuild failed, keys are answered with `Unavailable` for so long before it is tried again; and for so long a
thread waits for the one that rebuilds."""


class Lookup:
    """The tenants as they are, for one process; safe for threads.

    Parameters
    ----------
    redis : the mirror.
    storage_factory : gives the calling thread's storage; called only where ClickHouse is needed.
    """

    def __init__(self, redis: Redis, storage_factory: Callable[[], Storage], settings: Settings) -> None:
        self._mirror = Mirror(redis)
        self._storage = storage_factory
        self._settings = settings
        self._no_rebuild_before = 0.0
        self._rebuilding = threading.Lock()
        self._by_key: Cache[int | None] = Cache()
        self._by_id: Cache[Tenant] = Cache()

    def by_write_key(self, key: str) -> Tenant | None:
        """The tenant that sends events with this key."""
        return self._by_secret(key, "w")

    def by_secret_key(self, key: str) -> Tenant | None:
        """The tenant that reads and administers with this key."""
        return self._by_secret(key, "s")

    def get(self, tenant_id: int) -> Tenant:
        """The tenant and its rules in force.

        Raises
        ------
        NotFound : there is none.
        Unavailable : neither Redis nor ClickHouse can say.
        """
        return self._by_id.load(
            tenant_id,
            lambda: self._mirror.record(tenant_id) or self._from_storage(tenant_id),
            lambda _: self._settings.tenant_cache_s,
        )

    def list(self) -> list[Tenant]:
        """Every tenant, closed ones too, by id."""
        return [tenant_of(row) for row in all_tenants(self._storage())]

    def by_slug(self, slug: str) -> Tenant:
        """The tenant of this name, as ClickHouse has it.

        Raises
        ------
        NotFound : there is none.
        """
        return tenant_of(self._row(slug))

    def fresh(self, tenant_id: int) -> Tenant:
        """The tenant as Redis has it this moment: who computes with rules must not believe its memory."""
        return self.fresh_of([tenant_id])[0]

    def fresh_of(self, tenant_ids: Collection[int]) -> Sequence[Tenant]:
        """The same of several tenants."""
        return self._known(tenant_ids, self._read(tenant_ids).records)

    def fresh_and_never(self, tenant_ids: Collection[int]) -> tuple[Sequence[Tenant], Never]:
        """And what they never had of what a chunk is credited by: storage is asked of each tenant once."""
        read = self._read(tenant_ids, CREDITED_BY)
        never = {fact: set(tenant_ids) - self._may_have(fact, tenant_ids, read) for fact in CREDITED_BY}
        return self._known(tenant_ids, read.records), never

    def may_have(self, fact: Fact, tenant_ids: Collection[int]) -> set[int]:
        """Those of these tenants that ever had such a thing; likewise."""
        return self._may_have(fact, tenant_ids, self._read(tenant_ids, [fact]))

    def unknown_among(self, tenant_ids: Collection[int]) -> set[int]:
        """Those that neither Redis nor ClickHouse knows, nor this process: a tenant is never taken away."""
        tenant_ids = [tenant_id for tenant_id in tenant_ids if not self._by_id.look_up(tenant_id)[1]]
        records = zip(tenant_ids, self._mirror.records(tenant_ids), strict=True)
        missing = [tenant_id for tenant_id, known in records if known is None]
        return {tenant_id for tenant_id in missing if one_tenant(self._storage(), tenant_id) is None}

    def name_of(self, tenant_id: int) -> str:
        """What support calls the tenant: its slug, or its number where nothing knows it any more."""
        try:
            return self.get(tenant_id).slug
        except NotFound:
            return f"tenant {tenant_id}"

    def rebuild(self) -> int:
        """Fill Redis from ClickHouse; returns the number of tenants. Safe at any time, and again."""
        with self._mirror.alone():
            rows = all_tenants(self._storage())
            self._mirror.fill(rows)
        self._forget()
        return len(rows)

    def reconcile(self) -> bool:
        """Fill Redis again where it has been restarted, or another one has taken over, since it was filled.

        It may have come back without its last changes, and so with a key or a rule that holds no more.
        """
        if self._mirror.is_of_this_life():
            return False
        with self._mirror.alone():
            if self._mirror.is_of_this_life():
                return False  # another one has filled it meanwhile
            self._mirror.fill(all_tenants(self._storage()))
        self._forget()
        return True

    def _read(self, tenant_ids: Collection[int], facts: Sequence[Fact] = ()) -> Known:
        """What Redis says to who computes with it: filled again first where it may have lost the last change of rules.

        What would be credited by the rules before it would stay so, though the sweep fills it within seconds.
        """
        read = self._mirror.read(list(tenant_ids), facts)
        if not read.is_current:
            self.reconcile()
            read = self._mirror.read(list(tenant_ids), facts)
        return read

    def _may_have(self, fact: Fact, tenant_ids: Collection[int], read: Known) -> set[int]:
        may_be, none = read.facts[fact]
        known = dict(zip(tenant_ids, may_be, strict=True))
        unknown = [tenant_id for tenant_id, is_so in known.items() if is_so is None]
        some = ASK[fact](self._storage(), unknown) if unknown else set()
        for tenant_id in unknown:
            self._mirror.add_fact(fact, tenant_id, SOME if tenant_id in some else none)
        return some | {tenant_id for tenant_id, is_so in known.items() if is_so}

    def _by_secret(self, key: str, kind: str) -> Tenant | None:
        sha256 = hash_of(key)
        tenant_id = self._by_key.load(f"{kind}{sha256}", lambda: self._id_in_redis(sha256, kind), self._life_of_key)
        if tenant_id is None:
            return None
        tenant = self.get(tenant_id)
        return tenant if tenant.state == "active" else None

    def _id_in_redis(self, sha256: str, kind: str) -> int | None:
        owner, is_built = self._mirror.owner_of(sha256)
        if not is_built:
            self._rebuild_if_lost()
            owner, _ = self._mirror.owner_of(sha256)
        return owner.tenant_id if owner is not None and owner.kind == kind else None

    def _life_of_key(self, tenant_id: int | None) -> float:
        most = self._settings.tenant_cache_s
        return most if tenant_id is not None else min(UNKNOWN_FOR_S, most)

    def _rebuild_if_lost(self) -> None:
        """Redis was emptied: not finding a key there is no reason to refuse it. One thread fills it again."""
        unknown = Unavailable("tenants_unknown", "The keys of tenants cannot be read now.", "Try again soon.")
        if time.monotonic() < self._no_rebuild_before or not self._rebuilding.acquire(timeout=RETRY_REBUILD_S):
            raise unknown
        try:
            if time.monotonic() < self._no_rebuild_before:
                raise unknown
            with self._mirror.alone():
                if not self._mirror.owner_of("")[1]:
                    self._mirror.fill(all_tenants(self._storage()))
        except TributaryError:
            self._no_rebuild_before = time.monotonic() + RETRY_REBUILD_S
            raise
        finally:
            self._rebuilding.release()
        self._forget()

    def _known(self, tenant_ids: Collection[int], records: Sequence[Tenant | None]) -> Sequence[Tenant]:
        found = []
        for tenant_id, known in zip(tenant_ids, records, strict=True):
            found.append(known or self._from_storage(tenant_id))
            self._by_id.put(tenant_id, found[-1], self._settings.tenant_cache_s)
        return found

    def _from_storage(self, tenant_id: int) -> Tenant:
        row = self._row_of(tenant_id)
        self._mirror.add_record(row)
        return tenant_of(row)

    def _row_of(self, tenant_id: int) -> TenantRow:
        row = one_tenant(self._storage(), tenant_id)
        if row is None:
            raise _no_tenant(str(tenant_id))
        return row

    def _row(self, slug: str) -> TenantRow:
        row = tenant_by_slug(self._storage(), slug)
        if row is None:
            raise _no_tenant(slug)
        return row

    def _forget(self) -> None:
        self._by_key.clear()
        self._by_id.clear()


def _no_tenant(name: str) -> NotFound:
    return NotFound("no_such_tenant", f"There is no tenant {name}.", "See `tributary tenants list`.")
