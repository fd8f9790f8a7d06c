"""Are the addresses of Redis read as they are meant?"""

from __future__ import annotations

import pytest

from app.storage.redis import _sentinel_parts, get_redis, make_redis
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
    assert _sentinel_parts(url) == parts
    make_redis(url)


def test_one_client_per_process() -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1/0")
    assert get_redis(settings) is get_redis(settings)
