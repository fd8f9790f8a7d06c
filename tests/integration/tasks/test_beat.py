"""What becomes of the beat while Redis is away, and after Redis has lost what it had?"""

from __future__ import annotations

from dataclasses import replace

from redis import Redis

from config.celery_app import make_celery
from config.queues import schedule
from config.settings import Settings
from workers.beat import AGAIN_S, Scheduler
from workers.checkup import BEAT_LOCK
from workers.local.redis import LocalRedis


def test_a_beat_goes_on_after_an_outage_and_after_a_loss(tmp_path):
    with LocalRedis(tmp_path / "redis") as server:
        settings = replace(Settings(), redis_url=server.url)
        scheduler, redis = Scheduler(app=make_celery(settings)), Redis.from_url(server.url)
        scheduler.tick()
        entries = redis.zcard("redbeat::schedule")
        assert redis.exists(BEAT_LOCK)
        assert entries >= len(schedule(settings))

        redis.flushall()
        assert scheduler.tick() == 0.0
        scheduler.tick()
        assert redis.exists(BEAT_LOCK)
        assert redis.zcard("redbeat::schedule") == entries

        server.kill9()
        assert scheduler.tick() == AGAIN_S
