"""Which standing credit is not known to be the same as the new one?"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.ledger.history import differing_of
from app.ledger.rows import LedgerRows, _of_gone


def new_rows(whose: list[tuple[int, int]], content: list[int]) -> LedgerRows:
    """A row for each (tenant, key); content 0 for one that deletes."""
    known = np.array(content, np.uint64)
    gone = _of_gone([(tenant_id, key, 0) for tenant_id, key in whose])
    return replace(gone, content=known, is_deleted=(known == 0).astype(np.int64))


def standing(whose: list[tuple[int, int]], content: list[int], version: int = 1) -> dict[str, NDArray[Any]]:
    return {
        "tenant_id": np.array([tenant_id for tenant_id, _ in whose], np.uint32),
        "conversion_key": np.array([key for _, key in whose], np.uint64),
        "version": np.full(len(whose), version, np.uint64),
        "is_deleted": np.array([int(one == 0) for one in content], np.uint8),
        "content": np.array(content, np.uint64),
    }


def differing(stood: dict[str, NDArray[Any]], rows: LedgerRows, version: int) -> set[tuple[int, int]]:
    found = differing_of(stood, rows, version)
    return set(zip(stood["tenant_id"][found].tolist(), stood["conversion_key"][found].tolist(), strict=True))


def test_it_is_found_by_tenant_and_key() -> None:
    one, two, far = (7, 5), (9, 5), (9, 2**64 - 1)
    stood = standing([one, two, far], [11, 12, 13])
    assert differing(stood, new_rows([far, one, two], [13, 11, 12]), 2) == set()
    assert differing(stood, new_rows([far, one, two], [13, 12, 11]), 2) == {one, two}
    assert differing(stood, new_rows([one, two, far], [11, 12, 0]), 2) == {far}, "its credit goes"
    assert differing(stood, new_rows([one, two, far], [0, 0, 0]), 2) == {one, two, far}
    assert differing(standing([one], [0]), new_rows([one], [0]), 2) == set(), "it had none, and has none"
    assert differing(standing([one], [0]), new_rows([one], [3]), 2) == {one}, "it has one again"
    assert differing(standing([one], [11], version=3), new_rows([one], [3]), 2) == set(), "a later run's stands"
    assert differing(standing([], []), new_rows([one], [3]), 2) == set(), "it is new"


def test_many_tenants_with_a_conversion_each_take_no_room_for_all_pairs_of_them() -> None:
    n = 4_000
    whose = [(1 + number, 7 * number) for number in range(n)]
    stood, rows = standing(whose, [1 + number for number in range(n)]), new_rows(whose, [5] * n)
    tracemalloc.start()
    found = differing_of(stood, rows, 2)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.flatnonzero(~found).tolist() == [4]
    assert most < 1_000 * n  # bytes; a number for each pair would be 32,000 a tenant
