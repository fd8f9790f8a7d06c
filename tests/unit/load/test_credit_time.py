"""Does whoever watches credit go on when Redis comes back, and say what it cannot go on after?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import Settings
from load.credit_time import CreditTimes
from load.stack import Stack

STACK = Stack("http://127.0.0.1:1", "wk", "sk", Settings())


class Redis:
    """Answers what it was given, in turn."""

    def __init__(self, *answers: Callable[[], list[bytes]]) -> None:
        self.answers = list(answers)

    def zrange(self, *_: Any) -> list[bytes]:
        return self.answers.pop(0)()

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
