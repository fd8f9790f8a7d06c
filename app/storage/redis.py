"""How does a process reach Redis? One client per process, with timeouts, through a master or through Sentinel."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from redis.sentinel import Sentinel

from config.settings import Settings, get_settings

DEFAULT_MASTER = "mymaster"


def get_redis(settings: Settings | None = None) -> Redis:
    """The client of this process, for all of its threads. Answers are bytes."""
    return _client((settings or get_settings()).redis_url, os.getpid())


def make_redis(url: str) -> Redis:
    """A client for `url`; nothing connects before the first command.

    ``redis://[user:password@]host:6379/0`` (also ``rediss://``, ``unix://``), or, for failover,
    ``sentinel://[:password@]host:26379;sentinel://host2:26379/0?master_name=mymaster``.
    """
    options: dict[str, Any] = {
        "socket_timeout": 5.0,
        "socket_connect_timeout": 2.0,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "decode_responses": False,
        # A cut connection only: a command that timed out may still be running.
        "retry": Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.5), 3, (RedisConnectionError,)),
    }
    if not url.startswith("sentinel://"):
        return Redis.from_url(url, **options)
    hosts, database, password, master = _sentinel_parts(url)
    # redis-py leaves Sentinel without types.
    make_sentinel: Any = Sentinel
    sentinel = make_sentinel(hosts, sentinel_kwargs={"socket_timeout": 1.0, "password": password}, **options)
    client: Redis = sentinel.master_for(master, db=database, password=password)
    return client


@lru_cache(maxsize=4)
def _client(url: str, _pid: int) -> Redis:
    """Keyed by the process too: a forked child makes its own."""
    return make_redis(url)


def _sentinel_parts(url: str) -> tuple[list[tuple[str, int]], int, str | None, str]:
    """Hosts, database, password and master's name. Hosts are parted by ';' (as Celery writes them) or ','."""
    pieces = [piece.removeprefix("sentinel://") for piece in url.replace(";", ",").split(",")]
    parsed = [urlsplit(f"sentinel://{piece}") for piece in pieces if piece]
    hosts = [(part.hostname or "127.0.0.1", part.port or 26379) for part in parsed]
    last = parsed[-1]
    database = int(last.path.strip("/") or 0)
    password = next((unquote(part.password) for part in parsed if part.password), None)
    master = parse_qs(last.query).get("master_name", [DEFAULT_MASTER])[0]
    return hosts, database, password, master
