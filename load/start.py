"""How long does the edge take to start, against the libraries that it cannot do without?"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

from load.figures import Figure, compared, in_turns, of_times
from load.setting import Setting

EDGE = "from app.http import create_app; from config.settings import Settings; create_app(Settings())"
LIBRARIES = "import celery, clickhouse_driver, flask, msgspec, redis"


def measure(setting: Setting) -> Iterator[Figure]:
    """Whole processes, in turns."""
    edge, libraries = in_turns([lambda: _run(EDGE), lambda: _run(LIBRARIES)], setting.rounds(9))
    yield compared(
        of_times("edge_start", edge, 1), "importing its libraries alone", 1000 * statistics.median(libraries)
    )


def _run(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True)
