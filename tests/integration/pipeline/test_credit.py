"""From a posted event to its credit: every rule of SEMANTICS that the pipeline keeps, on real parts."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from app.ingest.events import Adjustment, Batch, encode_batch
from app.storage.client import observers
from app.storage.events import known_messages
from tests.integration.pipeline.conftest import DAY, NOON, join, meet, order, touch


def channels(pipeline, tenant):
    return {row["order_id"]: row["channels"] for row in pipeline.ledger(tenant)}


def test_touches_of_the_window_are_credited_in_order(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(
        tenant,
        order("u:1", NOON, "1"),
        touch("u:1", NOON - 2, "b"),
        touch("u:1", NOON - 3, "a"),
        touch("u:1", NOON, "c"),
        touch("u:1", NOON + 1, "after"),
        touch("u:1", NOON - 30 * DAY, "edge"),
        touch("u:1", NOON - 30 * DAY - 1, "before"),
        touch("u:1", NOON - DAY, "seen", kind=1),
        touch("u:1", NOON - DAY - 1, "unseen", kind=1),
        touch("u:2", NOON - 1, "another"),
    )
    pipeline.settle()
    assert channels(pipeline, tenant) == {"1": ["edge", "seen", "a", "b", "c"]}


def test_a_conversion_without_touches_stays_whole(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(tenant, order("u:1", NOON, "1", 995))
    pipeline.settle()
    assert pipeline.daily(tenant) == [
        (model, "(unattributed)", 1_000_000, 995, 995)
        for model in ("first_touch", "last_touch", "linear", "position_based", "time_decay")
    ]


def test_of_600_touches_the_first_and_the_newest_499_are_kept(pipeline):
    tenant = pipeline.tenant()
    for user, touches in (("u:500", 500), ("u:600", 600)):
        pipeline.send(
            tenant,
            *(touch(user, NOON - place, f"{place}") for place in range(touches)),
            order(user, NOON, user, 10**12 + 1),
        )
    pipeline.settle()
    all_of_them, most = pipeline.ledger(tenant)
    assert (all_of_them["left_out"], most["left_out"]) == (0, 100)
    assert most["channels"] == ["599", *(str(place) for place in range(498, -1, -1))]
    assert len(all_of_them["channels"]) == 500
    for row in (all_of_them, most):
        assert [sum(row["gross"][500 * model : 500 * (model + 1)]) for model in range(5)] == [10**12 + 1] * 5


def test_a_late_touch_gives_its_conversions_again(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1"), order("u:1", NOON + 9, "2"))
    pipeline.settle()
    pipeline.send(tenant, touch("u:1", NOON + 4, "late"))
    (drained,) = pipeline.settle()
    assert drained.conversions == 1
    assert channels(pipeline, tenant) == {"1": ["a"], "2": ["a", "late"]}


def test_a_touch_that_reaches_nothing_starts_no_run(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(tenant, order("u:1", NOON, "1"))
    pipeline.settle()
    pipeline.send(tenant, touch("u:1", NOON + 1), touch("u:1", NOON - 31 * DAY), touch("u:9", NOON - 1))
    (drained,) = pipeline.settle()
    assert (drained.events, drained.run_id) == (3, "")


def test_an_event_sent_again_with_another_time_counts_once_at_the_earliest(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(tenant, touch("u:1", NOON - 5, "a", id="again"), order("u:1", NOON, "1"))
    pipeline.settle()
    for ts in (NOON - 4, NOON - 9, NOON - 7):
        pipeline.send(tenant, touch("u:1", ts, "a", id="again"))
        pipeline.settle()
    (row,) = pipeline.ledger(tenant)
    assert len(row["keys"]) == 1


def test_the_earliest_time_counts_even_outside_of_the_window(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(tenant, touch("u:1", NOON - 5, id="again"), order("u:1", NOON, "1"))
    pipeline.settle()
    pipeline.send(tenant, touch("u:1", NOON - 60 * DAY, id="again"))
    pipeline.settle()
    assert channels(pipeline, tenant) == {"1": []}


def test_the_same_order_twice_is_the_earliest_and_a_duplicate(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(tenant, order("u:1", NOON, "1", 500, id="later"))
    pipeline.settle()
    pipeline.send(tenant, order("u:1", NOON - 40 * DAY, "1", 700, id="earlier"))
    pipeline.settle()
    (row,) = pipeline.ledger(tenant)
    assert (row["message_id"], row["gross_minor"], row["duplicates"]) == ("earlier", 700, 1)
    assert {line[2] for line in pipeline.daily(tenant)} == {1_000_000}


def test_an_order_of_two_types_is_two_conversions(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(tenant, order("u:1", NOON, "1"), order("u:1", NOON, "1", type="Trial Started"))
    pipeline.settle()
    assert [row["type"] for row in pipeline.ledger(tenant)] == ["Order Completed", "Trial Started"]


def test_two_tenants_with_the_same_ids_never_meet(pipeline):
    one, other = pipeline.tenant(), pipeline.tenant()
    for tenant, channel in ((one, "a"), (other, "b")):
        pipeline.send(tenant, touch("u:1", NOON - 1, channel, id="same"), order("u:1", NOON, "1", id="order"))
    pipeline.settle()
    assert (channels(pipeline, one), channels(pipeline, other)) == ({"1": ["a"]}, {"1": ["b"]})


class TestIdentity:
    def test_touches_before_login_belong_to_the_user(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("a:x", NOON - 9, "anonymous"), meet("a:x", "u:1", NOON - 5))
        pipeline.send(tenant, order("u:1", NOON, "1"))
        pipeline.settle()
        assert channels(pipeline, tenant) == {"1": ["anonymous"]}

    def test_a_meeting_after_the_conversion_gives_it_again(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("a:x", NOON - 9, "anonymous"), order("u:1", NOON, "1"))
        pipeline.settle()
        pipeline.send(tenant, meet("a:x", "u:1", NOON + DAY))
        pipeline.settle()
        assert channels(pipeline, tenant) == {"1": ["anonymous"]}

    def test_a_second_user_of_a_device_gets_what_comes_after(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, meet("a:x", "u:1", NOON - 100), meet("a:x", "u:2", NOON - 50))
        pipeline.send(tenant, touch("a:x", NOON - 70, "first"), touch("a:x", NOON - 50, "second"))
        pipeline.send(tenant, order("u:1", NOON, "1"), order("u:2", NOON, "2"), order("a:x", NOON, "3"))
        pipeline.settle()
        assert channels(pipeline, tenant) == {"1": ["first"], "2": ["second"], "3": ["second"]}

    def test_alias_joins_the_journeys_of_two_users(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:old", NOON - 9, "old"), touch("u:new", NOON - 8, "new"))
        pipeline.send(tenant, order("u:new", NOON, "1"))
        pipeline.settle()
        pipeline.send(tenant, join("u:old", "u:new", NOON + 1))
        pipeline.settle()
        assert channels(pipeline, tenant) == {"1": ["old", "new"]}

    def test_a_late_touch_of_one_id_reaches_the_conversion_of_another(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, meet("a:x", "u:1", NOON - 100), order("u:1", NOON, "1"))
        pipeline.settle()
        pipeline.send(tenant, touch("a:x", NOON - 1, "late"))
        pipeline.settle()
        assert channels(pipeline, tenant) == {"1": ["late"]}


class TestAdjustments:
    @staticmethod
    def adjust(id, action, value="", at=NOON + 1, order_id="1", currency=""):
        return Adjustment(id, action, order_id, value, currency, at)

    def net(self, pipeline, tenant):
        (row,) = pipeline.ledger(tenant)
        return row["gross_minor"], row["net_minor"], row["retracted"]

    def test_restate_shares_the_new_value_by_the_original_weights(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, *(touch("u:1", NOON - n, "a") for n in (1, 2, 3)), order("u:1", NOON, "1", 10_000))
        pipeline.settle()
        pipeline.send(tenant, adjustments=[self.adjust("r1", "restate", "50.01")])
        pipeline.settle()
        (row,) = pipeline.ledger(tenant)
        assert sum(row["gross"][6:9]) == 10_000
        assert sum(row["net"][6:9]) == 5_001
        assert sorted(row["net"][6:9]) == [1667, 1667, 1667]

    def test_retract_takes_count_and_value(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:1", NOON - 1), order("u:1", NOON, "1"))
        pipeline.send(tenant, adjustments=[self.adjust("r1", "retract")])
        pipeline.settle()
        assert self.net(pipeline, tenant) == (10_000, 0, 1)

    def test_an_adjustment_may_come_before_its_order(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, adjustments=[self.adjust("r1", "restate", "1")])
        pipeline.settle()
        pipeline.send(tenant, order("u:1", NOON, "1"))
        pipeline.settle()
        assert self.net(pipeline, tenant) == (10_000, 100, 0)

    def test_the_last_by_time_stands_and_an_id_counts_once(self, pipeline):
        tenant = pipeline.tenant()
        sent = [
            self.adjust("r2", "restate", "20", at=NOON + 2),
            self.adjust("r1", "restate", "10", at=NOON + 1),
            self.adjust("r1", "restate", "99", at=NOON + 9),
        ]
        pipeline.send(tenant, order("u:1", NOON, "1"), adjustments=sent)
        pipeline.settle()
        assert self.net(pipeline, tenant) == (10_000, 2_000, 0)

    def test_an_id_counts_once_per_order(self, pipeline):
        """Shops number the refunds of an order: `1` of one order is not `1` of another (docs/reports.md)."""
        tenant = pipeline.tenant()
        sent = [Adjustment("1", "restate", id, "10", "", NOON + 1) for id in ("1", "2", "2")]
        pipeline.send(tenant, order("u:1", NOON, "1"), order("u:1", NOON, "2"), adjustments=sent)
        pipeline.settle()
        assert [row["net_minor"] for row in pipeline.ledger(tenant)] == [1_000, 1_000]

    def test_another_currency_is_not_applied(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, order("u:1", NOON, "1"))
        pipeline.send(tenant, adjustments=[self.adjust("r1", "restate", "10", currency="EUR")])
        pipeline.settle()
        assert self.net(pipeline, tenant) == (10_000, 10_000, 0)


def history(seed):
    """A tenant's month with late rows, repeats, logins, duplicates of orders and refunds."""
    rng = random.Random(seed)
    users = [f"u:{n}" for n in range(6)]
    events = []
    for n in range(60):
        user = rng.choice([*users, "a:1", "a:2", "a:3"])
        events.append(touch(user, NOON + rng.randrange(40) * DAY, rng.choice("abc"), id=f"t{n}", kind=int(n % 5 == 0)))
    for n in range(15):
        events.append(order(rng.choice(users), NOON + rng.randrange(40) * DAY, str(n % 12), 100 + n, id=f"c{n}"))
    events += [meet("a:1", "u:1", NOON + 5 * DAY), meet("a:1", "u:2", NOON + 20 * DAY), meet("a:2", "u:3", NOON)]
    events += [join("u:4", "u:5", NOON + DAY)]
    again = [touch("u:0", NOON + 3 * DAY, "c", id="t0"), touch("u:0", NOON, "c", id="t1")]
    return events, again


