"""How often does a worker that looks after itself ask Redis?"""

from __future__ import annotations

import dataclasses

import pytest
from redis.connection import Connection as RedisConnection

from config.celery_app import make_celery
from config.queues import Queue, Urgency
from config.settings import Settings
from workers import liveness


@pytest.fixture
def app(redis, redis_url):
    made = make_celery(dataclasses.replace(Settings(), redis_url=redis_url))
    yield made
    made.close()


def test_liveness_asks_for_all_that_waits_at_once(app, redis, monkeypatch):
    for number, step in enumerate(Urgency):
        for _ in range(number + 1):
            app.send_task("any", queue=Queue.SATURATION.value, priority=int(step), ignore_result=True, retry=False)
    app.send_task("any", queue=Queue.INGEST.value, ignore_result=True, retry=False)
    sends, write = [], RedisConnection.send_packed_command
    monkeypatch.setattr(
        RedisConnection, "send_packed_command", lambda *given, **more: (sends.append(given), write(*given, **more))
    )
    assert liveness.waiting(redis, [Queue.INGEST, Queue.SATURATION, Queue.BACKFILL]) == 7
    assert len(sends) == 1
