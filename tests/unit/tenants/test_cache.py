"""Does the cache believe a value for its time, and not forever?"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.tenants import cache
from app.tenants.cache import Cache


def test_a_value_is_believed_for_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    values: Cache[int | None] = Cache()
    values.put("a", None, 5)
    assert values.look_up("a") == (None, True)
    assert values.look_up("b") == (None, False)
    now[0] = 105.0
    assert values.look_up("a") == (None, False)


def test_no_time_is_no_cache() -> None:
    values: Cache[int] = Cache()
    values.put("a", 1, 0)
    assert values.get("a") is None


def test_a_flood_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_VALUES", 10)
    values: Cache[int] = Cache()
    for number in range(25):
        values.put(f"k{number}", number, 60)
    assert len(values._values) <= 10
    assert values.get("k24") == 24


def test_a_stampede_is_one_load() -> None:
    values: Cache[int] = Cache()
    loads: list[str] = []
    together = threading.Barrier(16)

    def make() -> int:
        loads.append("a")
        time.sleep(0.05)  # long enough for all the others to arrive
        return 7

    def ask(_: int) -> int:
        together.wait()
        return values.load("a", make, lambda _: 60)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(16))) == [7] * 16
    assert loads == ["a"]


def test_a_load_that_fails_is_tried_by_the_next() -> None:
    values: Cache[int] = Cache()

    def fails() -> int:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        values.load("a", fails, lambda _: 60)
    assert values.load("a", lambda: 3, lambda _: 60) == 3
    assert values.load("a", fails, lambda _: 60) == 3


def test_a_slow_load_holds_up_no_other_key() -> None:
    values: Cache[int] = Cache()
    begun, end = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        end.wait(10)
        return 1

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(values.load, "a", slow, lambda _: 60)
        begun.wait(10)
        assert values.load("b", lambda: 2, lambda _: 60) == 2
        end.set()
        assert waiting.result() == 1
