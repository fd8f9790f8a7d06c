"""marketing-attribution-models 2.1.1 (DP6; polars): heuristics, Markov, Shapley."""

from collections.abc import Callable

import polars as pl
from mam import MAM
from mam.results import AttributionResult
from protocol import SEPARATOR, ByChannel, Measures, Row, journeys, mixed_of, serve

_FEW = 300
"""Paths for its Shapley with all channels, which walks 2**channels subsets of each combination in Python."""


def measures(rows: list[Row]) -> Measures:
    frame = _frame(rows)
    asked: Measures = {}
    for amount, column in (("conversions", None), ("value", "value")):
        model = _model(frame, column)
        asked[f"first_touch {amount}"] = lambda model=model: _of(model.run_first_click())
        asked[f"last_touch {amount}"] = lambda model=model: _of(model.run_last_click())
        asked[f"linear {amount}"] = lambda model=model: _of(model.run_linear())
        asked[f"position_based {amount}"] = lambda model=model: _of(model.run_position_based())
        asked[f"time_decay {amount}"] = lambda model=model: _of(model.run_time_decay())
        asked[f"markov {amount}"] = lambda model=model: _of(model.run_markov())
    model = _model(frame, None)
    asked["markov removal effect"] = lambda: _removal_effect(model)
    if len(rows) <= _FEW:
        channels = len({channel for row in rows for channel in row.path})
        asked["shapley conversions"] = lambda: _of(model.run_shapley(channels, "conversions"))
        asked["shapley conversions, its defaults"] = lambda: _of(model.run_shapley())
    return asked


def timed(rows: list[Row]) -> dict[str, Callable[[], object]]:
    frame = _frame(rows)
    made = _model(frame, "value")
    mixed = _model(_frame(mixed_of(rows)), None)
    return {
        "five_models": lambda: _five(_model(frame, "value")),
        "five_models_alone": lambda: _five(made),
        "markov": mixed.run_markov,
    }


def _frame(rows: list[Row]) -> pl.DataFrame:
    path, converted, value, ages = zip(*journeys(rows), strict=True)
    return pl.DataFrame(
        {
            "journey": [str(i) for i in range(len(path))],
            "path": [SEPARATOR.join(channels) for channels in path],
            "converted": converted,
            "value": value,
            "hours": [SEPARATOR.join(map(str, hours)) for hours in ages],
        }
    )


def _model(frame: pl.DataFrame, value: str | None) -> MAM:
    return MAM(
        frame,
        format_type="journey",
        channels_colname="path",
        journey_with_conv_colname="converted",
        user_id_colname="journey",
        time_till_conv_colname="hours",
        conversion_value_colname=value,
    )


def _five(model: MAM) -> None:
    model.run_first_click()
    model.run_last_click()
    model.run_linear()
    model.run_time_decay()
    model.run_position_based()


def _of(result: AttributionResult) -> ByChannel:
    frame = result.to_polars()
    return dict(zip(frame["channels"].to_list(), frame["attribution"].to_list(), strict=True))


def _removal_effect(model: MAM) -> ByChannel:
    return model.run_markov().metadata["removal_effect"]["removal_effect"].to_dict()


if __name__ == "__main__":
    serve(measures, timed)
