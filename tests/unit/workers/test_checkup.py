"""Does the check of Redis see what would lose events, and name the remedy?"""

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