@pytest.mark.parametrize("seed", [1, 2])
def test_order_of_arrival_blocks_and_chunks_change_nothing(pipeline, seed):
    events, again = history(seed)
    whole = pipeline.tenant()
    pipeline.send(whole, *events, *again)
    pipeline.settle()
    expected = pipeline.ledger(whole)
    assert len(expected) == 12
    for chunk, size in ((1, 1), (7, 5), (5000, 40)):
        rng = random.Random(seed * 100 + chunk)
        shuffled = [*events, *again, *rng.sample(events, 20)]
        rng.shuffle(shuffled)
        small = pipeline.with_settings(chunk_conversions=chunk)
        tenant = small.tenant()
        for start in range(0, len(shuffled), size):
            small.send(tenant, *shuffled[start : start + size])
            if rng.random() < size / 12:  # about as often whatever the size
                small.settle()
        small.settle()
        assert small.ledger(tenant) == expected
        assert small.daily(tenant) == pipeline.daily(whole)


def test_every_conversion_is_counted_once_in_the_rollup(pipeline):
    tenant = pipeline.tenant()
    events, _ = history(7)
    pipeline.send(tenant, *events)
    pipeline.settle()
    totals = Counter()
    for model, _, micros, gross, _ in pipeline.daily(tenant):
        totals[model, "micros"] += micros
        totals[model, "gross"] += gross
    rows = pipeline.ledger(tenant)
    assert {value for (_, what), value in totals.items() if what == "micros"} == {len(rows) * 1_000_000}
    assert {value for (_, what), value in totals.items() if what == "gross"} == {sum(r["gross_minor"] for r in rows)}


