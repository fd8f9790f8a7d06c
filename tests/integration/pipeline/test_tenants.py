"""Many tenants in one block, run, chunk and refresh, who know the same ids: does each have what it would have alone?"""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from app.ingest.events import Adjustment, Batch
from app.ledger import chunks as ledger_chunks
from app.ledger.keys import conversion_key
from app.storage.changes import changes_of
from app.storage.client import observers
from app.storage.failures import StoragePermanent
from app.tenants.rules import ConversionRule, Rules
from app.tenants.tenant import Tenant
from tests.integration.pipeline.conftest import DAY, NOON, join, meet, order, touch
from tests.integration.rollups import require_rollups

OTHER_RULES = (
    {"timezone": "Pacific/Kiritimati", "rules": Rules(touch_cap=2)},
    {"timezone": "America/St_Johns", "rules": Rules(click_window_ms=DAY)},
    {"rules": Rules(conversions=(ConversionRule("Order Completed", reset=True),))},
    {},
)


BLOCKS = 2


def history(dice: random.Random, channel: str):
    """Events of one tenant, in blocks: ids, message ids and order ids are those of every other tenant."""
    users, devices = ("u:1", "u:2", "u:3"), ("a:1", "a:2")
    blocks = []
    for block in range(BLOCKS):
        events = []
        for number in range(12):
            id, user, ts = f"m{block}.{number}", dice.choice(users), NOON + dice.randrange(3 * DAY)
            kind = dice.random()
            if kind < 0.5:
                who = dice.choice((*users, *devices))
                events.append(touch(who, ts, f"{channel}{dice.randrange(3)}", id=id))
            elif kind < 0.8:
                events.append(order(user, ts, f"o{dice.randrange(5)}", dice.randrange(1, 10_000), id=id))
            elif kind < 0.95:
                events.append(msgspec.structs.replace(meet(dice.choice(devices), user, ts), message_id=id))
            else:
                events.append(msgspec.structs.replace(join(dice.choice(users), user, ts), message_id=id))
        blocks.append((events, [Adjustment("r", "restate", f"o{block}", f"{dice.randrange(90)}", "USD", NOON)]))
    return blocks


def settled(pipeline, tenants, histories):
    """Each block of all of these tenants at once."""
    for number in range(BLOCKS):
        for tenant, blocks in zip(tenants, histories, strict=True):
            events, adjustments = blocks[number]
            pipeline.send(tenant, *events, adjustments=adjustments)
        pipeline.settle()


@pytest.fixture
def one_shard(pipeline):
    return pipeline.with_settings(shards=1)


@pytest.mark.parametrize("seed", range(1))
def test_together_is_as_alone(one_shard, seed):
    histories = [history(random.Random(f"{seed}.{number}"), f"c{number}-") for number in range(len(OTHER_RULES))]
    together = [one_shard.tenant(**options) for options in OTHER_RULES]
    one_shard.context.registry.set_shadow(together[3].tenant_id, Rules(touch_cap=3))
    settled(one_shard, together, histories)
    for number, (tenant, options) in enumerate(zip(together, OTHER_RULES, strict=True)):
        alone = one_shard.tenant(**options)
        settled(one_shard, [alone], [histories[number]])
        rows = one_shard.ledger(tenant)
        assert rows == one_shard.ledger(alone)
        assert {channel[:3] for row in rows for channel in row["channels"]} <= {f"c{number}-"}
        assert one_shard.daily(tenant) == one_shard.daily(alone)
        keys = [conversion_key(row["type"], row["order_id"]) for row in rows]
        assert changed(one_shard, tenant, keys) == changed(one_shard, alone, keys)
    require_rollups(one_shard.context.storage, one_shard.context.registry.fresh(together[3].tenant_id), shadow=True)


def changed(pipeline, tenant, keys):
    found = changes_of(pipeline.context.storage, tenant.tenant_id, keys)
    return sorted((row.conversion_key, row.digest_before, row.digest_after) for row in found)


def test_a_run_costs_the_same_for_many_tenants(one_shard):
    asked = Counter()

    def statements(count):
        tenants = [one_shard.tenant() for _ in range(count)]
        for tenant in tenants:
            one_shard.send(tenant, touch("u:1", NOON - 2, "a"), order("u:1", NOON, "1"), order("u:2", NOON, "2"))
        drained = one_shard.drain(0)
        asked.clear()
        observers.append(note)
        try:
            closed = one_shard.finish(drained.run_id)
        finally:
            observers.remove(note)
        assert (closed["outcome"], closed["conversions"], closed["chunks"]) == ("done", 2 * count, 1)
        return dict(asked)

    def note(record):
        asked[record.name] += 1

    assert statements(12) == statements(1)


def test_what_cannot_be_attributed_is_put_aside_for_its_tenant_alone(one_shard, monkeypatch):
    tenants = [one_shard.tenant() for _ in range(3)]
    poison = tenants[1].tenant_id
    attribute = ledger_chunks.attribute

    def refuse(storage, arrays, some, keys, **more):
        if poison in keys:
            raise StoragePermanent("bad", "It cannot be.", "Mend it.")
        return attribute(storage, arrays, some, keys, **more)

    monkeypatch.setattr(ledger_chunks, "attribute", refuse)
    for tenant in tenants:
        one_shard.send(tenant, order("u:1", NOON, "1"))
    one_shard.settle()
    assert [len(one_shard.ledger(tenant)) for tenant in tenants] == [1, 0, 1]
    letters = one_shard.context.dead_letters
    assert [len(list(letters.read(tenant_id=tenant.tenant_id))) for tenant in tenants] == [0, 1, 0]


def test_a_tenant_that_nothing_knows_goes_to_the_dead_letters_and_holds_up_nobody(one_shard):
    context, known = one_shard.context, one_shard.tenant()
    stranger = Tenant(known.tenant_id + 1_000_000, "gone", "Gone")
    one_shard.send(stranger, touch("u:1", NOON), order("u:1", NOON, "o1"))
    one_shard.send(known, touch("u:1", NOON), order("u:1", NOON, "o1"))
    one_shard.settle()
    assert [row["order_id"] for row in one_shard.ledger(known)] == ["o1"]
    ((_, letter),) = context.dead_letters.read(tenant_id=stranger.tenant_id)
    assert (letter.reason, letter.source) == ("unknown_tenant", "drain")
    assert f"There is no tenant {stranger.tenant_id}" in letter.message
    assert "tributary dead-letters replay" in letter.detail
    assert one_shard.ledger(stranger) == []
    assert one_shard.inbox.depth(0) == 0
    assert len(msgspec.json.decode(letter.body, type=Batch).events) == 2
