"""Are the rollups fresh whenever somebody reads them, whoever died before? Real parts, no worker."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import Unavailable
from app.http import reports
from app.ledger import refresh
from app.ledger.alone import RollupsBusy, refreshing
from app.ledger.chunks import attribute_or_bury
from app.ledger.close import close
from app.ledger.refresh import catch_up, catch_up_all
from app.ledger.runs import RunKind
from app.ledger.stale import StaleDays
from app.storage import keys
from app.storage.client import observers
from app.storage.failures import StoragePermanent
from app.storage.statements import Rollup
from app.tenants.rules import Rules
from tests.integration.pipeline.conftest import DAY, NOON, Pipeline, order, touch
from tests.integration.rollups import require_rollups
from tests.integration.rules.test_http import caller
from workers import checkup

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


def caught_up(pipeline, tenant, *rollups, **options):
    context = pipeline.context
    for rollup in rollups or Rollup:
        catch_up(context.storage, context.runs, context.registry, tenant.tenant_id, rollup, **options)


def refused(*given, **more):
    raise StoragePermanent("bad", "It cannot be.", "Mend it.")


def beat(pipeline):
    return catch_up_all(pipeline.context.storage, pipeline.context.runs, pipeline.context.registry)


def marks(pipeline, tenant, rollup=Rollup.CREDIT):
    return list(StaleDays(pipeline.context.redis, rollup).marks([tenant.tenant_id]).get(tenant.tenant_id, {}))


def test_runs_leave_their_days_stale_and_one_refresh_does_for_all(pipeline):
    tenant, other = pipeline.tenant(), pipeline.tenant()
    for number in range(3):
        credited(pipeline, tenant, number)
    assert len(pipeline.ledger(tenant)) == 3  # the credit itself is readable as soon as a run is closed
    assert marks(pipeline, tenant) == marks(pipeline, tenant, Rollup.JOURNEYS) == [FIRST]
    with pytest.raises(AssertionError, match="attribution_daily"):
        require_rollups(pipeline.context.storage, tenant)
    asked = []
    observers.append(lambda record: asked.append(record.name))
    try:
        caught_up(pipeline, tenant, Rollup.CREDIT)
        assert marks(pipeline, tenant, Rollup.JOURNEYS) == [FIRST]
        caught_up(pipeline, tenant)
        caught_up(pipeline, tenant)
        caught_up(pipeline, other)
    finally:
        observers.pop()
    assert asked == ["refresh_daily", "refresh_channels", "refresh_journeys", "refresh_journey_parts"]
    require_rollups(pipeline.context.storage, tenant)
    assert [StaleDays(pipeline.context.redis, rollup).tenants(9) for rollup in Rollup] == [[], []]


def test_the_beat_finishes_what_a_killed_refresh_began(pipeline, monkeypatch):
    tenant, context = pipeline.tenant(), pipeline.context
    credited(pipeline, tenant, 0)

    def killed(*given, **more):
        raise Unavailable("away", "Storage does not answer.", "Try again.")

    with monkeypatch.context() as broken:
        broken.setattr(refresh, "refresh_daily", killed)
        with pytest.raises(Unavailable):
            caught_up(pipeline, tenant)
        with pytest.raises(Unavailable):
            beat(pipeline)
    assert (beat(pipeline), beat(pipeline)) == (1, 0)
    require_rollups(context.storage, tenant)


def test_the_marks_of_the_release_before_are_taken_up(pipeline):
    """It refreshed credit before it closed a run, and left journeys under these names."""
    tenant, redis = pipeline.tenant(), pipeline.context.redis
    credited(pipeline, tenant, 0)
    redis.delete(keys.stale_tenants("journeys"), keys.stale_days("journeys", tenant.tenant_id))
    redis.hset(f"journeys:stale:{tenant.tenant_id}", FIRST.isoformat(), "1790000000.000001")
    redis.zadd("journeys:stale", {tenant.tenant_id: NOON - DAY * 365})
    assert beat(pipeline) == 1
    require_rollups(pipeline.context.storage, tenant)


def test_a_day_that_is_touched_again_in_a_refresh_stays_stale(pipeline, monkeypatch):
    tenant, summed_up = pipeline.tenant(), refresh.refresh_daily

    def between(*given, **more):
        summed_up(*given, **more)
        monkeypatch.setattr(refresh, "refresh_daily", summed_up)
        credited(pipeline, tenant, 1)

    credited(pipeline, tenant, 0)
    monkeypatch.setattr(refresh, "refresh_daily", between)
    caught_up(pipeline, tenant, Rollup.CREDIT)
    assert marks(pipeline, tenant) == [FIRST]
    caught_up(pipeline, tenant)
    assert not marks(pipeline, tenant)
    require_rollups(pipeline.context.storage, tenant)


def test_a_reader_sums_its_own_days_up_and_ends_however_often_they_are_touched(pipeline, monkeypatch):
    monkeypatch.setattr(refresh, "DAYS_AT_ONCE", 2)
    tenant, summed_up, parts = pipeline.tenant(), refresh.refresh_daily, []

    def and_touched(storage, days, version, **more):
        summed_up(storage, days, version, **more)
        parts.append([(each.day - FIRST).days for each in days])
        credited(pipeline, tenant, len(parts), days=5)

    credited(pipeline, tenant, 0, days=5)
    monkeypatch.setattr(refresh, "refresh_daily", and_touched)
    caught_up(pipeline, tenant, Rollup.CREDIT, within=(FIRST + timedelta(days=1), FIRST + timedelta(days=4)))
    assert parts == [[1, 2], [3]]
    with pytest.raises(RollupsBusy, match="Many"):
        caught_up(pipeline, tenant, Rollup.CREDIT, wait_s=0.0)
    assert parts[2:] == [[0, 1]]


def test_many_days_go_in_parts_and_busy_tenants_are_left_to_who_is_at_them(pipeline, monkeypatch):
    monkeypatch.setattr(refresh, "DAYS_AT_ONCE", 2)
    tenant, busy, context = pipeline.tenant(), pipeline.tenant(), pipeline.context
    credited(pipeline, tenant, 0, days=5)
    credited(pipeline, busy, 0)
    with refreshing(context.runs, [busy.tenant_id], Rollup.CREDIT):
        left = []
        for _ in range(3):
            assert beat(pipeline) == 2
            left.append((len(marks(pipeline, tenant)), len(marks(pipeline, tenant, Rollup.JOURNEYS))))
        assert left == [(3, 3), (1, 1), (0, 0)]
        assert beat(pipeline) == 1
        with pytest.raises(RollupsBusy):
            caught_up(pipeline, busy, wait_s=0.0)
    caught_up(pipeline, busy)
    for each in (tenant, busy):
        require_rollups(context.storage, each)


def test_a_tenant_and_a_rollup_that_cannot_be_summed_up_hold_up_no_others(pipeline, monkeypatch, caplog):
    tenants, summed_up = [pipeline.tenant() for _ in range(3)], refresh.refresh_daily
    poison, tried = tenants[1], []

    def refuse(storage, days, version, *, rollups, **more):
        whose = {day.tenant_id for day in days}
        if rollups == [Rollup.CREDIT] and poison.tenant_id in whose:
            tried.append(len(whose))
            refused()
        summed_up(storage, days, version, rollups=rollups, **more)

    for tenant in tenants:
        credited(pipeline, tenant, 0)
    with monkeypatch.context() as broken:
        broken.setattr(refresh, "refresh_daily", refuse)
        assert (beat(pipeline), beat(pipeline)) == (3, 0)
        assert tried == [3, 1], "it is put off, and the others have had their turn"
        (finding,) = checkup._rollups(pipeline.context.redis)
        assert (finding.verdict, finding.text[:22]) == (checkup.Verdict.WRONG, "1 could not be summed ")
        credited(pipeline, tenants[0], 1)
        assert beat(pipeline) == 1
    assert [record.getMessage() for record in caplog.records if "summed up" in record.getMessage()] == [
        f"the rollup of credit of {poison.slug} cannot be summed up; it is tried again in 60 s, and until then its "
        "reports are not the newest and say that they are not reconciled: It cannot be. Mend it."
    ]
    assert [marks(pipeline, tenant) for tenant in tenants] == [[], [FIRST], []]
    assert not any(marks(pipeline, tenant, Rollup.JOURNEYS) for tenant in tenants)
    caught_up(pipeline, poison)
    (finding,) = checkup._rollups(pipeline.context.redis)
    assert finding.verdict is checkup.Verdict.OK
    for tenant in tenants:
        require_rollups(pipeline.context.storage, tenant)


def test_who_asked_for_a_run_finds_all_rollups_fresh_when_it_is_closed(pipeline):
    tenant, context = pipeline.tenant(), pipeline.context
    credited(pipeline, tenant, 0)
    pipeline.send(tenant, order("u:1", NOON, "late"))
    (chunk,) = context.runs.open_chunks(pipeline.drain(0).run_id).values()
    context.runs.create("again", RunKind.REATTRIBUTE, tenant.tenant_id, [chunk])
    attribute_or_bury(context, "again", 0, "tenant")
    assert close(context.storage, context.runs, context.registry, "again")["outcome"] == "done"
    require_rollups(context.storage, tenant)


def test_every_report_and_its_shadow_is_as_fresh_as_the_credit(caller):
    caller.pipeline.context.registry.set_shadow(caller.tenant.tenant_id, Rules(touch_cap=2))
    period = f"from={FIRST}&to={FIRST + timedelta(days=1)}"
    asked = itertools.cycle(("attribution", "compare", "reconcile", "attribution?as_of=2040-01-01"))
    for number in range(4):
        credited(caller.pipeline, caller.tenant, number)
        name, _, more = next(asked).partition("?")
        for rules, length in (("in_force", number + 1), ("shadow", min(number + 1, 2))):
            under = f"{period}&rules={rules}"
            path = f"/v1/{'' if name == 'reconcile' else 'reports/'}{name}?{under}&{more}".rstrip("&")
            status, found = caller.call("GET", path)
            assert (status, found["reconciled"]) == (200, True), path
            status, found = caller.call("GET", f"/v1/reports/journeys?{under}")
            assert (status, found["reconciled"]) == (200, True)
            assert {len(line["path"]) for line in found["paths"]} == {length}


def test_a_report_says_that_it_is_behind_where_its_rollup_is_not_to_be_had(caller, monkeypatch):
    monkeypatch.setattr(reports, "_CATCH_UP_S", 0.0)
    credited(caller.pipeline, caller.tenant, 0)
    period = f"from={FIRST}&to={FIRST + timedelta(days=1)}"
    with refreshing(caller.pipeline.context.runs, [caller.tenant.tenant_id], Rollup.CREDIT):
        assert caller.call("GET", f"/v1/reports/attribution?{period}")[1]["reconciled"] is False
        assert "being summed up" in caller.call("GET", f"/v1/reconcile?{period}")[1]["notes"][0]
    with monkeypatch.context() as broken:
        broken.setattr(refresh, "refresh_daily", refused)
        assert caller.call("GET", f"/v1/reports/attribution?{period}")[1]["reconciled"] is False
    assert caller.call("GET", f"/v1/reports/attribution?{period}")[1]["reconciled"] is True
