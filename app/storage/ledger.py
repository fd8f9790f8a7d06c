"""How do credits get into the ledger, and what does it say of their sources? Reports read sums of it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.attribution.names import UNKNOWN_SOURCE
from app.storage.client import Columns, Storage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOURCES = f"arrayResize(touch_sources, length(touch_keys), '{UNKNOWN_SOURCE}')"
"""The sources of a row's touches; what was credited before there was the column does not have them (schema 0060)."""


def insert_ledger(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `ledger`; array columns are sequences of lists. The highest `version` of a conversion wins."""
    return storage.insert("ledger", columns, token=token, task=task)


def ragged_lists(flat: NDArray[Any], offsets: NDArray[np.int64], width: int = 1) -> list[list[Any]]:
    """An array column from a flat array: the lists ``flat[width * offsets[i]:width * offsets[i + 1]]``.

    One ``tolist`` and slices of it: what the driver packs fastest.
    """
    values = flat.tolist()
    bounds = (offsets * width).tolist()
    return [values[begin:end] for begin, end in pairwise(bounds)]
