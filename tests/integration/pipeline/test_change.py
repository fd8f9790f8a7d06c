"""Changes after the fact: what re-attribution changed, meetings taken back, persons erased."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from app.errors import BadInput, NotFound
from app.http import create_app
from app.identity.unmerge import unmerge
from app.ingest.dead_letters import DeadLetter, Source
from app.ingest.events import Adjustment, Batch, encode_batch
from app.ledger.erase import request_erasure
from app.ledger.erasing import Erasing
from app.ledger.keys import conversion_key
from app.ledger.reattribute import start_run
from app.ledger.runs import RunKind
from app.reports.changes import changes as changes_of_days
from app.reports.days import read_period
from app.storage.changes import changes_of
from app.storage.connections import close_all
from app.storage.erasures import erasure
from app.storage.retention import keep_rows_for
from app.storage.statements import TenantStatement
from tests.integration.pipeline.conftest import DAY, NOON, join, meet, order, touch

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


def erase(pipeline, tenant, id, *, kind="", mode="remove"):
    context = pipeline.context
    row = request_erasure(context.redis, context.storage, context.settings, tenant, id, kind=kind, mode=mode)
    pipeline.finish(row.run_id)
    return row


def until_gone(pipeline, tenant, row):
    context = pipeline.context
    erasing = Erasing(context.redis, context.storage, context.settings, context.registry)
    for _ in range(100):
        erasing.step()
        found = erasure(context.storage, tenant.tenant_id, row.erasure_id)
        if found.state == "erased":
            return found
        if found.run_id:
            pipeline.finish(found.run_id)
        time.sleep(0.05)
    raise AssertionError(f"not erased: {found}")


class TestHistory:
    def test_the_first_credit_and_an_equal_one_are_no_changes(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1"))
        pipeline.settle()
        again(pipeline, tenant)
        again(pipeline, tenant)
        assert changes(pipeline, tenant) == []

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


class TestErasure:
    def sent(self):
        ours = [meet("a:x", "u:1", NOON - 50), join("u:0", "u:1", NOON - 50), touch("a:x", NOON - 60, "ad", id="m1")]
        ours += [touch("u:0", NOON - 9, "mail", id="m2"), order("u:1", NOON, "1", 500, id="m3")]
        others = [meet("a:x", "u:2", NOON - 5), touch("a:x", NOON - 4, "other", id="m4")]
        others += [order("u:2", NOON, "2", 700, id="m5"), order("u:3", NOON + 9, "1", 900, id="m6")]
        return ours, others

    def test_removed_is_as_if_the_person_had_never_been(self, pipeline):
        tenant, fresh = pipeline.tenant(), pipeline.tenant()
        ours, others = self.sent()
        pipeline.send(tenant, *ours, *others)
        pipeline.send(fresh, *others)
        pipeline.settle()
        row = erase(pipeline, tenant, "0")
        assert pipeline.ledger(tenant) == pipeline.ledger(fresh)
        assert pipeline.daily(tenant) == pipeline.daily(fresh)
        gone = until_gone(pipeline, tenant, row)
        assert pipeline.ledger(tenant) == pipeline.ledger(fresh)
        assert pipeline.daily(tenant) == pipeline.daily(fresh)
        assert '"after":0' in gone.proof
        assert gone.work == ""
        for text in ("u:0", "u:1", "m1", "m2", "m3"):
            assert where(pipeline, tenant, text) == []
        assert where(pipeline, tenant, "m4")
        assert where(pipeline, tenant, "u:2")

    def test_anonymised_keeps_the_money_and_nobody(self, pipeline):
        tenant = pipeline.tenant()
        ours, others = self.sent()
        pipeline.send(tenant, *ours, *others)
        pipeline.settle()
        row = erase(pipeline, tenant, "1", mode="anonymise")
        for _ in range(2):
            assert channels(pipeline, tenant) == {"1": [], "2": ["other"]}
            assert {r["order_id"]: r["gross_minor"] for r in pipeline.ledger(tenant)} == {"1": 500, "2": 700}
            until_gone(pipeline, tenant, row)
        for text in ("u:0", "u:1", "m1", "m2", "m3"):
            assert where(pipeline, tenant, text) == []
        pipeline.send(tenant, adjustments=[Adjustment("r", "retract", "1", "", "", NOON + 1)])
        pipeline.settle()
        assert pipeline.ledger(tenant)[0]["retracted"] == 1

    def test_nothing_brings_the_person_back(self, pipeline):
        tenant, fresh = pipeline.tenant(), pipeline.tenant()
        ours, others = self.sent()
        pipeline.send(tenant, *ours, *others)
        pipeline.send(fresh, *others)
        pipeline.settle()
        row = erase(pipeline, tenant, "1")
        letter = Batch(tenant.tenant_id, NOON, 1, 4000, events=[touch("u:1", NOON - 3, "letter")])
        for _ in range(2):
            # the same again; the inbox of then, with messages that were never stored; at an earlier time
            pipeline.send(tenant, *ours, touch("u:1", NOON - 70, "ad", id="m1"))
            pipeline.inbox.accept(tenant.tenant_id, encode_batch(letter), 1)
            pipeline.settle()
            assert pipeline.ledger(tenant) == pipeline.ledger(fresh)
            until_gone(pipeline, tenant, row)
        assert where(pipeline, tenant, "u:1") == []

    def test_who_comes_back_begins_anew(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:1", NOON - 9, "old"), order("u:1", NOON, "1"))
        pipeline.settle()
        until_gone(pipeline, tenant, erase(pipeline, tenant, "1"))
        later = Batch(tenant.tenant_id, time.time_ns() // 1_000_000 + 1000, 1, 4000)
        later = Batch(
            *[getattr(later, name) for name in ("tenant_id", "received_ms", "rules_version")],
            4000,
            events=[touch("u:1", NOON - 5, "new"), order("u:1", NOON + 1, "1")],
        )
        pipeline.inbox.accept(tenant.tenant_id, encode_batch(later), 2)
        pipeline.settle()
        assert channels(pipeline, tenant) == {"1": ["new"]}

    def test_what_waited_in_the_inbox_is_not_stored(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, order("u:1", NOON, "1"))
        pipeline.settle()
        pipeline.send(tenant, touch("u:1", NOON - 1), order("u:1", NOON, "2"), order("u:2", NOON, "3"))
        row = erase(pipeline, tenant, "1")
        context = pipeline.context
        Erasing(context.redis, context.storage, context.settings, context.registry).step()
        assert erasure(context.storage, tenant.tenant_id, row.erasure_id).state == "hidden"
        pipeline.settle()
        assert channels(pipeline, tenant) == {"3": []}
        until_gone(pipeline, tenant, row)

    def test_dead_letters_go_too(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, order("u:1", NOON, "1"))
        pipeline.settle()
        letters = pipeline.context.dead_letters
        posted = '{"dialect": "segment", "received_ms": 1, "posted": {"userId": "%s", "type": "x"}}'
        for user in ("1", "2"):
            letters.add(DeadLetter(tenant.tenant_id, "unknown_type", "", "", Source.EDGE.value, posted % user))
        until_gone(pipeline, tenant, erase(pipeline, tenant, "1"))
        (left,) = [letter for _, letter in letters.read(tenant_id=tenant.tenant_id)]
        assert '"2"' in left.body

    def test_an_id_must_name_one_person(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, meet("a:x", "u:1", NOON), meet("a:x", "u:2", NOON + 1), touch("a:1", NOON))
        pipeline.settle()
        for id, kind in (("x", ""), ("1", "")):
            with pytest.raises(BadInput, match=r"device|userId"):
                erase(pipeline, tenant, id, kind=kind)
        with pytest.raises(NotFound):
            erase(pipeline, tenant, "9")


TABLES = {
    "touchpoints": "concat(user_id, ' ', message_id)",
    "conversions": "concat(user_id, ' ', message_id, ' ', anonymous_id)",
    "conversions_by_user": "user_id",
    "events": "concat(user_id, ' ', message_id)",
    "identity_aliases": "concat(id, ' ', met)",
    "identity_cuts": "concat(id, ' ', met)",
    "ledger": "concat(person, ' ', message_id)",
}
SEARCH = "SELECT count() FROM {table} WHERE {{tenant}} AND has(splitByChar(' ', {text}), %(text)s)"
SEARCHES = {
    table: TenantStatement(f"search_{table}", SEARCH.format(table=table, text=text)) for table, text in TABLES.items()
}


def where(pipeline, tenant, text):
    """The tables that hold a text, whatever any query would make of it."""
    rows = pipeline.context.storage.rows
    return [
        table
        for table, statement in SEARCHES.items()
        if rows(statement, tenant_id=tenant.tenant_id, params={"text": text})[0][0]
    ]
