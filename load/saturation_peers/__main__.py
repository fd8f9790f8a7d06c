"""Others on the same simulated channels: ``python -m load.saturation_peers [install] [--channels 8] [--suite clean]``.

Each is handed a channel's spend, its attributed revenue and the demand proxy, one channel at a time. Of each: how
often the class of its median elasticity is right, how often where one class has 80 %, and how long it takes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.saturation import assess
from app.saturation.baselines import log_log, naive_hill
from app.saturation.names import CLASSES, DECIDED_FROM, status_of
from app.saturation.proof import PROOF_MARGIN, complete_days
from app.saturation.series import Status
from app.saturation.simulator.simulate import SimulatedChannel, SimulatedTenant
from app.saturation.simulator.suites import Suite, tenants
from load.conformance.environments import Peer, install

_SCRIPTS = Path(__file__).parent / "peers"
PEERS = (
    Peer("PyMC-Marketing 0.19.2", "pymc_mmm", _SCRIPTS),
    Peer("Meridian 2.1.0", "google_meridian", _SCRIPTS),
)
SEED = 900
_SAMPLED = {"draws": 300, "tune": 300, "chains": 2, "seed": 1}


@dataclass(frozen=True, slots=True)
class Answer:
    """One channel: what is true, what was said, and in how long. `given` is None where nothing was decided."""

    true: float
    said: float
    given: Status | None
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    failed = install(PEERS)
    for name, error in failed.items():
        print(f"{name}: {error or 'installed'}", file=sys.stderr, flush=True)
    if options.command == "install":
        return int(any(failed.values()))
    chosen = [(made, made.channels[0]) for made in tenants(Suite(options.suite), options.channels, SEED)]
    print(f"{len(chosen)} channels of the {options.suite} suite, seed {SEED}, each by itself")
    print(
        f"{'':24} {'answered':>8} {'right':>6} {'decided':>8} {'right there':>12} {'false sat.':>11} {'error of e':>11}"
        f" {'seconds':>8}"
    )
    for name, answers in _answers(chosen, [peer for peer in PEERS if not failed[peer.name]]):
        print(_line(name, answers), flush=True)
    return int(any(failed.values()))


_Chosen = list[tuple[SimulatedTenant, SimulatedChannel]]


def _answers(chosen: _Chosen, peers: Sequence[Peer]) -> Iterator[tuple[str, list[Answer]]]:
    yield "Tributary", [_ours(made, one) for made, one in chosen]
    yield "naive Hill", [_naive(made, one, naive_hill) for made, one in chosen]
    yield "log-log", [_naive(made, one, log_log) for made, one in chosen]
    for peer in peers:
        yield peer.name, [_asked(peer, made, one) for made, one in chosen]


def _asked(peer: Peer, made: SimulatedTenant, channel: SimulatedChannel) -> Answer:
    """One process a channel, so that its limit of time is a channel's. Who fails at one is asked for the others."""
    true = channel.truth.elasticity
    try:
        said = peer.ask({"channels": [_request(made, channel)], **_SAMPLED})["channels"][0]
    except RuntimeError as error:
        print(error, file=sys.stderr, flush=True)
        return Answer(true, float("nan"), None, float("nan"))
    print(f"{peer.name}: {said['seconds']:.0f} s", file=sys.stderr, flush=True)
    return _theirs(true, said)


def _ours(made: SimulatedTenant, channel: SimulatedChannel) -> Answer:
    began = time.perf_counter()
    (said,) = assess([channel.series], margin=PROOF_MARGIN, context=made.context)
    seconds = time.perf_counter() - began
    median = float("nan") if said.elasticity is None else said.elasticity.median
    given = None if said.status is Status.INSUFFICIENT_EVIDENCE else said.status
    return Answer(channel.truth.elasticity, median, given, seconds)


def _naive(made: SimulatedTenant, channel: SimulatedChannel, fit: Callable[[Any], float]) -> Answer:
    """They know no doubt: whatever they find is their answer."""
    began = time.perf_counter()
    said = fit(complete_days(channel.series, made.context))
    given = status_of(said) if np.isfinite(said) else None
    return Answer(channel.truth.elasticity, said, given, time.perf_counter() - began)


def _theirs(true: float, said: dict[str, Any]) -> Answer:
    best = int(np.argmax(said["classes"]))
    given = CLASSES[best] if said["classes"][best] >= DECIDED_FROM else None
    return Answer(true, float(said["elasticity"][1]), given, float(said["seconds"]))


def _request(made: SimulatedTenant, channel: SimulatedChannel) -> dict[str, Any]:
    complete = complete_days(channel.series, made.context)
    return {
        "day": [str(day) for day in complete.day],
        "spend": complete.spend.tolist(),
        "revenue": complete.revenue.tolist(),
        "demand": None if complete.demand is None else complete.demand.tolist(),
        "x0": channel.truth.x0,
    }


def _line(name: str, answers: Sequence[Answer]) -> str:
    said = [one for one in answers if np.isfinite(one.said)]
    decided = [one for one in answers if one.given is not None]
    right = np.mean([status_of(one.said) is status_of(one.true) for one in said]) if said else np.nan
    there = np.mean([one.given is status_of(one.true) for one in decided]) if decided else np.nan
    falsely = np.mean([one.given is Status.SATURATED is not status_of(one.true) for one in answers])
    error = np.mean([abs(one.said - one.true) for one in said]) if said else np.nan
    seconds = np.mean([one.seconds for one in said]) if said else np.nan
    share = len(decided) / len(answers)
    figures = f"{right:6.2f} {share:8.2f} {there:12.2f} {falsely:11.2f} {error:11.3f} {seconds:8.2f}"
    return f"{name:24} {len(said):8} {figures}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.saturation_peers", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["run", "install"], default="run")
    parser.add_argument("--channels", type=int, default=8, help="of so many tenants, one each")
    parser.add_argument("--suite", choices=[str(one) for one in Suite], default=str(Suite.CLEAN))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
