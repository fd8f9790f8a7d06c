"""What does Redis know of the tenants? A mirror of ClickHouse, so that the edge goes on while that is away."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from redis import Redis
from redis.exceptions import LockError, RedisError

from app.errors import Unavailable
from app.storage import keys
from app.storage.scripts import script
from app.storage.tenants import TenantRow
from app.tenants.never import FILLED, SOME, Fact, none_now
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant, with_rules
from app.tenants.timeline import RulesFrom, timeline_of

LOCK = "lock:tenants"
"""Redis string; held while a tenant is created or changed; expires by itself."""
LOCK_LIFE_S = 30.0
BUILT = "built"
"""Field of TENANT_KEYS that says that the mirror is whole, and in which life of Redis it was filled. Without it a key
that is not found is not unknown."""

_LIFE = re.compile(rb"^run_id:(\w+)", re.MULTILINE)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Tenant).decode
_decode_rules = msgspec.json.Decoder(Rules).decode


class Owner(NamedTuple):
    """Whose a key is; `kind` is 'w' for a write key, 's' for a secret key."""

    kind: str
    tenant_id: int


class Remembered(NamedTuple):
    """Whether a fact may be so of each of some tenants, None where that is not known; and what says 'none' now, b''
    without Redis."""

    may_be: list[bool | None]
    none: bytes


class Known(NamedTuple):
    """What Redis says of some tenants; with `is_current` it was filled since it started, or is away: see
    `Mirror.is_of_this_life`."""

    records: list[Tenant | None]
    facts: dict[Fact, Remembered]
    is_current: bool


class Mirror:
    """The hashes TENANT_KEYS and TENANTS, and those of each `Fact`.

    Without Redis what is read is not known (but of a key: `Unavailable`), what is added is lost, and what is put raises
    `Unavailable`. Whoever calls `put` or `fill` holds `alone`, and has read ClickHouse after taking it.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._remember = script(redis, "remember_fact")

    def owner_of(self, sha256: str) -> tuple[Owner | None, bool]:
        """Whose the key with this hash is, and whether the mirror is whole."""
        with _redis_errors():
            found: list[Any] = list(self._redis.hmget(keys.TENANT_KEYS, [sha256, BUILT]))
        owner, built = found
        return _owner(owner), built is not None

    def is_of_this_life(self) -> bool:
        """Whether the mirror was filled since Redis started: a restart, or another one that took its place, may have
        brought an older state back."""
        with _redis_errors():
            return self._redis.hget(keys.TENANT_KEYS, BUILT) == self._life().encode()

    def record(self, tenant_id: int) -> Tenant | None:
        """The tenant; None where it is not here, not readable by this version of the code, or Redis is away."""
        return self.records([tenant_id])[0]

    def records(self, tenant_ids: Sequence[int]) -> list[Tenant | None]:
        """The same of several tenants, in one round trip."""
        if not tenant_ids:
            return []
        try:
            texts = self._redis.hmget(keys.TENANTS, [str(tenant_id) for tenant_id in tenant_ids])
        except RedisError:
            return [None] * len(tenant_ids)
        return [_readable(text) for text in texts]

    def read(self, tenant_ids: Sequence[int], facts: Sequence[Fact] = ()) -> Known:
        """The tenants for who computes with them, and what is remembered of these facts, in one round trip."""
        ids = [str(tenant_id) for tenant_id in tenant_ids]
        nothing = [None] * len(ids)
        if not ids:
            return Known([], {fact: Remembered([], b"") for fact in facts}, is_current=True)
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hmget(keys.TENANTS, ids)
                for fact in facts:
                    pipe.hmget(fact, [*ids, FILLED])
                pipe.hget(keys.TENANT_KEYS, BUILT)
                # As it stands: redis-py takes 0.1 ms to read all of it.
                pipe.execute_command("INFO server")  # type: ignore[no-untyped-call]
                texts, *said, built, server = pipe.execute()
        except RedisError:
            return Known(list(nothing), {fact: Remembered(list(nothing), b"") for fact in facts}, is_current=True)
        remembered, life = {}, _LIFE.findall(server)[0]
        for fact, (*of_each, filled) in zip(facts, said, strict=True):
            none = none_now(life, filled)
            may_be = [True if one == SOME else False if one == none else None for one in of_each]
            remembered[fact] = Remembered(may_be, none)
        return Known([_readable(text) for text in texts], remembered, is_current=built == life)

    def add_fact(self, fact: Fact, tenant_id: int, said: bytes) -> None:
        """Remember what storage said, unless it may be so by now: `SOME`, or what said 'none' before storage was
        asked."""
        if said:
            with contextlib.suppress(RedisError):
                self._remember(keys=[fact], args=[tenant_id, said, SOME])

    def add_record(self, row: TenantRow) -> None:
        """Bring back a record that was lost. One that is there may be newer, and stays."""
        with contextlib.suppress(RedisError):
            self._redis.hsetnx(keys.TENANTS, str(row.tenant_id), _encode(tenant_of(row)))

    def put(self, row: TenantRow) -> None:
        """Say of one tenant what ClickHouse says: these keys are its, and no others."""
        with _redis_errors(), self._redis.pipeline(transaction=True) as pipe:
            held: dict[Any, Any] = dict(self._redis.hgetall(keys.TENANT_KEYS))
            for sha256, owner in held.items():
                if sha256 != BUILT.encode() and (known := _owner(owner)) and known.tenant_id == row.tenant_id:
                    pipe.hdel(keys.TENANT_KEYS, sha256)
            _add(pipe, row)
            pipe.execute()

    def fill(self, rows: Sequence[TenantRow]) -> None:
        """Say what ClickHouse says, of all tenants."""
        with _redis_errors(), self._redis.pipeline(transaction=True) as pipe:
            life = self._life()
            pipe.delete(keys.TENANT_KEYS, keys.TENANTS, *Fact)
            for fact in Fact:
                pipe.hset(fact, FILLED, uuid.uuid4().hex)
            for row in rows:
                _add(pipe, row)
            pipe.hset(keys.TENANT_KEYS, BUILT, life)
            pipe.execute()

    def _life(self) -> str:
        """A name of this run of Redis; another after every restart and failover."""
        facts: dict[str, Any] = dict(self._redis.info("server"))
        return str(facts["run_id"])

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One change of tenants at a time, in all processes."""
        lock = self._redis.lock(LOCK, timeout=LOCK_LIFE_S, blocking_timeout=LOCK_LIFE_S)
        with _redis_errors():
            held = lock.acquire()
        if not held:
            raise Unavailable("busy", "Another change of tenants is under way.", "Try again in a moment.")
        try:
            yield
        finally:
            # It may have expired, and will if Redis is away.
            with contextlib.suppress(LockError, RedisError):
                lock.release()


def tenant_of(row: TenantRow) -> Tenant:
    """A stored row as every process knows it."""
    made = [
        (from_ms, msgspec.structs.replace(_decode_rules(text), version=version))
        for version, from_ms, text in zip(row.rules_versions, row.rules_from, row.rules_texts, strict=True)
    ]
    tenant = Tenant(
        tenant_id=row.tenant_id,
        slug=row.slug,
        name=row.name,
        timezone=row.timezone,
        currency=row.currency,
        retention_days=row.retention_days,
        hosts=tuple(row.hosts),
        state=row.state,
        shadow=_shadow_of(row),
    )
    return with_rules(tenant, timeline_of(made) or (RulesFrom(0, Rules()),))


def _readable(text: Any) -> Tenant | None:
    try:
        return None if text is None else _decode(text)
    except msgspec.DecodeError:
        return None


def _shadow_of(row: TenantRow) -> RulesFrom | None:
    if not row.shadow_text:
        return None
    rules = msgspec.structs.replace(_decode_rules(row.shadow_text), version=row.shadow_version)
    return RulesFrom(row.shadow_from, rules)


def _add(pipe: Any, row: TenantRow) -> None:
    pipe.hset(keys.TENANTS, str(row.tenant_id), _encode(tenant_of(row)))
    if row.state == "active":
        pipe.hset(keys.TENANT_KEYS, row.write_key_sha256, f"w:{row.tenant_id}")
        pipe.hset(keys.TENANT_KEYS, row.secret_key_sha256, f"s:{row.tenant_id}")


def _owner(text: bytes | None) -> Owner | None:
    if text is None:
        return None
    kind, _, number = text.decode().partition(":")
    return Owner(kind, int(number))


@contextlib.contextmanager
def _redis_errors() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        # Redis' own words may name hosts, and the edge gives this to anyone: the logs have them as the cause.
        raise Unavailable("redis_unavailable", "Redis does not answer.", "Try again soon.") from error
