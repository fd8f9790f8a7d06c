"""How does the edge wake a drain? By the task's name: no room of app imports the tasks."""

from __future__ import annotations

from config.celery_app import celery
from config.queues import TaskName


def wake_drain(shard: int) -> None:
    """Send one wake-up. It carries no data and may be lost: the sweep finds what waits."""
    celery.send_task(str(TaskName.DRAIN), kwargs={"shard": shard}, ignore_result=True, retry=False)


def wake_run(run_id: str) -> None:
    """Ask for a recorded run to be dispatched."""
    celery.send_task(str(TaskName.START_RUN), kwargs={"run_id": run_id}, ignore_result=True, retry=False)


def wake_models(job_id: str) -> None:
    """Ask for a recorded question to Markov and Shapley to be computed."""
    celery.send_task(str(TaskName.MODEL_CHANNELS), kwargs={"job_id": job_id}, ignore_result=True, retry=False)


def wake_refit(job_id: str) -> None:
    """Ask for a recorded refit of a tenant's saturation to be begun."""
    celery.send_task(str(TaskName.START_REFIT), kwargs={"job_id": job_id}, ignore_result=True, retry=False)
