"""The Celery application: how tasks travel, are limited, retried and scheduled."""

from __future__ import annotations

from typing import Any, NamedTuple

from celery import Celery
from kombu import Exchange
from kombu import Queue as KombuQueue

from config import broker
from config.queues import ROUTES, Queue, schedule
from config.sentinel import sentinels_in
from config.settings import Settings, get_settings

TASK_MODULES = (
    "tasks.ingest",
    "tasks.attribution",
    "tasks.models",
    "tasks.maintenance",
    "tasks.erasure",
    "tasks.webhooks",
    "tasks.saturation",
)


class _Way(NamedTuple):
    """How Celery, and RedBeat in words of its own, reach Redis: straight or through its sentinels."""

    url: str
    transport: dict[str, Any]
    beat_url: str
    beat_options: dict[str, Any]


def _way_to_redis(settings: Settings) -> _Way:
    transport: dict[str, Any] = {
        "visibility_timeout": settings.visibility_timeout_s,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    found = sentinels_in(settings.redis_url)
    if found is None:
        url = _with_certificate_checked(settings.redis_url)
        return _Way(url, transport, url, {})
    to_sentinels = {"password": found.password}
    transport |= {"master_name": found.master, "sentinel_kwargs": to_sentinels}
    beat_options = {
        "sentinels": found.hosts,
        "service_name": found.master,
        "db": found.database,
        "password": found.password,
        "sentinel_kwargs": to_sentinels,
    }
    return _Way(found.celery_url(), transport, "redis-sentinel", beat_options)


def _with_certificate_checked(url: str) -> str:
    """A TLS URL that says that the server's certificate is checked: redis-py does so unasked, Celery wants it said."""
    if not url.startswith("rediss://") or "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"


def make_celery(settings: Settings) -> Celery:
    """A Celery app for these settings. Nothing is connected until something is sent or consumed."""
    way = _way_to_redis(settings)
    broker.use()
    celery = Celery("tributary", broker=way.url, backend=way.url, include=list(TASK_MODULES))
    celery.conf.update(
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_queues=[KombuQueue(queue.value, Exchange(queue.value), routing_key=queue.value) for queue in Queue],
        task_default_queue=Queue.MAINTENANCE.value,
        task_routes={str(name): {"queue": queue.value} for name, queue in ROUTES.items()},
        task_create_missing_queues=False,
        # Put back by a worker that ends; of one that is killed: config.broker.
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_soft_time_limit=settings.task_soft_limit_s,
        task_time_limit=settings.task_hard_limit_s,
        broker_transport_options=way.transport,
        result_backend_transport_options=way.transport,
        visibility_timeout=settings.visibility_timeout_s,
        result_expires=24 * 3600,
        result_extended=True,
        task_ignore_result=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_soft_shutdown_timeout=10,
        worker_enable_soft_shutdown_on_idle=True,
        worker_max_tasks_per_child=5_000,
        worker_hijack_root_logger=False,
        # Three messages a task: Flower asks for them while it runs, and again every few seconds.
        worker_send_task_events=False,
        task_send_sent_event=False,
        worker_redirect_stdouts=False,
        timezone="UTC",
        redbeat_redis_url=way.beat_url,
        redbeat_redis_options=way.beat_options,
        redbeat_key_prefix="redbeat:",
        redbeat_lock_timeout=30,
        beat_max_loop_interval=1,
        beat_scheduler="workers.beat:Scheduler",
        beat_schedule={
            name: {"task": str(entry.task), "schedule": entry.every_s, "options": {"expires": entry.expires_s}}
            for name, entry in schedule(settings).items()
        },
    )
    return celery


celery = make_celery(get_settings())
