"""PyMC-Marketing asked for one channel's elasticity: its MMM on that channel's spend and attributed revenue.

The saturation, priors and scaling are its defaults; demand is offered as a control, the year as two waves.
"""

import numpy as np
import pandas as pd
from channels import OPERATING_DAYS, serve
from pymc_marketing.mmm import GeometricAdstock, LogisticSaturation
from pymc_marketing.mmm.multidimensional import MMM


def asked(channel: dict, draws: int, tune: int, chains: int, seed: int) -> np.ndarray:
    frame = pd.DataFrame({"date": pd.to_datetime(channel["day"]), "spend": channel["spend"]})
    revenue = pd.Series(channel["revenue"], name="y")
    controls = None
    if channel["demand"] is not None:
        logs = np.log(np.asarray(channel["demand"]) + 1.0)
        frame["demand"] = (logs - logs.mean()) / max(logs.std(), 1e-9)
        controls = ["demand"]
    model = MMM(
        date_column="date",
        channel_columns=["spend"],
        control_columns=controls,
        adstock=GeometricAdstock(l_max=28),
        saturation=LogisticSaturation(),
        yearly_seasonality=2 if len(frame) >= 330 else None,
    )
    model.fit(
        frame,
        revenue,
        draws=draws,
        tune=tune,
        chains=chains,
        cores=1,
        random_seed=seed,
        progressbar=False,
        compute_convergence_checks=False,
    )
    posterior = model.idata.posterior.stack(sample=("chain", "draw"))
    return elasticity_of(posterior, channel, frame, revenue)


def elasticity_of(posterior, channel: dict, frame: pd.DataFrame, revenue: pd.Series) -> np.ndarray:
    """f'(x0) x0 / f(x0) of each draw, f being all attributed revenue: intercept, control and channel."""
    at = channel["x0"] / frame["spend"].max()
    lam = posterior["saturation_lam"].values.ravel()
    beta = posterior["saturation_beta"].values.ravel()
    decayed = np.exp(-lam * at)
    contribution = beta * (1 - decayed) / (1 + decayed)
    slope = beta * 2 * lam * decayed / (1 + decayed) ** 2
    base = posterior["intercept_contribution"].values.ravel()
    if "gamma_control" in posterior:
        base = base + posterior["gamma_control"].values.ravel() * frame["demand"].to_numpy()[-OPERATING_DAYS:].mean()
    whole = np.maximum(base + contribution, 1e-9)
    return slope * at / whole


if __name__ == "__main__":
    serve(asked)
