"""Does the whole way hold, from a posted event to its credit? A sample month through a stack of its own.

The stack is the one of `tributary up`, started as that command over a temporary folder, on free ports. The figures
that come out are compared with the sample's own reckoning, to the cent.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.errors import TributaryError
from workers.edge import Edge
from workers.local.folder import Folder
from workers.local.procfile import CHECKOUT
from workers.local.sample import CONVERSION_DAYS, SPEND, Event, Sample
from workers.orphans import die_with_parent

START_LIMIT_S, CREDIT_LIMIT_S, ASSESS_LIMIT_S, STOP_LIMIT_S = 90.0, 90.0, 60.0, 60.0
SENDERS = 4
BATCH_EVENTS = 100
MICRO = 1_000_000


@contextmanager
def temporary_stack() -> Iterator[dict[str, Any]]:
    """A stack over a temporary folder; yields what its stack.json says. Stopped in order at the end."""
    # Programs of an operator's environment have no part in a demo: everything is started here.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRIBUTARY_")}
    parent = os.getpid()
    with tempfile.TemporaryDirectory(prefix="tributary-demo-") as name:
        log = Path(name) / "up.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "workers.cli", "up", "--dir", name, "--quiet"],
                cwd=CHECKOUT,
                env=inherited,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )
        try:
            yield _wait_until_ready(process, Folder(Path(name)), log)
        finally:
            _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Folder, log: Path) -> dict[str, Any]:
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end and process.poll() is None:
        stack = folder.read("stack.json")
        if stack.get("ready"):
            return stack
        time.sleep(0.1)
    words = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    raise TributaryError("not_started", "The stack did not start.", f"Its last words:\n{words}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()  # its programs die with it
        process.wait()
        raise TributaryError(
            "not_stopped", f"The stack did not stop within {STOP_LIMIT_S:.0f} s and was killed.", ""
        ) from None


@dataclass(frozen=True, slots=True)
class Posts:
    """How the posts went; times in seconds, ascending."""

    seconds: tuple[float, ...]
    events: int
    took_s: float

    @property
    def p95_s(self) -> float:
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * 0.95))]


def send(stack: dict[str, Any], events: Sequence[Event], progress: Callable[[int], None]) -> Posts:
    """Post all events, in order but over several connections, and count what was answered 200.

    Raises
    ------
    TributaryError : an event was refused, or the edge stayed away.
    """
    batches: queue.SimpleQueue[list[Event]] = queue.SimpleQueue()
    for start in range(0, len(events), BATCH_EVENTS):
        batches.put(list(events[start : start + BATCH_EVENTS]))
    seconds: list[float] = []
    sent = [0] * SENDERS
    failures: list[Exception] = []

    def post_all(number: int) -> None:
        edge = Edge(stack["url"], write_key=stack["write_key"])
        try:
            while not failures:
                batch = batches.get_nowait()
                began_s = time.monotonic()
                answer = edge.send_events(batch, datetime.now(UTC).isoformat(timespec="milliseconds"))
                seconds.append(time.monotonic() - began_s)
                if answer.get("rejected"):
                    raise TributaryError("refused", f"The edge refused events: {answer['rejected'][:3]}", "")
                sent[number] += len(batch)
        except queue.Empty:
            pass
        except Exception as error:
            failures.append(error)
        finally:
            edge.close()

    began_s = time.monotonic()
    threads = [threading.Thread(target=post_all, args=(number,)) for number in range(SENDERS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        progress(sum(sent))
        time.sleep(0.05)
    if failures:
        raise failures[0]
    progress(sum(sent))
    return Posts(tuple(sorted(seconds)), sum(sent), time.monotonic() - began_s)


def period(now: datetime) -> dict[str, str]:
    """The days that hold every order of the sample."""
    first = now.date() - timedelta(days=CONVERSION_DAYS + 1)
    return {"from": first.isoformat(), "to": (now.date() + timedelta(days=1)).isoformat()}


def wait_for_credit(
    edge: Edge, sample: Sample, days: dict[str, str], progress: Callable[[int], None]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask until reconciliation and report are what the sample expects; both answers.

    Raises
    ------
    TributaryError : they were not in time; says what is different.
    """
    end = time.monotonic() + CREDIT_LIMIT_S
    differences = ["nothing was answered"]
    while time.monotonic() < end:
        proof = edge.get("/v1/reconcile", days)
        credited = max((line["total"]["conversions_micro"] for line in proof["models"]), default=0) // MICRO
        progress(credited - int(proof["pending"]))
        differences = list(_of_proof(proof, sample))
        if not differences:
            report = edge.get("/v1/reports/attribution", {**days, "by": "channel"})
            differences = list(_of_report(report, sample))
            if not differences:
                return proof, report
        time.sleep(0.3)
    shown = "\n".join(f"- {difference}" for difference in differences[:10])
    raise TributaryError(
        "not_credited", f"The credit is not what was sent, {CREDIT_LIMIT_S:.0f} s after the last post.", shown
    )


