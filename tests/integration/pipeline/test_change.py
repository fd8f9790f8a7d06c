"""Changes after the fact: what re-attribution changed, meetings taken back."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from app.errors import NotFound
from app.http import create_app
from app.identity.unmerge import unmerge
from app.ingest.events import Adjustment
from app.ledger.keys import conversion_key
from app.ledger.reattribute import start_run
from app.ledger.runs import RunKind
from app.reports.changes import changes as changes_of_days
from app.reports.days import read_period
from app.storage.changes import changes_of
from app.storage.client import observers
from app.storage.connections import close_all
from app.storage.retention import keep_rows_for
from tests.integration.pipeline.conftest import DAY, NOON, join, meet, order, touch
from tests.integration.pipeline.gone import erase, where

KEY = conversion_key("Order Completed", "1")


def channels(pipeline, tenant):
    return {row["order_id"]: row["channels"] for row in pipeline.ledger(tenant)}


def changes(pipeline, tenant):
    return changes_of(pipeline.context.storage, tenant.tenant_id, [KEY])


def again(pipeline, tenant):
    run_id = start_run(pipeline.context.redis, pipeline.context.settings, RunKind.REATTRIBUTE, tenant.tenant_id, [KEY])
    pipeline.finish(run_id)


def cut(pipeline, tenant, id, other, **options):
    context = pipeline.context
    done = unmerge(context.redis, context.storage, context.settings, tenant, id, other, **options)
    pipeline.finish(done.run_id)
    return done


class TestHistory:
    def test_the_first_credit_and_an_equal_one_are_no_changes(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1"))
        pipeline.settle()
        again(pipeline, tenant)
        again(pipeline, tenant)
        assert changes(pipeline, tenant) == []

    def test_rows_that_do_not_say_what_they_hold_are_read_and_compared(self, pipeline):
        """As releases before migration 0020 wrote them."""
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1"), order("u:2", NOON, "2"))
        pipeline.settle()
        pipeline.context.storage.command(
            "INSERT INTO ledger SELECT * REPLACE (0 AS content, version + 1 AS version) FROM ledger "
            f"WHERE tenant_id = {tenant.tenant_id}"
        )
        again(pipeline, tenant)
        assert changes(pipeline, tenant) == []
        pipeline.send(tenant, touch("u:1", NOON - 1, "b"))
        pipeline.settle()
        assert [change.channels_before for change in changes(pipeline, tenant)] == [["a"]]

    def test_a_late_touch_is_a_change_from_before_to_after(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1", 100))
        pipeline.settle()
        pipeline.send(tenant, touch("u:1", NOON - 1, "b"))
        pipeline.settle()
        (change,) = changes(pipeline, tenant)
        assert change.reason == "block"
        assert (change.channels_before, change.channels_after) == (["a"], ["a", "b"])
        assert change.credit_before == [100] * 5
        # first, last, linear, time decay, position; each by a, b
        assert change.credit_after[:6] == [100, 0, 0, 100, 50, 50]
        assert sum(change.credit_after) == 500
        again(pipeline, tenant)
        assert len(changes(pipeline, tenant)) == 1

    def test_changes_follow_one_another(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, order("u:1", NOON, "1", 100))
        pipeline.settle()
        pipeline.send(tenant, touch("u:1", NOON - 1, "a"))
        pipeline.settle()
        pipeline.send(tenant, adjustments=[Adjustment("r", "restate", "1", "0.50", "", NOON + 1)])
        pipeline.settle()
        pipeline.send(tenant, order("u:1", NOON - 40 * DAY, "1", 70))
        pipeline.settle()
        found = changes(pipeline, tenant)
        assert [(row.digest_after, row.net_after) for row in found[:-1]] == [
            (row.digest_before, row.net_before) for row in found[1:]
        ]
        assert found[0].channels_before == ["(unattributed)"]
        assert found[-1].time_after == NOON - 40 * DAY


class TestChanges:
    """What moved on some days, and why."""

    def today(self):
        return read_period("", "", timezone="UTC", now_ms=time.time_ns() // 1_000_000)

    def amounts(self, pipeline, tenant):
        return Counter(
            {
                (model, channel, what): amount
                for model, channel, micros, _, net in pipeline.daily(tenant)
                for what, amount in (("micros", micros), ("net", net))
            }
        )

    def test_what_moved_is_what_two_reports_differ_by(self, pipeline):
        tenant, storage = pipeline.tenant(), pipeline.context.storage
        sent = [
            event for n in range(4) for event in (touch(f"u:{n}", NOON - 9, "ad"), order(f"u:{n}", NOON, str(n), 999))
        ]
        pipeline.send(tenant, *sent)
        pipeline.settle()
        before = self.amounts(pipeline, tenant)
        assert changes_of_days(storage, tenant, self.today(), reason="", after="", limit=9)["changes"] == []
        pipeline.send(tenant, touch("u:0", NOON - 3, "late"), join("u:1", "u:2", NOON))
        pipeline.send(tenant, adjustments=[Adjustment("r", "restate", "3", "1.23", "", NOON)])
        pipeline.settle()
        cut(pipeline, tenant, "1", "2")
        erase(pipeline, tenant, "0")
        after = self.amounts(pipeline, tenant)

        parts = [changes_of_days(storage, tenant, self.today(), reason="", after="", limit=2)]
        while parts[-1]["next"]:
            parts.append(changes_of_days(storage, tenant, self.today(), reason="", after=parts[-1]["next"], limit=2))
        listed = [change for part in parts for change in part["changes"]]
        assert [len(part["changes"]) for part in parts] == [2, 2, 2, 1]
        assert [change["reason"] for change in listed] == [
            "erase",
            "unmerge",
            "unmerge",
            "block",
            "block",
            "block",
            "block",
        ]
        assert sorted(change["order_id"] for change in listed[1:3]) == ["1", "2"]
        assert sorted(change["order_id"] for change in listed[3:]) == ["0", "1", "2", "3"]
        assert parts[0]["reasons"] == [
            {"reason": "block", "changes": 4, "conversions": 4},
            {"reason": "erase", "changes": 1, "conversions": 1},
            {"reason": "unmerge", "changes": 2, "conversions": 2},
        ]
        moved = Counter()
        for line in parts[0]["moved"]:
            moved[line["model"], line["channel"], "net"] += line["value_minor"]
            moved[line["model"], line["channel"], "micros"] += round(float(line["conversions"]) * 1_000_000)
        for key in before.keys() | after.keys() | moved.keys():
            assert after[key] - before[key] == moved[key], key

    def test_runs_beside_one_another_do_not_count_a_step_twice(self, pipeline):
        """The second run credits the order after the first one looked at what stands, and before it has written."""
        tenant, storage = pipeline.tenant(), pipeline.context.storage
        pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1", 999))
        pipeline.settle()
        before = self.amounts(pipeline, tenant)
        pipeline.send(tenant, touch("u:1", NOON - 4, "b"))
        shards = range(pipeline.context.settings.shards)
        first = [drained.run_id for number in shards if (drained := pipeline.drain(number)).run_id]
        late = [touch("u:1", NOON - 3, "c")]

        def interrupt(record):
            if record.name == "ledger_changes" and late:
                pipeline.send(tenant, late.pop())
                pipeline.settle()

        observers.append(interrupt)
        for run_id in first:
            pipeline.finish(run_id)
        observers.remove(interrupt)
        after = self.amounts(pipeline, tenant)

        told = changes_of_days(storage, tenant, self.today(), reason="", after="", limit=9)
        assert [change["after"]["touches"] for change in told["changes"]] == [3, 2]
        assert [change["before"]["touches"] for change in told["changes"]] == [2, 1]
        assert told["changes"][0]["before"] == told["changes"][1]["after"]
        assert told["reasons"] == [{"reason": "block", "changes": 2, "conversions": 1}]
        moved = {(line["model"], line["channel"]): line["value_minor"] for line in told["moved"]}
        for model, channel, what in before.keys() | after.keys():
            if what == "net":
                key = (model, channel, what)
                assert after[key] - before[key] == moved.get((model, channel), 0), key
        assert [(row.touches_before, row.touches_after) for row in changes(pipeline, tenant)] == [(1, 2), (2, 3)]

    def test_over_http(self, pipeline):
        context = pipeline.context
        tenant, _, key = context.registry.create(f"c-{time.time_ns()}", "A tenant")
        _, _, other = context.registry.create(f"s-{time.time_ns()}", "A stranger")
        pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1", 100))
        pipeline.settle()
        pipeline.send(tenant, touch("u:1", NOON - 1, "b"))
        pipeline.settle()
        client = create_app(context.settings).test_client()

        def get(query="", key=key):
            return client.get(f"/v1/changes{query}", headers={"Authorization": f"Bearer {key}"})

        (change,) = get().json["changes"]
        assert (change["order_id"], change["conversion_type"], change["reason"]) == ("1", "Order Completed", "block")
        lines = {(line["model"], line["channel"]): line["value"] for line in get("?reason=block").json["moved"]}
        assert lines == {
            ("last_touch", "a"): "-1.00", ("last_touch", "b"): "1.00",
            ("linear", "a"): "-0.50", ("linear", "b"): "0.50",
            ("position_based", "a"): "-0.50", ("position_based", "b"): "0.50",
            ("time_decay", "a"): "-0.50", ("time_decay", "b"): "0.50",
        }  # fmt: skip
        assert get("?reason=erase").json["changes"] == get(key=other).json["changes"] == []
        assert get("?to=2026-01-01").json["changes"] == []
        for wrong in ("?limit=0", "?limit=1001", "?reason=shadow", "?after=x", "?by=day", "?from=2026-02-30"):
            found = get(wrong)
            assert (found.status_code, bool(found.json["detail"])) == (400, True), wrong
        assert get(key="nobody").status_code == 401
        close_all()


class TestUnmerge:
    def test_a_wrong_alias_is_taken_back_for_both(self, pipeline):
        tenant = pipeline.tenant()
        sent = [touch("u:1", NOON - 9, "one"), touch("u:2", NOON - 8, "two")]
        pipeline.send(tenant, *sent, order("u:1", NOON, "1"), order("u:2", NOON, "2"))
        pipeline.settle()
        apart = pipeline.ledger(tenant)
        pipeline.send(tenant, join("u:1", "u:2", NOON + 1))
        pipeline.settle()
        together = pipeline.ledger(tenant)
        assert together[0]["channels"] == together[1]["channels"] == ["one", "two"]
        done = cut(pipeline, tenant, "1", "2")
        assert done.conversions == 2
        assert pipeline.ledger(tenant) == apart
        assert [row.reason for row in changes(pipeline, tenant)] == ["block", "unmerge"]
        cut(pipeline, tenant, "2", "1", undo=True)
        assert pipeline.ledger(tenant) == together

    def test_who_owned_the_device_next_owns_it_from_the_beginning(self, pipeline):
        tenant, fresh = pipeline.tenant(), pipeline.tenant()
        sent = [touch("a:x", NOON - 70, "first", id="f"), touch("a:x", NOON - 40, "second", id="s")]
        sent += [order("u:1", NOON, "1", id="o1"), order("u:2", NOON, "2", id="o2")]
        pipeline.send(tenant, meet("a:x", "u:1", NOON - 100), meet("a:x", "u:2", NOON - 50), *sent)
        pipeline.send(fresh, meet("a:x", "u:2", NOON - 50), *sent)
        pipeline.settle()
        cut(pipeline, tenant, "x", "1")
        assert channels(pipeline, tenant) == {"1": [], "2": ["first", "second"]}
        assert pipeline.ledger(tenant) == pipeline.ledger(fresh)
        assert pipeline.daily(tenant) == pipeline.daily(fresh)

    def test_a_cut_meeting_that_comes_again_stays_cut(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:2", NOON - 9, "two"), order("u:1", NOON, "1"), join("u:1", "u:2", NOON + 1))
        pipeline.settle()
        cut(pipeline, tenant, "1", "2")
        pipeline.send(tenant, join("u:1", "u:2", NOON - 1), join("u:2", "u:1", NOON + 9))
        pipeline.settle()
        assert channels(pipeline, tenant) == {"1": []}

    def test_only_what_met_can_be_parted(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, join("u:1", "u:2", NOON), join("u:2", "u:3", NOON))
        pipeline.settle()
        with pytest.raises(NotFound, match="never met"):
            cut(pipeline, tenant, "1", "3")
        with pytest.raises(NotFound):
            cut(pipeline, tenant, "1", "2", undo=True)


class TestSharedDevices:
    def sent(self, users):
        events = [touch("a:x", NOON - 500, "kiosk", id="k"), order("a:x", NOON - 400, "own", id="own")]
        for n in range(users):
            events += [meet("a:x", f"u:{n}", NOON - 300 + n), order(f"u:{n}", NOON + n, f"o{n}", id=f"o{n}")]
        return events

    def test_the_sixth_user_makes_it_nobodys_whenever_each_came(self, pipeline):
        events = self.sent(7)
        one, other = pipeline.tenant(), pipeline.tenant()
        for event in events:
            pipeline.send(one, event)
            pipeline.settle()
        pipeline.send(other, *reversed(events))
        pipeline.settle()
        assert pipeline.ledger(one) == pipeline.ledger(other)
        assert pipeline.daily(one) == pipeline.daily(other)
        assert channels(pipeline, one) == {"own": ["kiosk"]} | {f"o{n}": [] for n in range(7)}

    def test_five_users_share_it_by_time_and_a_cut_brings_that_back(self, pipeline):
        five, six = pipeline.tenant(), pipeline.tenant()
        pipeline.send(five, *self.sent(5), order("u:5", NOON + 5, "o5", id="o5"))
        pipeline.send(six, *self.sent(6))
        pipeline.settle()
        assert channels(pipeline, five)["o0"] == ["kiosk"]
        assert channels(pipeline, six)["o0"] == []
        cut(pipeline, six, "x", "5")
        assert pipeline.ledger(six) == pipeline.ledger(five)


class TestRetention:
    def test_a_change_applies_to_stored_rows(self, pipeline):
        tenant, other = pipeline.tenant(), pipeline.tenant()
        long_ago = time.time_ns() // 1_000_000 - 100 * DAY
        for one in (tenant, other):
            pipeline.send(one, touch("u:1", long_ago, id="old"), touch("u:1", long_ago + 95 * DAY, id="new"))
        pipeline.settle()
        keep_rows_for(pipeline.context.storage, tenant.tenant_id, 30)
        for _ in range(200):
            if not where(pipeline, tenant, "old"):
                break
            time.sleep(0.05)
        assert "touchpoints" not in where(pipeline, tenant, "old")
        assert "touchpoints" in where(pipeline, tenant, "new")
        assert "touchpoints" in where(pipeline, other, "old")
