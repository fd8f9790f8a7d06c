"""`make up` from its start to its end: what is left of it, and what does it say if it cannot start?"""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.acceptance.orders import is_credited, order
from tests.running import ROOT, Up


def test_ctrl_c_leaves_no_process_and_the_data_survive(fresh: Up) -> None:
    before = fresh.start().state
    order(fresh, "kept")
    fresh.wait(lambda: is_credited(fresh, "kept"), 20)
    assert len(fresh.processes()) > len(before["processes"])
    assert fresh.stop(signal.SIGINT) == 0
    assert fresh.processes() == {}
    assert fresh.state == {}
    after = fresh.start().state
    assert (after["write_key"], after["secret_key"]) == (before["write_key"], before["secret_key"])
    assert after["url"] == before["url"]
    assert is_credited(fresh, "kept")
    # Not even a killed supervisor leaves anything.
    fresh.process.kill()
    fresh.process.wait()
    fresh.wait(lambda: fresh.processes() == {}, 5)


def test_an_engine_that_cannot_start_is_told_with_its_last_words(fresh: Up) -> None:
    fresh.folder.path.mkdir(parents=True)
    (fresh.folder.path / "redis").mkdir()
    # Its log of writes is a file up to Redis 6 and a folder from 7 on: whatever it is, the other is in the way.
    (fresh.folder.path / "redis" / "appendonly.aof").mkdir()
    (fresh.folder.path / "redis" / "appendonlydir").write_text("in the way")
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", "up", "--dir", str(fresh.folder.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "redis did not start" in done.stderr
    assert "append-only" in done.stderr
