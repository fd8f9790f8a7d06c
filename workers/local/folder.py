"""What does a stack keep in its folder (``.tributary``)?

lock                one supervisor at a time
stack.json          what runs: processes, addresses, keys; rewritten whole whenever something starts or dies
secrets.json        keys and passwords that outlive a restart
ports.json          the ports of the last start, taken again where they are free
redis/ clickhouse/  the data
logs/ metrics/      output of the programs, counters of their processes
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO, Any

from app.errors import TributaryError

DEFAULT = Path(".tributary")


class Folder:
    """The folder of one stack; only its owner can read what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Make the folder and own it until this process ends.

        Raises
        ------
        TributaryError : another stack runs over it.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self.path / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            lock.close()
            raise TributaryError(
                "already_running",
                f"A stack is already running over {self.path} (pid {pid}).",
                f"Stop it with Ctrl-C or `kill {pid}`, or give this one another folder: --dir OTHER.",
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def let_go(self) -> None:
        """Give the folder up: nothing runs any more."""
        (self.path / "stack.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secret(self, name: str, make: str | None = None) -> str:
        """A secret that outlives restarts; made at the first call (`make`, or random)."""
        kept = self.read("secrets.json")
        if name not in kept:
            kept[name] = make or secrets.token_urlsafe(18)
            self.write("secrets.json", kept)
        return str(kept[name])

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder; empty where there is none."""
        try:
            return dict(json.loads((self.path / name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise TributaryError(
                "broken_file",
                f"{self.path / name} is not JSON.",
                "Delete it; it is made again (keys in secrets.json are then replaced by new ones).",
            ) from None

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replace a JSON file in one step, readable by its owner only."""
        draft = self.path / f".{name}.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        draft.replace(self.path / name)
