"""Does a benchmark take its servers with it, however it ends?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
SCRIPT = """
import time
from load.setting import Setting
with Setting() as setting:
    setting._stack.callback(print, "its servers are stopped")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_one_that_is_told_to_end_stops_its_servers() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.stdout.read() == "its servers are stopped\n"
        assert process.wait(20) == 143
