"""What history keeps of many credits at once, against the same credit by credit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.ledger.credits import Credits, of_standing, summed
from app.ledger.history import differing_of
from app.ledger.rows import LedgerRows
from app.storage.native import Coded, Flat, Ragged
from tests.unit.attribution.build import random_chunk
from tests.unit.ledger.test_rows import group_of, rows_of

MODELS = len(FIVE_MODELS)


def lists(column: Any) -> list[Any]:
    if isinstance(column, Flat):
        return column.values.tolist()
    if isinstance(column, Coded):
        return [column.names[code] for code in column.codes.tolist()]
    values = lists(column.values)
    return [values[start:end] for start, end in pairwise(column.offsets.tolist())]


def by_channel(rows: LedgerRows, number: int) -> tuple[list[str], list[int], list[int]]:
    """Channel by channel, one after the other."""
    credit = rows.credit(number)
    if not credit.touch_channels:
        return [UNATTRIBUTED], [1_000_000] * MODELS, [credit.net_minor] * MODELS
    channels, touches = sorted(set(credit.touch_channels)), len(credit.touch_channels)
    sums: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    for place, (micro, net) in enumerate(zip(credit.micros, credit.net or credit.gross, strict=True)):
        one = sums[place // touches, credit.touch_channels[place % touches]]
        one[0], one[1] = one[0] + micro, one[1] + net
    micros, amounts = zip(*(sums[model, channel] for model in range(MODELS) for channel in channels), strict=True)
    return channels, list(micros), list(amounts)


def test_many_are_summed_as_each_by_itself() -> None:
    rows = rows_of(group_of(*random_chunk(300, seed=5)))
    assert rows.retracted.any()
    assert (np.diff(rows.offsets) == 0).any()
    numbers = np.array([*range(0, 300, 2), -1, 7, 7])
    said = {name: lists(column) for name, column in summed(Credits.of(rows), numbers).items()}
    for place, number in enumerate(numbers.tolist()):
        of_channels = (said["channels"][place], said["micros"][place], said["credit"][place])
        whole = tuple(said[name][place] for name in ("time", "currency", "gross", "net", "retracted", "touches"))
        if number < 0:
            assert of_channels == ([], [], [])
            assert whole == (0, "", 0, 0, 0, 0)
            continue
        one = rows.credit(number)
        assert of_channels == by_channel(rows, number)
        facts = (one.ts_ms, one.currency, one.gross_minor, one.net_minor, one.retracted, len(one.touch_keys))
        assert whole == facts
        assert said["rules"][place] == one.rules_version


def test_nothing_is_summed_to_nothing() -> None:
    rows = rows_of(group_of(*random_chunk(3, seed=6)))
    for credits in (Credits.of(rows), Credits.of(rows_of())):
        said = summed(credits, np.array([-1], np.int64))
        assert lists(said["channels"]) == lists(said["micros"]) == lists(said["credit"]) == [[]]


def test_what_is_read_again_is_the_same_credit() -> None:
    """Columns as storage answers them: other widths, other codes."""
    rows = rows_of(group_of(*random_chunk(100, seed=7)))
    names = [*reversed(rows.channel_names), "unused"]
    models = rows.offsets * MODELS
    read = of_standing(
        {
            "rules_version": rows.rules_version.astype(np.uint32),
            "currency": Coded(np.ones(100, np.int32), ["USD", "EUR"]),
            "ts_ms": rows.ts_ms,
            "gross_minor": rows.gross_minor,
            "net_minor": rows.net_minor,
            "retracted": rows.retracted.astype(np.uint8),
            "touch_keys": Ragged(Flat(rows.touch_key), rows.offsets),
            "touch_channels": Ragged(Coded(len(rows.channel_names) - 1 - rows.channel, names), rows.offsets),
            "micros": Ragged(Flat(rows.micros.astype(np.int32)), models),
            "gross": Ragged(Flat(rows.gross), models),
            "net": Ragged(Flat(rows.net), rows.net_offsets * MODELS),
        }
    )
    assert (read.content() == rows.content).all()
    numbers = np.arange(100)
    ours, theirs = summed(Credits.of(rows), numbers), summed(read, numbers)
    assert {name: lists(column) for name, column in ours.items()} == {
        name: lists(column) for name, column in theirs.items()
    }


def test_what_differs_is_what_must_be_read() -> None:
    made = rows_of(group_of(*random_chunk(8, seed=8)))
    # The same key under another tenant; one of them has no credit any more.
    rows = replace(made, tenant_id=np.arange(8) % 2, is_deleted=np.array([0, 0, 0, 0, 0, 0, 1, 0]))
    stood = {
        "tenant_id": rows.tenant_id.astype(np.uint32),
        "conversion_key": rows.key.copy(),
        "version": np.array([5, 5, 5, 9, 5, 5, 5, 5], np.uint64),
        "is_deleted": np.array([0, 0, 0, 0, 1, 0, 0, 1], np.uint8),
        "content": rows.content.copy(),
    }
    stood["content"][[1, 3]] += np.uint64(1)  # another one; and another one of a later run
    stood["content"][[2, 4, 6, 7]] = 0  # of old rows, and of deleted ones
    stood["tenant_id"][[5, 7]] = 6  # whose credit is gone: one of them was before
    assert differing_of(stood, rows, 5).tolist() == [False, True, True, False, True, True, True, False]
