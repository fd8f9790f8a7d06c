"""Which touches count, said twice: by arrays, and one by one."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from app.storage.windows import counted, windows_of

T0 = 1_700_000_000_000
HOUR = 3_600_000


def plainly(windows: list[tuple[int, ...]], touches: list[tuple[int, ...]]) -> list[tuple[int, int, int]]:
    """(conversion, time, key), as SEMANTICS 2 and the revisions of schema 0004 have it."""
    found = []
    for conversion in sorted({window[1] for window in windows}):
        own = [window for window in windows if window[1] == conversion]
        rows = [
            touch
            for touch in touches
            if any(w[0] == touch[0] and w[2] == touch[1] and w[3] <= touch[2] <= w[4] for w in own)
        ]
        newest: dict[tuple[int, int], tuple[int, int]] = {}
        for _, _, time_ms, key, revision, left_out in rows:
            newest[time_ms, key] = max(newest.get((time_ms, key), (-1, 0)), (revision, left_out))
        seen = set()
        for (time_ms, key), (revision, left_out) in sorted(newest.items()):
            if revision % 2 == 0 and not left_out and key not in seen:
                seen.add(key)
                found.append((conversion, time_ms, key))
    return found


@pytest.mark.parametrize("first", [0, 2**50], ids=["usual_numbers", "large_numbers"])
@pytest.mark.parametrize("seed", range(20))
def test_as_one_by_one(seed: int, first: int) -> None:
    chance = np.random.default_rng(seed)
    windows = []
    for conversion in range(first, first + 12):
        until = T0 + int(chance.integers(200)) * HOUR
        for _ in range(int(chance.integers(1, 4))):
            since = until - int(chance.integers(100)) * HOUR
            windows.append((int(chance.integers(3)), conversion, 2**64 - 1 - int(chance.integers(5)), since, until))
    asked = {(window[0], window[2]) for window in windows}
    touches = [
        # The newest revision alone says whether a touch is left out, so equal ones say the same.
        (tenant, id, T0 + int(chance.integers(-50, 200)) * HOUR, int(chance.integers(9)), revision, int(revision == 2))
        for tenant, id in sorted(asked)
        for revision in chance.integers(4, size=12).tolist()
    ]
    chance.shuffle(touches)
    table = np.array([(touch[0], *touch[2:]) for touch in touches], np.int64)
    found = {
        "tenant_id": table[:, 0].astype(np.uint32),
        "user_hash": np.array([touch[1] for touch in touches], np.uint64),
        "time_ms": table[:, 1],
        "event_key": table[:, 2].astype(np.uint64),
        "is_deleted": table[:, 3].astype(np.uint8),
    }
    row, conversion = counted(windows_of(*zip(*windows, strict=True)), found, table[:, 4] != 0)
    said = list(zip(conversion.tolist(), found["time_ms"][row].tolist(), found["event_key"][row].tolist(), strict=True))
    assert said == plainly(windows, touches)


def test_a_window_lies_in_two_periods_at_most() -> None:
    ends = T0 + np.arange(0, 400) * 7 * HOUR
    windows = windows_of([1] * 400, np.arange(400), range(400), ends - 30 * HOUR, ends)
    periods = {name: np.asarray(values) for name, (_, values) in windows.periods().columns.items()}
    assert len(periods["period"]) <= 800
    first_ms, length_ms = int(windows.lo_ms.min()), windows.period_ms
    inside = {(int(id), int(one)) for id, one in zip(periods["user_hash"], periods["period"], strict=True)}
    for ms in (windows.lo_ms, windows.lo_ms + 11 * HOUR, windows.hi_ms):
        assert inside >= set(zip(range(400), ((ms - first_ms) // length_ms).tolist(), strict=True))


def test_many_tenants_with_an_id_each_take_no_room_for_all_pairs_of_them() -> None:
    n = 4_000
    tenants, ids = np.arange(1, n + 1), np.arange(n) * 7 + 1
    windows = windows_of(tenants, np.arange(n), ids.tolist(), np.zeros(n, np.int64), np.full(n, 10))
    tracemalloc.start()
    row, conversion = windows.matches(tenants.astype(np.uint32), ids.astype(np.uint64), np.full(n, 5))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert row.tolist() == conversion.tolist() == list(range(n))
    assert most < 1_000 * n  # bytes; a number for each pair would be 32,000 a tenant
