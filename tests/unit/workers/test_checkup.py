"""Does doctor see what would lose events and what is away, and name the remedy?"""

import os
import subprocess
import sys

import pytest

from workers.checkup import Verdict, _redis

GOOD = {
    "redis_version": "7.2.4",
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
}


def test_a_good_redis():
    assert [finding.verdict for finding in _redis(GOOD)] == [Verdict.OK]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"redis_version": "5.0.7"}, "6.2"),
        ({"maxmemory_policy": "allkeys-lru"}, "noeviction"),
        ({"aof_enabled": 0}, "appendonly"),
        ({"aof_last_write_status": "err"}, "disk"),
    ],
)
def test_what_would_lose_events_is_wrong(change, word):
    wrong = [finding for finding in _redis(GOOD | change) if finding.verdict is Verdict.WRONG]
    assert len(wrong) == 1
    assert word in wrong[0].remedy


def _without_engines(*words):
    away = {"TRIBUTARY_REDIS_URL": "redis://127.0.0.1:1/0", "TRIBUTARY_CLICKHOUSE_URL": "clickhouse://127.0.0.1:1/x"}
    command = [sys.executable, "-m", "workers.cli", *words]
    return subprocess.run(command, env=os.environ | away, capture_output=True, text=True, timeout=60, check=False)


def test_what_is_away_is_told_with_its_remedy_and_no_traceback():
    done = _without_engines("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert [line[:2] for line in done.stdout.splitlines()] == ["✓ ", "✗ ", "  ", "✗ ", "  "]
    assert all(f"TRIBUTARY_{part}_URL" in done.stdout for part in ("CLICKHOUSE", "REDIS"))


def test_other_commands_tell_it_too():
    done = _without_engines("dead-letters", "list")
    assert (done.returncode, done.stdout) == (1, "")
    told, remedy = done.stderr.splitlines()
    assert told.startswith("tributary: Redis does not answer (")
    assert "TRIBUTARY_REDIS_URL" in remedy
