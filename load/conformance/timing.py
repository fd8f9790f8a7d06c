"""How fast are the peers, beside us? 100,000 journeys; ours is measured before and after each of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.attribution.credit import Conversions, credit
from app.attribution.journeys import JourneyRules, Journeys, select
from app.attribution.markov import removal_effects
from app.attribution.models import weigh
from app.attribution.paths import Count, PathCounts, count_paths
from app.attribution.touches import Bools, Touches
from load.conformance.environments import Peer
from load.conformance.peers.protocol import converts
from load.figures import seconds
from load.kernel import journeys_of

JOURNEYS, QUICK_JOURNEYS = 100_000, 2_000
ROUNDS = 3
_HOUR_MS = 3_600_000

# What each timed call of a peer is beside: (theirs, ours, in words).
_PAIRS = (
    ("five_models", "five_models", "their five models, from their table"),
    ("five_models_alone", "weights", "their five models, table read before; ours without money"),
    ("five_models_alone", "five_models", "their five models, table read before; ours with exact money"),
    ("heuristics", "weights", "their three heuristics; our five models without money"),
    ("heuristics", "five_models", "their three heuristics; our five models with exact money"),
    ("markov", "markov", "their default simulation; ours exact, paths counted from touches"),
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians of a peer and of us in the same minute; `ratio` is how many times longer the peer takes."""

    peer: str
    what: str
    theirs_ms: float
    ours_ms: float
    ratio: float
    journeys: int
    rounds: int

    def as_json(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in self.__slots__}
        return {name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in numbers.items()} | {
            "kind": "timing"
        }


def timed(peer: Peer, n: int) -> Iterator[Timing]:
    """Our rounds, the peer's in its process, our rounds again."""
    touches, conversions = journeys_of(n, seed=1)
    calls = _ours(touches, conversions)
    ours = {name: [seconds(call) for _ in range(ROUNDS)] for name, call in calls.items()}
    request = _rows(touches, conversions)
    theirs: dict[str, list[float]] = peer.ask({"sets": {}, "timing": request, "rounds": ROUNDS})["seconds"]
    for name, call in calls.items():
        ours[name] += [seconds(call) for _ in range(ROUNDS)]
    for their_name, our_name, words in _PAIRS:
        if their_name in theirs:
            their_s, our_s = statistics.median(theirs[their_name]), statistics.median(ours[our_name])
            yield Timing(peer.name, words, 1000 * their_s, 1000 * our_s, their_s / our_s, n, ROUNDS)


def _ours(touches: Touches, conversions: Conversions) -> dict[str, Callable[[], object]]:
    rules = JourneyRules()
    journeys = select(touches, conversions.time_ms, rules)
    converted = np.array([converts(place) for place in range(len(conversions))])

    def weights() -> object:
        selected = select(touches, conversions.time_ms, rules)
        return weigh(selected.offsets, selected.age_ms)

    return {
        "weights": weights,
        "five_models": lambda: credit(touches, conversions),
        "markov": lambda: removal_effects(_paths(journeys, touches, converted)),
    }


def _paths(journeys: Journeys, touches: Touches, converted: Bools) -> PathCounts:
    """As `paths.count_conversions`, with some of the journeys not converting."""
    counts = np.zeros((len(converted), len(Count)), np.int64)
    counts[:, Count.CONVERSIONS] = counts[:, Count.NET_CONVERSIONS] = converted
    counts[:, Count.NULLS] = ~converted
    return count_paths(journeys.offsets, touches.channel[journeys.index], touches.channel_names, counts)


def _rows(touches: Touches, conversions: Conversions) -> list[list[object]]:
    """The same journeys as `peers.protocol.Row`, each converting once."""
    bounds = np.searchsorted(touches.conversion_index, np.arange(len(conversions) + 1)).tolist()
    names = [touches.channel_names[code] for code in touches.channel]
    ages = ((conversions.time_ms[touches.conversion_index] - touches.time_ms) / _HOUR_MS).tolist()
    values = (conversions.gross_minor / 100).tolist()
    return [
        [names[start:end], 1, 0, value, ages[start:end]]
        for start, end, value in zip(bounds[:-1], bounds[1:], values, strict=True)
    ]
