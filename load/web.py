"""On which edge are posts measured? A real gunicorn with the project's own configuration, and the bench's Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import Settings
from workers.local.ports import HOST, free_port

CHECKOUT = Path(__file__).resolve().parents[1]
START_LIMIT_S = 30.0


def environment_of(settings: Settings, **variables: str) -> dict[str, str]:
    """Of a process on a benchmark's servers: nothing of ours is inherited."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TRIBUTARY_") and name != "PROMETHEUS_MULTIPROC_DIR"
    }
    return inherited | {
        "TRIBUTARY_REDIS_URL": settings.redis_url,
        "TRIBUTARY_CLICKHOUSE_URL": settings.clickhouse_url,
        "TRIBUTARY_LOG_LEVEL": "WARNING",
        **variables,
    }


@contextmanager
def web(settings: Settings) -> Iterator[str]:
    """A running edge; yields its URL."""
    port = free_port()
    own = {"TRIBUTARY_INBOX_ENTRIES": str(settings.inbox_entries), "WEB_BIND": f"{HOST}:{port}"}
    environment = environment_of(settings, **own)
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.conf.py", "workers.web:application()"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_ready(process, f"http://{HOST}:{port}")
            yield f"http://{HOST}:{port}"
        except RuntimeError as error:
            log.seek(0)
            raise RuntimeError(f"{error}\n{log.read()[-2000:].decode('utf-8', 'replace')}") from None
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("The edge did not start; its last words:")
