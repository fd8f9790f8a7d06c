"""Which attribution is under way, and what of it is not done? The chunk ledger.

A run is a set of chunks of conversions, recorded before anything is dispatched. Celery's messages are wake-ups that
may be lost or come twice: what is open here is the truth, and the sweep sends again whatever is overdue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from app.ingest.turns import decode_ends
from app.ledger.cut import Chunk, decode_chunk, encode_chunk
from app.storage import keys
from app.storage.redis import clock_us
from app.storage.scripts import script
from app.storage.statements import Rollup

KEPT_S = 7 * 86_400


class RunKind(StrEnum):
    """What made the run necessary."""

    BLOCK = "block"
    REATTRIBUTE = "reattribute"
    REPLAY = "replay"
    UNMERGE = "unmerge"
    ERASE = "erase"
    SHADOW = "shadow"


class RunState(StrEnum):
    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as support sees it. Times in epoch ms; `version` orders the results of runs."""

    run_id: str
    kind: str
    state: str
    version: int
    created_ms: int
    closed_ms: int | None
    chunks: int
    chunks_done: int
    chunks_failed: int
    conversions: int
    attributed: int
    touches: int
    attempts: int
    tenant_ids: tuple[int, ...]
    note: str


def record_of(run_id: str, packed: Mapping[bytes, bytes]) -> RunRecord:
    """A run's record as the chunk ledger holds it."""
    fields = {key.decode(): value.decode() for key, value in packed.items()}
    return RunRecord(
        run_id=run_id,
        kind=fields["kind"],
        state=fields["state"],
        version=int(fields["version"]),
        created_ms=int(fields["created_ms"]),
        closed_ms=int(fields["closed_ms"]) if "closed_ms" in fields else None,
        chunks=int(fields["chunks"]),
        chunks_done=int(fields["done"]),
        chunks_failed=int(fields["failed"]),
        conversions=int(fields["conversions"]),
        attributed=int(fields.get("attributed", 0)),
        touches=int(fields.get("touches", 0)),
        attempts=int(fields.get("attempts", 0)),
        tenant_ids=tuple(int(tenant) for tenant in fields["tenants"].split(",") if tenant),
        note=fields.get("note", ""),
    )


