"""Are the rollups of journeys fresh whenever somebody reads them, whoever died before? Real parts, no worker."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import Unavailable
from app.ledger import refresh
from app.ledger.chunks import attribute_or_bury
from app.ledger.close import close
from app.ledger.refresh import catch_up, catch_up_all
from app.ledger.runs import RollupsBusy, RunKind
from app.ledger.stale import StaleJourneys
from app.storage.client import observers
from app.storage.rollups import Rollup
from app.tenants.rules import Rules
from tests.integration.pipeline.conftest import DAY, NOON, Pipeline, order, touch
from tests.integration.rollups import require_rollups
from tests.integration.rules.test_http import caller

__all__ = ["caller"]

FIRST = datetime.fromtimestamp(NOON / 1000, UTC).date()


@pytest.fixture
def pipeline(redis, settings):
    made = Pipeline(dataclasses.replace(settings, block_wait_ms=0, shards=1))
    made.context.registry.rebuild()
    return made


def credited(pipeline, tenant, number, *, days=1):
    """A block with orders of some days, its run closed, and nothing after it."""
    events = [order("u:1", NOON + day * DAY + number, f"{number}-{day}") for day in range(days)]
    pipeline.send(tenant, touch("u:1", NOON - DAY + number, f"c{number}"), *events)
    run_id = pipeline.drain(0).run_id
    context = pipeline.context
    for chunk in context.runs.open_chunks(run_id):
        attribute_or_bury(context, run_id, chunk, "tenant")
    assert close(context.storage, context.runs, context.registry, run_id)["outcome"] == "done"
    return run_id


def caught_up(pipeline, tenant, **options):
    context = pipeline.context
    catch_up(context.storage, context.runs, context.registry, tenant.tenant_id, **options)


def marks(pipeline, tenant):
    return StaleJourneys(pipeline.context.redis).marks([tenant.tenant_id], 100).get(tenant.tenant_id, {})


def test_runs_leave_their_days_stale_and_one_refresh_does_for_all(pipeline):
    tenant, other = pipeline.tenant(), pipeline.tenant()
    for number in range(3):
        credited(pipeline, tenant, number)
    assert list(marks(pipeline, tenant)) == [FIRST]
    with pytest.raises(AssertionError, match="journeys_daily"):  # those of credit, which come first, are fresh
        require_rollups(pipeline.context.storage, tenant)
    asked = []
    observers.append(lambda record: asked.append(record.name))
    try:
        caught_up(pipeline, tenant)
        caught_up(pipeline, tenant)
        caught_up(pipeline, other)
    finally:
        observers.pop()
    assert asked == ["refresh_journeys", "refresh_journey_parts"]
    require_rollups(pipeline.context.storage, tenant)
    assert StaleJourneys(pipeline.context.redis).tenants(9) == []


def test_the_beat_finishes_what_a_killed_refresh_began(pipeline, monkeypatch):
    tenant, context = pipeline.tenant(), pipeline.context
    credited(pipeline, tenant, 0)

    def killed(*given, **more):
        raise Unavailable("away", "Storage does not answer.", "Try again.")

    with monkeypatch.context() as broken:
        broken.setattr(refresh, "refresh_daily", killed)
        with pytest.raises(Unavailable):
            caught_up(pipeline, tenant)
    assert catch_up_all(context.storage, context.runs, context.registry) == 1
    assert catch_up_all(context.storage, context.runs, context.registry) == 0
    require_rollups(context.storage, tenant)


def test_a_day_that_is_touched_again_in_a_refresh_stays_stale(pipeline, monkeypatch):
    tenant, summed_up = pipeline.tenant(), refresh.refresh_daily

    def between(*given, **more):
        summed_up(*given, **more)
        monkeypatch.setattr(refresh, "refresh_daily", summed_up)
        credited(pipeline, tenant, 1)

    credited(pipeline, tenant, 0)
    monkeypatch.setattr(refresh, "refresh_daily", between)
    caught_up(pipeline, tenant)
    assert list(marks(pipeline, tenant)) == [FIRST]
    caught_up(pipeline, tenant)
    assert not marks(pipeline, tenant)
    require_rollups(pipeline.context.storage, tenant)


def test_many_days_go_in_parts_and_busy_tenants_are_left_to_who_is_at_them(pipeline, monkeypatch):
    monkeypatch.setattr(refresh, "DAYS_AT_ONCE", 2)
    tenant, busy, context = pipeline.tenant(), pipeline.tenant(), pipeline.context
    credited(pipeline, tenant, 0, days=5)
    credited(pipeline, busy, 0)
    with context.runs.refreshing([busy.tenant_id], Rollup.JOURNEYS):
        left = []
        for _ in range(3):
            assert catch_up_all(context.storage, context.runs, context.registry) == 2
            left.append(len(marks(pipeline, tenant)))
        assert left == [3, 1, 0]
        assert catch_up_all(context.storage, context.runs, context.registry) == 1
        with pytest.raises(RollupsBusy):
            caught_up(pipeline, busy, wait_s=0.0)
    caught_up(pipeline, busy)
    for each in (tenant, busy):
        require_rollups(context.storage, each)


def test_who_asked_for_a_run_finds_journeys_fresh_when_it_is_closed(pipeline):
    tenant, context = pipeline.tenant(), pipeline.context
    credited(pipeline, tenant, 0)
    pipeline.send(tenant, order("u:1", NOON, "late"))
    (chunk,) = context.runs.open_chunks(pipeline.drain(0).run_id).values()
    context.runs.create("again", RunKind.REATTRIBUTE, tenant.tenant_id, [chunk])
    attribute_or_bury(context, "again", 0, "tenant")
    assert close(context.storage, context.runs, context.registry, "again")["outcome"] == "done"
    require_rollups(context.storage, tenant)


def test_a_report_of_journeys_and_its_shadow_are_as_fresh_as_the_credit(caller):
    caller.pipeline.context.registry.set_shadow(caller.tenant.tenant_id, Rules(touch_cap=2))
    for number in range(3):
        credited(caller.pipeline, caller.tenant, number)
        for rules, length in (("in_force", number + 1), ("shadow", min(number + 1, 2))):
            period = f"from={FIRST}&to={FIRST + timedelta(days=1)}"
            status, found = caller.call("GET", f"/v1/reports/journeys?{period}&rules={rules}")
            assert (status, found["reconciled"]) == (200, True)
            assert {len(line["path"]) for line in found["paths"]} == {length}
