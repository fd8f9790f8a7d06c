"""How is the judge made? From simulated channels of every pathology, the same bytes for the same seed.

Heads are trained on one simulator and calibrated on another, which has other families of curves; neither shares a
seed with the tests.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import scipy
from scipy.optimize import minimize

from app.saturation.evidence import gather
from app.saturation.features import LEAST_ELASTICITY, Features, features_of
from app.saturation.judge import (
    CLASS_HEADS,
    MIDDLE,
    QUANTILE_HEADS,
    QUANTILES,
    Judge,
    calibrated,
    reference_of,
    table,
    width_of,
)
from app.saturation.names import CLASSES, DECIDED_FROM, status_of
from app.saturation.series import Floats
from app.saturation.simulator.simulate import VERSION as SIMULATOR_VERSION
from app.saturation.simulator.suites import Purpose, Suite, tenant
from app.saturation.simulator.truth import Truth

JUDGE_VERSION = "3"
CLEAN_SHARE = 1 / 7
CALIBRATION_SHARE = 0.25
_COVERAGE = 0.905
"""Of the 5 to 95 % interval, on the calibration set: a little more than 0.9, for curves of families it never met."""
_TREES: dict[str, Any] = {
    "learning_rate": 0.03,
    "num_leaves": 16,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "max_bin": 127,
    "verbosity": -1,
}
_CLASS_ROUNDS, _QUANTILE_ROUNDS = 200, 280


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A simulated channel: what the judge sees, and what is true."""

    features: Features
    truth: Truth


def train(path: Path, tenants: int = 1000, seed: int = 1, tell: Callable[[int], None] = lambda done: None) -> Judge:
    """Simulate, fit, train, calibrate and save.

    Parameters
    ----------
    path : Path
        Where the artefact goes.
    tenants : int
        For training; another quarter is simulated for calibration.
    seed : int
    tell : callable, optional
        Called with the number of tenants done, those for calibration included.

    The shipped artefact comes from the defaults: 5,600 channels at a twentieth of a second each, and two minutes
    for the heads, some ten minutes of one core. One BLAS thread: two add up in another order, and bytes differ.
    """
    learned = list(examples(tenants, seed, Purpose.TRAIN, tell))
    held = list(examples(round(tenants * CALIBRATION_SHARE), seed, Purpose.CALIBRATE, lambda n: tell(tenants + n)))
    judge = judge_from(learned, held, {"tenants": tenants, "seed": seed})
    judge.save(path)
    return judge


def examples(
    tenants: int, seed: int, purpose: Purpose, tell: Callable[[int], None] = lambda done: None
) -> Iterator[Example]:
    """The channels of some tenants of the mixed suite, then of a seventh as many of the clean one."""
    clean = round(tenants * CLEAN_SHARE)
    wanted = [(Suite.MIXED, number) for number in range(tenants - clean)]
    wanted += [(Suite.CLEAN, number) for number in range(clean)]
    for done, (suite, number) in enumerate(wanted, 1):
        made = tenant(suite, number, seed, purpose)
        for channel, evidence in zip(made.channels, gather(made.series, made.context), strict=True):
            if evidence is not None:
                yield Example(features_of(evidence), channel.truth)
        tell(done)


