"""marketing-attribution-models 1.0.10 (DP6; pandas): heuristics, Markov, Shapley."""

from collections.abc import Callable

import pandas as pd
from marketing_attribution_models import MAM
from protocol import ByChannel, Measures, Row, journeys, mixed_of, serve

_FEW = 300
"""Paths for its Shapley, which walks all subsets of each distinct combination cell by cell in pandas."""


def measures(rows: list[Row]) -> Measures:
    frame = _frame(rows)
    asked: Measures = {}
    for amount, value in (("conversions", 1), ("value", "value")):
        model = _model(frame, value)
        asked[f"first_touch {amount}"] = lambda model=model: _of(model.attribution_first_click())
        asked[f"last_touch {amount}"] = lambda model=model: _of(model.attribution_last_click())
        asked[f"linear {amount}"] = lambda model=model: _of(model.attribution_linear())
        asked[f"position_based {amount}"] = lambda model=model: _of(model.attribution_position_based())
        asked[f"time_decay {amount}"] = lambda model=model: _of(model.attribution_time_decay())
        asked[f"markov {amount}"] = lambda model=model: _markov(model)
    model = _model(frame, 1)
    asked["markov removal effect"] = lambda: _removal_effect(model)
    asked["markov conversions, its defaults"] = lambda: _markov(model, conversion_value_as_frequency=True)
    if len(rows) <= _FEW:
        channels = len({channel for row in rows for channel in row.path})
        asked["shapley conversions"] = lambda: _of(model.attribution_shapley(size=channels, values_col="conversions"))
        asked["shapley conversions, its defaults"] = lambda: _of(model.attribution_shapley())
    return asked


def timed(rows: list[Row]) -> dict[str, Callable[[], object]]:
    frame = _frame(rows)
    mixed = _model(_frame(mixed_of(rows)), 1)
    return {
        "five_models": lambda: _five(_model(frame, "value")),
        "five_models_alone": _five_alone(frame),
        "markov": lambda: _markov(mixed),
    }


def _frame(rows: list[Row]) -> pd.DataFrame:
    path, converted, value, ages = zip(*journeys(rows), strict=True)
    return pd.DataFrame({"path": path, "converted": converted, "value": value, "hours": ages})


def _model(frame: pd.DataFrame, value: int | str) -> MAM:
    return MAM(
        frame,
        channels_colname="path",
        time_till_conv_colname="hours",
        journey_with_conv_colname="converted",
        conversion_value=value,
    )


def _five_alone(frame: pd.DataFrame) -> Callable[[], object]:
    model = _model(frame, "value")
    return lambda: _five(model)


def _five(model: MAM) -> None:
    model.group_by_channels_models = None
    model.attribution_first_click()
    model.attribution_last_click()
    model.attribution_linear()
    model.attribution_time_decay()
    model.attribution_position_based()


def _of(result: tuple) -> ByChannel:
    return result[1].to_dict() if isinstance(result[1], pd.Series) else _pairs(result[1])


def _pairs(frame: pd.DataFrame) -> ByChannel:
    names, amounts = frame.iloc[:, 0], frame.iloc[:, 1]
    return dict(zip(names, amounts, strict=True))


def _markov(model: MAM, conversion_value_as_frequency: bool = False) -> ByChannel:
    """By frequency it counts transitions in money, and journeys without a conversion as nothing."""
    return _pairs(model.attribution_markov(conversion_value_as_frequency=conversion_value_as_frequency)[1])


def _removal_effect(model: MAM) -> ByChannel:
    effects = model.attribution_markov(conversion_value_as_frequency=False)[3]
    return effects["removal_effect"].to_dict()


if __name__ == "__main__":
    serve(measures, timed)
