"""Google's Meridian asked for one channel's elasticity: its national model on its spend and attributed revenue.

Reads ``{"channels": [{"day", "spend", "revenue", "demand", "x0"}], "draws", "tune", "chains", "seed"}``, prints
``{"channels": [{"elasticity": [5, 50, 95 %], "classes": [P of each of the three], "seconds"}]}`` as its last line.
The saturation, priors and scaling are its defaults; demand is offered as a control, and how the level moves in time is
left to its own choice of knots.
"""

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
from meridian.analysis.analyzer import Analyzer
from meridian.data.data_frame_input_data_builder import DataFrameInputDataBuilder
from meridian.model.model import Meridian
from meridian.model.spec import ModelSpec

OPERATING_DAYS = 28
BORDERS = (0.30, 0.60)
MORE = 0.01
"""The share by which spend is raised to see what revenue does."""


def asked(channel: dict, draws: int, tune: int, chains: int, seed: int) -> dict:
    began = time.perf_counter()
    spec = ModelSpec(max_lag=28, enable_aks=True)
    model = Meridian(input_data=read(channel), model_spec=spec)
    model.sample_posterior(n_chains=chains, n_adapt=tune, n_burnin=tune, n_keep=draws, seed=seed)
    elasticity = elasticity_of(Analyzer(model), channel["day"][-OPERATING_DAYS:])
    steep = float((elasticity >= BORDERS[1]).mean())
    flat = float((elasticity < BORDERS[0]).mean())
    return {
        "elasticity": np.quantile(elasticity, (0.05, 0.5, 0.95)).tolist(),
        "classes": [steep, 1 - steep - flat, flat],
        "seconds": time.perf_counter() - began,
    }


def read(channel: dict):
    frame = pd.DataFrame({"time": channel["day"], "spend": channel["spend"], "kpi": channel["revenue"]})
    frame["kpi"] = frame["kpi"].clip(lower=0.0)  # it refuses days of more refunds than sales
    builder = DataFrameInputDataBuilder(kpi_type="revenue").with_kpi(frame)
    if channel["demand"] is not None:
        frame["demand"] = np.log(np.asarray(channel["demand"]) + 1.0)
        builder = builder.with_controls(frame, control_cols=["demand"])
    return builder.with_media(
        frame, media_cols=["spend"], media_spend_cols=["spend"], media_channels=["channel"]
    ).build()


def elasticity_of(analyzer: Analyzer, days: list[str]) -> np.ndarray:
    """Of each draw: the share by which four weeks' revenue rises with a little more spend, over that little share."""
    more = analyzer.incremental_outcome(
        scaling_factor0=1.0, scaling_factor1=1.0 + MORE, selected_times=days, use_kpi=True
    )
    whole = analyzer.expected_outcome(selected_times=days, use_kpi=True)
    return np.asarray(more).ravel() / MORE / np.maximum(np.asarray(whole).ravel(), 1e-9)


def main() -> None:
    warnings.filterwarnings("ignore")
    request = json.loads(sys.stdin.readline())
    answers = []
    for number, channel in enumerate(request["channels"]):
        answers.append(asked(channel, request["draws"], request["tune"], request["chains"], request["seed"]))
        print(f"channel {number + 1} of {len(request['channels'])}", file=sys.stderr, flush=True)
    print(f"\nanswer: {json.dumps({'channels': answers})}", flush=True)  # the line that the asking side waits for


if __name__ == "__main__":
    main()
