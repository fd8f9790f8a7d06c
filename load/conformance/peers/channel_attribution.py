"""ChannelAttribution (Altomare, Loris; C++): three heuristics, and a Markov chain that it simulates."""

from collections.abc import Callable

import ChannelAttribution
import pandas as pd
from protocol import SEPARATOR, ByChannel, Measures, Row, mixed_of, serve

_COLUMNS = {"var_path": "path", "var_conv": "conversions", "var_value": "value"}


def measures(rows: list[Row]) -> Measures:
    data = _frame(rows)
    asked: Measures = {}
    for model, name in (("first_touch", "first_touch"), ("last_touch", "last_touch"), ("linear", "linear_touch")):
        asked[f"{model} conversions"] = lambda name=name: _heuristic(data, f"{name}_conversions")
        asked[f"{model} value"] = lambda name=name: _heuristic(data, f"{name}_value")
    # Its own settings, and then with far more draws and without the cut at the longest path.
    for words, more in (("", {}), (", 5 million draws", {"nsim_start": 5_000_000, "max_step": 100_000})):
        asked[f"markov conversions{words}"] = lambda more=more: _markov(data, "result", "total_conversions", more)
        asked[f"markov value{words}"] = lambda more=more: _markov(data, "result", "total_conversion_value", more)
        asked[f"markov removal effect{words}"] = lambda more=more: _markov(
            data, "removal_effects", "removal_effects_conversion", more
        )
    return asked


def timed(rows: list[Row]) -> dict[str, Callable[[], object]]:
    data = _frame(rows)
    mixed = _frame(mixed_of(rows))
    return {
        "heuristics": lambda: ChannelAttribution.heuristic_models(data, **_COLUMNS, flg_pro=False),
        "markov": lambda: ChannelAttribution.markov_model(
            mixed, **_COLUMNS, var_null="nulls", flg_pro=False, verbose=False
        ),
    }


def _frame(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [SEPARATOR.join(row.path) for row in rows],
            "conversions": [row.conversions for row in rows],
            "value": [row.value for row in rows],
            "nulls": [row.nulls for row in rows],
        }
    )


def _heuristic(data: pd.DataFrame, column: str) -> ByChannel:
    result = ChannelAttribution.heuristic_models(data, **_COLUMNS, flg_pro=False)
    return dict(zip(result["channel_name"], result[column], strict=True))


def _markov(data: pd.DataFrame, table: str, column: str, more: dict[str, int]) -> ByChannel:
    result = ChannelAttribution.markov_model(
        data, **_COLUMNS, var_null="nulls", out_more=True, flg_pro=False, verbose=False, **more
    )
    return dict(zip(result[table]["channel_name"], result[table][column], strict=True))


if __name__ == "__main__":
    serve(measures, timed)
