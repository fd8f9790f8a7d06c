"""The inbox on a real Redis: kept before 200, sealed once, replayed alike, cut off with its run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.errors import Unavailable
from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ingest.events import Batch, Event, Touch, encode_batch
from app.ingest.inbox import Inbox, Shard, TooMany
from app.ledger.cut import Chunk, Share
from app.ledger.runs import RunKind, Runs, RunState
from app.storage import keys
from app.storage.redis import make_redis
from config.settings import Settings
from workers.checkup import Verdict, _inbox


def entry(*message_ids: str) -> bytes:
    events = [Event(id, "page", "", 5, "u:1", touch=Touch(0, "email")) for id in message_ids]
    return encode_batch(Batch(4, 1_000, 1, 400, events=events))


@pytest.fixture
def small(settings):
    return Settings(
        redis_url=settings.redis_url, shards=4, block_wait_ms=0, inbox_entries=10, block_events=4, lease_s=5
    )


@pytest.fixture
def woken():
    return []


@pytest.fixture
def inbox(redis, small, woken):
    return Inbox(redis, small, wake=woken.append)


def test_accept_wakes_one_drain_for_many_batches(inbox, woken):
    for _ in range(3):
        inbox.accept(4, entry("m"), 1)
    assert (inbox.depth(0), woken) == (3, [0])


def test_nobody_is_woken_while_a_drain_is_at_work(redis, small, inbox, woken):
    shard = Shard(redis, small, 0)
    assert shard.hold()
    inbox.accept(4, entry("m"), 1)
    assert woken == []
    assert shard.release() == (True, False)


def test_a_full_inbox_keeps_nothing_of_the_request(inbox, redis, small):
    for _ in range(10):
        inbox.accept(4, entry("m"), 1)
    letter = DeadLetter(4, "bad", "m", "d", Source.EDGE.value, "{}")
    with pytest.raises(TooMany) as caught:
        inbox.accept(4, entry("m"), 1, [letter])
    assert (caught.value.status, caught.value.retry_after_s) == (429, 2)
    assert DeadLetters(redis, 1000).count() == 0
    (told,) = _inbox(inbox, small)
    assert told.verdict is Verdict.WRONG
    assert told.text.startswith("10 batches wait, the oldest for 0 s; full: 1 shard of 4")
    assert "429" in told.remedy


def test_batches_that_fewer_shards_leave_behind_are_found(inbox, redis, small):
    inbox.accept(7, entry("m"), 1)
    fewer = replace(small, shards=2)
    wrong, rest = _inbox(Inbox(redis, fewer, wake=lambda shard: None), fewer)
    assert (wrong.verdict, rest.verdict) == (Verdict.WRONG, Verdict.OK)
    assert wrong.text == "1 batch waits in shard 3, which nobody drains: there are 2 now"
    assert "TRIBUTARY_SHARDS to 4" in wrong.remedy


def test_a_request_of_bad_events_alone_reaches_the_dead_letters(inbox, redis):
    inbox.accept(4, b"", 0, [DeadLetter(4, "bad", "m", "d", Source.EDGE.value, "{}")])
    ((_, letter),) = list(DeadLetters(redis, 1000).read())
    assert (letter.reason, inbox.depth(0)) == ("bad", 0)


def test_without_redis_nothing_is_accepted(small):
    away = Inbox(make_redis("redis://127.0.0.1:1/0"), small, wake=lambda shard: None)
    with pytest.raises(Unavailable):
        away.accept(4, entry("m"), 1)


def test_a_failing_wake_up_loses_nothing(redis, small):
    def fails(shard: int) -> None:
        raise ConnectionError("no broker")

    inbox = Inbox(redis, small, wake=fails)
    inbox.accept(4, entry("m"), 1)
    assert inbox.depth(0) == 1


def test_a_shard_has_one_drain_at_a_time(redis, small):
    one, other = Shard(redis, small, 0), Shard(redis, small, 0)
    assert one.hold()
    assert not other.hold()
    one.release()
    assert other.hold()


def test_a_block_never_changes_once_sealed(redis, small, inbox):
    inbox.accept(4, entry("m1", "m2"), 2)
    first = Shard(redis, small, 0)
    first.hold()
    block = first.take()
    first.drop()  # dies
    inbox.accept(4, entry("m3"), 1)
    second = Shard(redis, small, 0)
    second.hold()
    assert second.take() == block


def test_a_full_shard_refuses_whoever_fills_it_and_takes_the_others(inbox):
    for _ in range(10):
        inbox.accept(4, entry("m"), 1)
    for _ in range(5):
        inbox.accept(8, entry("m"), 1)
    for tenant_id in (4, 8):
        with pytest.raises(TooMany) as caught:
            inbox.accept(tenant_id, entry("m"), 1)
        assert (caught.value.code, caught.value.retryable) == ("inbox_full", True)
    inbox.accept(12, entry("m"), 1)
    assert inbox.depth(0) == 16


def test_a_flood_does_not_stand_before_the_others(redis, small, inbox):
    for number in range(10):
        inbox.accept(4, entry(f"flood{number}"), 1)
    inbox.accept(8, entry("a", "b"), 2)
    inbox.accept(12, entry("c"), 1)
    shard = Shard(redis, small, 0)
    shard.hold()
    block = shard.take()
    assert sorted(event.message_id for batch in block.batches for event in batch.events) == ["a", "b", "c", "flood0"]
    assert Runs(redis, 15).acknowledge(0, block.last, "run", [])
    assert inbox.depth(0) == 9
    assert shard.take().events == 4, "alone again, the tenant has whole blocks"


def test_a_shared_block_is_read_again_as_it_was(redis, small, inbox):
    inbox.accept(4, entry("m1"), 1)
    inbox.accept(8, entry("m2"), 1)
    first = Shard(redis, small, 0)
    first.hold()
    block = first.take()
    first.drop()  # dies
    for tenant_id in (4, 8, 12):
        inbox.accept(tenant_id, entry("m3"), 1)
    second = Shard(redis, small, 0)
    second.hold()
    assert second.take() == block
    Runs(redis, 15).acknowledge(0, block.last, "run", [])
    later = second.take()
    assert (later.events, later.token == block.token) == (3, False)


def test_nothing_waits_where_all_is_acknowledged(redis, small, inbox):
    for tenant_id in (4, 8):
        inbox.accept(tenant_id, entry("m"), 1)
    shard = Shard(redis, small, 0)
    shard.hold()
    Runs(redis, 15).acknowledge(0, shard.take().last, "run", [])
    assert not redis.exists(keys.waiting(0))
    assert (inbox.depth(0), inbox.oldest_ms(0), shard.take(), shard.release()) == (0, None, None, (False, False))


def test_what_comes_while_a_small_block_grows_is_taken_along(redis, small, inbox, monkeypatch):
    inbox.accept(4, entry("m1"), 1)
    shard = Shard(redis, replace(small, block_wait_ms=10_000), 0)
    shard.hold()
    monkeypatch.setattr("app.ingest.inbox.time.sleep", lambda seconds: inbox.accept(8, entry("m2"), 1))
    assert shard.take().events == 2


def test_who_loses_the_lease_while_a_block_grows_takes_nothing(redis, small, inbox, monkeypatch):
    inbox.accept(4, entry("m1"), 1)
    slow, other = (Shard(redis, replace(small, block_wait_ms=wait_ms), 0) for wait_ms in (10_000, 0))
    slow.hold()

    def expires(seconds: float) -> None:
        redis.delete(keys.lease(0))
        other.hold()

    monkeypatch.setattr("app.ingest.inbox.time.sleep", expires)
    assert slow.take() is None
    assert other.take().events == 1


def test_a_block_ends_before_it_grows_too_large(redis, small, inbox):
    for _ in range(3):
        inbox.accept(4, entry("a", "b", "c"), 3)
    shard = Shard(redis, small, 0)
    shard.hold()
    assert shard.take().events == 3


def test_an_entry_that_is_no_batch_stops_nothing(redis, small, inbox):
    inbox.accept(4, b"no batch", 1)
    inbox.accept(4, entry("m1"), 1)
    shard = Shard(redis, small, 0)
    shard.hold()
    block = shard.take()
    assert (block.events, block.unreadable) == (1, [b"no batch"])


def test_the_first_memo_of_a_block_stands(redis, small, inbox):
    inbox.accept(4, entry("m1"), 1)
    shard = Shard(redis, small, 0)
    shard.hold()
    block = shard.take()
    assert block.memo is None
    redis.delete(keys.lease(0))
    assert shard.remember(block, b"one") == b"one"
    assert shard.remember(block, b"two") == b"one"
    assert not Shard(redis, small, 0).hold(), "to remember renews the lease"
    assert shard.take().memo == b"one"


def test_a_drain_reads_on_in_long_inboxes_and_takes_what_waits_in_all(redis, small, inbox, monkeypatch):
    monkeypatch.setattr("app.ingest.inbox.READ_ENTRIES", 3)
    monkeypatch.setattr("app.ingest.inbox.FEWEST_ENTRIES", 2)
    for tenant_id, count in ((4, 5), (8, 2), (12, 1)):
        for number in range(count):
            inbox.accept(tenant_id, entry(f"{tenant_id}-{number}"), 1)
    shard = Shard(redis, replace(small, block_events=100), 0)
    shard.hold()
    block = shard.take()
    assert [event.message_id for batch in block.batches for event in batch.events] == [
        *(f"4-{number}" for number in range(5)),
        *("8-0", "8-1", "12-0"),
    ]
    assert shard.take() == block


def test_acknowledging_cuts_the_block_and_records_its_run_at_once(redis, small, inbox):
    inbox.accept(4, entry("m1"), 1)
    shard = Shard(redis, small, 0)
    shard.hold()
    block = shard.take()
    inbox.accept(4, entry("m2"), 1)
    runs = Runs(redis, 15)
    chunk = Chunk((Share(4, (7).to_bytes(8, "little")),))
    assert runs.acknowledge(0, block.last, "run", [chunk])
    assert not runs.acknowledge(0, block.last, "run", [chunk])
    assert inbox.depth(0) == 1
    assert runs.get("run").chunks == 1
    assert runs.open_chunks("run") == {0: chunk}
    assert shard.remember(block, b"late") is None


def test_a_drain_that_lost_its_lease_seals_nothing(redis, small, inbox):
    inbox.accept(4, entry("m1"), 1)
    slow = Shard(redis, small, 0)
    slow.hold()
    redis.delete(keys.lease(0))
    other = Shard(redis, small, 0)
    other.hold()
    assert slow.take() is None
    assert other.take() is not None


def test_batches_that_wait_unattended_are_seen_once(redis, inbox):
    inbox.accept(4, entry("m1"), 1)
    redis.delete(keys.wake(0))
    assert inbox.asleep(0)
    assert not inbox.asleep(0)
    assert not inbox.asleep(1)


class TestRuns:
    @pytest.fixture
    def runs(self, redis):
        return Runs(redis, 15)

    @pytest.fixture
    def chunks(self):
        return [Chunk((Share(4, number.to_bytes(8, "little")),)) for number in range(3)]

    def test_versions_only_grow(self, runs, chunks):
        versions = [runs.create(f"run{number}", RunKind.REATTRIBUTE, 4, chunks) for number in range(20)]
        assert versions == sorted(set(versions))

    def test_a_chunk_is_counted_once(self, runs, chunks):
        runs.create("run", RunKind.REATTRIBUTE, 4, chunks)
        left = [runs.finish("run", 0, {}, attributed=5, touches=9) for _ in range(2)]
        assert left == [2, 2]
        record = runs.get("run")
        assert (record.chunks_done, record.attributed, record.touches) == (1, 5, 9)

    def test_a_run_with_open_chunks_cannot_be_closed(self, runs, chunks):
        runs.create("run", RunKind.REATTRIBUTE, 4, chunks)
        assert not runs.close("run", RunState.DONE)
        for number in range(3):
            runs.finish("run", number, {}, attributed=1, touches=1)
        assert runs.close("run", RunState.DONE)
        assert not runs.close("run", RunState.DONE)
        assert (runs.get("run").state, runs.waiting()) == ("done", 0)

    def test_overdue_runs_are_claimed_by_one_sweep(self, redis, chunks):
        runs = Runs(redis, 0)
        runs.create("run", RunKind.BLOCK, 4, chunks)
        assert runs.overdue(count_try=True) == [("run", 1)]
        late = Runs(redis, 60)
        assert late.overdue(count_try=False) == [("run", 1)]
        assert late.overdue(count_try=True) == []

    def test_progress_starts_the_count_of_tries_again(self, redis, chunks):
        runs = Runs(redis, 0)
        runs.create("run", RunKind.BLOCK, 4, chunks)
        runs.overdue(count_try=True)
        runs.finish("run", 0, {}, attributed=1, touches=1)
        assert runs.overdue(count_try=True) == [("run", 1)]