def test_an_event_that_storage_refuses_for_good_is_found_and_put_aside(pipeline):
    one, other = pipeline.tenant(), pipeline.tenant()
    before = pipeline.context.dead_letters.count()
    for tenant in (one, other):
        pipeline.send(tenant, *(touch("u:1", NOON - n * 1000, f"channel-{n}") for n in range(1, 4)))
        pipeline.send(tenant, order("u:1", NOON, "1001"))
    pipeline.send(one, touch("u:1", NOON - 500, "radio", id="refused", kind=7))
    pipeline.settle()
    letters = [letter for _, letter in pipeline.context.dead_letters.read()]
    assert pipeline.context.dead_letters.count() == before + 1
    assert '"refused"' in letters[-1].body
    for tenant in (one, other):
        (row,) = pipeline.ledger(tenant)
        assert row["channels"] == ["channel-3", "channel-2", "channel-1"]


def test_an_event_that_the_register_alone_refuses_is_put_aside_too(pipeline):
    tenant, context = pipeline.tenant(), pipeline.context
    before = context.dead_letters.count()
    refused = msgspec.structs.replace(meet("a:1", "u:1", NOON), message_id="unregistered")
    for days, events in ((4000, [order("u:1", NOON, "1"), touch("u:1", NOON - 1, "a")]), (70_000, [refused])):
        batch = Batch(tenant.tenant_id, NOON, tenant.rules.version, days, events=events)
        pipeline.inbox.accept(tenant.tenant_id, encode_batch(batch), len(events))
    pipeline.settle()
    assert context.dead_letters.count() == before + 1
    assert '"unregistered"' in [letter for _, letter in context.dead_letters.read()][-1].body
    assert [row["channels"] for row in pipeline.ledger(tenant)] == [["a"]]
    assert len(known_messages(context.storage, {tenant.tenant_id: ["unregistered"]}, 0)[tenant.tenant_id]) == 0


