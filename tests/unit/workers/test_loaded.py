"""What does a worker load before its first task? Every process of it holds that in memory."""

from __future__ import annotations

import json
import subprocess
import sys

from config.celery_app import TASK_MODULES

HEAVY = ("lightgbm", "scipy", "flask", "matplotlib", "chdb")
SCRIPT = f"""
import importlib, json, sys
import workers.process
for name in {TASK_MODULES!r}:
    importlib.import_module(name)
importlib.import_module("app.storage.windows")
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def test_what_few_tasks_need_is_loaded_by_those():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
