"""Where does a program's output go? To a file of its own, and to the terminal with its name in front."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import IO

COLOURS = {
    "redis": 31, "clickhouse": 33, "web": 32, "worker": 36, "backfill": 36, "saturation": 96,
    "beat": 35, "flower": 34,
}
FILE_BYTES = 10_000_000
NAME_WIDTH = 10


class Output:
    """Writes lines to `folder`/<name>.log (the one before is kept as .1) and to the terminal."""

    def __init__(self, folder: Path, terminal: IO[str] | None = None, *, is_quiet: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._terminal = terminal or sys.stdout
        self._is_quiet = is_quiet
        self._is_coloured = self._terminal.isatty() and "NO_COLOR" not in os.environ
        self._files: dict[str, IO[bytes]] = {}
        self._rest: dict[str, bytes] = {}

    def write(self, name: str, data: bytes) -> None:
        """Pass on what a program wrote; a line that is not yet whole waits for its end."""
        *lines, self._rest[name] = (self._rest.get(name, b"") + data).split(b"\n")
        if len(self._rest[name]) > 65_536:
            lines.append(self._rest.pop(name))
        for line in lines:
            self._write_file(name, line)
            if not self._is_quiet:
                self._print(name, line.decode("utf-8", "replace"))

    def say(self, text: str) -> None:
        """Something that the supervisor itself has to tell."""
        self._write_file("supervisor", text.encode())
        self._print("", text)

    def show(self, text: str) -> None:
        """Something for the terminal alone: keys and passwords do not belong into log files."""
        self._print("", text)

    def _print(self, name: str, line: str) -> None:
        prefix = f"{name:<{NAME_WIDTH}} | " if name else ""
        if self._is_coloured and name:
            prefix = f"\x1b[{COLOURS.get(name, 37)}m{prefix}\x1b[0m"
        # A terminal that has gone away must not take the stack with it.
        with contextlib.suppress(OSError, ValueError):
            self._terminal.write(f"{prefix}{line}\n")
            self._terminal.flush()

    def _write_file(self, name: str, line: bytes) -> None:
        file = self._files.get(name) or self._open(name)
        if file.tell() > FILE_BYTES:
            file.close()
            self._path(name).replace(self.folder / f"{name}.log.1")
            file = self._open(name)
        stamp = time.strftime("%Y-%m-%d %H:%M:%S ", time.gmtime()).encode()
        file.write(stamp + line + b"\n")

    def _open(self, name: str) -> IO[bytes]:
        self._files[name] = self._path(name).open("ab", buffering=0)
        return self._files[name]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a program's log."""
        path = self._path(name)
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
