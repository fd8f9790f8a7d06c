"""Does whoever watches credit go on when Redis comes back, and say what it cannot go on after?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import Settings
from load.credit_time import CreditTimes, Run, first_times
from load.stack import Stack

STACK = Stack("http://127.0.0.1:1", "wk", "sk", Settings())


class Redis:
    """Answers what it was given, in turn."""

    def __init__(self, *answers: Callable[[], list[bytes]]) -> None:
        self.answers = list(answers)

    def zrange(self, *_: Any) -> list[bytes]:
        return self.answers.pop(0)()

    def scan_iter(self, **_: Any) -> list[bytes]:
        return []

    def close(self) -> None:
        """Nothing is open."""


def _away() -> list[bytes]:
    raise RedisConnectionError("Connection refused.")


def test_it_goes_on_when_redis_comes_back() -> None:
    times = CreditTimes(STACK)
    redis = times._redis = Redis(_away, list, _away)
    assert [times._look() for _ in range(3)] == [[], [], []]
    assert redis.answers == []
    assert times.failure == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_load_is_told_what_ended_it() -> None:
    def broken() -> list[bytes]:
        raise KeyError("created_ms")

    times = CreditTimes(STACK)
    times._redis = Redis(broken)
    times.begin()
    assert times.finish() == []
    assert times.failure == "credit could not be watched any more: KeyError('created_ms')"


@pytest.mark.parametrize(
    ("created_ms", "unseen_ms", "known"),
    [
        ((110, 210, 310), (), 3),
        ((2_100, 210, 310), (105,), 2),  # credited again at 2,100; what named it first was recorded at 105
        ((2_100, 210, 310), (), 3),  # its post was answered late: no run is missing
        ((2_100, 2_100, 2_100), (105,), 3),  # the shard stood still: nobody overtook it
        ((2_100, 210, 310), (50, 3_000), 3),
    ],
)
def test_an_order_whose_first_run_was_not_seen_has_no_time(
    created_ms: tuple[int, ...], unseen_ms: tuple[int, ...], known: int
) -> None:
    due = [(f"o{number}", 100.0 * number + 100, "sustained") for number in range(3)]
    runs = [Run([number], ms, ms + 50) for number, ms in enumerate(created_ms)]
    assert len(list(first_times(due, runs, unseen_ms))) == known
