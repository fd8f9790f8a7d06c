"""Does whatever happens to a tenant, in whatever order, leave what a fresh start would have made?

Rule-based, on the running engine: sends, late touches, repeats, merges and their undoing, adjustments, other rules, a
shadow put there and taken away, erasures. After every step the sums hold, the service's own proof says so, under the
shadow too, the journeys that came to nothing are what counting them all again gives, and the neighbour's answers stand
still; attributing again changes nothing. At the end ledger and rollup, and the shadow's, are those of a tenant that was
sent what is left, all at once.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

import msgspec
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
from app.ledger.keys import conversion_key
from app.ledger.reattribute import start_run
from app.ledger.rules_change import Applied, apply_rules, apply_shadow, drop_shadow
from app.ledger.runs import RunKind
from app.ledger.unconverted import filtered, unconverted
from app.reports.channels import Question, inputs_of, rules_of
from app.reports.days import Period
from app.reports.non_converting import non_converting
from app.reports.reconcile import Reconciliation, reconcile
from app.storage.changes import changes_of
from app.storage.shadow import ShadowReads, of_shadow
from app.tenants.rules import ChannelWindow, ConversionRule, Rules
from app.tenants.tenant import Tenant, under_shadow
from tests.integration.pipeline.conftest import DAILY, DAY, LEDGER, NOON, Pipeline, join, meet, order, touch
from tests.integration.rollups import require_rollups
from tests.unit.attribution.walks import walks_of

USERS = [f"u:{n}" for n in range(4)]
DEVICES = ["a:x", "a:y"]
LONELY = "u:lonely"
ORDERS = [str(n) for n in range(4)]
CHANGES = [
    *("send_again", "adjust", "take_apart", "put_together_again", "erase", "change_the_rules"),
    *("put_a_shadow", "put_a_shadow", "take_the_shadow_away", "attribute_again"),
]
RULES = [
    Rules(),
    Rules(collapse_repeats=True, excluded_channels=("b",), position_preset="j"),
    Rules(conversions=(ConversionRule("Order Completed", reset=True),), half_life_ms=DAY, clicks_win_ties=True),
    Rules(touch_cap=2, click_window_ms=5 * DAY, view_window_ms=9 * DAY, channel_windows=(ChannelWindow("a", "", DAY),)),
]
FROM_MS = [0, NOON - 20 * DAY, NOON - DAY]
WHOLE = Period(date(2026, 7, 1), date(2026, 10, 15), "UTC")
"""All that is sent lies in it."""
COUNTED = Question(Period(date(2026, 8, 20), date(2026, 9, 22), "UTC"))
"""Some touches lie before it and after it."""
HOUR = 3_600_000
_numbers = itertools.count()


def random_event(dice: random.Random) -> Event:
    """A touch, an order, a login or an alias."""
    user, kind = dice.choice(USERS + DEVICES), dice.choice(["touch"] * 3 + ["order"] * 2 + ["login", "alias"])
    ts, number = NOON + dice.randint(-40 * 24, 5 * 24) * HOUR, next(_numbers)
    if kind == "order" and user != DEVICES[1]:
        return order(user, ts, dice.choice(ORDERS), dice.randint(0, 10_001), id=f"sc{number}")
    if kind == "login" and user in USERS:
        return meet(dice.choice(DEVICES), user, ts)
    if kind == "alias" and user in USERS:
        return join(user, dice.choice([other for other in USERS if other != user]), ts)
    return touch(user, ts, dice.choice("abc"), kind=dice.randrange(2), id=f"st{number}", source=dice.choice(["", "x"]))


@dataclass
class Sent:
    """What a fresh start has to be sent to come to the same."""

    events: list[Event] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)


class Tenancy(RuleBasedStateMachine):
    """One tenant under change, beside a neighbour with the same ids."""

    pipeline: ClassVar[Pipeline]

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        self.plan = random.Random(seed).sample(CHANGES, len(CHANGES))
        self.tenant, self.neighbour = self.pipeline.tenant(), self.pipeline.tenant()
        self.sent, self.cut, self.gone = Sent(), set[frozenset[str]](), set[str]()
        first = [touch("u:0", NOON - DAY, "n"), touch("a:x", NOON - DAY, "n"), order("u:0", NOON, "0", 777)]
        self.pipeline.send(self.neighbour, *first, meet("a:x", "u:0", NOON - 1))
        self.pipeline.settle()
        self.neighbours = self.stored(self.neighbour, LEDGER, DAILY)
        self.neighbours_proof = self.reconciled(self.neighbour).shown()

    @precondition(lambda self: self.plan)
    @rule(seed=st.integers(0, 2**32 - 1))
    def happens(self, seed: int) -> None:
        """A block of events, and then one change: each kind of them once, in any order."""
        dice = random.Random(f"{seed} {len(self.plan)}")
        self.send(*(random_event(dice) for _ in range(dice.randint(3, 9))))
        getattr(self, self.plan.pop())(dice)

    def send_again(self, dice: random.Random) -> None:
        """At another time, earlier or later, where it is a touch."""
        event = dice.choice(self.sent.events or [touch(DEVICES[0], NOON - DAY, "a")])
        if event.touch is not None:
            ts = event.ts - dice.randint(-3, 3) * DAY
            event = msgspec.structs.replace(event, ts=ts)
        self.send(event)

    def adjust(self, dice: random.Random) -> None:
        found = []
        for id in dice.sample(ORDERS, 3):
            action, at = dice.choice(["restate", "retract"]), NOON + dice.randint(-9, 9) * HOUR
            value = "12.34" if action == "restate" else ""
            found.append(Adjustment(f"adj{next(_numbers)}", action, id, value, "", at))
        self.sent.adjustments += found
        self.pipeline.send(self.tenant, adjustments=found)
        self.pipeline.settle()

    def take_apart(self, dice: random.Random) -> None:
        if not self.meetings():
            self.send(join(*[user for user in USERS if user not in self.gone][:2], NOON))
        pair = dice.choice(sorted(self.meetings(), key=sorted))
        self.unmerge(pair)
        self.cut.add(pair)

    def put_together_again(self, dice: random.Random) -> None:
        if not self.cut:
            self.take_apart(dice)
        pair = dice.choice(sorted(self.cut, key=sorted))
        self.unmerge(pair, undo=True)
        self.cut.discard(pair)

    def erase(self, dice: random.Random) -> None:
        """A user without joined users and shared devices, so that the test knows by itself whose rows those are."""
        alone = sorted(
            user
            for user in {event.user_id for event in self.sent.events} - self.gone
            if user in [*USERS, LONELY] and not any(user in pair for pair in self.met() | self.cut)
        )
        if not alone:
            alone = [LONELY]
            self.send(touch(LONELY, NOON - DAY, "a"), order(LONELY, NOON, "0", 500))
        user, context = dice.choice(alone), self.pipeline.context
        row = request_erasure(
            context.redis, context.storage, context.settings, self.tenant, user[2:], kind="user", mode="remove"
        )
        self.pipeline.finish(row.run_id)
        self.sent.events = [event for event in self.sent.events if event.user_id != user]
        self.gone.add(user)

    def change_the_rules(self, dice: random.Random) -> None:
        context = self.pipeline.context
        given = (context.redis, context.storage, context.settings, context.registry)
        self.applied(apply_rules(*given, self.tenant.tenant_id, *self.other_rules(dice)))

    def put_a_shadow(self, dice: random.Random) -> None:
        context, before = self.pipeline.context, self.pipeline.ledger(self.tenant)
        given = (context.redis, context.storage, context.settings, context.registry)
        self.applied(apply_shadow(*given, self.tenant.tenant_id, *self.other_rules(dice)))
        assert self.pipeline.ledger(self.tenant) == before

    def take_the_shadow_away(self, dice: random.Random) -> None:
        if self.tenant.shadow is None:
            self.put_a_shadow(dice)
        context = self.pipeline.context
        assert drop_shadow(context.storage, context.registry, self.tenant.tenant_id)
        self.tenant = context.registry.fresh(self.tenant.tenant_id)

    def other_rules(self, dice: random.Random) -> tuple[Rules, int]:
        return dice.choice(RULES), dice.choice(FROM_MS)

    def attribute_again(self, dice: random.Random) -> None:
        before, changes = self.standing(), self.changes()
        context = self.pipeline.context
        self.pipeline.finish(
            start_run(context.redis, context.settings, RunKind.REATTRIBUTE, self.tenant.tenant_id, self.keys())
        )
        assert self.standing() == before
        assert self.changes() == changes

    @invariant()
    def everything_sums(self) -> None:
        rows = self.pipeline.ledger(self.tenant)
        totals: Counter[tuple[str, str]] = Counter()
        for model, _, micros, gross, net in self.stored(self.tenant, DAILY)[0]:
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
    def the_service_proves_it(self) -> None:
        proved = [self.reconciled(self.tenant)]
        if self.tenant.shadow is not None:
            proved.append(self.reconciled(under_shadow(self.tenant), shadow=True))
            assert proved[0].worth == proved[1].worth, "both have the same conversions and totals"
        for found in proved:
            assert found.reconciled, found.shown()
            assert (found.pending, found.orphans) == (0, 0), found.shown()
            assert not any(worth.stale for worth in found.worth.currencies.values()), found.shown()

    @invariant()
    def every_rollup_is_the_ledger_summed_up(self) -> None:
        require_rollups(self.pipeline.context.storage, self.tenant)
        if self.tenant.shadow is not None:
            require_rollups(self.pipeline.context.storage, self.tenant, shadow=True)

    @invariant()
    def what_came_to_nothing_is_counted_as_if_anew(self) -> None:
        storage = self.pipeline.context.storage
        inputs = inputs_of(storage, self.tenant, COUNTED)
        kept = unconverted(storage, self.tenant, COUNTED, inputs, lambda done, lots: None)
        found = non_converting(storage, self.tenant, COUNTED.period).paths
        assert walks_of(kept) == walks_of(filtered(found, rules_of(self.tenant, COUNTED)))

    @invariant()
    def the_neighbour_stands_still(self) -> None:
        assert self.stored(self.neighbour, LEDGER, DAILY) == self.neighbours

    def teardown(self) -> None:
        if not hasattr(self, "sent"):
            return
        assert self.reconciled(self.neighbour).shown() == self.neighbours_proof
        assert self.standing() == self.fresh_start()

    def fresh_start(self) -> tuple[Any, ...]:
        """The same of another tenant, under the same rules and shadow, that was sent what is left, all at once."""
        registry, fresh = self.pipeline.context.registry, self.pipeline.tenant()
        for item in self.tenant.timeline:
            registry.set_rules(fresh.tenant_id, item.rules, item.from_ms)
        if self.tenant.shadow is not None:
            registry.set_shadow(fresh.tenant_id, self.tenant.shadow.rules, self.tenant.shadow.from_ms)
        events = [event for event in self.sent.events if not self.meeting_of(event) & self.cut]
        events += [parted(event) for event in self.sent.events if self.meeting_of(event) & self.cut]
        if events or self.sent.adjustments:
            self.pipeline.send(fresh, *events, adjustments=self.sent.adjustments)
            self.pipeline.settle()
        return self.of(fresh)

    def standing(self) -> tuple[Any, ...]:
        return self.of(self.tenant)

    def of(self, tenant: Tenant) -> tuple[Any, ...]:
        """Ledger and rollup, and the shadow's where there is one; what it left goes when the engine gets to it."""
        shadows = (of_shadow(LEDGER), of_shadow(DAILY)) if self.tenant.shadow is not None else ()
        return self.stored(tenant, LEDGER, DAILY, *shadows)

    def stored(self, tenant: Tenant, *statements: Any) -> tuple[Any, ...]:
        return tuple(self.pipeline.context.storage.rows(one, tenant_id=tenant.tenant_id) for one in statements)

    def reconciled(self, tenant: Tenant, *, shadow: bool = False) -> Reconciliation:
        storage = self.pipeline.context.storage
        return reconcile(ShadowReads(storage) if shadow else storage, tenant, WHOLE, now_ms=NOON)

    def applied(self, found: Applied) -> None:
        self.tenant = found.tenant
        for job_id in found.job_ids:
            self.pipeline.finish(job_id)

    def send(self, *events: Event) -> None:
        """What an erased person sent or is part of comes as of before the erasure: it must not come back."""
        for event in events:
            if not {event.user_id, event.anonymous_id, event.previous_id} & self.gone:
                self.sent.events.append(event)
        taken = [event for event in events if event in self.sent.events or event.user_id in self.gone]
        self.pipeline.send(self.tenant, *taken)
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
        return changes_of(self.pipeline.context.storage, self.tenant.tenant_id, self.keys())


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
            max_examples=2,
            stateful_step_count=len(CHANGES) + 1,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