def test_tenants_that_share_a_block_and_every_id_share_nothing_else(pipeline):
    """Two tenants with the same users, messages, orders and devices, block by block, against each of them alone."""
    together = pipeline.with_settings(shards=1)
    blocks = (
        ([meet("a:1", "u:1", NOON - 50), touch("a:1", NOON - 40, "a", id="m1"), order("u:2", NOON, "1", 500, id="o1")],)
        * 2,
        (
            [touch("a:1", NOON - 9, "late", id="m2"), order("u:1", NOON + 5, "1", 700, id="o2")],
            [meet("a:1", "u:2", NOON - 30), touch("u:1", NOON - 8, "b", id="m2")],
        ),
        ([touch("u:2", NOON - 7, "c", id="m1")], [touch("u:2", NOON - 99, "c", id="m1")]),
        ([], [join("u:1", "u:2", NOON)]),
    )
    refund = [Adjustment("r1", "restate", "1", "3.00", "USD", NOON + 9)]

    def credited(*kinds: int) -> dict[int, list]:
        tenants = {kind: together.tenant() for kind in kinds}
        for block in blocks:
            for kind, tenant in tenants.items():
                together.send(tenant, *block[kind], adjustments=refund if kind else ())
            together.settle()
        return {kind: (together.ledger(tenant), together.daily(tenant)) for kind, tenant in tenants.items()}

    both = credited(0, 1)
    assert both == credited(0) | credited(1)
    assert [row["channels"] for row in both[0][0]] != [row["channels"] for row in both[1][0]]


def test_a_block_asks_once_whom_its_ids_have_met(pipeline):
    """What a drain knows of them before it stores a block serves after it too, but for those who meet in it."""
    tenant, asked = pipeline.tenant(), []

    def note(record):
        if record.name in ("links", "links_uncut") and record.task == "ingest.drain":
            asked.append(record.name)

    pipeline.send(tenant, meet("a:1", "u:1", NOON), order("u:1", NOON + DAY, "o1"), touch("u:1", NOON, "first"))
    pipeline.settle()
    observers.append(note)
    try:
        pipeline.send(tenant, touch("u:2", NOON, "another's"))
        pipeline.settle()
        assert len(asked) == 1
        # The device's touch reaches the order by its user, whom the block does not name.
        pipeline.send(tenant, touch("a:1", NOON + 1, "second"))
        pipeline.settle()
        assert len(asked) == 3
        # Who meets somebody in the block is looked up again once it is stored.
        pipeline.send(tenant, meet("a:2", "u:1", NOON), touch("a:2", NOON + 2, "third"))
        pipeline.settle()
    finally:
        observers.remove(note)
    assert [row["channels"] for row in pipeline.ledger(tenant)] == [["first", "second", "third"]]
