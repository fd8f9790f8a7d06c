"""Which task computes Markov and Shapley?"""

from __future__ import annotations

from typing import Any

from celery.exceptions import SoftTimeLimitExceeded

from app.ledger.channel_models import compute_job
from app.ledger.model_jobs import ModelJobs
from config.queues import TaskName
from tasks.context import context
from tasks.policy import task


@task(TaskName.MODEL_CHANNELS, retries=4)
def model_channels(*, job_id: str) -> dict[str, Any]:
    """Count the paths of a tenant's period, solve both models, store the answer."""
    jobs = ModelJobs(context.redis)
    try:
        return compute_job(context, jobs, job_id)
    except SoftTimeLimitExceeded:
        jobs.fail(
            job_id,
            "too_slow",
            "The period could not be computed in the time that a task has.",
            "Ask for fewer days, or give workers more time: TRIBUTARY_TASK_SOFT_LIMIT_S.",
        )
        return {"outcome": "too_slow", "job_id": job_id}
