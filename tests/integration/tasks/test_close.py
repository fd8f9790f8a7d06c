"""Does the close of a large backfill leave room for the closes of today's events?"""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest

from app.errors import Unavailable
from app.ledger import alone
from app.ledger import refresh as ledger_refresh
from app.ledger.alone import refreshing
from app.ledger.close import close, store_closed
from app.ledger.cut import Chunk, Share
from app.ledger.refresh import DAYS_AT_ONCE
from app.ledger.runs import RunKind, Runs
from app.storage.client import observers
from app.storage.statements import Rollup
from app.tenants.registry import Registry
from tests.integration.runs import run_of


@pytest.fixture
def registry(redis, storage, settings):
    return Registry(redis, lambda: storage, settings)


@pytest.fixture
def backfill(redis, registry):
    """The runs, and a run of a year whose chunk is done."""
    tenant_id = registry.create(f"close-{id(redis)}", "Close")[0].tenant_id
    made = Runs(redis, 15)
    made.create("year", RunKind.REATTRIBUTE, tenant_id, [Chunk((Share(tenant_id, bytes(8)),))])
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(2 * DAYS_AT_ONCE + 5)]
    made.finish("year", 0, {tenant_id: days}, attributed=1, touches=1)
    return made, tenant_id


def test_many_days_are_refreshed_in_parts_and_others_come_between(storage, registry, backfill, monkeypatch):
    runs, tenant_id = backfill
    monkeypatch.setattr(ledger_refresh, "PAUSE_S", 1.0)  # for a machine that has much else to do
    order = []
    is_begun, is_over = threading.Event(), threading.Event()

    def note(record):
        if record.name == "refresh_daily":
            order.append("part")
            is_begun.set()

    def another_close():
        is_begun.wait(30)
        with refreshing(runs, [tenant_id], Rollup.CREDIT):
            order.append("another")
        is_over.set()

    thread = threading.Thread(target=another_close)
    thread.start()
    observers.append(note)
    try:
        done = close(storage, runs, registry, "year")
    finally:
        observers.remove(note)
        thread.join()
    assert is_over.is_set()
    assert (done["outcome"], done["days"]) == ("done", 2 * DAYS_AT_ONCE + 5)
    assert order.count("part") == 3
    assert order.index("another") < 3, "it did not have to wait for all"


def test_who_cannot_refresh_now_does_not_wait_for_long(monkeypatch, backfill):
    runs, tenant_id = backfill
    monkeypatch.setattr(alone, "WAIT_S", 0.1)
    busy = pytest.raises(Unavailable, match="being refreshed")
    with refreshing(runs, [tenant_id], Rollup.CREDIT), busy, refreshing(runs, [tenant_id], Rollup.CREDIT):
        pass


def test_a_long_refresh_stays_alone_and_the_lock_does_not_outlive_its_holder(monkeypatch, backfill):
    runs, tenant_id = backfill
    monkeypatch.setattr(alone, "LIFE_S", 0.3)
    monkeypatch.setattr(alone, "WAIT_S", 0.6)
    with refreshing(runs, [tenant_id], Rollup.CREDIT):
        with pytest.raises(Unavailable, match="being refreshed"), refreshing(runs, [tenant_id], Rollup.CREDIT):
            pass
        # What a killed process does not do any more.
        monkeypatch.setattr(alone, "_renew", lambda *sent: None)
        with refreshing(runs, [tenant_id], Rollup.CREDIT):
            pass


def test_a_busy_tenant_does_not_hold_up_the_others(backfill):
    runs, rollup = backfill[0], Rollup.CREDIT
    with refreshing(runs, [2], rollup) as (first_alone, first), refreshing(runs, [3, 2, 1], rollup) as (free, second):
        assert (first_alone, free) == ([2], [1, 3])
        assert first < second
    with refreshing(runs, {1, 2, 3}, Rollup.CREDIT) as (free, _):
        assert free == [1, 2, 3]


def test_rows_of_closed_runs_are_stored_together(storage, registry, backfill):
    runs, tenant_id = backfill
    runs.create("other", RunKind.BLOCK, tenant_id, [Chunk((Share(tenant_id, bytes(8)),))])
    runs.finish("other", 0, {}, attributed=3, touches=4)
    for run_id in ("year", "other"):
        close(storage, runs, registry, run_id)
    assert run_of(storage, "other") is None
    assert (store_closed(storage, runs), store_closed(storage, runs)) == (2, 0)
    row, record = run_of(storage, "other"), runs.get("other")
    assert (row.kind, row.state, row.tenants, row.conversions, row.touches) == ("block", "done", [tenant_id], 3, 4)
    assert row.closed_ms == record.closed_ms
    assert run_of(storage, "year").kind == "reattribute"
