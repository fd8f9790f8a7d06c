"""Given all the fits, how sure is each class? A LightGBM stacker, never the curve itself.

The artefact is one file: the heads as LightGBM writes them, what calibrates them, and the record of their training.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from app.saturation.features import LEAST_ELASTICITY, Features
from app.saturation.names import APPROACHING_FROM, UNSATURATED_FROM
from app.saturation.series import Floats

_TAIL = 0.005
_QUANTILE_SAY = 0.7
"""Share of the quantile heads in the class probabilities: alone they are right more often."""
ARTEFACT = Path(__file__).parent / "artefacts" / "judge.json.gz"
QUANTILES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
MIDDLE = QUANTILES.index(0.5)
CLASS_HEADS = {"class": "elasticity", "driven_class": "driven"}
"""With the quantile head that speaks of the same quantity."""
QUANTILE_HEADS = ("elasticity", "log_mroas", "driven")


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What the judge thinks of a channel.

    Parameters
    ----------
    probabilities, driven_probabilities : float64 (3,)
        Of the classes of the elasticity and of the spend-driven one, in the order of `CLASSES`.
    elasticity, mroas, driven : float64 (7,)
        Their `QUANTILES`.
    """

    probabilities: Floats
    driven_probabilities: Floats
    elasticity: Floats
    mroas: Floats
    driven: Floats


@dataclass(frozen=True, eq=False)
class Judge:
    """The heads and their calibration.

    Parameters
    ----------
    names : tuple of str
        Features, in the order of the heads' columns.
    heads : mapping of head (quantiles: with its level, as ``elasticity.0.05``) to lightgbm.Booster
    scaling : mapping of class head to float64 (4,)
        See `calibrated`.
    widening : mapping of quantile head to (low, high)
        By how many widths of the raw 90 % interval its ends move out.
    record : mapping
        Of the training: version, seeds, rows, figures.
    """

    names: tuple[str, ...]
    heads: Mapping[str, lightgbm.Booster]
    scaling: Mapping[str, Floats]
    widening: Mapping[str, tuple[float, float]]
    record: Mapping[str, Any]

    @property
    def version(self) -> str:
        return str(self.record["version"])

    def opinions(self, channels: Sequence[Features]) -> list[Opinion]:
        """One for each channel."""
        if not channels:
            return []
        x = table(channels, self.names)
        quantiles = {head: self.quantiles(head, x, channels) for head in QUANTILE_HEADS}
        classes = {
            head: calibrated(self.blended(head, x, quantiles[of]), width_of(quantiles[of]), self.scaling[head])
            for head, of in CLASS_HEADS.items()
        }
        return [
            Opinion(
                classes["class"][i],
                classes["driven_class"][i],
                _from_nothing(quantiles["elasticity"][i], 1.0),
                _from_nothing(np.exp(quantiles["log_mroas"][i]), channels[i].reference.roas),
                _from_nothing(quantiles["driven"][i], 1.0),
            )
            for i in range(len(channels))
        ]

    def raw(self, head: str, x: Floats) -> Floats:
        """A head's output before calibration, float64 (rows,) or (rows, 3)."""
        return np.asarray(self.heads[head].predict(x, num_threads=1))

    def raw_quantiles(self, head: str, x: Floats) -> Floats:
        """In order at each row, float64 (rows, 7), relative to the reference."""
        return np.sort(np.stack([self.raw(f"{head}.{level}", x) for level in QUANTILES], axis=1), axis=1)

    def blended(self, head: str, x: Floats, quantiles: Floats) -> Floats:
        """Class probabilities of the class head and of the quantiles together, before calibration, (rows, 3)."""
        logs = (1 - _QUANTILE_SAY) * np.log(np.clip(self.raw(head, x), 1e-4, 1.0))
        odds = np.exp(logs + _QUANTILE_SAY * np.log(classes_of(quantiles)))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def quantiles(self, head: str, x: Floats, channels: Sequence[Features]) -> Floats:
        """Conformal, absolute, float64 (rows, 7)."""
        widened = widen(self.raw_quantiles(head, x), self.widening[head])
        return np.asarray(widened + np.array([reference_of(head, one) for one in channels])[:, None])

    def save(self, path: Path) -> None:
        """The same judge gives the same bytes."""
        content = {
            "names": self.names,
            "scaling": {head: np.asarray(matrix).tolist() for head, matrix in self.scaling.items()},
            "widening": self.widening,
            "record": self.record,
            "heads": {head: booster.model_to_string() for head, booster in self.heads.items()},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(content, sort_keys=True).encode(), mtime=0))

    @classmethod
    def load(cls, path: Path = ARTEFACT) -> "Judge":
        """From a file that `save` wrote."""
        content = json.loads(gzip.decompress(path.read_bytes()))
        return cls(
            tuple(content["names"]),
            {head: lightgbm.Booster(model_str=text) for head, text in content["heads"].items()},
            {head: np.array(matrix) for head, matrix in content["scaling"].items()},
            {head: (low, high) for head, (low, high) in content["widening"].items()},
            content["record"],
        )


