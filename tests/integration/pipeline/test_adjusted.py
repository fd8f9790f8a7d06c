"""Orders of tenants that never had a refund are not looked up; the first refund of a tenant counts all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import app.tenants.lookup
from app.ingest.events import Adjustment
from app.storage import keys
from app.storage.client import QueryRecord, observers
from tests.integration.pipeline.conftest import NOON, order

REFUND = [Adjustment("r1", "restate", "1", "3.00", "USD", NOON + 9)]


@contextmanager
def asked() -> Iterator[Counter[str]]:
    """How often each statement is asked meanwhile."""
    names: Counter[str] = Counter()

    def note(record: QueryRecord) -> None:
        names[record.name] += 1

    observers.append(note)
    try:
        yield names
    finally:
        observers.remove(note)


def nets(pipeline, tenant):
    return {row["order_id"]: row["net_minor"] for row in pipeline.ledger(tenant)}


def said(pipeline, tenant):
    return pipeline.context.redis.hget(keys.ADJUSTED, str(tenant.tenant_id))


def test_storage_is_asked_once_and_the_first_refund_counts(pipeline):
    tenant = pipeline.tenant()
    with asked() as names:
        for number in "12":
            pipeline.send(tenant, order("u:1", NOON, number))
            pipeline.settle()
    assert (names["conversion_history"], names["adjusted_among"], names["adjustments"]) == (2, 1, 0)
    with asked() as names:
        pipeline.send(tenant, adjustments=REFUND)
        pipeline.settle()
    assert (names["adjusted_among"], names["adjustments"]) == (0, 2)  # stored, and asked for
    assert nets(pipeline, tenant) == {"1": 300, "2": 10_000}


@pytest.mark.parametrize("lost", ["all of Redis", "a mirror that was filled again"])
def test_what_redis_forgets_is_asked_again(pipeline, lost):
    tenant, other = pipeline.tenant(), pipeline.tenant()
    pipeline.send(tenant, order("u:1", NOON, "1"), adjustments=REFUND)
    pipeline.send(other, order("u:1", NOON, "1"))
    pipeline.settle()
    assert (said(pipeline, tenant), said(pipeline, other)) == (b"some", b"none")
    if lost == "all of Redis":
        pipeline.context.redis.delete(keys.ADJUSTED)
    else:
        pipeline.context.registry.rebuild()
    assert said(pipeline, tenant) is None
    tenants, unadjusted = pipeline.context.registry.fresh_and_unadjusted([tenant.tenant_id, other.tenant_id])
    assert ([one.slug for one in tenants], unadjusted) == ([tenant.slug, other.slug], {other.tenant_id})
    assert (said(pipeline, tenant), said(pipeline, other)) == (b"some", b"none")
    pipeline.send(tenant, order("u:1", NOON - 1, "1"))  # an earlier event of the order: credited again
    pipeline.settle()
    assert nets(pipeline, tenant) == {"1": 300}


def test_a_drain_that_dies_before_it_says_so_says_it_when_it_comes_again(pipeline, monkeypatch):
    tenant = pipeline.tenant()
    pipeline.send(tenant, order("u:1", NOON, "1"))
    pipeline.settle()
    assert said(pipeline, tenant) == b"none"

    def die(*_: object) -> None:
        raise ConnectionError("killed")

    pipeline.send(tenant, adjustments=REFUND)
    with monkeypatch.context() as patched:
        patched.setattr(app.tenants.lookup.Lookup, "may_be_adjusted", die)
        with pytest.raises(ConnectionError):
            pipeline.settle()
    pipeline.settle()
    assert said(pipeline, tenant) == b"some"
    assert nets(pipeline, tenant) == {"1": 300}


def test_none_is_not_said_over_a_refund_that_came_after_storage_was_asked(pipeline, monkeypatch):
    tenant, registry = pipeline.tenant(), pipeline.context.registry
    ask = app.tenants.lookup.adjusted_among

    def overtaken(*given: object, **more: object) -> set[int]:
        answer = ask(*given, **more)
        registry.may_be_adjusted([tenant.tenant_id])
        return answer

    monkeypatch.setattr(app.tenants.lookup, "adjusted_among", overtaken)
    registry.fresh_and_unadjusted([tenant.tenant_id])
    assert said(pipeline, tenant) == b"some"
