"""What runs on one machine, in which order does it start and stop, and where does it answer?"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.errors import TributaryError
from workers.local import ports
from workers.local.demo_tenant import Keys, prepare
from workers.local.folder import Folder
from workers.local.output import Output
from workers.local.procfile import CHECKOUT, read_procfile
from workers.local.redis import LocalRedis
from workers.local.supervisor import Program, Running, Supervisor

REDIS_URL, CLICKHOUSE_URL = "TRIBUTARY_REDIS_URL", "TRIBUTARY_CLICKHOUSE_URL"
STOP_ORDER = (("web", "beat", "flower"), ("worker", "backfill", "saturation"), ("clickhouse", "redis"))
START_LIMIT_S, START_TRIES = 60.0, 3
FLOWER_USER = "admin"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen, all on loopback."""

    redis: int
    clickhouse: int
    web: int
    flower: int
    web_metrics: int
    worker_metrics: int
    backfill_metrics: int


class Stack:
    """One stack over one folder; `run` starts it, keeps it and stops it."""

    def __init__(self, folder: Folder, *, web_port: int = 0, flower_port: int = 0, is_quiet: bool = False) -> None:
        self.folder = folder
        self.output = Output(folder.path / "logs", is_quiet=is_quiet)
        self.supervisor = Supervisor(self.output, self._write_state)
        self.ports = _choose_ports(folder, web_port, flower_port)
        self.keys: Keys | None = None
        self._is_ready = False
        self._is_asked_to_stop = False

    def run(self) -> None:
        """Start everything, keep it running until SIGINT or SIGTERM, then stop it.

        Raises
        ------
        TributaryError : a part did not start; what had been started is stopped again.
        """
        with self._signals():
            try:
                self._start()
                if not self._is_asked_to_stop:
                    self._print_addresses()
                self.supervisor.run_until(lambda: self._is_asked_to_stop)
            finally:
                self.output.say("stopping …")
                self.supervisor.stop(STOP_ORDER)
                self.folder.let_go()
                self.output.say("stopped; nothing is left running")
                self.output.close()

    def _start(self) -> None:
        self.supervisor.start(self._engines())
        self._wait_for("redis", lambda: ports.answers_ping(self.ports.redis))
        self._wait_for("clickhouse", lambda: ports.accepts(self.ports.clickhouse))
        if self._is_asked_to_stop:
            return
        self.keys = prepare(self._environment(), self.folder)
        self.supervisor.start(self._programs())
        self._wait_for("web", lambda: _answers(f"http://{ports.HOST}:{self.ports.web}/readyz"))
        self._wait_for("worker", lambda: self._is_well("worker"))
        self._wait_for("backfill", lambda: self._is_well("backfill"))
        self._wait_for("flower", lambda: ports.accepts(self.ports.flower))
        self._is_ready = not self._is_asked_to_stop
        self._write_state(self.supervisor.programs)

    def _is_well(self, name: str) -> bool:
        """A worker that can still do so ends itself when it is stuck; this is for one that cannot."""
        return _answers(f"http://{ports.HOST}:{self._metrics_ports[name]}/healthz")

    def _wait_for(self, name: str, condition: Callable[[], bool]) -> None:
        found = [running for running in self.supervisor.programs if running.program.name == name]
        if not found:
            return
        self.supervisor.run_until(
            lambda: self._is_asked_to_stop or condition() or found[0].starts > START_TRIES, START_LIMIT_S
        )
        if not self._is_asked_to_stop and not condition():
            raise TributaryError(
                "not_started",
                f"{name} did not start ({found[0].starts} tries).",
                f"Its last words:\n{self.output.tail(name)}",
            )

    def _engines(self) -> list[Program]:
        """The local engines, but none that the operator has elsewhere."""
        engines = []
        if REDIS_URL not in os.environ:
            data = self.folder.path / "redis"
            data.mkdir(exist_ok=True)
            command = tuple(LocalRedis(data, self.ports.redis, fsync="always").command())
            engines.append(self._program("redis", command, f"{ports.HOST}:{self.ports.redis}"))
        if CLICKHOUSE_URL not in os.environ:
            data = self.folder.path / "clickhouse"
            data.mkdir(exist_ok=True)
            command = (sys.executable, "-m", "workers.local.clickhouse", "--path", str(data))
            command += ("--port", str(self.ports.clickhouse))
            engines.append(self._program("clickhouse", command, f"{ports.HOST}:{self.ports.clickhouse}", grace_s=25))
        return engines

    def _programs(self) -> list[Program]:
        """What the Procfile names."""
        addresses = {
            "web": f"{ports.HOST}:{self.ports.web}",
            "worker": f"{ports.HOST}:{self.ports.worker_metrics}",
            "backfill": f"{ports.HOST}:{self.ports.backfill_metrics}",
            "flower": f"{ports.HOST}:{self.ports.flower}",
        }
        return [
            # `exec`: the shell expands the variables and is then replaced, so the pid is the program's own.
            self._program(name, ("/bin/sh", "-c", f"exec {command}"), addresses.get(name, ""))
            for name, command in read_procfile().items()
        ]

    def _program(self, name: str, command: tuple[str, ...], address: str, grace_s: float = 15.0) -> Program:
        environment = self._environment()
        metrics_port = self._metrics_ports.get(name, 0)
        environment["TRIBUTARY_METRICS_PORT"] = str(metrics_port)
        if metrics_port:
            counters = self.folder.path / "metrics" / name
            shutil.rmtree(counters, ignore_errors=True)
            counters.mkdir(parents=True)
            environment["PROMETHEUS_MULTIPROC_DIR"] = str(counters)
        probe = partial(self._is_well, name) if name in ("worker", "backfill") else None
        return Program(name, command, environment, CHECKOUT, address, grace_s, probe)

    @property
    def _metrics_ports(self) -> dict[str, int]:
        """Of the programs that have one."""
        return {
            "web": self.ports.web_metrics,
            "worker": self.ports.worker_metrics,
            "backfill": self.ports.backfill_metrics,
        }

    def _environment(self) -> dict[str, str]:
        """What all programs find in their environment; what the operator has set goes first."""
        binaries = str(Path(sys.executable).parent)
        return {
            REDIS_URL: f"redis://{ports.HOST}:{self.ports.redis}/0",
            CLICKHOUSE_URL: f"clickhouse://default@{ports.HOST}:{self.ports.clickhouse}/tributary",
            **os.environ,
            "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
            "WEB_BIND": f"{ports.HOST}:{self.ports.web}",
            "FLOWER_PORT": str(self.ports.flower),
            "FLOWER_ADDRESS": ports.HOST,
            "FLOWER_BASIC_AUTH": f"{FLOWER_USER}:{self.folder.secret('flower_password')}",
        }

    def _write_state(self, programs: list[Running]) -> None:
        environment = self._environment()
        self.folder.write(
            "stack.json",
            {
                "ready": self._is_ready,
                "pid": os.getpid(),
                "written_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "processes": [
                    {
                        "name": running.program.name,
                        "pid": running.pid,
                        "address": running.program.address,
                        "state": "running" if running.is_up else "restarting",
                        "starts": running.starts,
                    }
                    for running in programs
                ],
                "write_key": self.keys.write_key if self.keys else "",
                "secret_key": self.keys.secret_key if self.keys else "",
                "url": f"http://{ports.HOST}:{self.ports.web}",
                "flower_url": f"http://{ports.HOST}:{self.ports.flower}",
                "flower_user": FLOWER_USER,
                "flower_password": self.folder.secret("flower_password"),
                "redis_url": environment[REDIS_URL],
                "clickhouse_url": environment[CLICKHOUSE_URL],
                "metrics": {
                    name: f"http://{ports.HOST}:{port}/metrics" for name, port in self._metrics_ports.items()
                },
            },
        )

    def _print_addresses(self) -> None:
        state = self.folder.read("stack.json")
        for line in (
            "",
            f"Tributary is up. Ctrl-C stops it; its data stay in {self.folder.path}.",
            f"  web         {state['url']}    dashboard, asks for the secret key; API: {state['url']}/docs",
            f"  Flower      {state['flower_url']}    user {FLOWER_USER}, password {state['flower_password']}",
            f"  write key   {state['write_key']}    (SDKs: send events with it)",
            f"  secret key  {state['secret_key']}    (reports: Authorization: Bearer …)",
            f"  logs        {self.folder.path}/logs",
            "",
        ):
            self.output.show(line)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C, SIGTERM and a closed terminal all mean: stop in order."""

        def ask_to_stop(number: int, frame: object) -> None:
            self._is_asked_to_stop = True

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, ask_to_stop) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def _choose_ports(folder: Folder, web: int, flower: int) -> Ports:
    """The ports asked for, else those of the last start where they are free, else others."""
    kept = folder.read("ports.json")
    asked = {"web": web, "flower": flower}
    chosen: dict[str, int] = {}
    for name in Ports.__dataclass_fields__:
        port = asked.get(name) or int(kept.get(name, 0))
        if asked.get(name) and not ports.is_free(port):
            raise TributaryError(
                "port_taken", f"Port {port} for {name} is taken.", "Stop what uses it, or leave the port to Tributary."
            )
        if not port or port in chosen.values() or not ports.is_free(port):
            port = ports.free_port(chosen.values())
        chosen[name] = port
    folder.write("ports.json", dict(chosen))
    return Ports(**chosen)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
