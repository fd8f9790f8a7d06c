"""How is a peer asked for channels? JSON in, JSON out: draws of each one's elasticity, as quantiles and classes.

Reads ``{"channels": [{"day", "spend", "revenue", "demand", "x0"}], "draws", "tune", "chains", "seed"}``, prints
``{"channels": [{"elasticity": [5, 50, 95 %], "classes": [P of each of the three], "seconds"}]}`` as its last line.
Runs with the peer's own Python, so it imports nothing of Tributary.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

OPERATING_DAYS = 28
BORDERS = (0.30, 0.60)


def serve(elasticity_of: Callable[..., np.ndarray]) -> None:
    """Answer one request with ``elasticity_of(channel, draws=, tune=, chains=, seed=)``, an array of draws."""
    warnings.filterwarnings("ignore")
    request = json.loads(sys.stdin.readline())
    channels = request.pop("channels")
    answers = []
    for number, channel in enumerate(channels):
        began = time.perf_counter()
        answers.append({**said(elasticity_of(channel, **request)), "seconds": time.perf_counter() - began})
        print(f"channel {number + 1} of {len(channels)}", file=sys.stderr, flush=True)
    print(f"\nanswer: {json.dumps({'channels': answers})}", flush=True)  # the line that the asking side waits for


def said(elasticity: np.ndarray) -> dict:
    steep = float((elasticity >= BORDERS[1]).mean())
    flat = float((elasticity < BORDERS[0]).mean())
    return {
        "elasticity": np.quantile(elasticity, (0.05, 0.5, 0.95)).tolist(),
        "classes": [steep, 1 - steep - flat, flat],
    }
