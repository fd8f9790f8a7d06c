"""Does a peer agree, and if not, why? Every difference has a reason that was found in the peer's source, or fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ByChannel = dict[str, float]

EQUAL_WITHIN = 1e-9
"""Of the total; of removal effects, absolutely. Theirs and ours are float64."""


class Verdict(StrEnum):
    AGREES = "agrees"
    SIMULATED = "agrees within its simulation"
    DIFFERS = "differs, for a reason"
    FAILED = "failed"
    UNEXPLAINED = "differs, unexplained"


# By how much of the total may draws be off? By default its own promise (conv_par); of 5 million it shows one tenth, of
# which 100,000 or more convert in each of our sets: 4 standard deviations of a proportion.
_DRAWN = {
    "markov conversions": 0.05,
    "markov conversions, 5 million draws": 0.006,
    "markov removal effect, 5 million draws": 0.006,
}
_DRAWN_REASON = "simulates the chain"
_CUT = "draws end, as lost, after as many steps as the longest path has, and there are 10,000 of them"
_VALUE_DRAWN = (
    "draws the value of each simulated conversion among those of its last channel; ours shares the total by RE"
)
_EXACT_COALITIONS = "a coalition earns what journeys of exactly its channels earn, not all that lie within it"
_RATES = "the same, and in conversion rates in place of conversions, scaled back for each combination"

REASONS: dict[str, dict[str, str]] = {
    "channel_attribution": {
        "markov removal effect": _CUT,
        "markov value": _VALUE_DRAWN,
        "markov value, 5 million draws": _VALUE_DRAWN,
    },
    "mam_1": {
        "time_decay conversions": "halves at whole weeks only (floor of age / half-life)",
        "time_decay value": "halves at whole weeks only (floor of age / half-life)",
        "markov conversions, its defaults": "counts transitions by conversion value: journeys without one weigh 0",
        "shapley conversions": _EXACT_COALITIONS,
        "shapley conversions, its defaults": _RATES,
    },
    "mam_2": {
        "markov conversions": "the removal effects are the same; it shares each journey by them, not the total",
        "markov value": "the removal effects are the same; it shares each journey by them, not the total",
        "shapley conversions": _EXACT_COALITIONS,
        "shapley conversions, its defaults": _RATES,
    },
    "eeghor_mta": {
        "linear conversions, its defaults": "shares over distinct channels: that is Shapley",
        "time_decay conversions": "weighs distinct channels 1, 2, 3 … by place; it has no times",
        "markov removal effect": "adds up the converting paths that were seen, not all that the chain can walk",
    },
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of one peer on one set of journeys.

    Parameters
    ----------
    difference : the largest of any channel, of the total; absolute for removal effects.
    reason : why it differs, or what it failed with.
    """

    journeys: str
    peer: str
    measure: str
    verdict: Verdict
    difference: float | None
    reason: str
    ours: ByChannel
    theirs: ByChannel

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"kind": "agreement"}


def compared(
    journeys: str, peer: str, script: str, ours: dict[str, ByChannel], answer: dict[str, ByChannel | str]
) -> Iterator[Comparison]:
    """A comparison for every measure that the peer answered."""
    for measure, theirs in answer.items():
        mine = ours[measure.partition(", ")[0]]
        if isinstance(theirs, str):
            yield Comparison(journeys, peer, measure, Verdict.FAILED, None, theirs, mine, {})
            continue
        difference = _difference(measure, mine, theirs)
        verdict, reason = _judged(script, measure, difference)
        yield Comparison(journeys, peer, measure, verdict, difference, reason, mine, theirs)


def _judged(script: str, measure: str, difference: float) -> tuple[Verdict, str]:
    if difference <= EQUAL_WITHIN:
        return Verdict.AGREES, ""
    # Only one peer simulates.
    if script == "channel_attribution" and difference <= _DRAWN.get(measure, 0):
        return Verdict.SIMULATED, _DRAWN_REASON
    reason = REASONS[script].get(measure, "")
    return (Verdict.DIFFERS if reason else Verdict.UNEXPLAINED), reason


def _difference(measure: str, ours: ByChannel, theirs: ByChannel) -> float:
    total = 1.0 if "removal effect" in measure else sum(ours.values())
    return max(abs(theirs.get(channel, 0) - ours.get(channel, 0)) for channel in ours | theirs) / total