def assess(edge: Edge, progress: Callable[[int], None]) -> dict[str, Any]:
    """Refit the sample's channels and return their statuses: a month is too short for one, and each says so.

    Raises
    ------
    TributaryError : no table came in time, or not the one that a month allows.
    """
    end = time.monotonic() + ASSESS_LIMIT_S
    url = edge.post("/v1/saturation/train", {})["url"]
    job = edge.get(url)
    while job["closed_at"] is None and time.monotonic() < end:
        time.sleep(0.2)
        job = edge.get(url)
        progress(job["channels"]["done"])
    if job["state"] != "done":
        words = "\n".join(failure["message"] for failure in job["failures"])
        raise TributaryError("not_assessed", f"The refit is {job['state']} after {ASSESS_LIMIT_S:.0f} s.", words)
    assessed = edge.get("/v1/saturation")
    statuses = {one["channel"]: one["status"] for one in assessed["channels"]}
    if statuses != dict.fromkeys(sorted(SPEND), "insufficient_evidence"):
        raise TributaryError("wrong_status", f"A month of days allows no status, but there is {statuses}.", "")
    return assessed


def _of_proof(proof: dict[str, Any], sample: Sample) -> Iterator[str]:
    expected = sample.expected
    if not proof["models"]:
        yield "no conversion has been credited yet"
    for line in proof["models"]:
        total, model = line["total"], line["model"]
        figures = {
            "conversions": (total["conversions_micro"], expected.conversions * MICRO),
            "net conversions": (total["net_conversions_micro"], expected.net_conversions * MICRO),
            "value": (total["value_minor"], expected.gross_minor),
            "net value": (total["net_value_minor"], expected.net_minor),
            "unattributed conversions": (line["unattributed"]["conversions_micro"], expected.unattributed * MICRO),
            "unattributed value": (line["unattributed"]["value_minor"], expected.unattributed_minor),
        }
        yield from _unequal(model, figures)
        if not line["reconciled"]:
            yield f"{model}: credited and unattributed are not the total"
    if proof["pending"]:
        yield f"{proof['pending']} conversions are not credited yet"
    for currency in proof["currencies"]:
        yield from _unequal("orders", {"repeated": (currency["duplicates"]["events"], expected.repeated_orders)})


def _of_report(report: dict[str, Any], sample: Sample) -> Iterator[str]:
    if not report["reconciled"]:
        yield "the report is not reconciled"
    rows = {(row["model"], row["channel"]): row for row in report["rows"]}
    for model, channels in sample.expected.credit.items():
        for channel, (conversions, value_minor) in channels.items():
            row = rows.get((model, channel), {"conversions_micro": 0, "value_minor": 0})
            yield from _unequal(
                f"{model}, {channel}",
                {
                    "conversions": (row["conversions_micro"], conversions * MICRO),
                    "value": (row["value_minor"], value_minor),
                },
            )


def _unequal(subject: str, figures: dict[str, tuple[int, int]]) -> Iterator[str]:
    for name, (found, expected) in figures.items():
        if found != expected:
            yield f"{subject}: {name} is {found:,}, expected {expected:,}"
