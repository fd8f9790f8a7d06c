"""Where do accepted batches wait, and how does a drain take a block of them that never changes?

A tenant's inbox is a stream used as a log: whatever stands in it is not stored yet. A drain holds the lease of a shard
of tenants, seals a block (of each tenant that waits, all entries up to one id), stores it, and acknowledges by cutting
the logs. A drain that dies leaves the seal behind: the next one reads the very same entries, looks nothing up again
(the memo) and so repeats the very same inserts under the same tokens. A log for each tenant, so that a block can take
from all in turn (`app.ingest.turns`): nobody waits behind what another one has sent.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from app.errors import TributaryError, Unavailable
from app.ingest.dead_letters import DeadLetter, encode_dead_letter
from app.ingest.events import Batch, decode_batch
from app.ingest.explain import UNREADABLE
from app.ingest.turns import Entry, Read, decode_ends, encode_ends, in_turn
from app.ingest.wake import wake_drain
from app.storage import keys
from app.storage.scripts import script
from config.settings import MOST_SHARDS, Settings

WAKE_LIFE_MS = 5_000
READ_ENTRIES, FEWEST_ENTRIES = 500, 20
"""Read at once, of all tenants together; and at least of each."""
TOTAL = b"all"
"""Field of a shard's hash of what waits; the others are tenants."""

log = logging.getLogger(__name__)