@cache
def shipped() -> Judge:
    """The judge of this version, read once a process."""
    return Judge.load()


def table(channels: Sequence[Features], names: Sequence[str]) -> Floats:
    """float64 (channels, names)."""
    return np.array([[one.values[name] for name in names] for one in channels], np.float64)


def reference_of(head: str, features: Features) -> float:
    """What a quantile head's output is added to."""
    reference = features.reference
    if head == "log_mroas":
        return float(np.log(max(reference.elasticity, 2 * LEAST_ELASTICITY) * reference.roas))
    return reference.elasticity if head == "elasticity" else reference.driven


def calibrated(probabilities: Floats, width: Floats, scaling: Floats) -> Floats:
    """Class probabilities after their calibration, float64 (rows, 3).

    Parameters
    ----------
    probabilities : float64 (rows, 3)
    width : float64 (rows,)
        Of the 90 % interval: how clear the channel is.
    scaling : float64 (4,)
        Logarithm of the sharpness at a width of 0.3, how it changes with log width, and what is added to the log
        odds of the first and of the last class.
    """
    sharpness = np.exp(scaling[0] + scaling[1] * np.log(np.clip(width, 0.05, 1.0) / 0.3))
    logs = np.log(np.clip(probabilities, 1e-6, 1.0)) * sharpness[:, None] + np.array([scaling[2], 0.0, scaling[3]])
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def width_of(quantiles: Floats) -> Floats:
    """From the first to the last, float64 (rows,)."""
    return np.asarray(quantiles[:, -1] - quantiles[:, 0])


def at_levels(quantiles: Floats, levels: Floats) -> Floats:
    """What lies between the `QUANTILES` of an elasticity, with tails half as long as the parts next to them."""
    below = max(quantiles[0] - 0.5 * (quantiles[1] - quantiles[0]), 0.0)
    above = quantiles[-1] + 0.5 * (quantiles[-1] - quantiles[-2])
    return np.asarray(np.interp(levels, (0.0, *QUANTILES, 1.0), (below, *quantiles, above)))


def _from_nothing(quantiles: Floats, unit: float) -> Floats:
    """What is less than the least elasticity that training tells apart, in this unit, may as well be 0."""
    return np.asarray(np.where(quantiles < 1.5 * LEAST_ELASTICITY * unit, 0.0, quantiles))


def classes_of(quantiles: Floats) -> Floats:
    """Class probabilities by interpolation between the quantiles of an elasticity, float64 (rows, 3)."""
    ends = np.column_stack([2 * quantiles[:, 0] - quantiles[:, 1], quantiles, 2 * quantiles[:, -1] - quantiles[:, -2]])
    ends += 1e-9 * np.arange(ends.shape[1])
    levels = (_TAIL, *QUANTILES, 1 - _TAIL)
    below = np.array([np.interp((APPROACHING_FROM, UNSATURATED_FROM), row, levels) for row in ends])
    return np.asarray(np.clip(np.column_stack([1 - below[:, 1], below[:, 1] - below[:, 0], below[:, 0]]), _TAIL, 1.0))


def widen(quantiles: Floats, by: tuple[float, float]) -> Floats:
    """Ends moved out by shares of the width, the inner quantiles in proportion, float64 (rows, 7)."""
    low, middle, high = quantiles[:, [0]], quantiles[:, [MIDDLE]], quantiles[:, [-1]]
    width = np.maximum(high - low, 1e-6)
    new_low = np.minimum(low - by[0] * width, middle)
    new_high = np.maximum(high + by[1] * width, middle)
    below = middle - (middle - quantiles[:, : MIDDLE + 1]) * (middle - new_low) / np.maximum(middle - low, 1e-9)
    above = middle + (quantiles[:, MIDDLE + 1 :] - middle) * (new_high - middle) / np.maximum(high - middle, 1e-9)
    return np.sort(np.concatenate([np.minimum(below, middle), np.maximum(above, middle)], axis=1), axis=1)
