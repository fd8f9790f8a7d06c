"""Does a drain credit the small block that it has stored, once, and whoever dies on the way? Real parts, no worker."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from base64 import b64decode

import pytest
from redis.connection import Connection

from app.errors import Unavailable
from app.ingest.drain import Drain
from app.ledger import at_once
from app.ledger.runs import RunState
from app.storage.connections import close_all
from tasks import attribution, ingest, maintenance
from tests.integration.pipeline.conftest import NOON, Pipeline, order, touch


@pytest.fixture
def pipeline(redis, settings, monkeypatch):
    made = Pipeline(dataclasses.replace(settings, block_wait_ms=0, shards=1, chunk_deadline_s=1))
    made.context.registry.rebuild()
    for tasks in (attribution, ingest, maintenance):
        monkeypatch.setattr(tasks, "context", made.context)
    return made


def sent(redis, queue):
    """What the messages of a queue ask for, oldest first."""
    bodies = [json.loads(message)["body"] for message in reversed(redis.lrange(queue, 0, -1))]
    return [json.loads(b64decode(body))[1] for body in bodies]


def send(pipeline, tenant, number=0):
    pipeline.send(tenant, touch("u:1", NOON - 1, "email"), order("u:1", NOON + number, f"{number}"))


def credited(pipeline, tenant):
    return [(row["order_id"], row["channels"]) for row in pipeline.ledger(tenant)]


def test_a_small_block_is_stored_and_credited_by_one_task(pipeline, redis):
    tenant = pipeline.tenant()
    send(pipeline, tenant)
    done = ingest.drain.run(shard=0)
    assert (done["outcome"], done["conversions"], done["credit"]["closed"]["outcome"]) == ("stored", 1, "done")
    assert pipeline.context.runs.get(done["run_id"]).state == RunState.DONE
    assert [sent(redis, queue) for queue in ("ingest", "attribution", "backfill")] == [[], [], []]
    assert credited(pipeline, tenant) == [("0", ["email"])]
    assert ingest.drain.run(shard=0)["outcome"] == "empty"
    pipeline.daily(tenant)


def test_how_often_a_block_asks_redis(pipeline, monkeypatch):
    """docs/PERFORMANCE.md, the queue's share: what a block costs there is its round trips."""
    tenant, sends, write = pipeline.tenant(), [], Connection.send_packed_command

    def count(*given, **more):
        sends.append(given)
        return write(*given, **more)

    for number in range(2):  # at first nothing is known of the tenant, nor are the scripts there
        send(pipeline, tenant, number)
        with monkeypatch.context() as counted:
            sends.clear()
            counted.setattr(Connection, "send_packed_command", count)
            ingest.drain.run(shard=0)
    assert len(sends) == 11


def test_the_shard_is_free_and_the_next_drain_on_its_way_before_the_credit(pipeline, redis, monkeypatch):
    tenant, seen = pipeline.tenant(), []
    credit, next_block = ingest.credit_at_once, Drain.next_block

    def look(services, run_id):
        shard = pipeline.context.shard(0)
        seen.append((sent(redis, "ingest"), shard.hold()))
        shard.drop()
        return credit(services, run_id)

    def one_more_waits(self, shard):
        done = next_block(self, shard)
        send(pipeline, tenant, 1)
        return done

    monkeypatch.setattr(ingest, "credit_at_once", look)
    monkeypatch.setattr(Drain, "next_block", one_more_waits)
    send(pipeline, tenant)
    ingest.drain.run(shard=0)
    assert seen == [([{"shard": 0}], True)]


def test_while_other_drains_wait_runs_are_left_to_be_done_along_with_one_another(pipeline, redis):
    tenant, number_of = pipeline.tenant(), itertools.count()

    def drained():
        send(pipeline, tenant, next(number_of))
        return ingest.drain.run(shard=0)

    redis.lpush("ingest", "another shard's wake-up")
    first = drained()
    assert (first["chunks"], pipeline.context.runs.get(first["run_id"]).state) == (1, RunState.OPEN)
    redis.delete("ingest")
    second = drained()
    assert (second["credit"]["along"], pipeline.context.runs.waiting()) == (1, 0)
    (asked,) = sent(redis, "attribution")
    assert attribution.attribute_run.run(**asked)["outcome"] == "done along with another"
    assert [order_id for order_id, _ in credited(pipeline, tenant)] == ["0", "1"]


def test_a_larger_run_goes_out_in_chunks(pipeline, redis, monkeypatch):
    large = pipeline.with_settings(chunk_conversions=2)
    for tasks in (attribution, ingest):
        monkeypatch.setattr(tasks, "context", large.context)
    tenant = large.tenant()
    for number in range(4):
        send(large, tenant, number)
    done = ingest.drain.run(shard=0)
    assert done["chunks"] == 2
    assert [asked["run_id"] for asked in sent(redis, "attribution")] == [done["run_id"]] * 2


def test_where_storage_is_away_a_task_tries_again(pipeline, redis, monkeypatch):
    tenant = pipeline.tenant()
    send(pipeline, tenant)

    def away(*given):
        raise Unavailable("away", "Storage does not answer.", "Try again.")

    with monkeypatch.context() as broken:
        broken.setattr(at_once, "attribute_together", away)
        run_id = ingest.drain.run(shard=0)["run_id"]
    (asked,) = sent(redis, "attribution")
    assert asked["run_id"] == run_id
    assert attribution.attribute_run.run(**asked)["closed"]["outcome"] == "done"
    assert credited(pipeline, tenant) == [("0", ["email"])]


@pytest.mark.parametrize("dies_in", ["take_along", "attribute_together", "finish_and_close"])
def test_a_drain_that_is_killed_before_its_credit_is_closed(pipeline, redis, monkeypatch, dies_in):
    """At its beginning, in its midst, or with the credit stored and nothing said: the sweep sends the run, once."""
    tenant = pipeline.tenant()
    send(pipeline, tenant)
    close_all()  # the child is to have connections of its own
    if not (child := os.fork()):
        where = pipeline.context.claims.__class__ if dies_in == "take_along" else at_once
        monkeypatch.setattr(where, dies_in, lambda *given: os._exit(9))
        ingest.drain.run(shard=0)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert (pipeline.inbox.depth(0), pipeline.context.runs.waiting()) == (0, 1)

    ((name, _),) = redis.zrange("runs:due", 0, -1, withscores=True)
    redis.zadd("runs:due", {name: 0})  # its deadline has passed
    assert maintenance.sweep.run()["sent_again"] == [name.decode()]
    (asked,) = sent(redis, "attribution")
    assert attribution.attribute_run.run(**asked)["closed"]["outcome"] == "done"
    assert attribution.attribute_run.run(**asked)["outcome"] == "done along with another"
    assert pipeline.context.runs.waiting() == 0
    assert credited(pipeline, tenant) == [("0", ["email"])]
    pipeline.daily(tenant)
