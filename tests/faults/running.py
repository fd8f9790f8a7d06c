"""A running stack as an operator has it, and a client that sends again what was not answered 200."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import psutil
import requests

START_LIMIT_S = 90


class Up:
    """`tributary up` over a folder of its own, with nothing of this process's settings."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRIBUTARY_")}
        self._environment = kept | environment
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Up:
        command = [sys.executable, "-m", "workers.cli", "up", "--dir", str(self.folder)]
        self.log = self.folder.with_suffix(".log")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        self._wait(lambda: self.state.get("ready"), START_LIMIT_S, "the stack to be ready")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)

    @property
    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "stack.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found

    def pid(self, name: str) -> int:
        """The pid of a program, as soon as it runs."""
        self._wait(lambda: self._is_running(name), 30, f"{name} to run")
        return int(self._program(name)["pid"])

    def children(self, name: str) -> list[int]:
        """The pids of a program's children, as soon as it has some."""
        self._wait(lambda: psutil.Process(self.pid(name)).children(), 30, f"children of {name}")
        return [child.pid for child in psutil.Process(self.pid(name)).children()]

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    def _program(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(item for item in self.state["processes"] if item["name"] == name)
        return found

    def _is_running(self, name: str) -> bool:
        return bool(self.state) and psutil.pid_exists(int(self._program(name)["pid"]))

    def get(self, path: str, **parameters: str) -> requests.Response:
        state = self.state
        headers = {"Authorization": f"Bearer {state['secret_key']}"}
        return requests.get(state["url"] + path, params=parameters, headers=headers, timeout=30)

    def post(self, path: str, body: Any, *, secret: bool = False) -> requests.Response:
        state = self.state
        headers = {"Authorization": f"Bearer {state['secret_key']}"} if secret else {}
        auth = None if secret else (state["write_key"], "")
        return requests.post(state["url"] + path, json=body, headers=headers, auth=auth, timeout=10)

    def _wait(self, condition: Any, limit_s: float, what: str) -> None:
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if condition():
                return
            assert self._process is not None
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(f"waited in vain for {what}:\n{self.log.read_text()[-4000:]}")


class Sender(threading.Thread):
    """Posts batches until told to stop; a batch that was not answered 200 is sent again, unchanged."""

    def __init__(self, up: Up, pause_s: float = 0.02) -> None:
        super().__init__(daemon=True)
        self._up = up
        self._pause_s = pause_s
        self._ended = threading.Event()
        self.accepted: list[str] = []
        self.orders: list[str] = []
        self.resent = 0
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._ended.is_set():
            batch, orders = self._batch()
            while not self._taken(batch):
                self.resent += 1
                time.sleep(0.2)
            self.accepted += [event["messageId"] for event in batch]
            self.orders += orders
            time.sleep(self._pause_s)

    def finish(self) -> None:
        self._ended.set()
        self.join(60)
        assert not self.is_alive()

    def _taken(self, batch: list[dict[str, Any]]) -> bool:
        try:
            answer = self._up.post("/v1/batch", {"batch": batch})
        except requests.RequestException:
            return False
        if answer.status_code not in (200, 429, 503):
            self.failures.append(f"{answer.status_code}: {answer.text[:200]}")
        return answer.status_code == 200

    def _batch(self) -> tuple[list[dict[str, Any]], list[str]]:
        events: list[dict[str, Any]] = []
        for number in range(18):
            channel = ("email", "paid_search", "affiliates")[number % 3]
            properties = {"channel": channel, "kind": "click"}
            events.append(self._event("Touchpoint", f"u{uuid.uuid4().int % 50}", properties))
        orders = [uuid.uuid4().hex for _ in range(2)]
        for order_id in orders:
            properties = {"order_id": order_id, "revenue": "10.01", "currency": "USD"}
            events.append(self._event("Order Completed", f"u{uuid.uuid4().int % 50}", properties))
        return events, orders

    @staticmethod
    def _event(name: str, user: str, properties: dict[str, str]) -> dict[str, Any]:
        return {
            "type": "track",
            "event": name,
            "userId": user,
            "messageId": uuid.uuid4().hex,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "properties": properties,
        }
