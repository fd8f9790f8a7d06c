"""Start and stop a local ClickHouse server as a process of its own: for tests and for the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

READY_SECONDS = 30.0
STOP_SECONDS = 20.0
LOG_TAIL_BYTES = 2000
CHECKOUT = Path(__file__).resolve().parents[3]


class LocalClickHouseError(RuntimeError):
    """The server did not start or did not stop; the message ends with the tail of its log."""


class LocalClickHouse:
    """A server process over `path`; a context manager, or `start` and `stop`.

    The first start finds a free port unless one is given; later starts keep it, so clients may reconnect.
    The log is `path/server.log`.
    """

    def __init__(self, path: str | os.PathLike[str], port: int = 0, host: str = "127.0.0.1") -> None:
        self.path = Path(path)
        self.host = host
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
            raise LocalClickHouseError("the local ClickHouse server has not been started: its port is not known")
        return self._port

    @property
    def url(self) -> str:
        """For `clickhouse_driver.Client.from_url` and TRIBUTARY_CLICKHOUSE_URL."""
        return f"clickhouse://default@{self.host}:{self.port}/default"

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self.is_running() and self._process else None

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and return when it accepts; an error tells why it does not."""
        if self.is_running():
            return
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            port_file = Path(folder) / "port"
            self._process = self._spawn(port_file)
            self._port = self._wait_until_ready(port_file)

    def stop(self) -> None:
        """End the server cleanly; nothing happens if it does not run."""
        if self._process is None:
            return
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill9()
            message = f"did not stop within {STOP_SECONDS:.0f} s, was killed\n{self._tail()}"
            raise LocalClickHouseError(message) from None
        self._process = None
        if code not in (0, -signal.SIGKILL):
            raise LocalClickHouseError(f"ended with exit code {code}\n{self._tail()}")

    def kill9(self) -> None:
        """End the server as a power cut of its process would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop if it runs, and start again over the same directory and port."""
        self.stop()
        self.start()

    def _spawn(self, port_file: Path) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "workers.local.clickhouse",
            "--path",
            str(self.path),
            "--host",
            self.host,
        ]
        command += ["--port", str(self._port), "--port-file", str(port_file)]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _wait_until_ready(self, port_file: Path) -> int:
        assert self._process is not None
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if port_file.exists():
                return int(port_file.read_text(encoding="utf-8"))
            if self._process.poll() is not None:
                raise LocalClickHouseError(f"ended with exit code {self._process.returncode}\n{self._tail()}")
            time.sleep(0.02)
        self.kill9()
        raise LocalClickHouseError(f"did not accept within {READY_SECONDS:.0f} s\n{self._tail()}")

    def _tail(self) -> str:
        log = self.log_file.read_bytes() if self.log_file.exists() else b""
        return log[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
