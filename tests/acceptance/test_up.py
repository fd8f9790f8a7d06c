"""`make up`: does it stay up, and say the truth?"""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from base64 import b64encode

import pytest

from tests.acceptance.orders import is_credited, order
from tests.running import Up, answers, parent_of

NAMES = ["redis", "clickhouse", "web", "worker", "backfill", "saturation", "beat", "flower"]


def test_stack_json_is_true(stack: Up) -> None:
    state = stack.state
    assert [entry["name"] for entry in state["processes"]] == NAMES
    running = stack.processes()
    assert all(entry["pid"] in running for entry in state["processes"])
    for name in ("redis", "clickhouse", "web", "flower"):
        assert stack.entry(name)["address"].startswith("127.0.0.1:")
    assert answers(f"http://{stack.entry('web')['address']}/readyz")
    assert state["write_key"].startswith("wk_")
    assert state["secret_key"].startswith("sk_")
    assert state["write_key"] in stack.log
    assert (stack.folder.path / "logs" / "web.log").exists()


def test_flower_asks_for_a_password(stack: Up) -> None:
    state = stack.state
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(state["flower_url"] + "/workers", timeout=5)
    with caught.value as refused:
        assert refused.code == 401
    token = b64encode(f"{state['flower_user']}:{state['flower_password']}".encode()).decode()
    request = urllib.request.Request(state["flower_url"] + "/workers", headers={"Authorization": f"Basic {token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def test_a_second_one_over_the_same_folder_says_who_runs(stack: Up) -> None:
    done = stack.run("up")
    assert done.returncode == 1
    assert f"(pid {stack.process.pid})" in done.stderr
    assert "--dir" in done.stderr
    assert stack.state["ready"]


def test_an_order_is_credited_and_explained(stack: Up) -> None:
    order(stack, "A-1")
    stack.wait(lambda: is_credited(stack, "A-1"), 20)
    told = stack.run("explain", "A-1")
    assert "radio" in told.stdout
    assert "12.34" in told.stdout
    assert stack.run("reconcile").returncode == 0
    assert "radio" in stack.run("report").stdout


def test_metrics_count_events_tasks_and_queries(stack: Up) -> None:
    order(stack, "A-2")
    stack.wait(lambda: is_credited(stack, "A-2"), 20)
    with urllib.request.urlopen(stack.state["metrics"]["web"], timeout=5) as answer:
        web = answer.read().decode()
    with urllib.request.urlopen(stack.state["metrics"]["worker"], timeout=5) as answer:
        worker = answer.read().decode()
    assert 'tributary_edge_events_total{reason="",verdict="accepted"}' in web
    assert 'tributary_tasks_total{outcome="success",task="ingest.drain"}' in worker
    assert 'tributary_query_seconds_count{outcome="ok",statement="touchpoints"}' in worker
    assert 'tributary_queue_messages{queue="ingest"}' in worker
    assert 'tributary_inbox_batches{shard="0"}' in worker
    assert 'tributary_stale_rollups{rollup="credit"}' in worker


def test_doctor_finds_nothing_wrong(stack: Up) -> None:
    told = stack.run("doctor")
    assert told.returncode == 0, told.stdout + told.stderr
    for part in ("settings", "ClickHouse", "Redis", "workers", "beat", "inbox", "runs", "rollups", "dead letters"):
        assert part in told.stdout


@pytest.mark.parametrize("name", ["web", "worker", "clickhouse", "redis"])
def test_what_is_killed_is_back_on_the_same_address_over_the_same_data(stack: Up, name: str) -> None:
    before = stack.entry(name)
    os.kill(before["pid"], signal.SIGKILL)
    stack.wait(lambda: stack.entry(name)["starts"] > before["starts"], 15)
    after = stack.entry(name)
    assert after["pid"] != before["pid"]
    assert after["address"] == before["address"]
    stack.wait(lambda: answers(f"{stack.state['url']}/readyz"), 20)
    order(stack, f"after-{name}")
    stack.wait(lambda: is_credited(stack, f"after-{name}"), 45)


def test_a_killed_pool_child_is_replaced(stack: Up) -> None:
    worker = stack.entry("worker")["pid"]
    children = [pid for pid in stack.processes() if parent_of(pid) == worker]
    assert len(children) == 2
    os.kill(children[0], signal.SIGKILL)
    stack.wait(lambda: len([pid for pid in stack.processes() if parent_of(pid) == worker]) == 2, 15)
    order(stack, "after-child")
    stack.wait(lambda: is_credited(stack, "after-child"), 45)
