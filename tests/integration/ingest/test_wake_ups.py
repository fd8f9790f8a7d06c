"""Is a shard ever left to itself while batches wait in it, however accepts, drains and sweeps meet?"""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.ingest.events import Batch, Event, Touch, encode_batch
from app.ingest.inbox import Inbox, Shard
from app.ledger.runs import Runs
from config.settings import Settings

ENTRY = encode_batch(Batch(4, 1_000, 1, 400, events=[Event("m", "page", "", 5, "u:1", touch=Touch(0, "email"))]))


class LookedBefore:
    """A Redis whose caller has something happen between a look at a lease and what it does next."""

    def __init__(self, redis, happens):
        self._redis = redis
        self._happens = happens

    def exists(self, name):
        answer = self._redis.exists(name)
        self._happens()
        return answer

    def __getattr__(self, name):
        return getattr(self._redis, name)


class World:
    """One shard, its drains, and the wake-ups that are under way: messages of a queue."""

    def __init__(self, redis, config):
        self.redis, self.config = redis, config
        self.under_way, self.at_work = [], []
        self.inbox = Inbox(redis, config, wake=self.under_way.append)

    def accept(self):
        self.inbox.accept(4, ENTRY, 1)

    def begin(self):
        """A worker takes the oldest wake-up."""
        if self.under_way:
            shard = Shard(self.redis, self.config, self.under_way.pop(0))
            if shard.hold():
                self.at_work.append((shard, shard.take()))

    def end(self):
        """The drain stores its block, and lets go of the shard."""
        if self.at_work:
            shard, block = self.at_work.pop(0)
            if block is not None:
                Runs(self.redis, 15).acknowledge(0, block.last, "", [])
            if shard.release().more_waits:
                self.under_way.append(0)

    def sweep(self):
        self._sweep(lambda: None)

    def sweep_meets_begin(self):
        self._sweep(self.begin)

    def sweep_meets_end(self):
        self._sweep(self.end)

    def _sweep(self, happens):
        if Inbox(LookedBefore(self.redis, happens), self.config).asleep(0):
            self.under_way.append(0)


STEPS = ["accept", "begin", "end", "sweep", "sweep_meets_begin", "sweep_meets_end"]


@given(st.lists(st.sampled_from(STEPS), max_size=12))
@example(["accept", "sweep_meets_begin", "begin", "accept", "end"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_once_no_wake_up_is_under_way_and_no_drain_at_work_nothing_waits(redis, redis_url, steps):
    redis.flushdb()
    world = World(redis, Settings(redis_url=redis_url, shards=4, block_wait_ms=0))
    for step in steps:
        getattr(world, step)()
    while world.under_way or world.at_work:
        world.begin()
        world.end()
    assert world.inbox.depth(0) == 0
