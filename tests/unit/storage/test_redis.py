"""Are the addresses of Redis read as they are meant?"""

from __future__ import annotations

import pytest

from app.storage.redis import get_redis, make_redis
from config.celery_app import make_celery
from config.sentinel import sentinels_in
from config.settings import Settings


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("sentinel://h:1", ([("h", 1)], 0, None, "mymaster")),
        ("sentinel://:pa%40ss@h1;sentinel://h2:2/3?master_name=main", ([("h1", 26379), ("h2", 2)], 3, "pa@ss", "main")),
        ("sentinel://h1:1,h2:2/0", ([("h1", 1), ("h2", 2)], 0, None, "mymaster")),
    ],
)
def test_sentinel_urls(url: str, parts: tuple[object, ...]) -> None:
    assert sentinels_in(url) == parts
    make_redis(url)


def test_celery_and_beat_ask_the_same_sentinels() -> None:
    conf = make_celery(Settings(redis_url="sentinel://:pa%40ss@h1:1;sentinel://h2:2/3?master_name=main")).conf
    assert conf.broker_url == conf.result_backend == "sentinel://:pa%40ss@h1:1/3;sentinel://:pa%40ss@h2:2/3"
    for options in (conf.broker_transport_options, conf.result_backend_transport_options):
        assert (options["master_name"], options["sentinel_kwargs"]) == ("main", {"password": "pa@ss"})
    beat = conf.redbeat_redis_options
    assert (conf.redbeat_redis_url, beat["sentinels"]) == ("redis-sentinel", [("h1", 1), ("h2", 2)])
    assert (beat["service_name"], beat["db"], beat["password"]) == ("main", 3, "pa@ss")


def test_a_plain_redis_has_none() -> None:
    assert sentinels_in("redis://h:6379/0") is None
    assert make_celery(Settings(redis_url="redis://h:6379/0")).conf.broker_url == "redis://h:6379/0"


def test_one_client_per_process() -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1/0")
    assert get_redis(settings) is get_redis(settings)