class TooMany(TributaryError):
    """The shard is full, and the tenant has its even share of it: it sends faster than its events can be stored."""

    status = 429


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block: entries of one shard's tenants, each tenant's up to where `last` says. `token` names its content.

    `unreadable` holds entries that are no batch (a newer release wrote them, say): they must not stop the shard.
    `memo` is what a drain before this one has looked up for the block.
    """

    shard: int
    last: str
    token: str
    batches: list[Batch]
    unreadable: list[bytes]
    memo: bytes | None = field(default=None, compare=False)

    @property
    def events(self) -> int:
        return sum(len(batch.events) for batch in self.batches)


class Inbox:
    """The inbox of all shards.

    Parameters
    ----------
    redis : a connected client.
    wake : called with a shard that needs a drain; it may fail, since the sweep wakes too.
    """

    def __init__(self, redis: Any, settings: Settings, wake: Callable[[int], None] = wake_drain) -> None:
        self._redis = redis
        self._settings = settings
        self._wake = wake
        self._accept = script(redis, "accept")

    def shard_of(self, tenant_id: int) -> int:
        return tenant_id % self._settings.shards

    def accept(self, tenant_id: int, entry: bytes, events: int, dead: Sequence[DeadLetter] = ()) -> None:
        """Keep one request: its batch and its dead letters, in one step; then wake a drain if none is awake.

        Parameters
        ----------
        entry : an encoded Batch; ignored where `events` (events, spend rows and adjustments in it) is 0.

        Raises
        ------
        TooMany : the shard is full, and the tenant has its even share of it; nothing was written.
        Unavailable : Redis did not take it; nothing may be answered 200.
        """
        shard = self.shard_of(tenant_id)
        names = [keys.tenant_inbox(tenant_id), keys.wake(shard), keys.lease(shard), keys.DEAD_LETTERS]
        names.append(keys.waiting(shard))
        arguments: list[Any] = [self._settings.inbox_entries, events, entry, WAKE_LIFE_MS]
        arguments += [self._settings.dead_letter_entries, tenant_id]
        arguments.extend(encode_dead_letter(letter) for letter in dead)
        try:
            answer = int(self._accept(keys=names, args=arguments))
        except RedisError as error:
            log.error("inbox: Redis did not take a batch: %s", error)
            raise Unavailable(
                "inbox_unavailable",
                "The inbox does not take events at the moment; nothing of this request was kept.",
                "Send the same request again; the same messageIds count once.",
                retry_after_s=2,
            ) from error
        if answer < 0:
            raise TooMany(
                "inbox_full",
                "This tenant's events come in faster than they are stored; nothing of this request was kept.",
                "Send the same request again after Retry-After, and send slower; the same messageIds count once.",
                retryable=True,
                retry_after_s=2,
            )
        if answer == 1:
            try:
                self._wake(shard)
            except Exception as error:
                # The batch is safe, and the sweep wakes the shard within seconds.
                log.warning("inbox: shard %d was not woken: %s", shard, error)

    def depth(self, shard: int) -> int:
        """Batches that wait in a shard."""
        return int(self._redis.hget(keys.waiting(shard), TOTAL) or 0)

    def stranded(self) -> dict[int, int]:
        """Batches that wait in shards beyond those that are drained: there were more shards when they came in."""
        beyond, asked = range(self._settings.shards, MOST_SHARDS), self._redis.pipeline(transaction=False)
        for shard in beyond:
            asked.hget(keys.waiting(shard), TOTAL)
        return {shard: int(depth) for shard, depth in zip(beyond, asked.execute(), strict=True) if int(depth or 0)}

    def oldest_ms(self, shard: int) -> int | None:
        """When the oldest waiting batch of a shard came in, epoch ms."""
        return _oldest_ms(self._redis, shard)

    def asleep(self, shard: int) -> bool:
        """Whether batches wait and no drain is at work or on its way; marks a wake-up as sent."""
        if self.depth(shard) == 0 or self._redis.exists(keys.lease(shard)):
            return False
        return bool(self._redis.set(keys.wake(shard), "1", nx=True, px=WAKE_LIFE_MS))


class Shard:
    """One drain's hold on one shard, from lease to acknowledgement."""

    def __init__(self, redis: Any, settings: Settings, number: int) -> None:
        self.number = number
        self._redis = redis
        self._settings = settings
        self._token = uuid.uuid4().hex
        self._renewed_s = 0.0
        self._found: _Waiting | None = None
        self._hold = script(redis, "hold")
        self._seal = script(redis, "seal")
        self._memo = script(redis, "memo")
        self._release = script(redis, "release")

    def hold(self) -> bool:
        """Take the lease, or renew it, and see what there is to take."""
        self._renewed_s = time.monotonic()
        names = [keys.lease(self.number), keys.wake(self.number), keys.sealed(self.number), keys.waiting(self.number)]
        arguments = [self._token, self._settings.lease_s * 1000, keys.tenant_inbox("*")]
        answer = self._hold(keys=names, args=arguments)
        self._found = _waiting(*answer) if answer is not None else None
        return answer is not None

    def keep(self) -> None:
        """Renew the lease where a third of its life has passed."""
        if time.monotonic() - self._renewed_s > self._settings.lease_s / 3:
            self.hold()

    def release(self) -> Released:
        """Give the lease back."""
        names = [keys.lease(self.number), keys.wake(self.number), keys.waiting(self.number), keys.WAKE_UPS]
        more_waits, wake_ups = self._release(keys=names, args=[self._token, WAKE_LIFE_MS])
        return Released(bool(more_waits), bool(wake_ups))

    def drop(self) -> None:
        """Let the lease go after a failure; the sweep wakes the shard again, so a failing store is not hammered."""
        if self._redis.get(keys.lease(self.number)) == self._token.encode():
            self._redis.delete(keys.lease(self.number))

    def take(self) -> Block | None:
        """The block that a drain before this one left behind, else a new one; None where nothing waits."""
        found = self._look()
        if found is not None and found.seal is None and (wait_s := self._to_grow_s(found.oldest_ms)):
            time.sleep(wait_s)
            found = self._look()
        if found is None:
            return None
        if found.seal is not None:
            return self._read(found.seal, found.memo)
        most, share = self._settings.block_events, self._settings.block_share_events
        taken = in_turn(self._reader(), found.tenants, most, share)
        if not taken:
            return None
        ends = encode_ends(taken)
        last = self._seal(keys=[keys.lease(self.number), keys.sealed(self.number)], args=[self._token, ends])
        if last is None:
            return None
        return _block(self.number, taken) if last == ends else self._read(last)

    def remember(self, block: Block, memo: bytes) -> bytes | None:
        """Store what was looked up for the block, and return what stands; None where the block is done already.

        Renews the lease.
        """
        self._renewed_s = time.monotonic()
        names = [keys.sealed(self.number), keys.lease(self.number)]
        answer = self._memo(keys=names, args=[block.last, memo, self._token, self._settings.lease_s * 1000])
        return bytes(answer) if answer is not None else None

    def _look(self) -> _Waiting | None:
        """What was seen when the lease was taken; once that is used, what is seen now. None: the lease is lost."""
        if self._found is None:
            self.hold()
        found, self._found = self._found, None
        return found

    def _reader(self) -> Read:
        """Reads on in some tenants' inboxes; one that was read to its end is not asked again."""
        ended: set[int] = set()

        def read(starts: Mapping[int, str]) -> dict[int, Iterable[Entry]]:
            asked = [tenant_id for tenant_id in starts if tenant_id not in ended]
            count = max(READ_ENTRIES // max(len(starts), 1), FEWEST_ENTRIES)
            pipe = self._redis.pipeline(transaction=False)
            for tenant_id in asked:
                pipe.xrange(keys.tenant_inbox(tenant_id), min=starts[tenant_id], count=count)
            found: dict[int, Iterable[Entry]] = dict.fromkeys(starts, ())
            for tenant_id, entries in zip(asked, pipe.execute() if asked else (), strict=True):
                found[tenant_id] = entries
                if len(entries) < count:
                    ended.add(tenant_id)
            return found

        return read

    def _to_grow_s(self, oldest_ms: int | None) -> float:
        """How long to wait until the oldest batch is `block_wait_ms` old: one larger block is cheaper than two."""
        if oldest_ms is None:
            return 0.0
        wait_ms, age_ms = self._settings.block_wait_ms, time.time_ns() // 1_000_000 - oldest_ms
        return min(max(wait_ms - age_ms, 0), wait_ms) / 1000

    def _read(self, last: bytes, memo: bytes | None = None) -> Block | None:
        ends = decode_ends(last.decode())
        pipe = self._redis.pipeline(transaction=True)  # all or none: it may be acknowledged at this moment
        for tenant_id, end in ends.items():
            pipe.xrange(keys.tenant_inbox(tenant_id), max=end)
        taken = dict(zip(ends, pipe.execute(), strict=True))
        return _block(self.number, taken, memo) if any(taken.values()) else None


class Released(NamedTuple):
    """What there is to do when a drain has ended: `more_waits` in its shard, so that it wakes another drain, or drains
    of other shards wait for a worker."""

    more_waits: bool
    others_wait: bool


class _Waiting(NamedTuple):
    """What there is to do in a shard: the block under way, else what waits."""

    seal: bytes | None
    memo: bytes | None
    oldest_ms: int | None
    tenants: list[int]


def _waiting(seal: bytes | None, memo: bytes | None, oldest_ms: bytes, *tenants: bytes) -> _Waiting:
    return _Waiting(seal, memo, int(oldest_ms) if oldest_ms else None, sorted(map(int, tenants)))


def _tenants_waiting(redis: Any, shard: int) -> list[int]:
    return sorted(int(field) for field in redis.hkeys(keys.waiting(shard)) if field != TOTAL)


def _oldest_ms(redis: Any, shard: int) -> int | None:
    pipe = redis.pipeline(transaction=False)
    for tenant_id in _tenants_waiting(redis, shard):
        pipe.xrange(keys.tenant_inbox(tenant_id), count=1)
    return min((int(first[0][0].split(b"-")[0]) for first in pipe.execute() if first), default=None)


def _block(shard: int, taken: Mapping[int, Sequence[Entry]], memo: bytes | None = None) -> Block:
    digest = hashlib.blake2b(digest_size=16)
    batches, unreadable = [], []
    for tenant_id in sorted(taken):
        # Two tenants may hold entries of the same ids: an id is only a time and a number.
        digest.update(b"tenant %d" % tenant_id)
        for entry_id, fields in taken[tenant_id]:
            digest.update(b" " + entry_id)
            try:
                batches.append(decode_batch(fields[b"b"]))
            except UNREADABLE:
                unreadable.append(fields[b"b"])
    return Block(shard, encode_ends(taken).decode(), digest.hexdigest(), batches, unreadable, memo)
