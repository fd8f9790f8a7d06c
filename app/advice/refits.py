"""Which refits are under way, and how far is each? Recorded in Redis before anything is sent.

A refit is of one tenant, over its data until a day. Its channels are fitted in groups, and published once no group is
open. Messages are wake-ups that may be lost or come twice: what is open here is the truth, and the sweep sends again
whatever is overdue. Two workers on one group are harmless: both store the same answers.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec

from app.advice.settings import AdviceSettings
from app.ingest.wake import wake_refit
from app.ledger import tenant_jobs
from app.reports.days import rfc3339
from app.storage import keys
from app.storage.redis import clock_us
from app.tenants.tenant import Tenant

KIND = "saturation"
KEPT_S = 7 * 86_400
OF_KEPT_S = 86_400
WAIT_MS = 20_000
Wake = Callable[[str], None]
log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Reason(StrEnum):
    """Why a refit was begun."""

    NIGHTLY = "nightly"
    ASKED = "asked"


class RefitState(StrEnum):
    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


class Group(msgspec.Struct, array_like=True, frozen=True):
    """Channels that one task fits, under one model."""

    model: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refit:
    """A refit as it stands. Times in epoch ms; `code`, `message` and `detail` say why it failed.

    `settings` are those that every group is fitted under, None until it has been begun; `total` and `done` count
    channels under a model. One that `is_urgent` somebody waits for: its groups go before those of the night.
    """

    job_id: str
    tenant_id: int
    until: date
    reason: str
    is_urgent: bool
    state: RefitState
    created_ms: int
    closed_ms: int | None
    settings: AdviceSettings | None
    total: int
    done: int
    code: str
    message: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Turn:
    """When an open refit's groups were last sent, and when one of them was last fitted (epoch ms, 0 for never)."""

    is_urgent: bool
    sent_ms: int
    moved_ms: int

    def is_before(self, other: _Turn) -> bool:
        """Whether the queue has its groups before the other's."""
        return (not self.is_urgent, self.sent_ms) < (not other.is_urgent, other.sent_ms)


