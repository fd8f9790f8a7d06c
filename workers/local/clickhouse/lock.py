"""Who owns the directory? One process at a time, and it says which."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

FILE_NAME = "server.lock"


class DirectoryTakenError(Exception):
    """Another process owns the directory."""


def take(directory: Path) -> IO[str]:
    """Lock `directory` for this process; the lock goes with the returned file, or with the process.

    The kernel lets go of the lock when the process ends however it ends, so a lock file that is left behind is
    never in the way.
    """
    file = open(directory / FILE_NAME, "a+", encoding="utf-8")  # noqa: SIM115 - held open while the lock is held
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise DirectoryTakenError(
            f"{directory} is owned by the process with pid {owner}: connect to that one, stop it (kill {owner}), "
            "or choose another --path"
        ) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
