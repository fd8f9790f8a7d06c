"""Is every tenant told of its closed runs, of its own part only, until it has taken it?"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from app.errors import BadInput
from app.ingest.dead_letters import Source
from app.ledger.webhooks import add_webhook, delete_webhook, deliver, due, send_again
from app.storage import keys
from tests.integration.pipeline.conftest import NOON, order


class Receiver(HTTPServer):
    """Notes what it is sent, and answers what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.seen = 200, []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?x=1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run_due(pipeline, hooked):
    context = pipeline.context
    return [deliver(context.redis, context.storage, hooked, delivery) for delivery in due(context.redis)]


def at_once(pipeline, delivery_id):
    pipeline.context.redis.zadd(keys.WEBHOOKS_DUE, {delivery_id: 1})


@pytest.fixture
def hooked(pipeline):
    return replace(pipeline.context.settings, webhook_private=1, webhook_attempts=2)


def test_each_tenant_is_told_its_part(pipeline, receiver, hooked):
    context = pipeline.context
    one = pipeline.tenant()
    others = [pipeline.tenant() for _ in range(4)]
    other = next(t for t in others if t.tenant_id % hooked.shards == one.tenant_id % hooked.shards)
    hook = add_webhook(context.redis, context.storage, hooked, one, receiver.url, [])
    pipeline.send(one, order("u:1", NOON, "1"), order("u:1", NOON, "2"))
    pipeline.send(other, order("u:1", NOON, "1"))
    (drained,) = pipeline.settle()
    pipeline.finish(drained.run_id)  # closing again tells nothing again
    (done,) = run_due(pipeline, hooked)
    assert done["outcome"] == "delivered"
    ((headers, body),) = receiver.seen
    told = json.loads(body)
    assert (told["tenant"], told["conversions"], told["state"]) == (one.slug, 2, "done")
    assert other.slug not in body.decode()
    assert told["days"] == ["2026-09-21"]
    time_part, signed = headers["Tributary-Signature"].split(",")
    content = time_part[2:].encode() + b"." + body
    assert signed == "v1=" + hmac.new(hook.secret.encode(), content, "sha256").hexdigest()
    assert run_due(pipeline, hooked) == []


def test_refusals_are_put_off_and_buried_in_the_end(pipeline, receiver, hooked):
    context, tenant = pipeline.context, pipeline.tenant()
    add_webhook(context.redis, context.storage, hooked, tenant, receiver.url, ["block"])
    add_webhook(context.redis, context.storage, hooked, tenant, receiver.url, ["unmerge"])
    receiver.status = 302  # is not followed
    pipeline.send(tenant, order("u:1", NOON, "1"))
    pipeline.settle()
    (first,) = run_due(pipeline, hooked)
    assert (first["outcome"], first["problem"]) == ("put off", "HTTP 302")
    assert run_due(pipeline, hooked) == []
    at_once(pipeline, first["delivery"])
    (second,) = run_due(pipeline, hooked)
    assert second["outcome"] == "given up"
    (letter,) = [letter for _, letter in context.dead_letters.read(tenant_id=tenant.tenant_id)]
    assert letter.source == Source.WEBHOOK
    receiver.status = 204
    send_again(context.redis, letter)
    (third,) = run_due(pipeline, hooked)
    assert third["outcome"] == "delivered"
    assert len(receiver.seen) == 3


def test_a_deleted_webhook_is_sent_nothing(pipeline, receiver, hooked):
    context, tenant = pipeline.context, pipeline.tenant()
    hook = add_webhook(context.redis, context.storage, hooked, tenant, receiver.url, [])
    pipeline.send(tenant, order("u:1", NOON, "1"))
    pipeline.settle()
    delete_webhook(context.storage, tenant, hook.webhook_id)
    (done,) = run_due(pipeline, hooked)
    assert done["outcome"] == "dropped"
    assert receiver.seen == []


def test_private_addresses_need_the_setting(pipeline, receiver):
    context, tenant = pipeline.context, pipeline.tenant()
    with pytest.raises(BadInput, match="private"):
        add_webhook(context.redis, context.storage, context.settings, tenant, receiver.url, [])
