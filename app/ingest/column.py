"""What can be done with a column of events, whatever it is made of?

A list of Python's values, an array of numbers or, where few are distinct, codes and names: the last two become columns
of an insert as they are (`app.storage.native`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from app.storage.native import Coded, Flat

Column = list[Any] | Flat | Coded
Columns = Mapping[str, Column]
"""Name -> values, all of one length."""


def listed(column: Column) -> list[Any]:
    """Python's values."""
    if isinstance(column, Coded):
        return list(map(column.names.__getitem__, column.codes.tolist()))
    return column.values.tolist() if isinstance(column, Flat) else column


def chosen(column: Column, places: NDArray[np.int64]) -> Column:
    """The values at these places."""
    if isinstance(column, Coded):
        return Coded(column.codes[places], column.names)
    return Flat(column.values[places]) if isinstance(column, Flat) else list(map(column.__getitem__, places.tolist()))


def joined(parts: Sequence[Column]) -> Column:
    """Columns one after the other: a list where they are not all of one make."""
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, Flat) for part in parts):
        return Flat(np.concatenate([part.values for part in cast(Sequence[Flat], parts)]))
    if all(isinstance(part, Coded) for part in parts):
        some = cast(Sequence[Coded], parts)
        first = accumulate((len(part.names) for part in some), initial=0)
        codes = [part.codes + start for part, start in zip(some, first, strict=False)]
        return Coded(np.concatenate(codes), list(chain.from_iterable(part.names for part in some)))
    return list(chain.from_iterable(map(listed, parts)))


def says_nothing(column: Column) -> bool:
    """Whether every value is the empty one: 0 or ''."""
    if isinstance(column, Coded):
        return not any(column.names[code] for code in column.occurring())
    return not column.values.any() if isinstance(column, Flat) else not any(column)
