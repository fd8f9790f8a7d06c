"""Do the benchmarks work and print what they promise? A reduced run; never how fast."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
EXPECTED = {
    "kernel": {
        "kernel_weights",
        "kernel_journeys_and_weights",
        "kernel_with_money",
        "kernel_with_money_at_once",
    },
    "touch_query": {"touch_query_1", "touch_query_10", "touch_query_100"},
    "chunk": {"chunk"},
    "chunk_size": {"chunk_of_50", "chunk_of_200"},
    "backfill": {"backfill", "backfill_close", "backfill_changed"},
    "edge": {"edge_batches_of_50_by_2", "edge_batches_of_1_by_2"},
    "drain": {"drain", "drain_and_credit"},
    "queue_share": {"queue_share"},
    "start": {"edge_start"},
    "cache": {"cache_memory", "cache_redis"},
    "workers": {"workers_2"},
    "fairness": {"fairness_posts_p95", "fairness_credits_p95"},
    "memory": {"memory_web", "memory_worker"},
}


@pytest.mark.timeout(600)
def test_each_line_is_a_figure():
    command = [sys.executable, "-m", "load.bench", "--quick"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=590, check=False)
    assert done.returncode == 0, done.stderr
    lines = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert lines.keys() == set().union(*EXPECTED.values())
    for line in lines.values():
        assert {"name", "value", "unit", "against", "ratio", "n", "rounds", "min", "max"} <= line.keys()
        assert 0 < line["min"] <= line["value"] <= line["max"]
        assert (line["ratio"] is None) == (line["against"] == "")
        assert line["ratio"] is None or line["ratio"] > 0
    assert "cores" in done.stderr.splitlines()[0]


def test_one_can_be_chosen_and_a_wrong_name_is_told():
    command = [sys.executable, "-m", "load.bench", "--quick", "--only"]
    kernel = [*command, "kernel", "--profile", "3"]
    chosen = subprocess.run(kernel, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=True)
    assert {json.loads(line)["name"] for line in chosen.stdout.splitlines()} == EXPECTED["kernel"]
    assert "to 3 due to restriction" in chosen.stderr, "the profile"
    wrong = subprocess.run([*command, "nothing"], cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 2
    assert "touch_query" in wrong.stderr
