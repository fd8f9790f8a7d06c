"""Does the cache believe a value for its time, and not forever?"""

from __future__ import annotations

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
