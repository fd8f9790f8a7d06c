"""Which queues are there, what runs on them, and when? Policy as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from config.settings import Settings


class Queue(StrEnum):
    """The queues, most urgent first. Every one must be named by a worker of Procfile and docker-compose.yml."""

    INGEST = "ingest"
    ATTRIBUTION = "attribution"
    BACKFILL = "backfill"
    MAINTENANCE = "maintenance"
    SATURATION = "saturation"


SWEPT = frozenset({Queue.INGEST, Queue.ATTRIBUTION, Queue.MAINTENANCE})
"""Their messages are wake-ups alone: what one that is lost asked for is found within seconds by the sweep (shards where
batches wait, runs that are overdue), or asked for again by beat."""


class Urgency(IntEnum):
    """Which messages of a queue go first; FIRST where nothing is said. Steps of kombu's transport over Redis."""

    FIRST = 0
    SOON = 6
    LATER = 9


def redis_lists(queue: str) -> tuple[str, ...]:
    """The lists in which a queue's messages wait in Redis, the first ones first, named as kombu does."""
    return tuple(queue if not step else f"{queue}\x06\x16{step}" for step in Urgency)


class TaskName(StrEnum):
    """Names that travel: the edge wakes a task by its name and never imports it."""

    DRAIN = "ingest.drain"
    ATTRIBUTE_CHUNK = "attribution.attribute_chunk"
    ATTRIBUTE_RUN = "attribution.attribute_run"
    CLOSE_RUN = "attribution.close_run"
    REFRESH_ROLLUPS = "attribution.refresh_rollups"
    START_RUN = "attribution.start_run"
    MODEL_CHANNELS = "attribution.model_channels"
    SWEEP = "maintenance.sweep"
    ERASE = "erasure.erase"
    SEND_WEBHOOKS = "webhooks.send_webhooks"
    DELIVER_WEBHOOK = "webhooks.deliver_webhook"
    REFIT_DUE = "saturation.refit_due"
    START_REFIT = "saturation.start_refit"
    FIT_CHANNELS = "saturation.fit_channels"
    PUBLISH_REFIT = "saturation.publish_refit"
    SCORE_SPEND = "saturation.score_spend"
    SCORE_TENANT = "saturation.score_tenant"
    CHECK_JUDGE = "saturation.check_judge"


ROUTES: dict[str, Queue] = {
    TaskName.DRAIN: Queue.INGEST,
    TaskName.ATTRIBUTE_CHUNK: Queue.ATTRIBUTION,
    TaskName.ATTRIBUTE_RUN: Queue.ATTRIBUTION,
    TaskName.CLOSE_RUN: Queue.ATTRIBUTION,
    TaskName.REFRESH_ROLLUPS: Queue.MAINTENANCE,
    TaskName.START_RUN: Queue.BACKFILL,
    TaskName.MODEL_CHANNELS: Queue.BACKFILL,
    TaskName.SWEEP: Queue.MAINTENANCE,
    TaskName.ERASE: Queue.BACKFILL,
    TaskName.SEND_WEBHOOKS: Queue.MAINTENANCE,
    TaskName.DELIVER_WEBHOOK: Queue.BACKFILL,
    TaskName.REFIT_DUE: Queue.SATURATION,
    TaskName.START_REFIT: Queue.SATURATION,
    TaskName.FIT_CHANNELS: Queue.SATURATION,
    TaskName.PUBLISH_REFIT: Queue.SATURATION,
    TaskName.SCORE_SPEND: Queue.SATURATION,
    TaskName.SCORE_TENANT: Queue.SATURATION,
    TaskName.CHECK_JUDGE: Queue.SATURATION,
}


@dataclass(frozen=True, slots=True)
class Periodic:
    task: TaskName
    every_s: float

    @property
    def expires_s(self) -> float:
        """A message that nobody has taken by then is not worth taking: the next one is near, or near enough."""
        return max(30.0, self.every_s / 2)


def schedule(settings: Settings) -> dict[str, Periodic]:
    """What beat sends, by entry name."""
    return {
        "sweep": Periodic(TaskName.SWEEP, settings.sweep_every_s),
        "rollups": Periodic(TaskName.REFRESH_ROLLUPS, settings.rollups_every_s),
        "erase": Periodic(TaskName.ERASE, settings.erase_every_s),
        "webhooks": Periodic(TaskName.SEND_WEBHOOKS, settings.webhook_every_s),
        "refits": Periodic(TaskName.REFIT_DUE, settings.refit_every_s),
        "scores": Periodic(TaskName.SCORE_SPEND, settings.score_every_s),
        "judge": Periodic(TaskName.CHECK_JUDGE, settings.judge_every_s),
    }
