"""How fast are the peers, beside us? ``python -m load.bench_peers [--quick] [--journeys N] [--rounds N]``.

The same journeys, one core each, in turns: a round of theirs in their process, a round of ours here, and again. One
JSON object a line, of medians; what is going on goes to stderr. `make bench-peers` installs the peers first.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from app.attribution.credit import Conversions, credit
from app.attribution.journeys import JourneyRules, Journeys, select
from app.attribution.markov import markov
from app.attribution.models import weigh
from app.attribution.paths import Count, PathCounts, count_paths
from app.attribution.touches import Bools, Touches
from load.conformance.environments import PEERS, Peer
from load.conformance.peers.protocol import converts
from load.figures import Figure, compared, of_times, seconds
from load.goals import table
from load.kernel import journeys_of
from load.machine import heading

JOURNEYS, QUICK_JOURNEYS = 100_000, 2_000
ROUNDS, QUICK_ROUNDS = 5, 2
_HOUR_MS = 3_600_000

# What each call of a peer is beside: (theirs, ours, in words).
_PAIRS = (
    ("heuristics", "weights", "its three heuristics, ours without money"),
    ("heuristics", "five_models", "its three heuristics, ours with exact money"),
    ("four_models", "five_models", "its four heuristics, ours with exact money"),
    ("five_models", "five_models", "its five models from its table, ours with exact money"),
    ("five_models_alone", "five_models", "its five models with its table read before, ours with exact money"),
    ("markov", "markov", "its Markov, ours exact; both count the paths"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    _say(heading())
    touches, conversions = journeys_of(options.journeys, seed=1)
    request = _rows(touches, conversions)
    ours, lines = _ours(touches, conversions), []
    for peer in PEERS:
        if not peer.is_installed:
            _say(f"{peer.name} is not installed: python -m load.conformance install")
            return 1
        for figure in measure(peer, request, ours, options.rounds):
            lines.append(figure.line())
            print(lines[-1], flush=True)
    if not options.quick:
        _say("\n".join(table(map(msgspec.json.decode, lines))))
    return 0


def measure(
    peer: Peer, request: list[list[object]], ours: dict[str, Callable[[], object]], rounds: int
) -> Iterator[Figure]:
    """Each call of the peer in turns with those of ours that it is compared with."""
    with peer.timed(request) as session:
        for call in session.calls:
            beside = [(mine, words) for theirs, mine, words in _PAIRS if theirs == call]
            _say(f"{peer.name}: {call} …")
            theirs_s: list[float] = []
            ours_s: dict[str, list[float]] = {mine: [] for mine, _ in beside}
            for _ in range(rounds):
                theirs_s.append(session.seconds(call))
                for mine, _ in beside:
                    ours_s[mine].append(seconds(ours[mine]))
            for mine, words in beside:
                figure = of_times(f"peer_{peer.script}_{call}_{mine}", ours_s[mine], len(request))
                yield compared(figure, f"{peer.name}: {words}", 1000 * statistics.median(theirs_s))


def _ours(touches: Touches, conversions: Conversions) -> dict[str, Callable[[], object]]:
    rules = JourneyRules()
    converted = np.array([converts(place) for place in range(len(conversions))])

    def weights() -> object:
        selected = select(touches, conversions.time_ms, rules)
        return weigh(selected.offsets, selected.age_ms)

    return {
        "weights": weights,
        "five_models": lambda: credit(touches, conversions),
        "markov": lambda: markov(_paths(select(touches, conversions.time_ms, rules), touches, conversions, converted)),
    }


def _paths(journeys: Journeys, touches: Touches, conversions: Conversions, converted: Bools) -> PathCounts:
    """As `paths.count_conversions`, with some of the journeys not converting."""
    counts = np.zeros((len(converted), len(Count)), np.int64)
    counts[:, Count.CONVERSIONS] = counts[:, Count.NET_CONVERSIONS] = converted
    counts[:, Count.NULLS] = ~converted
    counts[:, Count.GROSS_MINOR] = counts[:, Count.NET_MINOR] = converted * conversions.gross_minor
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


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.bench_peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few journeys and rounds: shows that it works")
    parser.add_argument("--journeys", type=int, default=0, help=f"{JOURNEYS:,} if not given")
    parser.add_argument("--rounds", type=int, default=0, help=f"{ROUNDS} if not given")
    chosen = parser.parse_args(arguments)
    chosen.journeys = chosen.journeys or (QUICK_JOURNEYS if chosen.quick else JOURNEYS)
    chosen.rounds = chosen.rounds or (QUICK_ROUNDS if chosen.quick else ROUNDS)
    return chosen


if __name__ == "__main__":
    sys.exit(main())
