"""How does a process reach Redis? One client per process, with timeouts, through a master or through Sentinel."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from redis.sentinel import Sentinel

from config.sentinel import sentinels_in
from config.settings import Settings, get_settings


def get_redis(settings: Settings | None = None) -> Redis:
    """The client of this process, for all of its threads. Answers are bytes."""
    return _client((settings or get_settings()).redis_url, os.getpid())


def make_redis(url: str, timeout_s: float = 5.0) -> Redis:
    """A client for `url`; nothing connects before the first command.

    ``redis://[user:password@]host:6379/0`` (also ``rediss://``), or, for failover,
    ``sentinel://[:password@]host:26379;sentinel://host2:26379/0?master_name=mymaster``.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": 2.0,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "decode_responses": False,
        # A cut connection only: a command that timed out may still be running.
        "retry": Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.5), 3, (RedisConnectionError,)),
    }
    found = sentinels_in(url)
    if found is None:
        return Redis.from_url(url, **options)
    # redis-py leaves Sentinel without types.
    make_sentinel: Any = Sentinel
    to_sentinels = {"socket_timeout": 1.0, "password": found.password}
    sentinel = make_sentinel(found.hosts, sentinel_kwargs=to_sentinels, **options)
    client: Redis = sentinel.master_for(found.master, db=found.database, password=found.password)
    return client


def clock_us(redis: Any) -> int:
    """Epoch µs of Redis' clock: the one that all processes share."""
    seconds, microseconds = redis.time()
    return int(seconds) * 1_000_000 + int(microseconds)


@lru_cache(maxsize=4)
def _client(url: str, _pid: int) -> Redis:
    """Keyed by the process too: a forked child makes its own."""
    return make_redis(url)
