"""Are the promises about saturation kept? ``python -m load.bench_saturation --suite mixed``, or another suite.

Simulated tenants that no training has seen are assessed and planned, and every gate of SATURATION 3 is printed with
its figure, its 95 % interval and a verdict. What is going on goes to stderr. Exit status 1 where a gate fails.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from app.saturation import assess
from app.saturation.change_proof import Watched, watch
from app.saturation.gates import RESAMPLES, Gate, cell_gates, reliability, reported, suite_gates
from app.saturation.judge import shipped
from app.saturation.proof import PROOF_MARGIN, Assessor, Evidence, Row, collect
from app.saturation.series import Assessment, ChannelSeries, Context, Floats
from app.saturation.simulator.curves import TRAIN_ODD, TRAIN_SMOOTH
from app.saturation.simulator.settings import TenantSetting
from app.saturation.simulator.simulate import SimulatedTenant, simulate
from app.saturation.simulator.stress import CELLS, base, cell_tenants
from app.saturation.simulator.suites import Suite, tenants
from load.saturation_picture import diagram

TENANTS = {Suite.CLEAN: 150, Suite.MIXED: 450}
STRESS_TENANTS = 20
CHANGE_TENANTS = 24
SIZES = (1, 10, 100, 500)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    failed = 0
    measured: dict[str, Floats] = {}
    for title, gates, evidence in _runs(options):
        print(f"\n## {title}", flush=True)
        for gate in gates:
            print(gate.line(), flush=True)
            failed += gate.passed is False
        if evidence and options.rows:
            _append(options.rows, title, evidence)
        if evidence and title.startswith(tuple(Suite)):
            measured[title] = reliability(evidence.rows)
    if options.picture:
        options.picture.write_text(diagram(measured), encoding="utf-8")
    print(f"\n{failed} gates failed" if failed else "\nall gates passed")
    return 1 if failed else 0


def _runs(options: argparse.Namespace) -> Iterator[tuple[str, list[Gate], Evidence | None]]:
    wanted = ("clean", "mixed", "stress", "change", "size") if options.suite == "all" else (options.suite,)
    for suite in Suite:
        if suite in wanted:
            count = options.tenants or TENANTS[suite]
            evidence = collect(tenants(suite, count, options.seed), _judge(options.seed), _progress(suite, count))
            gates = [*suite_gates(suite, evidence), *_by_family(evidence.rows)]
            yield f"{suite}, {len(evidence.rows)} channels", gates, evidence
            _print_reliability(evidence)
    if "stress" in wanted:
        for cell in options.cells or CELLS:
            count = options.tenants or STRESS_TENANTS
            evidence = collect(cell_tenants(cell, count, options.seed), _judge(options.seed), _progress(cell, count))
            yield f"stress: {cell}, {len(evidence.rows)} channels", cell_gates(cell, evidence), evidence
    if "change" in wanted:
        yield "change", _change_gates(options.tenants or CHANGE_TENANTS, options.seed), None
    if "size" in wanted:
        yield "size: one tenant of many channels, a year each", _size_gates(options.seed), None


def _judge(seed: int) -> Assessor:
    """What is proved: series and context go in, nothing else of the tenant."""

    def judged(tenant: SimulatedTenant) -> Sequence[Assessment]:
        return assess(tenant.series, margin=PROOF_MARGIN, context=tenant.context, seed=seed)

    return judged


def _by_family(rows: Sequence[Row]) -> Iterator[Gate]:
    """Accuracy where decided, apart for families that training knew and did not know."""
    known = {*TRAIN_SMOOTH, *TRAIN_ODD}
    for name, some in (
        ("families known from training", [row for row in rows if row.is_decided and row.family in known]),
        ("families new to it", [row for row in rows if row.is_decided and row.family not in known]),
    ):
        yield reported(f"right where given, {name}", lambda part: _share(row.given is row.truth for row in part), some)


def _share(facts: Iterator[bool]) -> float:
    return float(np.mean(list(facts)))


def _size_gates(seed: int) -> list[Gate]:
    """Processor time and memory of one call over 1 to 500 channels; memory is how far the process's peak rises."""
    shipped()
    gates = []
    for size in SIZES:
        rng = np.random.default_rng([seed, size])
        channels = tuple(base(rng).channels[0] for _ in range(size))
        made = simulate(TenantSetting(channels), (seed, size))
        before, began = _peak_mb(), time.process_time()
        assess(made.series, margin=PROOF_MARGIN, context=made.context, seed=seed)
        seconds, grown = time.process_time() - began, _peak_mb() - before
        gates.append(_plain(f"{size} channels: processor seconds a channel", seconds / size, 1, size))
        gates.append(_plain(f"{size} channels: memory, MB a channel", grown / size, 50, size))
    return gates


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _print_reliability(evidence: Evidence) -> None:
    said, is_so, count = reliability(evidence.rows)
    print("reliability (probability: share that is so, count):", flush=True)
    print("  " + "  ".join(f"{p:.2f}: {q:.2f} ({n:.0f})" for p, q, n in zip(said, is_so, count, strict=True)))


