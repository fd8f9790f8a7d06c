"""How many chunks of a backfill wait in the queue at once? A real broker; nobody takes from it."""

from __future__ import annotations

import dataclasses
import json
from base64 import b64decode
from collections import Counter

import pytest

from app.ledger.cut import Chunk, Share
from app.ledger.reattribute import start_run
from app.ledger.runs import RunKind
from tasks import attribution
from tasks.context import Context

WAVE = 3


@pytest.fixture
def context(redis, settings, monkeypatch):
    """The tasks' context over the servers of this session."""
    made = Context(dataclasses.replace(settings, backfill_chunks=WAVE))
    monkeypatch.setattr(attribution, "context", made)
    return made


def record(context, run_id, kind, chunks, tenant_id=4):
    keys = [number.to_bytes(8, "little") for number in range(chunks)]
    context.runs.create(run_id, kind, tenant_id, [Chunk((Share(tenant_id, key),)) for key in keys])


def waiting(redis, queue):
    """Run -> numbers of its chunks in a queue, oldest first."""
    found: dict[str, list[int]] = {}
    for message in reversed(redis.lrange(queue, 0, -1)):
        _, kwargs, _ = json.loads(b64decode(json.loads(message)["body"]))
        found.setdefault(kwargs["run_id"], []).append(kwargs["chunk"])
    return found


def finish(context, run_id, numbers):
    for number in numbers:
        context.runs.finish(run_id, number, {}, attributed=1, touches=1)
    return [{"outcome": "attributed"} for _ in numbers]


def test_a_large_backfill_leaves_room_for_another_tenants(context, redis):
    record(context, "large", RunKind.REATTRIBUTE, 8)
    record(context, "small", RunKind.REATTRIBUTE, 1, tenant_id=5)
    attribution.dispatch("large")
    attribution.dispatch("small")
    assert waiting(redis, "backfill") == {"large": [0, 1, 2], "small": [0]}
    assert Counter(waiting(redis, "attribution")) == {}


def test_a_backfills_chunks_are_twice_as_large_as_a_blocks(context, redis):
    small = dataclasses.replace(context.settings, chunk_conversions=5)
    run_id = start_run(redis, small, RunKind.REATTRIBUTE, 4, range(1, 24))
    assert [chunk.conversions for chunk in context.runs.open_chunks(run_id).values()] == [10, 10, 3]


def test_the_end_of_a_wave_sends_the_next_until_all_is_done(context, redis):
    record(context, "large", RunKind.REATTRIBUTE, 8)
    attribution.dispatch("large")
    for wave, (numbers, following) in enumerate([([0, 1, 2], [3, 4, 5]), ([3, 4, 5], [6, 7])], 1):
        redis.delete("backfill")
        done = finish(context, "large", numbers)
        assert attribution.close_run.run(done, run_id="large", wave=wave)["outcome"] == "waits"
        assert waiting(redis, "backfill") == {"large": following}
    finish(context, "large", [6, 7])
    assert context.runs.open_count("large") == 0


def test_an_older_wave_ends_with_itself(context, redis):
    """The sweep has sent chunks again: only one train of waves goes on."""
    record(context, "large", RunKind.REATTRIBUTE, 8)
    attribution.dispatch("large")
    attribution.dispatch("large")
    done = finish(context, "large", [0, 1, 2])
    redis.delete("backfill")
    attribution.close_run.run(done, run_id="large", wave=1)
    assert waiting(redis, "backfill") == {}
    attribution.close_run.run(done, run_id="large", wave=2)
    assert waiting(redis, "backfill") == {"large": [3, 4, 5]}


def test_support_sees_whose_a_chunk_of_several_tenants_is(context, redis):
    tenant = context.registry.create(f"many-{id(redis)}", "Many")[0]
    shares = tuple(Share(tenant_id, bytes(8)) for tenant_id in (tenant.tenant_id, 900_001, 900_002))
    context.runs.create("many", RunKind.BLOCK, tenant.tenant_id, [Chunk(shares)])
    attribution.dispatch("many")
    (message,) = redis.lrange("attribution", 0, -1)
    _, kwargs, _ = json.loads(b64decode(json.loads(message)["body"]))
    assert (kwargs["tenant"], kwargs["conversions"], kwargs["run_id"]) == (f"{tenant.slug} and 2 more", 3, "many")


def test_a_blocks_chunks_go_out_at_once_and_past_the_backfills(context, redis):
    record(context, "block", RunKind.BLOCK, 8)
    attribution.dispatch("block")
    assert waiting(redis, "attribution") == {"block": list(range(8))}
    assert waiting(redis, "backfill") == {}
