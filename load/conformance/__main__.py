"""``python -m load.conformance [install] [--json]``: a table, or one JSON object a line.

Exit 0 if every peer was asked and every difference has its reason.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import msgspec

from load.conformance import environments, table
from load.conformance.environments import PEERS, Peer
from load.conformance.journeys import JourneySet, journey_sets
from load.conformance.ours import ByChannel, measures
from load.conformance.verdicts import Comparison, Verdict, compared
from load.machine import heading


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.command == "install":
        return _install()
    sets = list(journey_sets())
    ours = {each.name: measures(each) for each in sets}
    absent = [peer.name for peer in PEERS if not peer.is_installed]
    comparisons: list[Comparison] = []
    for peer in PEERS:
        if peer.is_installed:
            _say(f"{peer.name} …")
            comparisons += _asked(peer, sets, ours)
    if options.json:
        for each in comparisons:
            print(msgspec.json.encode(each.as_json()).decode())
    else:
        print(table.rendered(comparisons))
    for name in absent:
        _say(f"{name} is not installed: python -m load.conformance install")
    wrong = [each for each in comparisons if each.verdict in (Verdict.UNEXPLAINED, Verdict.FAILED)]
    return int(bool(absent or wrong))


def _asked(peer: Peer, sets: list[JourneySet], ours: dict[str, dict[str, ByChannel]]) -> list[Comparison]:
    answers = peer.ask({"sets": {each.name: each.as_request() for each in sets}})
    return [
        comparison
        for each in sets
        for comparison in compared(each.name, peer.name, peer.script, ours[each.name], answers[each.name])
    ]


def _install() -> int:
    failed = False
    for name, error in environments.install().items():
        failed = failed or bool(error)
        _say(f"{name}: {error or 'installed'}")
    return int(failed)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.conformance", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["run", "install"], default="run")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with every number of both sides")
    chosen = parser.parse_args(arguments)
    if chosen.command == "run":
        _say(heading())
    return chosen


if __name__ == "__main__":
    sys.exit(main())