def _change_gates(count: int, seed: int) -> list[Gate]:
    """Delay over the steps and ramps of the stress cells; false alarms over a year of tenants without a change."""

    def judged(channels: Sequence[ChannelSeries], context: Context) -> Sequence[Assessment]:
        return assess(channels, margin=PROOF_MARGIN, context=context, seed=seed)

    steps = _watched("curve_step", count, seed, judged, 150, 365)
    ramps = _watched("curve_ramp", max(count // 2, 1), seed, judged, 150, 365)
    quiet = _watched("plain", count, seed, judged, 91, 365)
    return [
        _over_channels("delay after a step of the curve, median days", _median_delay, steps, 21),
        _over_channels("delay after the begin of a ramp, median days", _median_delay, ramps, None),
        _over_channels("steps not seen within 63 days, share", _unseen, steps, None),
        _over_channels("false alarms a channel and year", _alarms_a_year, quiet, 1),
    ]


def _median_delay(watched: Sequence[Watched]) -> float:
    return float(np.median([float("inf") if one.delay is None else float(one.delay) for one in watched]))


def _unseen(watched: Sequence[Watched]) -> float:
    return _share(one.delay is None for one in watched)


def _alarms_a_year(watched: Sequence[Watched]) -> float:
    return sum(one.false_alarms for one in watched) / sum(one.years for one in watched)


def _watched(
    cell: str,
    count: int,
    seed: int,
    judged: Callable[[Sequence[ChannelSeries], Context], Sequence[Assessment]],
    first: int,
    last: int,
) -> list[Watched]:
    watched: list[Watched] = []
    progress = _progress(f"change: {cell}", count)
    for number, tenant in enumerate(cell_tenants(cell, count, seed)):
        # Each channel by itself: their changes lie on different days.
        watched.extend(watch(replace(tenant, channels=tenant.channels[:1]), judged, first, last))
        progress(number + 1)
    return watched


def _over_channels(
    name: str, measure: Callable[[Sequence[Watched]], float], watched: Sequence[Watched], limit: float | None
) -> Gate:
    """With its interval; every channel is of a tenant of its own."""
    rng, figure = np.random.default_rng(0), measure(watched)
    picks = rng.integers(0, len(watched), (RESAMPLES, len(watched)))
    measured = np.sort([measure([watched[place] for place in some]) for some in picks])
    low, high = measured[round(0.025 * (RESAMPLES - 1))], measured[round(0.975 * (RESAMPLES - 1))]  # may be infinite
    words = "" if limit is None else f"<= {limit:g}"
    return Gate(name, figure, float(low), float(high), words, None if limit is None else figure <= limit, len(watched))


def _plain(name: str, figure: float, limit: float, n: int) -> Gate:
    """Measured once."""
    return Gate(name, figure, float("nan"), float("nan"), f"<= {limit:g}", figure <= limit, n)


def _progress(name: str, count: int) -> Callable[[int], None]:
    began = time.monotonic()

    def tell(done: int) -> None:
        if done % 10 == 0 or done == count:
            print(f"{name}: {done} of {count} tenants, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    return tell


def _append(path: Path, title: str, evidence: Evidence) -> None:
    items = [*map(asdict, evidence.rows), *map(asdict, evidence.plans)]
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps({"suite": title, **item}) + "\n" for item in items)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.bench_saturation", description=__doc__)
    parser.add_argument("--suite", default="all", choices=("clean", "mixed", "stress", "change", "size", "all"))
    parser.add_argument(
        "--tenants", type=int, help="of each suite or stress cell; about 4.5 channels each, of a cell 3"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the test tenants; training can never meet them")
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--rows", type=Path, help="append every channel and plan to this file, one JSON object a line")
    parser.add_argument("--picture", type=Path, help="write the reliability diagram of the suites to this SVG file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
