"""From events to the ledger once more, as plainly as Python can say SEMANTICS 2 to 4: slow, in fractions, no arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from app.attribution.currency import AmountError, to_minor
from app.attribution.journeys import JourneyRules, Reuse
from app.attribution.models import ModelParams
from app.attribution.names import TouchKind
from app.ingest.events import Adjustment, Event
from app.ledger.keys import conversion_key
from app.tenants.rules import PRESETS, Rules
from app.tenants.tenant import Tenant
from tests.unit.attribution import reference
from tests.unit.attribution.reference import PlainConversion, PlainTouch

MOST_USERS = 5


@dataclass(frozen=True)
class Made:
    """A conversion: the earliest event of its order, its person, and how many others claimed the order."""

    event: Event
    person: str
    duplicates: int

    @property
    def key(self) -> int:
        return conversion_key(self.type, self.sold.order_id)

    @property
    def sold(self) -> Any:
        return self.event.conversion

    @property
    def type(self) -> str:
        return str(self.sold.conversion_type)


class Persons:
    """SEMANTICS 2.10: users that an alias joined; whose a device is, and from when on."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.joined: dict[str, set[str]] = {}
        self.met: dict[str, dict[str, int]] = defaultdict(dict)
        for event in events:
            if event.previous_id:
                both = self.group(event.user_id) | self.group(event.previous_id)
                self.joined |= dict.fromkeys(both, both)
            if event.anonymous_id:
                times = self.met[event.anonymous_id]
                times[event.user_id] = min(times.get(event.user_id, event.ts), event.ts)

    def group(self, user: str) -> set[str]:
        return self.joined.get(user, {user})

    def at(self, id: str, ts: int) -> str:
        if id.startswith("u:"):
            return min(self.group(id))
        owners = sorted((since, user) for user, since in self.met[id].items())
        if not owners or len(owners) > MOST_USERS:
            return id
        later = [user for since, user in owners[1:] if since <= ts]
        return min(self.group([owners[0][1], *later][-1]))


def plain_ledger(
    tenant: Tenant, sent: Sequence[Event], adjustments: Sequence[Adjustment], key_of: Callable[[str], int]
) -> list[dict[str, Any]]:
    """The rows that `Pipeline.ledger` reads, in its order."""
    events = once(sent)
    persons = Persons(events)
    touches: dict[str, dict[int, Event]] = defaultdict(dict)
    for event in events:
        if event.touch is not None:
            touches[persons.at(event.user_id, event.ts)][key_of(event.message_id)] = event
    made = conversions(events, persons)
    rows = [row_of(tenant.rules_at(one.event.ts), one, made, touches[one.person], adjustments) for one in made]
    return sorted(rows, key=lambda row: (row["type"].encode(), row["order_id"].encode()))


