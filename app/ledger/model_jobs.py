"""Which questions to Markov and Shapley are being computed, and how far is each?

A job is recorded before it is sent: the message is a wake-up that may be lost or come twice. Whoever asks the same
question again is given the same job, and wakes it again where nothing has been heard of it for a while.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.ingest.wake import wake_models
from app.ledger import tenant_jobs
from app.storage import keys
from app.storage.redis import clock_us

KIND = "models"
KEPT_S = 7 * 86_400
QUESTION_KEPT_S = 86_400
SILENT_MS = 150_000
"""Longer than a task may run: a job that was begun so long ago is under way no more."""
UNHEARD_MS = 10_000
"""A wake-up that nobody has taken for so long may be lost."""

Wake = Callable[[str], None]
log = logging.getLogger(__name__)


class JobState(StrEnum):
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ModelJob:
    """A job as it stands. Times in epoch ms; `code`, `message` and `detail` say why it failed."""

    job_id: str
    tenant_id: int
    question: str
    digest: str
    state: JobState
    created_ms: int
    beat_ms: int
    closed_ms: int | None
    done: int
    total: int
    code: str
    message: str
    detail: str

    @property
    def is_open(self) -> bool:
        return self.state in (JobState.WAITING, JobState.WORKING)


class ModelJobs:
    """The jobs in Redis. Two workers on one job are harmless: both store the same answer."""

    def __init__(self, redis: Any, wake: Wake = wake_models) -> None:
        self._redis = redis
        self._wake = wake

    def ask(self, tenant_id: int, question: str, digest: str) -> ModelJob:
        """The job that computes the answer to a question: the one under way, the one that failed, or a new one.

        Parameters
        ----------
        digest : of the inputs. A job that failed on these very inputs is not begun again.
        """
        name = keys.model_question(tenant_id, question)
        newest = self._redis.get(name)
        job = self.get(newest.decode()) if newest else None
        if job is not None and job.state is JobState.FAILED and job.digest == digest:
            return job
        if job is not None and job.is_open:
            if self._now_ms() - job.beat_ms > (UNHEARD_MS if job.state is JobState.WAITING else SILENT_MS):
                self._set(job.job_id, state=JobState.WAITING)
                self._send(job.job_id)
            return job
        return self._new(tenant_id, question, digest, name)

    def get(self, job_id: str) -> ModelJob | None:
        fields = {key.decode(): value.decode() for key, value in self._redis.hgetall(keys.model_job(job_id)).items()}
        if "tenant" not in fields:
            return None
        return ModelJob(
            job_id=job_id,
            tenant_id=int(fields["tenant"]),
            question=fields["question"],
            digest=fields["digest"],
            state=JobState(fields["state"]),
            created_ms=int(fields["created_ms"]),
            beat_ms=int(fields["beat_ms"]),
            closed_ms=int(fields["closed_ms"]) if "closed_ms" in fields else None,
            done=int(fields.get("done", 0)),
            total=int(fields.get("total", 1)),
            code=fields.get("code", ""),
            message=fields.get("message", ""),
            detail=fields.get("detail", ""),
        )

    def begin(self, job_id: str) -> ModelJob | None:
        """Take a job; None where there is nothing to do, or another worker is on it."""
        job = self.get(job_id)
        if job is None or not job.is_open:
            return None
        if job.state is JobState.WORKING and self._now_ms() - job.beat_ms <= SILENT_MS:
            return None
        self._set(job_id, state=JobState.WORKING)
        return job

    def progress(self, job_id: str, done: int, total: int) -> None:
        self._set(job_id, done=done, total=total)

    def put_back(self, job_id: str) -> None:
        """It could not be done now, and is to be tried again."""
        self._set(job_id, state=JobState.WAITING)

    def finish(self, job_id: str) -> None:
        self._set(job_id, state=JobState.DONE, closed_ms=self._now_ms())

    def fail(self, job_id: str, code: str, message: str, detail: str) -> None:
        self._set(job_id, state=JobState.FAILED, closed_ms=self._now_ms(), code=code, message=message, detail=detail)

    def _new(self, tenant_id: int, question: str, digest: str, name: str) -> ModelJob:
        job_id = f"{KIND[0]}{uuid.uuid4().hex[:16]}"
        now_ms = self._now_ms()
        fields = {"tenant": tenant_id, "question": question, "digest": digest, "created_ms": now_ms}
        self._set(job_id, state=JobState.WAITING, **fields)
        self._redis.set(name, job_id, ex=QUESTION_KEPT_S)
        tenant_jobs.begun(self._redis, tenant_id, job_id)
        self._send(job_id)
        job = self.get(job_id)
        assert job is not None
        return job

    def _send(self, job_id: str) -> None:
        try:
            self._wake(job_id)
        except Exception as error:
            log.warning("the model job %s was not woken: %s", job_id, error)  # the next who asks wakes it again

    def _set(self, job_id: str, **fields: Any) -> None:
        mapping = {name: str(value) for name, value in fields.items()} | {"beat_ms": str(self._now_ms())}
        self._redis.hset(keys.model_job(job_id), mapping=mapping)
        self._redis.expire(keys.model_job(job_id), KEPT_S)

    def _now_ms(self) -> int:
        return clock_us(self._redis) // 1_000
