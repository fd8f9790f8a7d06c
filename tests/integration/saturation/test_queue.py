"""How do refits of one night share a worker? Who waits for an answer comes first, and waiting is no failure."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

import tasks.saturation
from app.advice import scores
from app.advice.refits import Group, Reason, Refits
from app.advice.settings import settings_of
from app.storage import keys
from config.queues import Queue, TaskName, Urgency, redis_lists
from workers import checkup


def begun(shop, tenant_id, reason):
    refits = Refits(shop.context.redis, 300, wake=lambda job_id: None)
    job_id = refits.ask(tenant_id, shop.until, reason).job_id
    refits.begin(job_id, settings_of(shop.context.storage, shop.tenant), [Group("linear", ("a",))])
    refits.sent(job_id)
    return job_id


def is_overdue(shop, job_id):
    shop.context.redis.zadd(keys.REFITS_DUE, {job_id: 1})
    return job_id in dict(shop.refits.overdue())


def test_one_that_waits_behind_others_is_not_overdue(shop):
    before, waits = (begun(shop, shop.tenant.tenant_id + 10_000 + n, Reason.NIGHTLY) for n in range(2))
    shop.refits.fitted(before, 0, 1)
    assert not is_overdue(shop, waits)
    shop.refits.finish(before)
    assert is_overdue(shop, waits)


def test_one_whose_message_was_lost_is_overdue_while_later_ones_are_fitted(shop):
    lost, after = (begun(shop, shop.tenant.tenant_id + 20_000 + n, Reason.NIGHTLY) for n in range(2))
    shop.refits.fitted(after, 0, 1)
    assert is_overdue(shop, lost)
    shop.refits.finish(after)


def test_what_somebody_asked_for_goes_before_the_night(shop, monkeypatch):
    monkeypatch.setattr(tasks.saturation, "context", shop.context)
    tenant_id = shop.tenant.tenant_id + 30_000
    night, asked = begun(shop, tenant_id, Reason.NIGHTLY), begun(shop, tenant_id + 1, Reason.ASKED)
    assert dispatched(shop, night, asked) == [{asked}, set(), {night}]
    assert shop.refits.ask(tenant_id, shop.until, Reason.ASKED).job_id == night
    assert dispatched(shop, night, asked) == [{asked, night}, set(), set()]
    for job_id in (night, asked):
        shop.refits.fail(job_id, "", "", "")


def test_each_tenant_is_scored_by_its_own_task_before_the_night(shop, monkeypatch):
    monkeypatch.setattr(tasks.saturation, "context", shop.context)
    redis, lists = shop.context.redis, dict(zip(Urgency, redis_lists(Queue.SATURATION), strict=True))
    redis.delete(*lists.values())
    tenants = shop.context.registry.list()
    assert tasks.saturation.score_spend() == {"tenants": len(tenants)}
    sent = {urgency: redis.lrange(name, 0, -1) for urgency, name in lists.items()}
    assert (sent[Urgency.FIRST], sent[Urgency.LATER]) == ([], [])
    messages = [json.loads(one) for one in sent[Urgency.SOON]]
    assert {one["headers"]["task"] for one in messages} == {TaskName.SCORE_TENANT}
    whose = [json.loads(b64decode(one["body"]))[1] for one in messages]
    assert whose == [{"tenant_id": one.tenant_id, "tenant": one.slug} for one in reversed(tenants)]
    redis.delete(*lists.values())


def test_doctor_sees_refits_that_nobody_looks_at(shop):
    job_id = begun(shop, shop.tenant.tenant_id + 40_000, Reason.NIGHTLY)
    shop.context.redis.zadd(keys.REFITS_DUE, {job_id: 1})
    (finding,) = checkup._refits(shop.context.redis, shop.settings)
    assert finding.verdict is checkup.Verdict.WRONG
    assert "`saturation`" in finding.remedy
    shop.refits.fail(job_id, "", "", "")
    (finding,) = checkup._refits(shop.context.redis, shop.settings)
    assert finding.verdict is checkup.Verdict.OK


def test_doctor_sees_spend_that_could_not_be_scored(shop, monkeypatch):
    monkeypatch.setattr(tasks.saturation, "context", shop.context)
    shop.context.redis.delete(keys.UNSCORED)
    one = {"tenant_id": shop.tenant.tenant_id, "tenant": shop.tenant.slug}
    with monkeypatch.context() as broken:
        broken.setattr(scores, "score_tenant", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tasks.saturation.score_tenant(**one)
    (finding,) = checkup._scoring(shop.context.redis)
    assert (finding.verdict, "1 tenant " in finding.text) == (checkup.Verdict.WRONG, True)
    tasks.saturation.score_tenant(**one)
    assert not list(checkup._scoring(shop.context.redis))


def dispatched(shop, *job_ids):
    """The refits in each list of the queue."""
    redis, lists = shop.context.redis, redis_lists(Queue.SATURATION)
    redis.delete(*lists)
    for job_id in job_ids:
        tasks.saturation.dispatch(job_id)
    messages = [[b64decode(json.loads(one)["body"]) for one in redis.lrange(name, 0, -1)] for name in lists]
    return [{job_id for job_id in job_ids for body in bodies if job_id.encode() in body} for bodies in messages]
