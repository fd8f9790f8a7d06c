"""Does the load generator account for every event of a real stack? A reduced run; never how fast."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.running import ROOT, Up


def test_every_event_is_accounted_for_and_the_delay_of_orders_is_known(stack: Up) -> None:
    command = [sys.executable, "-m", "load.run", "--dir", str(stack.folder.path), "--rate", "200", "--seconds", "1"]
    command += ["--burst", "600", "--burst-seconds", "0.5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    account = told["account"]
    assert told["refused"] == {}
    assert [(stage["name"], stage["posts"]) for stage in told["stages"]] == [("sustained", 10), ("burst", 15)]
    assert (account["accepted"], account["stored"]) == (500, 500)
    assert (account["lost"], account["duplicated"], account["unasked"], account["waiting"]) == (0, 0, 0, 0)
    assert account["credited"] == account["orders"] > 0
    assert 0 < told["credited"]["orders"] <= account["orders"]
    assert 0 < told["stored"]["p50_s"] <= told["credited"]["p50_s"] <= told["credited"]["p99_s"]
    assert told["failure"] == ""
    assert told["reports"]["asked"] >= 1
    assert "from when a post was due" in done.stdout.splitlines()[0]


def test_locust_finds_the_stack_and_accounts_for_every_event(stack: Up) -> None:
    """Locust puts `load` before all other folders: a module there that is called as a package hides it."""
    environment = {"TRIBUTARY_LOAD_DIR": str(stack.folder.path), "TRIBUTARY_LOAD_SCALE": "0.02"}
    command = [sys.executable, "-m", "locust", "--headless", "--locustfile", "load/locustfile.py"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert "posts not answered 200: none" in done.stdout, done.stderr
    assert "lost 0, duplicated 0, unasked for 0" in done.stdout
    assert "not credited 0, credited twice 0" in done.stdout
