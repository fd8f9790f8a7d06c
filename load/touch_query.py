"""What does one batched touchpoint query save against one query per conversion?

Both ask for the same touches, and are shown to give the same before they are timed. The query per conversion has the
best form there is (`user_hash = x`, no join, no external table, no statistics) and the plain driver, without what
`app.storage` adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from clickhouse_driver import Client

from app.storage.client import Storage
from app.storage.touches import TouchColumns, touches_of
from load.figures import Figure, compared, in_turns, of_times
from load.setting import Setting
from load.touch_table import TENANT, Conversion

SIZES, QUICK_SIZES = (1, 10, 100, 1_000, 5_000, 10_000, 20_000), (1, 10, 100)
SAMPLED = 300
"""Of more conversions than that, every so-manieth is asked about one by one, and the time scaled."""
REPEATS = {1: 50, 10: 20, 100: 3}
"""Runs within one round, so that a round takes tens of milliseconds."""
WINDOW_MS = 30 * 86_400_000
BEST: dict[str, Any] = {"use_statistics": 0}
"""Else a query may load the parts' column statistics while it is planned, some 20 ms on a freshly merged table: a batch
pays that once, and 1,000 queries 1,000 times, which would say nothing about batching."""

_ONE = """
    SELECT toUnixTimestamp64Milli(ts), event_key, CAST(kind, 'Int8'), channel, campaign, source
    FROM touchpoints
    WHERE tenant_id = %(tenant_id)s
      AND user_hash = xxHash64(%(user_id)s)
      AND ts BETWEEN fromUnixTimestamp64Milli(%(lo_ms)s) AND fromUnixTimestamp64Milli(%(hi_ms)s)
    ORDER BY ts, event_key
    LIMIT 1 BY event_key
"""


def measure(setting: Setting) -> Iterator[Figure]:
    table, engine = setting.touches, setting.engine
    storage = Storage(setting.settings, numpy=True)
    for size in QUICK_SIZES if setting.is_quick else SIZES:
        asked = table.conversions[:size]
        singly = asked if size <= SAMPLED else asked[:: size // SAMPLED][:SAMPLED]
        _require_equal(batched(storage, asked), {one: one_by_one(engine, one) for one in singly}, asked)
        repeats = 1 if setting.is_quick else REPEATS.get(size, 1)
        batched_s, single_s = in_turns(
            [
                partial(_batches, storage, asked, repeats),
                partial(_singles, engine, singly, repeats),
            ],
            setting.rounds(7),
        )
        scale = len(asked) / len(singly)
        figure = of_times(
            f"touch_query_{size}",
            [taken / repeats for taken in batched_s],
            size,
            touches=table.touches,
            parts=table.parts,
            sampled=len(singly) if scale > 1 else None,
        )
        single = of_times("", [taken / repeats * scale for taken in single_s], size)
        words = "one query per conversion" + (f" ({len(singly)} of them, scaled)" if scale > 1 else "")
        yield compared(figure, words, single.value)
    storage.close()


def batched(storage: Storage, asked: Sequence[Conversion]) -> TouchColumns:
    """The touches of all conversions, as `attribute_chunk` asks for them."""
    times = np.array([one.time_ms for one in asked], np.int64)
    whose, users = [TENANT] * len(asked), [one.user_id for one in asked]
    return touches_of(storage, whose, np.arange(len(asked)), users, times - WINDOW_MS, times)


def one_by_one(engine: Client, one: Conversion) -> list[tuple[Any, ...]]:
    """The touches of one conversion: (time_ms, key, kind, channel, campaign, source)."""
    window = {"tenant_id": TENANT, "user_id": one.user_id, "lo_ms": one.time_ms - WINDOW_MS, "hi_ms": one.time_ms}
    rows: list[tuple[Any, ...]] = engine.execute(_ONE, window, settings=BEST)
    return rows


def _batches(storage: Storage, asked: Sequence[Conversion], repeats: int) -> None:
    for _ in range(repeats):
        batched(storage, asked)


def _singles(engine: Client, asked: Sequence[Conversion], repeats: int) -> None:
    for _ in range(repeats):
        for one in asked:
            one_by_one(engine, one)


def _require_equal(
    found: TouchColumns, expected: dict[Conversion, list[tuple[Any, ...]]], asked: Sequence[Conversion]
) -> None:
    bounds = np.searchsorted(found.conversion_index, np.arange(len(asked) + 1)).tolist()
    for number, one in enumerate(asked):
        if one not in expected:
            continue
        rows = [
            (
                int(found.time_ms[i]),
                int(found.key[i]),
                int(found.kind[i]),
                found.channel_names[found.channel[i]],
                found.campaign_names[found.campaign[i]],
                found.source_names[found.source[i]],
            )
            for i in range(bounds[number], bounds[number + 1])
        ]
        if rows != expected[one] or not rows:
            raise AssertionError(f"the two forms differ for {one}: {rows} and {expected[one]}")
