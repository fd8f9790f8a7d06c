"""mta 0.0.9 (eeghor; plain Python): conversions only."""

from collections.abc import Callable

import pandas as pd
from mta import MTA
from protocol import SEPARATOR, ByChannel, Measures, Row, serve


def measures(rows: list[Row]) -> Measures:
    def run(name: str, stored: str, **options: object) -> Callable[[], ByChannel]:
        def compute() -> ByChannel:
            model = _model(rows)
            getattr(model, name)(normalize=False, **options)
            return dict(model.attribution[stored])

        return compute

    return {
        "first_touch conversions": run("first_touch", "first_touch"),
        "last_touch conversions": run("last_touch", "last_touch"),
        "linear conversions": run("linear", "linear", share="proportional"),
        "linear conversions, its defaults": run("linear", "linear"),
        "position_based conversions": run("position_based", "pos_based"),
        "time_decay conversions": run("time_decay", "time_decay"),
        "markov removal effect": run("markov", "markov"),
        "shapley conversions": run("shapley", "shapley"),
    }


def timed(rows: list[Row]) -> dict[str, Callable[[], object]]:
    model = _model(rows)

    def four() -> None:
        model.first_touch(normalize=False)
        model.last_touch(normalize=False)
        model.linear(normalize=False, share="proportional")
        model.position_based(normalize=False)

    return {"four_models": four}


def _model(rows: list[Row]) -> MTA:
    """With loops: without them it drops a channel that follows itself, from every model."""
    data = pd.DataFrame(
        {
            "path": [SEPARATOR.join(row.path) for row in rows],
            "total_conversions": [row.conversions for row in rows],
            "total_null": [row.nulls for row in rows],
        }
    )
    return MTA(data, allow_loops=True, add_timepoints=False)


if __name__ == "__main__":
    serve(measures, timed)
