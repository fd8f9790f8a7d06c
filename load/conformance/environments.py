"""Where do the peers live? Each in a virtual environment of its own, pinned, under a cache folder.

They need other versions of numpy and pandas than Tributary and than each other, and one of them is under the GPL:
nothing of theirs is imported here.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from load.conformance.peers.protocol import ANSWER

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
        # Without compiling what is installed: few of TensorFlow's thousands of files are ever imported.
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
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
        with Session(self, request) as session:
            answer: dict[str, Any] = session.first
        return answer

    def timed(self, journeys: list[list[object]]) -> Session:
        """A process of the peer that has read these journeys, and waits to be told what to run."""
        return Session(self, {"timing": journeys})

    def _fingerprint(self) -> str:
        return hashlib.sha256(self.pins.read_bytes() + sys.version.encode()).hexdigest()


class Session:
    """A process of a peer. `first` is its answer to the request; RuntimeError with its last words if it dies."""

    def __init__(self, peer: Peer, request: dict[str, Any]) -> None:
        self._peer = peer
        self._folder = tempfile.TemporaryDirectory(prefix="tributary-peer-")
        self._errors = Path(self._folder.name) / "stderr"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [peer.python, peer.scripts / f"{peer.script}.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "MPLBACKEND": "Agg",
                    "OMP_NUM_THREADS": "1",
                    "POLARS_MAX_THREADS": "1",
                },
            )
        self._watch = threading.Timer(_TIMEOUT_S, self._process.kill)
        self._watch.start()
        self.first = self._asked(json.dumps(request))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def calls(self) -> list[str]:
        """What can be timed."""
        return list(self.first)

    def seconds(self, call: str) -> float:
        """Run it once."""
        return float(self._asked(call))

    def close(self) -> None:
        """End the process."""
        self._watch.cancel()
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def _asked(self, line: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self._process.stdin, flush=True)
        for answer in self._process.stdout:
            if answer.startswith(ANSWER):
                return json.loads(answer.removeprefix(ANSWER))
        was_slow = self._process.wait() == -signal.SIGKILL
        words = f"it was killed after {_TIMEOUT_S} s" if was_slow else self._errors.read_text().strip()[-600:]
        self.close()
        raise RuntimeError(f"{self._peer.name} stopped: {words}")


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
