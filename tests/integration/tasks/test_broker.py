"""Does Redis note only those messages of which nobody else would know, and is none lost that was put back?"""

from __future__ import annotations

import dataclasses

import billiard
import pytest
import redis as redis_py
from kombu import Connection

from config.broker import SentinelTransport
from config.celery_app import celery, make_celery
from config.queues import ROUTES, SWEPT, Queue, TaskName, schedule
from config.settings import Settings

NOTES = ("unacked", "unacked_index")


@pytest.fixture
def app(redis, redis_url):
    made = make_celery(dataclasses.replace(Settings(), redis_url=redis_url))
    yield made
    made.close()


def send(app, queue):
    app.send_task("any", queue=queue.value, ignore_result=True, retry=False)


def take(connection, queue):
    """Take the one message that waits there."""
    return connection.default_channel.basic_get(queue.value)


def noted(redis):
    return [redis.exists(name) for name in NOTES]


@pytest.mark.parametrize("queue", list(Queue))
def test_a_message_is_noted_until_it_is_acknowledged_where_no_sweep_stands_in_for_it(app, redis, queue):
    send(app, queue)
    with app.connection_for_read() as connection:
        message = take(connection, queue)
        assert noted(redis) == [queue not in SWEPT] * 2
        message.ack()
        assert noted(redis) == [0, 0]
    assert redis.llen(queue.value) == 0


@pytest.mark.parametrize("queue", list(Queue))
def test_a_worker_that_ends_puts_back_what_it_has_not_done(app, redis, queue):
    send(app, queue)
    with app.connection_for_read() as connection:
        first = take(connection, queue)
        assert redis.llen(queue.value) == 0
    assert (redis.llen(queue.value), noted(redis)) == (1, [0, 0])
    with app.connection_for_read() as connection:
        again = take(connection, queue)
        again.ack()
    assert (again.payload, again.headers["id"]) == (first.payload, first.headers["id"])


@pytest.mark.parametrize("queue", [Queue.INGEST, Queue.BACKFILL])
def test_what_is_refused_waits_again(app, redis, queue):
    send(app, queue)
    with app.connection_for_read() as connection:
        take(connection, queue).requeue()
        assert redis.llen(queue.value) == 1
        take(connection, queue).ack()
    assert (redis.llen(queue.value), noted(redis)) == (0, [0, 0])


def test_messages_are_sent_through_one_client(app, redis, monkeypatch):
    made, init = [], redis_py.Redis.__init__

    def count(self, *given, **more):
        made.append(self)
        init(self, *given, **more)

    send(app, Queue.INGEST)
    monkeypatch.setattr(redis_py.Redis, "__init__", count)
    for _ in range(3):
        send(app, Queue.INGEST)
    assert (made, redis.llen("ingest")) == ([], 4)


def test_a_forked_child_sends_over_a_connection_of_its_own(app, redis):
    def senders():
        return {client["addr"] for client in redis.client_list() if client["cmd"] == "lpush"}

    strangers = senders()

    def peers():
        return senders() - strangers

    with app.connection_for_write() as connection:
        channel = connection.default_channel

        def put():
            channel._put("ingest", {"properties": {"priority": 0}})

        put()
        before, addresses = peers(), billiard.Queue()

        def child():
            put()
            addresses.put(peers())

        process = billiard.Process(target=child)
        process.start()
        during = addresses.get(timeout=30)
        process.join()
        put()
        assert len(before) == 1
        assert len(during - before) == 1
        assert peers() == before
    assert redis.llen("ingest") == 3


def test_a_failover_to_another_sentinel_keeps_the_transport():
    connection = Connection("sentinel://one:26379;sentinel://two:26379", transport_options={"master_name": "mymaster"})
    assert connection.transport_cls == "sentinel"
    connection.maybe_switch_next()
    assert connection.get_transport_cls() is SentinelTransport


def test_what_is_not_noted_is_found_again():
    """By the sweep, or because beat asks for it every few seconds."""
    by_sweep = {TaskName.DRAIN, TaskName.ATTRIBUTE_CHUNK, TaskName.ATTRIBUTE_RUN, TaskName.CLOSE_RUN}
    by_beat = {entry.task for entry in schedule(Settings()).values() if entry.every_s < 60}
    assert {task for task, queue in ROUTES.items() if queue in SWEPT} == by_sweep | by_beat
    assert celery.conf.task_acks_late
