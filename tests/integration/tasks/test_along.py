"""Are small runs that wait done along with one another, each once, whoever fails on the way? Real parts, no worker."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from app.errors import Unavailable
from app.ledger import at_once
from app.ledger.cut import make_chunks
from app.ledger.runs import RunKind, RunState
from app.storage.client import observers
from tasks import attribution
from tests.integration.pipeline.conftest import NOON, Pipeline, order, touch


@pytest.fixture
def pipeline(redis, settings, monkeypatch):
    made = Pipeline(dataclasses.replace(settings, block_wait_ms=0, shards=1))
    made.context.registry.rebuild()
    monkeypatch.setattr(attribution, "context", made.context)
    return made


@pytest.fixture
def asked():
    counted: Counter[str] = Counter()

    def note(record):
        counted[record.name] += 1

    observers.append(note)
    yield counted
    observers.remove(note)


def waiting(pipeline, tenant, count):
    """Runs of that many blocks that follow one another, none begun. A late touch makes the first order's run again."""
    run_ids = []
    for number in range(count):
        pipeline.send(tenant, touch("u:1", NOON - 9 + number, f"c{number}"), order("u:1", NOON + number, f"{number}"))
        run_ids.append(pipeline.drain(0).run_id)
    return run_ids


def run(run_id):
    return attribution.attribute_run.run(run_id=run_id, chunk=0, tenant="t", conversions=1, wave=1)


def test_waiting_runs_are_done_along_and_their_own_tasks_have_nothing_to_do(pipeline, asked):
    tenant, runs = pipeline.tenant(), pipeline.context.runs
    run_ids = waiting(pipeline, tenant, 3)
    asked.clear()
    told = run(run_ids[1])
    assert (told["along"], told["outcome"], told["closed"]["run_id"]) == (2, "attributed", run_ids[1])
    assert [asked[name] for name in ("ledger", "refresh_daily", "refresh_journey_parts")] == [1, 0, 0]
    assert asked["touches"] + asked["touches_near"] + asked["touches_new"] == 1
    assert [runs.get(run_id).state for run_id in run_ids] == [RunState.DONE] * 3
    assert [runs.get(run_id).attributed for run_id in run_ids] == [runs.get(run_id).conversions for run_id in run_ids]
    asked.clear()
    assert run(run_ids[0])["outcome"] == "done along with another"
    assert not asked
    rows = pipeline.ledger(tenant)
    assert [row["channels"] for row in rows] == [["c0", "c1", "c2"]] * 3
    pipeline.daily(tenant)


def test_what_failed_is_let_go(pipeline, monkeypatch):
    tenant, runs = pipeline.tenant(), pipeline.context.runs
    run_ids = waiting(pipeline, tenant, 2)

    def away(*given):
        raise Unavailable("away", "Storage does not answer.", "Try again.")

    with monkeypatch.context() as broken:
        broken.setattr(at_once, "attribute_together", away)
        with pytest.raises(Unavailable):
            run(run_ids[0])
    assert [runs.get(run_id).state for run_id in run_ids] == [RunState.OPEN] * 2
    assert run(run_ids[1])["along"] == 1
    assert [runs.get(run_id).state for run_id in run_ids] == [RunState.DONE] * 2


def test_who_holds_a_run_does_it_alone_and_others_take_what_is_left(pipeline):
    tenant, runs = pipeline.tenant(), pipeline.context.runs
    run_ids = waiting(pipeline, tenant, 3)
    assert [claim.record.run_id for claim in pipeline.context.claims.take_along(run_ids[0], 0, 1)] == [run_ids[0]]
    assert run(run_ids[0])["outcome"] == "done along with another"
    assert run(run_ids[2])["along"] == 1
    assert runs.get(run_ids[0]).state == RunState.OPEN
    pipeline.context.claims.let_go([run_ids[0]])  # as the sweep does before it sends a run again
    assert run(run_ids[0])["along"] == 0
    assert [row["channels"] for row in pipeline.ledger(tenant)] == [["c0", "c1", "c2"]] * 3
    pipeline.daily(tenant)


def test_backfills_go_alone(pipeline):
    tenant, runs = pipeline.tenant(), pipeline.context.runs
    (run_id,) = waiting(pipeline, tenant, 1)
    (chunk,) = runs.open_chunks(run_id).values()
    runs.create("again", RunKind.REATTRIBUTE, tenant.tenant_id, [chunk])
    assert run("again")["along"] == 0
    assert run(run_id)["along"] == 0


def test_a_tenant_that_nothing_knows_does_not_hold_up_those_beside_it(pipeline):
    """ClickHouse restored from before the tenant was made, and Redis emptied: its chunks may still be there."""
    tenant, runs, lost = pipeline.tenant(), pipeline.context.runs, 4_000_000_000
    (run_id,) = waiting(pipeline, tenant, 1)
    (key,) = runs.open_chunks(run_id)[0].conversion_keys()[tenant.tenant_id]
    (chunk,) = make_chunks({tenant.tenant_id: [key], lost: [5, 6]}, 100)
    runs.create("shared", RunKind.BLOCK, tenant.tenant_id, [chunk])
    assert attribution._named([lost, tenant.tenant_id]) == f"tenant {lost} and 1 more"
    told = run("shared")
    assert (told["given_up"], told["conversions"]) == (2, 1)
    assert told["closed"]["outcome"] == "done"
    assert [row["channels"] for row in pipeline.ledger(tenant)] == [["c0"]]
    pipeline.daily(tenant)
    letters = [letter for _, letter in pipeline.context.dead_letters.read(tenant_id=lost)]
    assert len(letters) == 2
    assert "There is no tenant" in letters[0].message
