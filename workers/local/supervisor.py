"""How do several programs keep running? One loop starts them, passes on what they say, restarts what dies.

One thread, no locks: the kernel kills a program when the thread that started it ends, so it must be the main one.
Every program leads a process group of its own; whatever of the group outlives its leader is killed before the
program is started again.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.local.output import Output
from workers.orphans import die_with_parent

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
STEADY_S = 10.0
"""A program that ran for so long starts again without delay."""
PROBE_EVERY_S = 5.0
HUNG_S = 30.0
"""A program whose probe has failed for so long is killed, and so starts again."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to keep running.

    Parameters
    ----------
    address : where it answers, for people and for stack.json.
    grace_s : how long it may take to stop before it is killed.
    probe : says whether it is well; asked now and then, and must answer within a second or so.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    address: str = ""
    grace_s: float = 15.0
    probe: Callable[[], bool] | None = None


class Running:
    """A program's life: the process that is, or the time at which the next one starts."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.pid = 0
        self.starts = 0
        self.started_s = 0.0
        self.due_s = 0.0
        self.delay_s = FIRST_DELAY_S
        self.probed_s = 0.0
        self.well_s = 0.0

    @property
    def is_up(self) -> bool:
        return self.process is not None


class Supervisor:
    """Keeps programs running; `changed` is called after every start and every death."""

    def __init__(self, output: Output, changed: Callable[[list[Running]], None] = lambda programs: None) -> None:
        self.output = output
        self._changed = changed
        self._running: dict[str, Running] = {}
        self._selector = selectors.DefaultSelector()
        self._is_stopping = False

    @property
    def programs(self) -> list[Running]:
        return list(self._running.values())

    def start(self, programs: Iterable[Program]) -> None:
        """Start programs and keep them running from now on."""
        for program in programs:
            self._running[program.name] = Running(program)
            self._spawn(self._running[program.name])
        self._changed(self.programs)

    def step(self, wait_s: float = 0.1) -> None:
        """Pass on output, bury what died, start what is due; call it again and again."""
        for key, _ in self._selector.select(wait_s):
            self._read(key.data)
        changed = [self._bury(running) for running in self.programs if self._has_died(running)]
        if not self._is_stopping:
            self._probe()
            due = [running for running in self.programs if not running.is_up and running.due_s <= time.monotonic()]
            for running in due:
                self._spawn(running)
            changed += due
        if changed:
            self._changed(self.programs)

    def run_until(self, condition: Callable[[], bool], limit_s: float = float("inf")) -> bool:
        """Step until `condition` holds (it is asked after each step); False if that took too long."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if condition():
                return True
            self.step()
        return condition()

    def stop(self, names_in_order: Iterable[tuple[str, ...]]) -> None:
        """End groups of programs one after the other: SIGTERM, each its own grace, then SIGKILL."""
        self._is_stopping = True
        for names in names_in_order:
            self._stop([self._running[name] for name in names if name in self._running])
        self._stop(self.programs)
        self._selector.close()

    def _stop(self, group: list[Running]) -> None:
        for running in group:
            if running.is_up:
                os.kill(running.pid, signal.SIGTERM)
        end = time.monotonic() + max((running.program.grace_s for running in group), default=0)
        self.run_until(lambda: not any(running.is_up for running in group), end - time.monotonic())
        for running in group:
            if running.is_up:
                self.output.say(f"{running.program.name} did not stop in time and is killed")
                _kill_group(running.pid)
        self.run_until(lambda: not any(running.is_up for running in group), 5)

    def _spawn(self, running: Running) -> None:
        program, parent = running.program, os.getpid()
        running.process = subprocess.Popen(
            program.command,
            cwd=program.directory,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Allowed here: this process has one thread, and the function only calls the kernel.
            preexec_fn=lambda: die_with_parent(parent),
        )
        running.pid = running.process.pid
        running.started_s = running.probed_s = running.well_s = time.monotonic()
        running.starts += 1
        assert running.process.stdout is not None
        os.set_blocking(running.process.stdout.fileno(), False)
        self._selector.register(running.process.stdout, selectors.EVENT_READ, running)

    def _probe(self) -> None:
        """Kill what has not been well for long; at most one program is probed in a step."""
        probed = [running for running in self.programs if running.program.probe and running.is_up]
        if not probed:
            return
        running = min(probed, key=lambda running: running.probed_s)
        now_s = time.monotonic()
        if now_s - running.probed_s < PROBE_EVERY_S:
            return
        assert running.program.probe is not None
        if running.program.probe():
            running.well_s = time.monotonic()
        elif now_s - running.well_s > HUNG_S:
            self.output.say(f"{running.program.name} has not been well for {now_s - running.well_s:.0f} s: killed")
            _kill_group(running.pid)
        running.probed_s = time.monotonic()

    def _has_died(self, running: Running) -> bool:
        if running.process is None:
            return False
        # WNOWAIT leaves it a zombie: as long as it is one, its group's number cannot be given to others.
        ended = os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return ended is not None

    def _bury(self, running: Running) -> Running:
        process, name = running.process, running.program.name
        assert process is not None
        assert process.stdout is not None
        _kill_group(running.pid)
        self._read(running)
        with contextlib.suppress(KeyError):
            self._selector.unregister(process.stdout)
        process.stdout.close()
        code = process.wait()
        running.process = None
        if not self._is_stopping:
            lived_s = time.monotonic() - running.started_s
            running.delay_s = FIRST_DELAY_S if lived_s > STEADY_S else min(running.delay_s * 2, LONGEST_DELAY_S)
            running.due_s = time.monotonic() + running.delay_s
            self.output.say(f"{name} {_ending(code)} after {lived_s:.1f} s; starts again in {running.delay_s:.1f} s")
        return running

    def _read(self, running: Running) -> None:
        if running.process is None or running.process.stdout is None:
            return
        # KeyError: its end was seen before.
        with contextlib.suppress(BlockingIOError, KeyError):
            while data := os.read(running.process.stdout.fileno(), 1 << 16):
                self.output.write(running.program.name, data)
            self._selector.unregister(running.process.stdout)  # the end: every writer is gone


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