class Refits:
    """The refits in Redis."""

    def __init__(self, redis: Any, deadline_s: int, wake: Wake = wake_refit) -> None:
        self._redis = redis
        self._deadline_ms = deadline_s * 1_000
        self._wake = wake

    def ask(self, tenant_id: int, until: date, reason: Reason) -> Refit:
        """The refit of a tenant's data until a day: the one under way, or a new one.

        What the night has begun is sent once more when it is asked for, before what else the night has begun.
        """
        is_urgent = reason is Reason.ASKED
        name = keys.refit_of(tenant_id, until.isoformat())
        newest = self._redis.get(name)
        found = self.get(newest.decode()) if newest else None
        if found is not None and found.state is RefitState.OPEN:
            if is_urgent and not found.is_urgent:
                self._set(found.job_id, urgent=1)
                self._try_to_wake(found.job_id)
            return found
        job_id = f"{KIND[0]}{uuid.uuid4().hex[:16]}"
        now_ms = self._now_ms()
        fields = {"tenant": tenant_id, "until": until.isoformat(), "reason": reason, "state": RefitState.OPEN}
        self._set(job_id, **fields, created_ms=now_ms, sent_ms=now_ms, urgent=int(is_urgent))
        self._redis.set(name, job_id, ex=OF_KEPT_S)
        self._redis.set(keys.refit_newest(tenant_id), job_id, ex=KEPT_S)
        self._redis.zadd(keys.REFITS_DUE, {job_id: now_ms + self._deadline_ms})
        tenant_jobs.begun(self._redis, tenant_id, job_id)
        self._try_to_wake(job_id)
        made = self.get(job_id)
        assert made is not None
        return made

    def get(self, job_id: str) -> Refit | None:
        fields = {key.decode(): value.decode() for key, value in self._redis.hgetall(keys.refit(job_id)).items()}
        if "created_ms" not in fields:
            return None
        return Refit(
            job_id=job_id,
            tenant_id=int(fields["tenant"]),
            until=date.fromisoformat(fields["until"]),
            reason=fields["reason"],
            is_urgent=fields.get("urgent") == "1",
            state=RefitState(fields["state"]),
            created_ms=int(fields["created_ms"]),
            closed_ms=int(fields["closed_ms"]) if "closed_ms" in fields else None,
            settings=msgspec.json.decode(fields["settings"], type=AdviceSettings) if "settings" in fields else None,
            total=int(fields.get("total", 0)),
            done=int(fields.get("done", 0)),
            code=fields.get("code", ""),
            message=fields.get("message", ""),
            detail=fields.get("detail", ""),
        )

    def newest(self, tenant_id: int) -> Refit | None:
        """The refit of a tenant that was asked for last."""
        job_id = self._redis.get(keys.refit_newest(tenant_id))
        return self.get(job_id.decode()) if job_id else None

    def wait(self, job_id: str) -> None:
        """It cannot be begun yet: that is none of its tries."""
        self._redis.zadd(keys.REFITS_DUE, {job_id: self._now_ms() + WAIT_MS}, xx=True)
        self._redis.hdel(keys.refit(job_id), "tries")

    def begin(self, job_id: str, settings: AdviceSettings, groups: Sequence[Group]) -> None:
        """Record what is to be fitted and how, in one step."""
        packed = {number: _encode(group) for number, group in enumerate(groups)}
        pipe = self._redis.pipeline(transaction=True)
        total = sum(len(group.channels) for group in groups)
        pipe.hset(keys.refit(job_id), mapping={"total": total, "settings": _encode(settings)})
        if packed:
            pipe.hset(keys.refit_groups(job_id), mapping=packed)
            pipe.sadd(keys.refit_open(job_id), *packed)
            pipe.expire(keys.refit_groups(job_id), KEPT_S)
            pipe.expire(keys.refit_open(job_id), KEPT_S)
        pipe.execute()
        self._put_off(job_id)

    def sent(self, job_id: str) -> None:
        """Its open groups are in the queue, behind those that were there."""
        self._set(job_id, sent_ms=self._now_ms())

    def group(self, job_id: str, number: int) -> Group | None:
        """A group, where it is still to be fitted."""
        if not self._redis.sismember(keys.refit_open(job_id), number):
            return None
        packed = self._redis.hget(keys.refit_groups(job_id), number)
        return None if packed is None else msgspec.json.decode(packed, type=Group)

    def open_groups(self, job_id: str) -> list[int]:
        return sorted(int(number) for number in self._redis.smembers(keys.refit_open(job_id)))

    def fitted(self, job_id: str, number: int, channels: int) -> None:
        """A group's answers are stored."""
        if self._redis.srem(keys.refit_open(job_id), number):
            self._redis.hincrby(keys.refit(job_id), "done", channels)
        self._set(job_id, moved_ms=self._now_ms())
        self._put_off(job_id)

    def finish(self, job_id: str) -> None:
        self._close(job_id, state=RefitState.DONE)

    def fail(self, job_id: str, code: str, message: str, detail: str) -> None:
        self._close(job_id, state=RefitState.FAILED, code=code, message=message, detail=detail)

    def overdue(self) -> list[tuple[str, int]]:
        """Claim the refits that have not moved within the deadline: (id, tries so far).

        One whose turn has not come is not among them: a refit that the queue has before it has moved within the
        deadline.
        """
        now_ms = self._now_ms()
        turns = self._turns()
        moving = [turn for turn in turns.values() if turn.moved_ms > now_ms - self._deadline_ms]
        found = []
        for name in self._redis.zrangebyscore(keys.REFITS_DUE, 0, now_ms, start=0, num=100):
            job_id = name.decode()
            self._put_off(job_id)
            if job_id not in turns:
                self._redis.zrem(keys.REFITS_DUE, job_id)
            elif not any(turn.is_before(turns[job_id]) for turn in moving):
                found.append((job_id, int(self._redis.hincrby(keys.refit(job_id), "tries", 1))))
        return found

    def _turns(self) -> dict[str, _Turn]:
        """Of the open refits that are still known."""
        names = [name.decode() for name in self._redis.zrange(keys.REFITS_DUE, 0, -1)]
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in names:
                pipe.hmget(keys.refit(job_id), "created_ms", "urgent", "sent_ms", "moved_ms")
            answers = pipe.execute()
        return {
            job_id: _Turn(urgent == b"1", int(sent or created), int(moved or 0))
            for job_id, (created, urgent, sent, moved) in zip(names, answers, strict=True)
            if created is not None
        }

    def was_asked_tonight(self, tenant_id: int, today: date) -> bool:
        """Whether a tenant's nightly refit has been asked for on this day of its own."""
        return bool(self._redis.get(keys.refit_night(tenant_id)) == today.isoformat().encode())

    def is_asked_tonight(self, tenant_id: int, today: date) -> None:
        """It has been."""
        self._redis.set(keys.refit_night(tenant_id), today.isoformat(), ex=KEPT_S)

    def scored(self, tenant_id: int) -> None:
        """The spend that came in since a tenant's refit is scored."""
        self._redis.zrem(keys.UNSCORED, tenant_id)

    def not_scored(self, tenant_id: int) -> None:
        """It could not be, for a reason of its own: the next hour tries again, and until then doctor tells."""
        self._redis.zadd(keys.UNSCORED, {tenant_id: self._now_ms()})

    def _try_to_wake(self, job_id: str) -> None:
        try:
            self._wake(job_id)
        except Exception as error:
            log.warning("the refit %s was not woken: %s", job_id, error)  # the sweep does it

    def _close(self, job_id: str, **fields: Any) -> None:
        self._set(job_id, **fields, closed_ms=self._now_ms())
        self._redis.zrem(keys.REFITS_DUE, job_id)

    def _put_off(self, job_id: str) -> None:
        self._redis.zadd(keys.REFITS_DUE, {job_id: self._now_ms() + self._deadline_ms}, xx=True)

    def _set(self, job_id: str, **fields: Any) -> None:
        self._redis.hset(keys.refit(job_id), mapping={name: str(value) for name, value in fields.items()})
        self._redis.expire(keys.refit(job_id), KEPT_S)

    def _now_ms(self) -> int:
        return clock_us(self._redis) // 1_000


def refit_job(refits: Refits, tenant: Tenant, job_id: str) -> dict[str, Any] | None:
    """One of the tenant's own refits as `/v1/jobs` shows every job; None where it is none of these."""
    refit = refits.get(job_id)
    if refit is None or refit.tenant_id != tenant.tenant_id:
        return None
    return {
        "job_id": refit.job_id,
        "kind": KIND,
        "state": str(refit.state),
        "progress": round(refit.done / refit.total, 4) if refit.total else float(refit.state is RefitState.DONE),
        "channels": {"total": refit.total, "done": refit.done, "failed": 0},
        "until": refit.until.isoformat(),
        "reason": refit.reason,
        "created_at": rfc3339(refit.created_ms),
        "closed_at": rfc3339(refit.closed_ms) if refit.closed_ms is not None else None,
        "failures": failures(refit),
    }


def failures(refit: Refit) -> list[dict[str, str]]:
    if refit.state is not RefitState.FAILED:
        return []
    return [{"code": refit.code, "message": refit.message, "detail": refit.detail}]
