"""Does the night come? Beat sends what its schedule says, a worker refits, and the edge has the answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.saturation.conftest import EASY

CELERY = [sys.executable, "-m", "celery", "--quiet", "--app", "workers.process"]
WORKER = ["worker", "--queues", "saturation", "--concurrency", "1", "--without-gossip", "--without-mingle"]


@pytest.mark.timeout(240)
def test_beat_has_a_tenant_refitted_in_its_night_and_its_new_spend_scored(settings, shop, tmp_path):
    shop.fill(EASY, days=60)
    today = datetime.now(UTC).date()
    for other in shop.context.registry.list():  # other tests' tenants have had their night
        if other.tenant_id != shop.tenant.tenant_id:
            shop.refits.is_asked_tonight(other.tenant_id, today)
    environment = {
        "TRIBUTARY_REDIS_URL": settings.redis_url,
        "TRIBUTARY_CLICKHOUSE_URL": settings.clickhouse_url,
        "TRIBUTARY_CLICKHOUSE_CLUSTER": settings.clickhouse_cluster,
        "TRIBUTARY_REFIT_EVERY_S": "1",
        "TRIBUTARY_REFIT_HOUR": "0",
        "TRIBUTARY_SCORE_EVERY_S": "3",
        "OPENBLAS_NUM_THREADS": "1",
        "C_FORCE_ROOT": "1",
    }
    with ExitStack() as stack:
        stack.enter_context(running([*CELERY, *WORKER], environment, tmp_path / "worker.log"))
        stack.enter_context(running([*CELERY, "beat", "--pidfile="], environment, tmp_path / "beat.log"))
        until = time.monotonic() + 200
        shop.spend("a", [shop.until + timedelta(days=1)], [5.0])  # within the lag: scored, not fitted
        while (asked := shop.ask("GET", "/v1/saturation/a")).status_code != 200 or asked.json["now"] is None:
            assert time.monotonic() < until, "".join(log.read_text()[-2000:] for log in tmp_path.glob("*.log"))
            time.sleep(0.2)
    assert asked.json["now"]["days"] == 1
    answer = shop.get("/v1/saturation")
    assert answer["as_of"] == shop.until.isoformat()
    assert [one["channel"] for one in answer["channels"]] == ["a"]
    assert shop.get(f"/v1/jobs/{answer['job_id']}")["reason"] == "nightly"


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
