"""Does the edge hold 400 events/s, and 2,000 in a burst, with nothing lost?

``locust --headless -f load/locustfile.py``. Needs a stack started by `make up`. Exit code 1 where a post failed, an
event is missing or stored twice, or the p95 of a stage is over 200 ms. `TRIBUTARY_LOAD_SCALE` stretches or shortens the
stages (1: 40 s in all), `TRIBUTARY_LOAD_DIR` names another folder of a stack.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import FastHttpUser, LoadTestShape, constant_throughput, events, task

from app.errors import TributaryError
from load.account import Sent, account
from load.events import numbered, template
from load.figures import percentile
from load.pace import Stage
from load.stack import running_stack

BATCH = 20
"""A user posts one batch a second, so 20 users are 400 events/s."""
SCALE = float(os.environ.get("TRIBUTARY_LOAD_SCALE", "1"))
STAGES = (Stage("sustained", 400, 30 * SCALE), Stage("burst", 2_000, 10 * SCALE))
P95_LIMIT_MS = 200.0

try:
    stack = running_stack(Path(os.environ.get("TRIBUTARY_LOAD_DIR", ".tributary")))
except TributaryError as error:
    sys.exit(f"{error.message} {error.detail}")
prefix = f"locust-{uuid.uuid4().hex[:8]}"
dice = random.Random(prefix)
bodies = [template(prefix, BATCH, dice, time.time_ns() // 1_000_000) for _ in range(100)]
numbers = itertools.count()
sent = Sent()
refused: Counter[str] = Counter()
milliseconds: dict[str, list[float]] = {stage.name: [] for stage in STAGES}
now_in = STAGES[0].name


class Shape(LoadTestShape):
    """The stages, one after the other."""

    def tick(self) -> tuple[int, float] | None:
        global now_in
        gone_s = float(self.get_run_time())  # type: ignore[no-untyped-call]
        for stage in STAGES:
            if gone_s < stage.seconds:
                now_in = stage.name
                users = round(stage.rate / BATCH)
                return users, users
            gone_s -= stage.seconds
        return None


class Sdk(FastHttpUser):
    """A server-side SDK: a batch a second over a kept connection."""

    host = stack.url
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Clients are not in step: without this, a hundred would post in one instant, once a second."""
        gevent.sleep(dice.random())

    @task
    def post_batch(self) -> None:
        number, stage = next(numbers), now_in
        template_body = bodies[number % len(bodies)]
        # Until the answer is there nothing is known: locust may end this user in the middle of the post.
        sent.uncertain[number] = template_body
        began_s = time.perf_counter()
        with self.client.post(
            "/v1/batch",
            data=numbered(template_body, number).decode(),
            headers={"Content-Type": "application/json", "X-Write-Key": stack.write_key},
            catch_response=True,
        ) as answer:
            if answer.status_code == 200:
                sent.accepted[number] = sent.uncertain.pop(number)
                milliseconds[stage].append(1000 * (time.perf_counter() - began_s))
            else:
                refused[str(answer.status_code)] += 1
                answer.failure(f"answered {answer.status_code}")


@events.init.add_listener  # type: ignore[untyped-decorator]
def let_posts_end(environment: Any, **_: Any) -> None:
    environment.stop_timeout = 10


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def verdict(environment: Any, **_: Any) -> None:
    """Account for every event, and say how it went by the exit code."""
    is_good = not refused and bool(sent.accepted)
    cut_off = len(sent.uncertain) - refused.total()
    print(f"posts not answered 200: {dict(refused) or 'none'}; cut off by the end: {cut_off}")
    for stage in STAGES:
        p95 = percentile(milliseconds[stage.name], 0.95)
        is_good = is_good and p95 <= P95_LIMIT_MS
        rate = len(milliseconds[stage.name]) * BATCH / stage.seconds
        word = "within" if p95 <= P95_LIMIT_MS else "OVER"
        print(f"{stage.name}: {rate:.0f} events/s of {stage.rate:g}, p95 {p95:.1f} ms, {word} {P95_LIMIT_MS:.0f} ms")
    found = account(stack, prefix, sent, lambda text: print(text, file=sys.stderr))
    for line in found.lines():
        print(line)
    environment.process_exit_code = 0 if is_good and not found.amiss else 1
