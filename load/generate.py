"""Where does a large data set come from? ``python -m load.generate --events 10000000 > events.ndjson``.

What SDKs post, one event a line: of so many users, over the last so many days, the same for the same seed but for the
days. ``tributary import events events.ndjson`` sends the file to a running stack. Benchmarks make theirs inside the
engine, which is faster (`load.touch_table`).
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from load.events import DAY_MS, event

TOLD_EVERY = 100_000
MOST_DAYS = 3_650
"""No tenant keeps events for longer."""
_encode = msgspec.json.Encoder().encode


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    dice, began_s = random.Random(options.seed), time.monotonic()
    now_ms = time.time_ns() // 1_000_000
    made = events(options.events, options.users, options.days, f"made-{options.seed}", dice, now_ms)
    for number, one in enumerate(made, 1):
        sys.stdout.buffer.write(_encode(one) + b"\n")
        if number % TOLD_EVERY == 0 or number == options.events:
            print(f"{number:,} of {options.events:,} events, {time.monotonic() - began_s:.0f} s", file=sys.stderr)
    return 0


def events(
    count: int, users: int, days: int, prefix: str, dice: random.Random, now_ms: int
) -> Iterator[dict[str, Any]]:
    """So many events, in no order of time.

    Parameters
    ----------
    days : from `now_ms` (epoch ms) back; touches lie up to 25 days before the moment that they are made for.
    prefix : begins every message id and order id.
    """
    for number in range(count):
        yield event(f"{prefix}-{number}", dice, now_ms - dice.randrange(days * DAY_MS), users)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.generate", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    for name in ("events", "users", "days"):
        if getattr(chosen, name) < 1:
            parser.error(f"--{name} is {getattr(chosen, name)}: give 1 at least.")
    if chosen.days > MOST_DAYS:
        parser.error(f"--days is {chosen.days}: give {MOST_DAYS:,} at most.")
    return chosen


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # … | head
    sys.exit(main())