def plain_daily(tenant: Tenant, rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str, str], list[int]]:
    """(day of the tenant, model, channel) -> millionths, gross, net; what is nothing at all left out."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        day = datetime.fromtimestamp(row["ts"] / 1000, UTC).astimezone(ZoneInfo(tenant.timezone)).date().isoformat()
        width = len(row["keys"])
        for number, model in enumerate(reference.model_weights([0], ModelParams())):
            if not width:
                parts = [("(unattributed)", 1_000_000, row["gross_minor"], row["net_minor"])]
            for place in range(width):
                at = number * width + place
                net = (row["net"] or row["gross"])[at]
                one = (row["channels"][place], row["micros"][at], row["gross"][at], net)
                parts = [one] if place == 0 else [*parts, one]
            for channel, *amounts in parts:
                held = sums[day, model, channel]
                held[:] = [was + more for was, more in zip(held, amounts, strict=True)]
    return {key: amounts for key, amounts in sums.items() if amounts[0] or amounts[1]}


def once(sent: Sequence[Event]) -> list[Event]:
    """Each messageId at the earliest of its times."""
    found: dict[str, Event] = {}
    for event in sent:
        if event.message_id not in found or event.ts < found[event.message_id].ts:
            found[event.message_id] = event
    return list(found.values())


def conversions(events: Sequence[Event], persons: Persons) -> list[Made]:
    of_order: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        if event.conversion is not None:
            of_order[event.conversion.conversion_type, event.conversion.order_id].append(event)
    found = []
    for claims in of_order.values():
        winner = min(claims, key=lambda event: (event.ts, event.message_id))
        found.append(Made(winner, persons.at(winner.user_id, winner.ts), len(claims) - 1))
    return found


def row_of(
    rules: Rules, one: Made, made: Sequence[Made], touches: dict[int, Event], adjustments: Sequence[Adjustment]
) -> dict[str, Any]:
    types = sorted({other.type for other in made})
    all_of_person = {
        other.key: PlainConversion(0, types.index(other.type), other.event.ts, other.key, other.sold.value_minor)
        for other in made
        if other.person == one.person
    }
    found = reference.journey(
        all_of_person[one.key],
        list(all_of_person.values()),
        [PlainTouch(event.ts, key, event.touch.channel, TouchKind(event.touch.kind)) for key, event in touches.items()],
        journey_rules(rules, one.type, {event.touch.channel for event in touches.values()}),
    )
    weights = {}
    if found.kept:
        weights = weights_of(rules, one, [other for other in made if other.person == one.person], found.kept)
    net_minor, retracted = net_of(one, adjustments)
    keys = [touch.key for touch in found.kept]

    def shared(value: int) -> list[int]:
        return [
            amount
            for model, of_model in weights.items()
            for amount in reference.share(value, of_model, one.key, model, keys)
        ]

    return {
        "type": one.type,
        "order_id": one.sold.order_id,
        "message_id": one.event.message_id,
        "ts": one.event.ts,
        "person": one.person,
        "currency": one.sold.currency,
        "gross_minor": one.sold.value_minor,
        "net_minor": net_minor,
        "retracted": int(retracted),
        "duplicates": one.duplicates,
        "left_out": found.left_out,
        "keys": keys,
        "channels": [touch.channel for touch in found.kept],
        "campaigns": [touches[key].touch.campaign for key in keys],
        "sources": [touches[key].touch.source for key in keys],
        "micros": shared(1_000_000),
        "gross": shared(one.sold.value_minor),
        "net": shared(net_minor) if retracted or net_minor != one.sold.value_minor else [],
    }


def journey_rules(rules: Rules, type: str, channels: set[str]) -> JourneyRules:
    """Of a click and of a view by itself: channel and type, then channel, then type, then tenant."""
    of_type = next((rule for rule in rules.conversions if (rule.conversion_type or rule.event) == type), None)

    def window(channel: str, name: str) -> int:
        specific = [item for item in rules.channel_windows if item.channel == channel and item.conversion_type == type]
        general = [item for item in rules.channel_windows if item.channel == channel and not item.conversion_type]
        said = [getattr(item, name) for item in (*specific, *general, of_type, rules) if item is not None]
        return int(next(value for value in said if value is not None))

    both = ("click_window_ms", "view_window_ms")
    return JourneyRules(
        *(window("", name) for name in both),
        cap=rules.touch_cap,
        skip_direct=rules.skip_direct,
        excluded_channels=frozenset(rules.excluded_channels),
        collapse_repeats=rules.collapse_repeats,
        reuse=Reuse.RESET if of_type is not None and of_type.reset else Reuse.REUSE,
        channel_windows=tuple((channel, *(window(channel, name) for name in both)) for channel in sorted(channels)),
        clicks_win_ties=rules.clicks_win_ties,
    )


def weights_of(
    rules: Rules, one: Made, of_person: Sequence[Made], kept: Sequence[PlainTouch]
) -> dict[str, list[Fraction]]:
    position = PRESETS[rules.position_preset] if rules.position_preset else (0.4, 0.2, 0.4, 0.0)
    params = ModelParams(rules.half_life_ms, *position)
    weights = reference.model_weights([one.event.ts - touch.time_ms for touch in kept], params)
    if position[3]:
        reached = []
        for name in rules.milestones:
            before = [
                other.event.ts
                for other in of_person
                if other.type == name != one.type and (other.event.ts, other.key) < (one.event.ts, one.key)
            ]
            led = [place for place, touch in enumerate(kept) if before and touch.time_ms <= max(before)]
            reached += led[-1:]
        weights["position_based"] = reference.milestone_weights(len(kept), reached, params)
    return weights


def net_of(one: Made, adjustments: Sequence[Adjustment]) -> tuple[int, bool]:
    """The last one by (time, id) that speaks of this conversion stands; of one id the earliest counts, per order."""
    first: dict[str, Adjustment] = {}
    for item in sorted(adjustments, key=lambda item: item.at):
        if item.order_id == one.sold.order_id:
            first.setdefault(item.adjustment_id, item)
    net, retracted = one.sold.value_minor, False
    for item in sorted(first.values(), key=lambda item: (item.at, item.adjustment_id)):
        if item.conversion_type not in ("", one.type):
            continue
        if item.action == "retract":
            net, retracted = 0, True
        elif item.currency in ("", one.sold.currency):
            try:
                net, retracted = to_minor(item.value, one.sold.currency), False
            except AmountError:
                continue
    return net, retracted
