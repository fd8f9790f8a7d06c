"""Which queues are there, what runs on them, and when? Policy as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from config.settings import Settings


class Queue(StrEnum):
    """The queues, most urgent first. Every one must be named by a worker of Procfile and docker-compose.yml."""

    INGEST = "ingest"
    ATTRIBUTION = "attribution"
    BACKFILL = "backfill"
    MAINTENANCE = "maintenance"


class TaskName(StrEnum):
    """Names that travel: the edge wakes a task by its name and never imports it."""

    DRAIN = "ingest.drain"
    ATTRIBUTE_CHUNK = "attribution.attribute_chunk"
    ATTRIBUTE_RUN = "attribution.attribute_run"
    CLOSE_RUN = "attribution.close_run"
    START_RUN = "attribution.start_run"
    MODEL_CHANNELS = "attribution.model_channels"
    SWEEP = "maintenance.sweep"
    ERASE = "erasure.erase"
    SEND_WEBHOOKS = "webhooks.send_webhooks"
    DELIVER_WEBHOOK = "webhooks.deliver_webhook"


ROUTES: dict[str, Queue] = {
    TaskName.DRAIN: Queue.INGEST,
    TaskName.ATTRIBUTE_CHUNK: Queue.ATTRIBUTION,
    TaskName.ATTRIBUTE_RUN: Queue.ATTRIBUTION,
    TaskName.CLOSE_RUN: Queue.ATTRIBUTION,
    TaskName.START_RUN: Queue.BACKFILL,
    TaskName.MODEL_CHANNELS: Queue.BACKFILL,
    TaskName.SWEEP: Queue.MAINTENANCE,
    TaskName.ERASE: Queue.BACKFILL,
    TaskName.SEND_WEBHOOKS: Queue.MAINTENANCE,
    TaskName.DELIVER_WEBHOOK: Queue.BACKFILL,
}


@dataclass(frozen=True, slots=True)
class Periodic:
    task: TaskName
    every_s: float


def schedule(settings: Settings) -> dict[str, Periodic]:
    """What beat sends, by entry name."""
    return {
        "sweep": Periodic(TaskName.SWEEP, settings.sweep_every_s),
        "erase": Periodic(TaskName.ERASE, settings.erase_every_s),
        "webhooks": Periodic(TaskName.SEND_WEBHOOKS, settings.webhook_every_s),
    }
