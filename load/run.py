"""Does every event of a load arrive, and how long does a post take? ``python -m load.run --rate 400 --seconds 30``.

Posts are sent when they are due, whether the ones before were answered or not, and their time counts from then: an
edge that stalls cannot hide it by slowing the generator down. Exit code 1 where an event is missing, stored twice,
refused, a report lacks an order that was credited before it was asked for, or where the p95 is over the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.errors import TributaryError
from load.account import Sent, account
from load.credit_time import CreditTimes
from load.events import numbered, orders_in, template
from load.goals import table
from load.machine import heading
from load.open_loop import Posted, Posts
from load.pace import Planned, Stage, plan
from load.poster import TEMPLATES
from load.report import Report
from load.report_time import ReportTimes
from load.stack import Stack, running_stack
from workers.local.folder import DEFAULT

MOST_IN_A_BATCH = 1_000
"""More would be larger than what the edge takes in one post."""
RESENT_SHARE = 0.02
"""Of the batches are posted a second time, as SDKs do after a lost answer: they must count once."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        stack = running_stack(options.dir)
    except TributaryError as error:
        print(f"{error.message} {error.detail}", file=sys.stderr)
        return 2
    stages = [Stage("sustained", options.rate, options.seconds)]
    if options.burst and options.burst_seconds:
        stages.append(Stage("burst", options.burst, options.burst_seconds))
    prefix = f"load-{uuid.uuid4().hex[:8]}"
    _say(heading())
    _say(f"{', '.join(f'{one.rate:g} events/s for {one.seconds:g} s' for one in stages)}, batches of {options.batch}")
    credit = CreditTimes(stack)
    reports = ReportTimes(stack, credit.closed_orders)
    credit.begin()
    reports.begin()
    posted, sent = asyncio.run(_post(stack, plan(stages, options.batch), prefix, options.batch, credit))
    found = account(stack, prefix, sent, _say)
    credited = credit.finish()
    reports.finish()
    failure = credit.failure or reports.failure
    report = Report(stages, options.batch, posted, found, credited, credit.asked, reports.asked, failure)
    for line in report.lines():
        print(line)
    print(report.json())
    _say("\n".join(table([msgspec.json.decode(report.json())])))
    return 0 if report.is_good else 1


async def _post(
    stack: Stack, planned: Sequence[Planned], prefix: str, batch: int, credit: CreditTimes
) -> tuple[list[Posted], Sent]:
    dice = random.Random(prefix)
    now_ms = time.time_ns() // 1_000_000
    bodies = [template(prefix, batch, dice, now_ms) for _ in range(min(TEMPLATES, len(planned)))]
    again = {one.number for one in planned if dice.random() < RESENT_SHARE}
    sent, posts = Sent(), Posts(stack.url, stack.write_key)

    async def one_batch(one: Planned) -> list[Posted]:
        body = bodies[one.number % len(bodies)]
        due_s = posts.began_s + one.at_s
        answers = [await posts.send(numbered(body, one.number), due_s, one.stage)]
        if one.number in again:
            answers.append(await posts.send(numbered(body, one.number), time.perf_counter(), "again"))
        if any(answer.status == "200" for answer in answers):
            sent.accepted[one.number] = body
            credit.offer(orders_in(numbered(body, one.number)), began_ms + 1000 * one.at_s, one.stage)
        else:
            sent.uncertain[one.number] = body
        return answers

    posts.began_s, began_ms = time.perf_counter(), 1000 * time.time()
    tasks = []
    for one in planned:
        await asyncio.sleep(posts.began_s + one.at_s - time.perf_counter())
        tasks.append(asyncio.create_task(one_batch(one)))
    answers = await asyncio.gather(*tasks)
    posts.close()
    return [answer for group in answers for answer in group], sent


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.run", description=__doc__)
    parser.add_argument("--rate", type=_number, default=400, help="events a second")
    parser.add_argument("--seconds", type=_number, default=30)
    parser.add_argument("--burst", type=_number, default=2_000, help="events a second of the burst after it; 0: none")
    parser.add_argument("--burst-seconds", type=_number, default=5)
    parser.add_argument("--batch", type=int, default=20, help=f"events in a post, {MOST_IN_A_BATCH} at most")
    parser.add_argument("--dir", type=Path, default=DEFAULT, help="folder of the stack")
    chosen = parser.parse_args(arguments)
    if not 0 < chosen.batch <= MOST_IN_A_BATCH:
        parser.error(f"--batch is {chosen.batch}: give 1 to {MOST_IN_A_BATCH} events.")
    if chosen.rate * chosen.seconds < chosen.batch or 0 < chosen.burst * chosen.burst_seconds < chosen.batch:
        parser.error("a rate times its seconds is less than one --batch: nothing would be sent.")
    return chosen


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"it is {text!r}: give a number that is not below 0")
    return value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
