"""Does the local Redis keep what it acknowledged, over a kill?"""

from __future__ import annotations

from pathlib import Path

from redis import Redis

from workers.local.redis import LocalRedis


def test_killed_and_started_again(tmp_path: Path) -> None:
    with LocalRedis(tmp_path / "redis", fsync="always") as server:
        client = Redis.from_url(server.url)
        for number in range(500):
            client.xadd("log", {"n": number})
        port = server.port
        server.kill9()
        assert not server.is_running()
        server.start()
        assert server.port == port
        assert client.xlen("log") == 500
        server.restart()
        assert client.xlen("log") == 500
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        client.close()
    assert server.pid is None
