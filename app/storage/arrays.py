"""How do a numpy client's columns get their names, and an empty result its types?"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_NUMBERS = {
    f"{sign}Int{bits}": np.dtype(f"{sign.lower()}int{bits}") for sign in ("", "U") for bits in (8, 16, 32, 64)
} | {"Float32": np.dtype("float32"), "Float64": np.dtype("float64")}


def columns_by_name(data: list[Any], types: list[tuple[str, str]]) -> dict[str, Any]:
    """Columns by name. An empty result comes without columns: they are made here, of the right types."""
    if not data:
        return {name: _empty(kind) for name, kind in types}
    return {name: column for (name, _), column in zip(types, data, strict=True)}


def codes_and_names(column: Any) -> tuple[NDArray[np.int32], list[str]]:
    """A LowCardinality column as int32 codes and the names that they stand for."""
    return column.codes.astype(np.int32), [str(name) for name in column.categories]


def _empty(kind: str) -> Any:
    if kind.startswith("LowCardinality"):
        return pd.Categorical.from_codes([], categories=pd.Index([], dtype=object))
    if kind.startswith("DateTime"):
        return np.empty(0, dtype="datetime64[ns]")
    return np.empty(0, dtype=_NUMBERS.get(kind, np.dtype(object)))


def warm_up() -> None:
    """Load all that answers with arrays need; clickhouse-driver would load it at the first query."""
    for module in ("pandas", "clickhouse_driver.numpy.result", "clickhouse_driver.columns.numpy.service"):
        import_module(module)
