"""What a tenant never had is not looked for; its first refund and its first cut count all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

import app.tenants.lookup
from app.identity.unmerge import unmerge
from app.ingest.events import Adjustment
from app.ledger.erase import request_erasure
from app.ledger.webhooks import add_webhook
from app.storage.client import QueryRecord, observers
from app.tenants.never import CREDITED_BY, FILLED, Fact, none_now, storing
from tests.integration.pipeline.conftest import NOON, meet, order, touch

REFUND = [Adjustment("r1", "restate", "1", "3.00", "USD", NOON + 9)]


@contextmanager
def watched(note: Callable[[QueryRecord], None]) -> Iterator[None]:
    observers.append(note)
    try:
        yield
    finally:
        observers.remove(note)


@contextmanager
def asked() -> Iterator[Counter[str]]:
    """How often each statement is asked, and each table inserted into, meanwhile."""
    names: Counter[str] = Counter()
    with watched(lambda record: names.update([record.name])):
        yield names


def nets(pipeline, tenant):
    return {row["order_id"]: row["net_minor"] for row in pipeline.ledger(tenant)}


def remembered(pipeline, tenant, fact=Fact.ADJUSTED):
    return pipeline.context.redis.hget(fact, str(tenant.tenant_id))


def said(pipeline, tenant, fact=Fact.ADJUSTED):
    """'none' stands with the life of Redis and the filling of the mirror in which it was said."""
    known = remembered(pipeline, tenant, fact)
    return known if known is None else known.split(b" ")[0]


def none_as_of_now(pipeline, fact=Fact.ADJUSTED):
    redis = pipeline.context.redis
    return none_now(redis.info("server")["run_id"].encode(), redis.hget(fact, FILLED))


def cut(pipeline, tenant):
    context = pipeline.context
    unmerge(context.redis, context.storage, context.settings, tenant, "1", "a")


def erase(pipeline, tenant):
    context = pipeline.context
    request_erasure(context.redis, context.storage, context.settings, tenant, "1", kind="user", mode="anonymise")


def hook(pipeline, tenant):
    context = pipeline.context
    private = replace(context.settings, webhook_private=1)
    add_webhook(context.redis, context.storage, private, tenant, "http://127.0.0.1/told", [])


def test_storage_is_asked_once_and_the_first_refund_counts(pipeline):
    tenant = pipeline.tenant()
    with asked() as names:
        for number in "12":
            pipeline.send(tenant, order("u:1", NOON, number))
            pipeline.settle()
    assert (names["conversion_history"], names["adjusted_among"], names["cut_among"], names["adjustments"]) == (
        2,
        1,
        1,
        0,
    )
    with asked() as names:
        pipeline.send(tenant, adjustments=REFUND)
        pipeline.settle()
    assert (names["adjusted_among"], names["adjustments"]) == (0, 2)  # stored, and asked for
    assert nets(pipeline, tenant) == {"1": 300, "2": 10_000}


@pytest.mark.parametrize("lost", ["all of Redis", "a mirror that was filled again"])
def test_what_redis_forgets_is_asked_again(pipeline, lost):
    tenant, other = pipeline.tenant(), pipeline.tenant()
    pipeline.send(tenant, order("u:1", NOON, "1"), meet("a:a", "u:1", NOON), adjustments=REFUND)
    pipeline.send(other, order("u:1", NOON, "1"))
    pipeline.settle()
    cut(pipeline, tenant)
    for fact in CREDITED_BY:
        assert (said(pipeline, tenant, fact), said(pipeline, other, fact)) == (b"some", b"none")
    if lost == "all of Redis":
        pipeline.context.redis.delete(*Fact)
    else:
        pipeline.context.registry.rebuild()
    assert said(pipeline, tenant) is None
    tenants, never = pipeline.context.registry.fresh_and_never([tenant.tenant_id, other.tenant_id])
    assert [one.slug for one in tenants] == [tenant.slug, other.slug]
    assert never == {Fact.ADJUSTED: {other.tenant_id}, Fact.CUT: {other.tenant_id}}
    pipeline.send(tenant, order("u:1", NOON - 1, "1"))  # an earlier event of the order: credited again
    pipeline.settle()
    assert nets(pipeline, tenant) == {"1": 300}


@pytest.mark.parametrize(
    ("table", "fact", "store"),
    [
        ("adjustments", Fact.ADJUSTED, lambda pipeline, tenant: pipeline.send(tenant, adjustments=REFUND)),
        ("identity_cuts", Fact.CUT, cut),
        ("identity_cuts", Fact.CUT, erase),
        ("webhooks", Fact.WEBHOOKED, hook),
    ],
)
def test_it_is_said_before_the_first_one_is_stored(pipeline, table, fact, store):
    tenant, seen = pipeline.tenant(), []
    pipeline.send(tenant, order("u:1", NOON, "1"), meet("a:a", "u:1", NOON))
    pipeline.settle()
    assert said(pipeline, tenant, fact) == b"none"

    def look(record: QueryRecord) -> None:
        if record.name == table and record.task:  # not how many webhooks there are already
            seen.append(said(pipeline, tenant, fact))

    with watched(look):
        store(pipeline, tenant)
        pipeline.drain(tenant.tenant_id % pipeline.context.settings.shards)
    assert set(seen) == {b"some"}


def test_none_that_is_remembered_while_the_first_one_is_stored_is_taken_back(pipeline):
    """Redis was filled again after it had been said, and another asked storage before the refund was in it."""
    tenant, registry = pipeline.tenant(), pipeline.context.registry
    pipeline.send(tenant, order("u:1", NOON, "1"))
    pipeline.settle()

    stored: list[str] = []

    def look(record: QueryRecord) -> None:
        if record.name == "adjustments" and not stored:
            stored.append(record.name)
            registry.rebuild()
            pipeline.context.redis.hset(Fact.ADJUSTED, str(tenant.tenant_id), none_as_of_now(pipeline))

    with watched(look):
        pipeline.send(tenant, adjustments=REFUND)
        pipeline.settle()
    assert stored
    assert said(pipeline, tenant) == b"some"
    assert nets(pipeline, tenant) == {"1": 300}


def test_a_first_cut_counts(pipeline):
    tenant = pipeline.tenant()
    pipeline.send(tenant, touch("a:a", NOON - 5, "mail"), meet("a:a", "u:1", NOON - 1), order("u:1", NOON, "1"))
    pipeline.settle()
    assert [row["channels"] for row in pipeline.ledger(tenant)] == [["mail"]]
    cut(pipeline, tenant)
    pipeline.send(tenant, order("u:1", NOON - 1, "1"))
    pipeline.settle()
    assert [row["channels"] for row in pipeline.ledger(tenant)] == [[]]


@pytest.mark.parametrize("fact", Fact)
def test_none_is_not_said_over_one_that_came_after_storage_was_asked(pipeline, monkeypatch, fact):
    tenant, context = pipeline.tenant(), pipeline.context
    ask = app.tenants.lookup.ASK[fact]

    def overtaken(*given: object) -> set[int]:
        answer = ask(*given)
        with storing(context.redis, fact, [tenant.tenant_id]):
            return answer

    monkeypatch.setitem(app.tenants.lookup.ASK, fact, overtaken)
    context.registry.may_have(fact, [tenant.tenant_id])
    assert said(pipeline, tenant, fact) == b"some"


def test_none_of_a_redis_that_lost_its_last_writes_is_not_believed(pipeline):
    """It came back as it was before the first refund was stored, and the mirror is not filled again yet."""
    tenant, redis = pipeline.tenant(), pipeline.context.redis
    pipeline.send(tenant, order("u:1", NOON, "1"))
    pipeline.settle()
    before = remembered(pipeline, tenant)
    assert before == none_as_of_now(pipeline)
    pipeline.send(tenant, adjustments=REFUND)
    pipeline.settle()
    life = redis.info("server")["run_id"].encode()
    redis.hset(Fact.ADJUSTED, str(tenant.tenant_id), before.replace(life, b"0" * len(life)))
    pipeline.send(tenant, order("u:1", NOON - 1, "1"))
    pipeline.settle()
    assert nets(pipeline, tenant) == {"1": 300}
    assert said(pipeline, tenant) == b"some"


@pytest.mark.parametrize("fact", Fact)
def test_none_that_is_said_after_the_mirror_was_filled_is_not_believed_where_storage_was_asked_before(
    pipeline, monkeypatch, fact
):
    """Meanwhile the first one was stored, and what Redis knew of that went with the filling."""
    tenant, registry = pipeline.tenant(), pipeline.context.registry
    ask, answers = app.tenants.lookup.ASK[fact], []

    def late(*given: object) -> set[int]:
        answers.append(ask(*given) if not answers else {tenant.tenant_id})
        registry.rebuild()
        return answers[-1]

    monkeypatch.setitem(app.tenants.lookup.ASK, fact, late)
    assert registry.may_have(fact, [tenant.tenant_id]) == set()
    assert registry.may_have(fact, [tenant.tenant_id]) == {tenant.tenant_id}
    assert answers == [set(), {tenant.tenant_id}]
