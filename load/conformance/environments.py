"""Where do the peers live? Each in a virtual environment of its own, pinned, under a cache folder.

They need other versions of numpy and pandas than Tributary and than each other, and one of them is under the GPL:
nothing of theirs is imported here.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CACHE = Path(
    os.environ.get("TRIBUTARY_PEERS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tributary" / "peers"
)
_PEERS = Path(__file__).parent / "peers"
_TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class Peer:
    """One package in one version; `<script>.py` in `scripts` asks it, `<script>.txt` pins its environment."""

    name: str
    script: str
    scripts: Path = _PEERS

    @property
    def python(self) -> Path:
        return CACHE / self.script / "bin" / "python"

    @property
    def pins(self) -> Path:
        return self.scripts / f"{self.script}.txt"

    @property
    def is_installed(self) -> bool:
        stamp = CACHE / self.script / "installed"
        return stamp.exists() and stamp.read_text() == self._fingerprint()

    def install(self) -> str:
        """Make the environment; '' or the last words of pip, whose every word is in `install.log` there."""
        folder = CACHE / self.script
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, "-r", str(self.pins)], capture_output=True, text=True, check=False)
        log = folder / "install.log"
        log.write_text(done.stdout + done.stderr)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
            return f"{' / '.join(errors[-3:])} (all of it: {log})"
        (folder / "installed").write_text(self._fingerprint())
        return ""

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer of its process; RuntimeError with its last words if it dies."""
        done = subprocess.run(
            [self.python, self.scripts / f"{self.script}.py"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
            env={
                "PATH": os.environ.get("PATH", ""),
                "MPLBACKEND": "Agg",
                "OMP_NUM_THREADS": "1",
                "POLARS_MAX_THREADS": "1",
            },
        )
        if done.returncode:
            raise RuntimeError(f"{self.name} stopped: {done.stderr.strip()[-600:]}")
        # The last line: some print a greeting before.
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def _fingerprint(self) -> str:
        return hashlib.sha256(self.pins.read_bytes() + sys.version.encode()).hexdigest()


PEERS = (
    Peer("ChannelAttribution 2.2.5", "channel_attribution"),
    Peer("marketing-attribution-models 1.0.10", "mam_1"),
    Peer("marketing-attribution-models 2.1.1", "mam_2"),
    Peer("mta 0.0.9", "eeghor_mta"),
)


def install(peers: Iterable[Peer] = PEERS) -> dict[str, str]:
    """Install what is not there yet: by peer '' or why it could not be. A second call waits for the first one."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # making an environment begins with clearing its folder
        return {peer.name: "" if peer.is_installed else peer.install() for peer in peers}
