"""What do Markov and Shapley give the channels of a period? What was computed, or the job that computes it.

The web process never computes: it compares the digest of the inputs with that of the stored answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from app.errors import BadInput
from app.ledger.model_jobs import KIND, JobState, ModelJob, ModelJobs
from app.reports.days import Period, read_day, rfc3339
from app.reports.query import PERIOD_MODELS, PeriodModel, period_params
from app.storage.channel_models import MODEL_INPUTS, answer_of
from app.storage.client import Storage
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant

FORMAT = 2
"""Of the stored answers; answers of another one are computed again."""
ASK_AGAIN_S = 1
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Question:
    """A question to both models; `conversion_type` '' means every type, each by itself."""

    period: Period
    conversion_type: str = ""
    intervals: bool = False

    def params(self) -> dict[str, Any]:
        """What its statements take."""
        period = period_params(self.period) | {"from_ms": self.period.from_ms, "to_ms": self.period.to_ms}
        return period | {"conversion_type": self.conversion_type, "intervals": int(self.intervals)}

    def encoded(self) -> str:
        """As a job keeps it, and by which equal questions share one."""
        words = [self.period.first.isoformat(), self.period.end.isoformat(), self.period.timezone]
        return msgspec.json.encode([*words, self.conversion_type, self.intervals]).decode()

    @classmethod
    def decoded(cls, text: str) -> Question:
        first, end, timezone, conversion_type, intervals = msgspec.json.decode(text)
        return cls(Period(read_day("from", first), read_day("to", end), timezone), conversion_type, intervals)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a question's answer depends on.

    Parameters
    ----------
    digest : of all of it.
    touches : about how many the period has.
    """

    digest: str
    touches: int


def read_models(text: str) -> tuple[PeriodModel, ...]:
    """A comma list of markov and shapley; both where empty.

    Raises
    ------
    BadInput : names the word that is neither.
    """
    known = {str(model): model for model in PERIOD_MODELS}
    words = [word.strip().lower() for word in text.split(",")] if text else list(known)
    for word in words:
        if word not in known:
            raise BadInput(
                "bad_models",
                f"models holds {word[:40]!r}.",
                "Use markov, shapley or both; the models per conversion are in /v1/reports/attribution.",
            )
    return tuple(known[word] for word in dict.fromkeys(words))


def read_intervals(text: str) -> bool:
    """``1`` or ``0``; no intervals where empty.

    Raises
    ------
    BadInput : anything else.
    """
    if text not in ("", "0", "1"):
        raise BadInput("bad_intervals", f"intervals holds {text[:40]!r}.", "Use 1, or leave it out.")
    return text == "1"


def channels(
    storage: Storage,
    jobs: ModelJobs,
    tenant: Tenant,
    question: Question,
    models: tuple[PeriodModel, ...] = PERIOD_MODELS,
) -> dict[str, Any]:
    """The answer to a question as the API gives it.

    `state` is 'ready', 'computing' (ask again; a job is under way) or 'failed'. The last answer is shown in every
    state where there is one; `current` says whether nothing has changed since.
    """
    inputs = inputs_of(storage, tenant, question)
    stored = answer_of(storage, tenant.tenant_id, question.params())
    is_current = stored is not None and stored.digest == inputs.digest
    answer: dict[str, Any] = {
        "from": question.period.first.isoformat(),
        "to": question.period.end.isoformat(),
        "timezone": question.period.timezone,
        "conversion_type": question.conversion_type or None,
        "models": list(models),
        "state": "ready",
        "current": is_current,
    }
    if not is_current:
        job = jobs.ask(tenant.tenant_id, question.encoded(), inputs.digest)
        answer["state"] = "failed" if job.state is JobState.FAILED else "computing"
        answer |= {"job_id": job.job_id, "url": f"/v1/jobs/{job.job_id}", "failures": failures(job)}
    if stored is not None:
        answer |= {"computed_at": rfc3339(stored.computed_ms)} | _of_models(stored.answer, models)
    return answer


def inputs_of(storage: Storage, tenant: Tenant, question: Question) -> Inputs:
    """Digests of everything that the answer depends on: touches, persons, ledger, rollup and rules."""
    reached_ms = question.period.to_ms + tenant.widest_window_ms + _DAY_MS
    reached = question.period.end + timedelta(days=-(-(reached_ms - question.period.to_ms) // _DAY_MS))
    rows = storage.rows(
        MODEL_INPUTS,
        tenant_id=tenant.tenant_id,
        params=question.params() | {"reached": reached.isoformat()},
        task="report.channels",
    )
    parts = {part: [many, str(digest)] for part, many, digest in rows}
    filters = filters_of(rules_of(tenant, question))
    return Inputs(digest=_digest([FORMAT, filters, parts]), touches=int(parts["touches"][0]))


def rules_of(tenant: Tenant, question: Question) -> Rules:
    """The rules that filter journeys without a conversion: those in force when the period ends."""
    return tenant.rules_at(question.period.to_ms - 1)


def filters_of(rules: Rules) -> list[Any]:
    """What of them filters: the cap and the channels. Windows are measured from a conversion, and there is none."""
    return [rules.touch_cap, rules.skip_direct, sorted(rules.excluded_channels), rules.collapse_repeats]


def model_job(jobs: ModelJobs, tenant: Tenant, job_id: str) -> dict[str, Any] | None:
    """The progress of one of the tenant's own jobs, as `/v1/jobs` shows every job; None where it is none of these."""
    job = jobs.get(job_id)
    if job is None or job.tenant_id != tenant.tenant_id:
        return None
    return {
        "job_id": job.job_id,
        "kind": KIND,
        "state": "open" if job.is_open else str(job.state),
        "progress": round(job.done / max(job.total, 1), 4),
        "steps": {"total": job.total, "done": job.done, "failed": 0},
        "created_at": rfc3339(job.created_ms),
        "closed_at": rfc3339(job.closed_ms) if job.closed_ms is not None else None,
        "failures": failures(job),
    }


def failures(job: ModelJob) -> list[dict[str, str]]:
    if job.state is not JobState.FAILED:
        return []
    return [{"code": job.code, "message": job.message, "detail": job.detail}]


def _of_models(answer: str, models: tuple[PeriodModel, ...]) -> dict[str, Any]:
    report: dict[str, Any] = msgspec.json.decode(answer)
    for part in ("rows", "unattributed", "totals"):
        report[part] = [row for row in report[part] if row["model"] in models]
    return report


def _digest(content: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