class Runs:
    """The chunk ledger in Redis."""

    def __init__(self, redis: Any, deadline_s: int) -> None:
        self._redis = redis
        self._deadline_ms = deadline_s * 1000
        self._create = script(redis, "create_run")
        self._acknowledge = script(redis, "acknowledge")
        self._finish = script(redis, "finish_chunk")
        self._overdue = script(redis, "overdue")
        self._close = script(redis, "close_run")
        self._finish_run = script(redis, "finish_run")

    @property
    def redis(self) -> Any:
        """Where the chunk ledger stands, for what is recorded beside it."""
        return self._redis

    def create(self, run_id: str, kind: RunKind, tenant_id: int, chunks: Sequence[Chunk]) -> int:
        """Record a run of one tenant; a run that exists stays as it is. Returns its version."""
        names = [
            keys.run(run_id),
            keys.run_chunks(run_id),
            keys.run_open(run_id),
            keys.RUNS_DUE,
            keys.RUN_CLOCK,
        ]
        return int(self._create(keys=names, args=self._record(run_id, kind, {tenant_id}, chunks)))

    def acknowledge(self, shard: int, last: str, run_id: str, chunks: Sequence[Chunk]) -> bool:
        """Cut a stored block off its tenants' inboxes and record the run that it calls for, in one step.

        Returns
        -------
        Whether this call did it; False where another drain had done it before.
        """
        names = [keys.sealed(shard), keys.waiting(shard), keys.run(run_id), keys.run_chunks(run_id)]
        names += [keys.run_open(run_id), keys.RUNS_DUE, keys.RUN_CLOCK]
        arguments: list[Any] = [last]
        for tenant_id, end in decode_ends(last).items():
            time_part, sequence = end.split("-")
            names.append(keys.tenant_inbox(tenant_id))
            arguments += [tenant_id, f"{time_part}-{int(sequence) + 1}"]
        if chunks:
            tenants = {tenant_id for chunk in chunks for tenant_id in chunk.tenant_ids}
            arguments += self._record(run_id, RunKind.BLOCK, tenants, chunks)
        return self._acknowledge(keys=names, args=arguments) is not None

    def _record(self, run_id: str, kind: RunKind, tenant_ids: Iterable[int], chunks: Sequence[Chunk]) -> list[Any]:
        tenants = ",".join(str(tenant) for tenant in sorted(tenant_ids))
        conversions = sum(chunk.conversions for chunk in chunks)
        record: list[Any] = [run_id, kind.value, conversions, tenants, self._deadline_ms]
        return record + [encode_chunk(chunk) for chunk in chunks]

    def get(self, run_id: str) -> RunRecord | None:
        fields = self._redis.hgetall(keys.run(run_id))
        return record_of(run_id, fields) if fields else None

    def open_count(self, run_id: str) -> int:
        """How many chunks are not done."""
        return int(self._redis.scard(keys.run_open(run_id)))

    def open_chunks(self, run_id: str, most: int | None = None) -> dict[int, Chunk]:
        """The chunks that are not done, by number; the first `most` of them."""
        numbers = sorted(int(number) for number in self._redis.smembers(keys.run_open(run_id)))[:most]
        if not numbers:
            return {}
        packed = self._redis.hmget(keys.run_chunks(run_id), [str(number) for number in numbers])
        return {number: decode_chunk(data) for number, data in zip(numbers, packed, strict=True) if data is not None}

    def open_chunk(self, run_id: str, number: int) -> tuple[RunRecord, Chunk] | None:
        """One chunk and its run, where it is still to be done."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.run(run_id))
            pipe.sismember(keys.run_open(run_id), str(number))
            pipe.hget(keys.run_chunks(run_id), str(number))
            fields, is_open, packed = pipe.execute()
        return (record_of(run_id, fields), decode_chunk(packed)) if fields and is_open and packed is not None else None

    def next_wave(self, run_id: str) -> int:
        """The number of a wave of chunks that is about to be sent: 1, 2, …"""
        return int(self._redis.hincrby(keys.run(run_id), "wave", 1))

    def newest_wave(self, run_id: str) -> int:
        """The number of the wave that was sent last; 0 before the first."""
        return int(self._redis.hget(keys.run(run_id), "wave") or 0)

    def finish(
        self, run_id: str, number: int, days: Mapping[int, Iterable[date]], *, attributed: int, touches: int
    ) -> int:
        """Say that a chunk is done, and which days of which tenant it has made stale.

        Returns how many are still open (-1: the run is closed).
        """
        return self._end(run_id, number, "done", days, attributed, touches)

    def give_up(self, run_id: str, number: int) -> int:
        """Say that a chunk failed for good; it lies in the dead letters."""
        return self._end(run_id, number, "failed", {}, 0, 0)

    def _end(
        self,
        run_id: str,
        number: int,
        how: str,
        days: Mapping[int, Iterable[date]],
        attributed: int,
        touches: int,
    ) -> int:
        names = [keys.run(run_id), keys.run_open(run_id), keys.run_days(run_id), keys.RUNS_DUE]
        arguments = [run_id, number, how, self._deadline_ms, attributed, touches, *_marks(days)]
        return int(self._finish(keys=names, args=arguments))

    def conversions_by_tenant(self, run_id: str) -> dict[int, int]:
        """How many conversions of each tenant a run that is not closed has in its chunks."""
        found: dict[int, int] = {}
        for packed in self._redis.hvals(keys.run_chunks(run_id)):
            for share in decode_chunk(packed).shares:
                found[share.tenant_id] = found.get(share.tenant_id, 0) + share.conversions
        return found

    def touched_days(self, run_id: str) -> dict[int, list[date]]:
        """The tenants' days (in their own timezone) whose rollups the run has made stale."""
        found: dict[int, list[date]] = {}
        for mark in sorted(self._redis.smembers(keys.run_days(run_id))):
            tenant, day = mark.decode().split(":", 1)
            found.setdefault(int(tenant), []).append(date.fromisoformat(day))
        return found

    def close(self, run_id: str, state: RunState, *, stale: Collection[Rollup] = ()) -> bool:
        """End a run that has no open chunk, and mark the days that it touched as `stale` in these rollups.

        Returns
        -------
        Whether this call ended it.
        """
        names, prefixes = _of_a_close(run_id, stale)
        return bool(self._close(keys=names, args=[run_id, state.value, KEPT_S, *prefixes]))

    def finish_run(
        self,
        run_id: str,
        number: int,
        days: Mapping[int, Iterable[date]],
        *,
        attributed: int,
        touches: int,
        stale: Collection[Rollup],
    ) -> bool:
        """`finish` its last open chunk and `close` the run as done, in one step; whether this call ended it."""
        names, prefixes = _of_a_close(run_id, stale)
        arguments = [run_id, number, RunState.DONE.value, self._deadline_ms, attributed, touches, KEPT_S]
        return bool(self._finish_run(keys=names, args=[*arguments, *prefixes, *_marks(days)]))

    def closed(self, limit: int = 1_000) -> list[str]:
        """Ids of closed runs of which `stored` was not said."""
        return [run_id.decode() for run_id in self._redis.srandmember(keys.RUNS_CLOSED, limit)]

    def stored(self, run_ids: Sequence[str]) -> None:
        """Say that the rows of closed runs are stored."""
        self._redis.srem(keys.RUNS_CLOSED, *run_ids)

    def overdue(self, *, count_try: bool, limit: int = 200) -> list[tuple[str, int]]:
        """Claim runs that are late: (run id, tries so far). Without `count_try` they are only put off."""
        found = self._overdue(
            keys=[keys.RUNS_DUE], args=[self._deadline_ms, limit, keys.run(""), "1" if count_try else "0"]
        )
        return [(found[i].decode(), int(found[i + 1])) for i in range(0, len(found), 2)]

    def now_version(self) -> int:
        """A version later than everything that was stored before this call (µs of Redis' clock)."""
        return clock_us(self._redis)

    def waiting(self) -> int:
        """Runs that are not closed."""
        return int(self._redis.zcard(keys.RUNS_DUE))


def _marks(days: Mapping[int, Iterable[date]]) -> list[str]:
    return [f"{tenant_id}:{day.isoformat()}" for tenant_id, of_one in days.items() for day in of_one]


def _of_a_close(run_id: str, stale: Collection[Rollup]) -> tuple[list[str], list[str]]:
    """Keys of a run's close, and the prefixes of the stale days of those rollups."""
    names = [keys.run(run_id), keys.run_chunks(run_id), keys.run_open(run_id), keys.run_days(run_id)]
    names += [keys.RUNS_DUE, keys.RUNS_CLOSED, *map(keys.stale_tenants, stale)]
    return names, [keys.stale_days(rollup, "") for rollup in stale]
