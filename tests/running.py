"""A running stack, as `tributary up` makes it, for the tests that look at it from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis

from app.storage import keys
from workers.edge import Edge
from workers.local.folder import Folder

ROOT = Path(__file__).parents[1]
MARK = "TEST_STACK_MARK"


class Up:
    """A `tributary up` under test, with settings other than the usual where they are given."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = Folder(folder)
        self._settings = {f"TRIBUTARY_{name.upper()}": str(value) for name, value in settings.items()}
        self.mark = uuid.uuid4().hex
        self.process: subprocess.Popen[bytes] | None = None
        self._seen: set[int] = set()

    def start(self) -> Up:
        """Start it and return when everything is ready."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIBUTARY_")}
        self.folder.path.mkdir(parents=True, exist_ok=True)
        with (self.folder.path / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.cli", "up", "--dir", str(self.folder.path)],
                cwd=ROOT,
                env={**environment, **self._settings, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait(lambda: self.state.get("ready") or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.log[-3000:]
        return self

    def stop(self, number: int = signal.SIGINT) -> int:
        """Signal it and wait for its end; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(45)

    @property
    def state(self) -> dict[str, Any]:
        state = self.folder.read("stack.json")
        self._seen |= {entry["pid"] for entry in state.get("processes", [])}
        return state

    @property
    def log(self) -> str:
        return (self.folder.path / "up.log").read_text(encoding="utf-8", errors="replace")

    @property
    def edge(self) -> Edge:
        state = self.state
        return Edge(state["url"], write_key=state["write_key"], secret_key=state["secret_key"])

    def entry(self, name: str) -> dict[str, Any]:
        """What stack.json says of a process."""
        return next(entry for entry in self.state["processes"] if entry["name"] == name)

    def processes(self) -> dict[int, str]:
        """Every process that was started by it, directly or not: pid and command.

        Known by a mark in the environment, which children inherit, or by having been in stack.json: Redis writes its
        title over its environment.
        """
        mark = f"{MARK}={self.mark}".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                marked = mark in (folder / "environ").read_bytes().split(b"\0")
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has just ended
            if command and (marked or int(folder.name) in self._seen):
                found[int(folder.name)] = command
        return found

    def children(self, name: str) -> list[int]:
        """The pids of a program's children, as soon as it has some."""
        found: list[int] = []

        def has_some() -> bool:
            pid = self.pid(name)
            found[:] = [child for child in self.processes() if parent_of(child) == pid]
            return bool(found)

        self.wait(has_some, 30)
        return found

    def pid(self, name: str) -> int:
        """The pid of a program, as soon as it runs."""
        self.wait(lambda: self.state and Path(f"/proc/{self.entry(name)['pid']}").exists(), 30)
        return int(self.entry(name)["pid"])

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A `tributary` command against it."""
        command = [sys.executable, "-m", "workers.cli", *words, "--dir", str(self.folder.path)]
        how: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        return subprocess.run(command, cwd=ROOT, check=False, timeout=60, **how)

    def wait(self, condition: Callable[[], Any], limit_s: float) -> None:
        """Wait until `condition` holds; an error shows the log's end."""
        end = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end, f"waited {limit_s} s in vain\n{self.log[-3000:]}"
            time.sleep(0.05)


def settled(redis: Redis, shards: int) -> bool:
    """Whether all that was answered 200 is stored and credited: no event waits, and no run is open."""
    waiting = sum(int(redis.hget(keys.waiting(shard), "all") or 0) for shard in range(shards))
    return waiting == 0 and redis.zcard(keys.RUNS_DUE) == 0


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def parent_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0
