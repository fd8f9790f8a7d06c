"""Google's Meridian asked for one channel's elasticity: its national model on its spend and attributed revenue.

The saturation, priors and scaling are its defaults; demand is offered as a control, and how the level moves in time is
left to its own choice of knots.
"""

import numpy as np
import pandas as pd
from channels import OPERATING_DAYS, serve
from meridian.analysis.analyzer import Analyzer
from meridian.data.data_frame_input_data_builder import DataFrameInputDataBuilder
from meridian.data.input_data import InputData
from meridian.model.model import Meridian
from meridian.model.spec import ModelSpec

MORE = 0.01
"""The share by which spend is raised to see what revenue does."""


def asked(channel: dict, draws: int, tune: int, chains: int, seed: int) -> np.ndarray:
    """Draws of the share by which four weeks' revenue rises with a little more spend, over that little share."""
    model = Meridian(input_data=read(channel), model_spec=ModelSpec(max_lag=28, enable_aks=True))
    model.sample_posterior(n_chains=chains, n_adapt=tune, n_burnin=tune, n_keep=draws, seed=seed)
    analyzer = Analyzer(model)
    operating = {"selected_times": channel["day"][-OPERATING_DAYS:], "use_kpi": True}
    more = analyzer.incremental_outcome(scaling_factor0=1.0, scaling_factor1=1.0 + MORE, **operating)
    whole = analyzer.expected_outcome(**operating)
    return np.asarray(more).ravel() / MORE / np.maximum(np.asarray(whole).ravel(), 1e-9)


def read(channel: dict) -> InputData:
    frame = pd.DataFrame({"time": channel["day"], "spend": channel["spend"], "kpi": channel["revenue"]})
    frame["kpi"] = frame["kpi"].clip(lower=0.0)  # it refuses days of more refunds than sales
    builder = DataFrameInputDataBuilder(kpi_type="revenue").with_kpi(frame)
    if channel["demand"] is not None:
        frame["demand"] = np.log(np.asarray(channel["demand"]) + 1.0)
        builder = builder.with_controls(frame, control_cols=["demand"])
    return builder.with_media(
        frame, media_cols=["spend"], media_spend_cols=["spend"], media_channels=["channel"]
    ).build()


if __name__ == "__main__":
    serve(asked)
