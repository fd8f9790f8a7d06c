"""Does whatever happens to a tenant, in whatever order, leave what a fresh start would have made?

Rule-based, on the running engine: sends, late touches, repeats, merges and their undoing, adjustments, erasures. After
every step the sums hold, the rollup agrees with the ledger, the neighbour's ledger stands still, and attributing again
changes nothing; at the end the ledger and the rollup are those of a tenant that was sent what is left, all at once.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.identity.unmerge import unmerge
from app.ingest.events import Adjustment, Event
from app.ledger.erase import request_erasure
from app.ledger.history import history
from app.ledger.keys import conversion_key
from app.ledger.reattribute import start_run
from app.ledger.runs import RunKind
from tests.integration.pipeline.conftest import DAY, NOON, Pipeline, join, meet, order, touch

USERS = [f"u:{n}" for n in range(4)]
DEVICES = ["a:x", "a:y"]
ORDERS = [str(n) for n in range(4)]
hours = st.integers(-40 * 24, 5 * 24).map(lambda hour: NOON + hour * 3_600_000)
_numbers = itertools.count()


@dataclass
class Sent:
    """What a fresh start has to be sent to come to the same."""

    events: list[Event] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)


class Tenancy(RuleBasedStateMachine):
    """One tenant under change, beside a neighbour with the same ids."""

    pipeline: ClassVar[Pipeline]

    @initialize()
    def begin(self) -> None:
        self.tenant, self.neighbour = self.pipeline.tenant(), self.pipeline.tenant()
        self.sent, self.cut, self.gone = Sent(), set[frozenset[str]](), set[str]()
        first = [touch("u:0", NOON - DAY, "n"), touch("a:x", NOON - DAY, "n"), order("u:0", NOON, "0", 777)]
        self.pipeline.send(self.neighbour, *first, meet("a:x", "u:0", NOON - 1))
        self.pipeline.settle()
        self.neighbours = self.pipeline.ledger(self.neighbour)

    @rule(user=st.sampled_from(USERS + DEVICES), ts=hours, channel=st.sampled_from("abc"), kind=st.integers(0, 1))
    def send_touch(self, user: str, ts: int, channel: str, kind: int) -> None:
        self.send(touch(user, ts, channel, kind=kind, id=f"st{next(_numbers)}"))

    @rule(user=st.sampled_from(USERS + DEVICES[:1]), ts=hours, id=st.sampled_from(ORDERS), value=st.integers(0, 10_001))
    def send_order(self, user: str, ts: int, id: str, value: int) -> None:
        self.send(order(user, ts, id, value, id=f"sc{next(_numbers)}"))

    @rule(device=st.sampled_from(DEVICES), user=st.sampled_from(USERS), ts=hours)
    def log_in(self, device: str, user: str, ts: int) -> None:
        self.send(meet(device, user, ts))

    @rule(one=st.sampled_from(USERS), other=st.sampled_from(USERS), ts=hours)
    def alias(self, one: str, other: str, ts: int) -> None:
        if one != other:
            self.send(join(one, other, ts))

    @precondition(lambda self: self.sent.events)
    @rule(data=st.data(), earlier=st.integers(-3, 3))
    def send_again(self, data: Any, earlier: int) -> None:
        event = data.draw(st.sampled_from(self.sent.events))
        if event.touch is not None:
            event = touch(event.user_id, event.ts - earlier * DAY, event.touch.channel, id=event.message_id,
                          kind=event.touch.kind)  # fmt: skip
        self.send(event)

    @rule(id=st.sampled_from(ORDERS), action=st.sampled_from(["restate", "retract"]), at=hours)
    def adjust(self, id: str, action: str, at: int) -> None:
        value = "12.34" if action == "restate" else ""
        adjustment = Adjustment(f"adj{next(_numbers)}", action, id, value, "", at)
        self.sent.adjustments.append(adjustment)
        self.pipeline.send(self.tenant, adjustments=[adjustment])
        self.pipeline.settle()

    @precondition(lambda self: self.meetings())
    @rule(data=st.data())
    def take_apart(self, data: Any) -> None:
        pair = data.draw(st.sampled_from(sorted(self.meetings(), key=sorted)))
        self.unmerge(pair)
        self.cut.add(pair)

    @precondition(lambda self: self.cut)
    @rule(data=st.data())
    def put_together_again(self, data: Any) -> None:
        pair = data.draw(st.sampled_from(sorted(self.cut, key=sorted)))
        self.unmerge(pair, undo=True)
        self.cut.discard(pair)

    @precondition(lambda self: any(event.user_id in USERS for event in self.sent.events))
    @rule(data=st.data())
    def erase(self, data: Any) -> None:
        """A user without joined users and shared devices, so that the test knows by itself whose rows those are."""
        alone = sorted(
            user
            for user in {event.user_id for event in self.sent.events} & set(USERS) - self.gone
            if not any(user in pair for pair in self.met() | self.cut)
        )
        if not alone:
            return
        user, context = data.draw(st.sampled_from(alone)), self.pipeline.context
        row = request_erasure(
            context.redis, context.storage, context.settings, self.tenant, user[2:], kind="user", mode="remove"
        )
        self.pipeline.finish(row.run_id)
        self.sent.events = [event for event in self.sent.events if event.user_id != user]
        self.gone.add(user)

    @rule()
    def attribute_again(self) -> None:
        before, changes = self.pipeline.ledger(self.tenant), self.changes()
        context = self.pipeline.context
        self.pipeline.finish(
            start_run(context.redis, context.settings, RunKind.REATTRIBUTE, self.tenant.tenant_id, self.keys())
        )
        assert self.pipeline.ledger(self.tenant) == before
        assert self.changes() == changes

    @invariant()
    def everything_sums(self) -> None:
        rows = self.pipeline.ledger(self.tenant)
        totals: Counter[tuple[str, str]] = Counter()
        for model, _, micros, gross, net in self.pipeline.daily(self.tenant):
            totals[model, "micros"] += micros
            totals[model, "gross"] += gross
            totals[model, "net"] += net
        worth = {
            "micros": 1_000_000 * len(rows),
            "gross": sum(row["gross_minor"] for row in rows),
            "net": sum(row["net_minor"] for row in rows),
        }
        assert all(value == worth[what] for (_, what), value in totals.items())
        assert not rows or totals
        for row in rows:
            width = len(row["keys"])
            for model in range(5 if width else 0):
                of_model = slice(model * width, (model + 1) * width)
                assert sum(row["micros"][of_model]) == 1_000_000
                assert sum(row["gross"][of_model]) == row["gross_minor"]
                assert not row["net"] or sum(row["net"][of_model]) == row["net_minor"]

    @invariant()
    def the_neighbour_stands_still(self) -> None:
        assert self.pipeline.ledger(self.neighbour) == self.neighbours

    def teardown(self) -> None:
        if not hasattr(self, "sent"):
            return
        fresh = self.pipeline.tenant()
        events = [event for event in self.sent.events if not self.meeting_of(event) & self.cut]
        events += [parted(event) for event in self.sent.events if self.meeting_of(event) & self.cut]
        if events or self.sent.adjustments:
            self.pipeline.send(fresh, *events, adjustments=self.sent.adjustments)
            self.pipeline.settle()
        assert self.pipeline.ledger(self.tenant) == self.pipeline.ledger(fresh)
        assert self.pipeline.daily(self.tenant) == self.pipeline.daily(fresh)

    def send(self, event: Event) -> None:
        """What an erased person sent or is part of comes as of before the erasure: it must not come back."""
        touched = {event.user_id, event.anonymous_id, event.previous_id}
        if not touched & self.gone:
            self.sent.events.append(event)
        elif event.user_id not in self.gone:
            return
        self.pipeline.send(self.tenant, event)
        self.pipeline.settle()

    def unmerge(self, pair: frozenset[str], undo: bool = False) -> None:
        one, other = sorted(pair)
        kinds = {"u": "user", "a": "anonymous"}
        context = self.pipeline.context
        done = unmerge(
            *(context.redis, context.storage, context.settings, self.tenant, one[2:], other[2:]),
            kind=kinds[one[0]],
            other_kind=kinds[other[0]],
            undo=undo,
        )
        self.pipeline.finish(done.run_id)

    def met(self) -> set[frozenset[str]]:
        return {pair for event in self.sent.events for pair in self.meeting_of(event)}

    def meetings(self) -> set[frozenset[str]]:
        return self.met() - self.cut

    def meeting_of(self, event: Event) -> set[frozenset[str]]:
        others = (event.anonymous_id, event.previous_id)
        return {frozenset((event.user_id, other)) for other in others if other}

    def keys(self) -> list[int]:
        return [conversion_key("Order Completed", id) for id in ORDERS]

    def changes(self) -> list[Any]:
        return history(self.pipeline.context.storage, self.tenant.tenant_id, self.keys())


def parted(event: Event) -> Event:
    """The same event, naming nobody else."""
    return Event(event.message_id, event.event_type, event.name, event.ts, event.user_id)


@pytest.mark.timeout(300)
def test_any_history_is_a_fresh_start(pipeline: Pipeline) -> None:
    class Here(Tenancy):
        pass

    Here.pipeline = pipeline
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=3,
            stateful_step_count=12,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
