"""Does every event of a load arrive, and how long does a post take? ``python -m load.run --rate 400 --seconds 30``.

Posts are sent when they are due, whether the ones before were answered or not, and their time counts from then: an
edge that stalls cannot hide it by slowing the generator down. Exit code 1 where an event is missing, stored twice,
refused, or where the p95 is over the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from app.errors import TributaryError
from load.account import Sent, account
from load.credit_time import CreditTimes
from load.events import numbered, orders_in, template
from load.figures import percentile
from load.open_loop import Posted, Posts
from load.pace import Planned, Stage, plan
from load.poster import TEMPLATES
from load.stack import Stack, running_stack
from workers.local.folder import DEFAULT

P95_LIMIT_MS = 200.0
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
    _say(f"{', '.join(f'{one.rate:g} events/s for {one.seconds:g} s' for one in stages)}, batches of {options.batch}")
    posted, sent, credit = asyncio.run(_post(stack, plan(stages, options.batch), prefix, options.batch))
    is_good = _tell_posts(stages, posted)
    found = account(stack, prefix, sent, _say)
    for line in found.lines():
        print(line)
    credit_s = credit.seconds
    if credit.failure:
        print(f"credit could not be watched: {credit.failure}")
    if credit_s:
        print(
            f"from an order's post to its credit through the API: median {percentile(credit_s, 0.5):.2f} s, "
            f"p95 {percentile(credit_s, 0.95):.2f} s ({len(credit_s)} orders sampled)"
        )
    return 0 if is_good and found.is_whole and not credit.failure else 1


async def _post(
    stack: Stack, planned: Sequence[Planned], prefix: str, batch: int
) -> tuple[list[Posted], Sent, CreditTimes]:
    dice = random.Random(prefix)
    now_ms = time.time_ns() // 1_000_000
    bodies = [template(prefix, batch, dice, now_ms) for _ in range(min(TEMPLATES, len(planned)))]
    again = {one.number for one in planned if dice.random() < RESENT_SHARE}
    sent, posts, credit = Sent(), Posts(stack.url, stack.write_key), CreditTimes(stack)

    async def one_batch(one: Planned) -> list[Posted]:
        body = bodies[one.number % len(bodies)]
        due_s = posts.began_s + one.at_s
        answers = [await posts.send(numbered(body, one.number), due_s, one.stage)]
        if one.number in again:
            answers.append(await posts.send(numbered(body, one.number), time.perf_counter(), "again"))
        if any(answer.status == "200" for answer in answers):
            sent.accepted[one.number] = body
            credit.offer(orders_in(numbered(body, one.number)))
        else:
            sent.uncertain[one.number] = body
        return answers

    posts.began_s = time.perf_counter()
    tasks = []
    for one in planned:
        await asyncio.sleep(posts.began_s + one.at_s - time.perf_counter())
        tasks.append(asyncio.create_task(one_batch(one)))
    answers = await asyncio.gather(*tasks)
    posts.close()
    await credit.finish()
    return [answer for group in answers for answer in group], sent, credit


def _tell_posts(stages: Sequence[Stage], posted: Sequence[Posted]) -> bool:
    refused = Counter(one.status for one in posted if one.status != "200")
    is_good = not refused
    for stage in stages:
        times = [one.milliseconds for one in posted if one.stage == stage.name and one.status == "200"]
        p50, p95, p99 = (percentile(times, share) for share in (0.5, 0.95, 0.99))
        is_fast = p95 <= P95_LIMIT_MS
        is_good = is_good and is_fast
        verdict = "within" if is_fast else "OVER"
        print(
            f"{stage.name}: {len(times):,} posts, p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms from when they "
            f"were due; p95 {verdict} {P95_LIMIT_MS:.0f} ms"
        )
    resent = sum(one.stage == "again" for one in posted)
    print(f"posts not answered 200: {dict(refused) or 'none'}; posted a second time: {resent}")
    return is_good


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.run", description=__doc__)
    parser.add_argument("--rate", type=float, default=400, help="events a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--burst", type=float, default=2_000, help="events a second of the burst after it; 0: none")
    parser.add_argument("--burst-seconds", type=float, default=5)
    parser.add_argument("--batch", type=int, default=20, help="events in a post")
    parser.add_argument("--dir", type=Path, default=DEFAULT, help="folder of the stack")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
