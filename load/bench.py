"""How fast are the parts? ``python -m load.bench [--only NAME …] [--quick]``: one JSON object a line.

Two ways of doing one thing are measured in turns, and compared as a ratio of medians of one run: absolute figures
depend on the machine and on who else works on it. What is going on goes to stderr, and at the end which goals are met.
One that fails is told, and the others are run all the same; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from load import (
    backfill,
    cache,
    chunk,
    chunk_size,
    drain,
    edge,
    fairness,
    kernel,
    memory,
    queue_share,
    start,
    touch_query,
    worker_processes,
)
from load.figures import Figure
from load.goals import table
from load.machine import heading
from load.setting import Setting
from load.touch_table import QUICK_TOUCHES as LEAST_TOUCHES

BENCHMARKS: dict[str, Callable[[Setting], Iterator[Figure]]] = {
    "kernel": kernel.measure,
    "touch_query": touch_query.measure,
    "chunk": chunk.measure,
    "chunk_size": chunk_size.measure,
    "backfill": backfill.measure,
    "edge": edge.measure,
    "drain": drain.measure,
    "queue_share": queue_share.measure,
    "start": start.measure,
    "cache": cache.measure,
    "workers": worker_processes.measure,
    "fairness": fairness.measure,
    "memory": memory.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    print(heading(), file=sys.stderr, flush=True)
    lines, failed = [], []
    with Setting(is_quick=options.quick, wanted_touches=options.touches) as setting:
        for name in options.only or BENCHMARKS:
            setting.say(f"{name} …")
            try:
                with profiled(options.profile):
                    for figure in BENCHMARKS[name](setting):
                        lines.append(figure.line())
                        print(lines[-1], flush=True)
            except Exception:  # told here and by the exit code: what was measured until then is not lost
                traceback.print_exc()
                failed.append(name)
    if options.quick:
        print("A reduced form: it shows that the benchmarks work, and says nothing of goals.", file=sys.stderr)
    else:
        print("\n".join(table(map(msgspec.json.decode, lines))), file=sys.stderr)
    if failed:
        print(f"Failed, see above: {', '.join(failed)}.", file=sys.stderr)
    return int(bool(failed))


@contextmanager
def profiled(functions: int) -> Iterator[None]:
    """Show on stderr which functions of this process took most of the time by themselves; 0: measure as it is."""
    if not functions:
        yield
        return
    with cProfile.Profile() as profile:
        yield
    pstats.Stats(profile, stream=sys.stderr).strip_dirs().sort_stats("tottime").print_stats(functions)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--quick", action="store_true", help="small tables and few rounds: shows that it works, not how fast"
    )
    parser.add_argument(
        "--profile", type=int, default=0, metavar="N", help="the N functions that took most time; slows all figures"
    )
    parser.add_argument("--touches", type=int, default=0, metavar="N", help="how many touches to make")
    chosen = parser.parse_args(arguments)
    if 0 != chosen.touches < LEAST_TOUCHES:
        parser.error(f"--touches is {chosen.touches}: give {LEAST_TOUCHES:,} at least.")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