def judge_from(learned: list[Example], held: list[Example], record: dict[str, Any]) -> Judge:
    """Heads from the first examples, their calibration from the second."""
    seed = int(record["seed"])
    names = tuple(sorted(learned[0].features.values))
    x = table([one.features for one in learned], names)
    heads: dict[str, lightgbm.Booster] = {}
    for head in CLASS_HEADS:
        heads[head] = _boost(x, _classes(head, learned), {"objective": "multiclass", "num_class": 3}, seed)
    for head in QUANTILE_HEADS:
        target = _targets(head, learned)
        for level in QUANTILES:
            heads[f"{head}.{level}"] = _boost(x, target, {"objective": "quantile", "alpha": level}, seed)
    raw = Judge(names, heads, {}, {}, {})
    held_features = [one.features for one in held]
    held_x = table(held_features, names)
    widening = {
        head: _widening(raw.raw_quantiles(head, held_x), _targets(head, held), _COVERAGE) for head in QUANTILE_HEADS
    }
    widened = Judge(names, heads, {}, widening, {})
    scaling = {}
    for head, of in CLASS_HEADS.items():
        quantiles = widened.quantiles(of, held_x, held_features)
        scaling[head] = _scaling(widened.blended(head, held_x, quantiles), width_of(quantiles), _classes(head, held))
    figures = _figures(Judge(names, heads, scaling, widening, {}), held)
    about = {
        "version": f"{JUDGE_VERSION}.{SIMULATOR_VERSION}",
        "simulator": SIMULATOR_VERSION,
        "channels": len(learned),
        "calibration_channels": len(held),
        "calibration_figures": figures,
        "lightgbm": lightgbm.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }
    return Judge(names, heads, scaling, widening, record | about)


def _boost(x: Floats, y: Floats, objective: dict[str, Any], seed: int) -> lightgbm.Booster:
    rounds = _CLASS_ROUNDS if "num_class" in objective else _QUANTILE_ROUNDS
    return lightgbm.train(_TREES | objective | {"seed": seed}, lightgbm.Dataset(x, y), rounds)


def _classes(head: str, given: list[Example]) -> Floats:
    wanted = [one.truth.elasticity if head == "class" else one.truth.spend_driven_elasticity for one in given]
    return np.array([CLASSES.index(status_of(value)) for value in wanted], np.float64)


def _targets(head: str, given: list[Example]) -> Floats:
    """Truth less reference."""
    if head == "log_mroas":
        true = [np.log(max(one.truth.elasticity, LEAST_ELASTICITY) * one.truth.roas) for one in given]
    elif head == "elasticity":
        true = [one.truth.elasticity for one in given]
    else:
        true = [one.truth.spend_driven_elasticity for one in given]
    return np.asarray(np.array(true) - np.array([reference_of(head, one.features) for one in given]))


def _scaling(probabilities: Floats, width: Floats, classes: Floats) -> Floats:
    """By maximum likelihood, drawn to changing nothing, float64 (4,)."""
    at = np.arange(len(classes)), classes.astype(np.int64)

    def loss(theta: Floats) -> float:
        given = calibrated(probabilities, width, theta)[at]
        return float(-np.log(np.maximum(given, 1e-9)).mean() + 0.01 * theta @ theta)

    return np.asarray(minimize(loss, np.zeros(4), method="Nelder-Mead", options={"maxiter": 800}).x)


def _widening(quantiles: Floats, target: Floats, coverage: float) -> tuple[float, float]:
    """Conformalised quantile regression (Romano 2019), each end by itself, in widths of the raw interval."""
    width = np.maximum(quantiles[:, -1] - quantiles[:, 0], 1e-6)
    level = 1 - (1 - coverage) / 2
    return (
        float(np.quantile((quantiles[:, 0] - target) / width, level)),
        float(np.quantile((target - quantiles[:, -1]) / width, level)),
    )


def _figures(judge: Judge, held: list[Example]) -> dict[str, float]:
    """On the calibration set, before guards: how it may be expected to do."""
    opinions = judge.opinions([one.features for one in held])
    given = np.array([one.probabilities for one in opinions])
    decided = given.max(axis=1) >= DECIDED_FROM
    true = np.array([one.truth.elasticity for one in held])
    quantiles = np.array([one.elasticity for one in opinions])
    right = (given.argmax(axis=1) == _classes("class", held))[decided]
    figures = {
        "decided": decided.mean(),
        "right_where_decided": right.mean() if decided.any() else 0.0,
        "elasticity_mae": np.abs(quantiles[:, MIDDLE] - true).mean(),
        "coverage": ((quantiles[:, 0] <= true) & (true <= quantiles[:, -1])).mean(),
    }
    return {name: round(float(figure), 4) for name, figure in figures.items()}
