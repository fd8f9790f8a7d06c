"""Where did the credit of this order go? The conversion, every touch of its person, in or out, and why.

What is in comes from the ledger row: the truth of what was credited. Why another touch is out follows from the rules
that made the row (`app.reports.fates`).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from app.identity.resolve import Alias, Identities, resolve
from app.ledger.conversions import Order
from app.ledger.earlier import earlier_conversions
from app.reports.applied import AppliedAdjustment, adjustments_of_order
from app.reports.fates import Candidate, Reason, fates
from app.reports.unknown import unknown_order
from app.storage.client import Storage
from app.storage.conversion_history import ConversionEvent as StoredEvent
from app.storage.external import one_column
from app.storage.identity import links_of
from app.storage.report_conversions import (
    CONVERSIONS_OF_ORDER,
    LEDGER_ROW,
    RULES_OF_VERSION,
    TOUCHES_OF_IDS,
)
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant

TOUCH_LIMIT = 10_000
DUPLICATE_LIMIT = 1_000
_TASK = "report.explain"


@dataclass(frozen=True, slots=True)
class ConversionEvent:
    """One event that claimed to be the order."""

    conversion_key: int
    conversion_type: str
    order_id: str
    ts_ms: int
    message_id: str
    user_id: str
    anonymous_id: str
    value_minor: int
    currency: str
    rules_version: int
    received_ms: int
    is_deleted: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger holds of the conversion; arrays as in `app.reports.slices.LedgerRow`."""

    currency: str
    gross_minor: int
    net_minor: int
    retracted: int
    person: str
    touches_left_out: int
    touch_keys: list[int]
    touch_times_ms: list[int]
    touch_channels: list[str]
    touch_campaigns: list[str]
    touch_sources: list[str]
    weights: list[float]
    micros: list[int]
    gross: list[int]
    net: list[int]
    rules_version: int
    run_id: str
    version: int


@dataclass(frozen=True, slots=True)
class StoredTouch:
    """A touch as it is stored."""

    user_id: str
    ts_ms: int
    key: int
    message_id: str
    kind: str
    channel: str
    campaign: str
    source: str
    medium: str
    url: str
    referrer: str
    cost: str
    is_deleted: int


@dataclass(frozen=True, slots=True)
class ExplainedTouch:
    """A touch and what became of it; `place` is where its credits stand in the ledger row, None if it has none."""

    touch: StoredTouch
    reason: Reason
    place: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one order; see `app.reports.explained` for how it is said."""

    conversion: ConversionEvent
    other_types: list[str]
    aliases: list[Alias]
    ledger: LedgerEntry | None
    rules: Rules
    timezone: str
    touches: list[ExplainedTouch]
    touches_truncated: bool
    adjustments: list[AppliedAdjustment]
    duplicates: list[ConversionEvent]
    cancelled: list[ConversionEvent]
    earlier: dict[str, int]


def explain(storage: Storage, tenant: Tenant, order_id: str, conversion_type: str = "") -> Explanation:
    """Explain one order of one tenant.

    Parameters
    ----------
    conversion_type : needed only where several types share the order id; the earliest is explained otherwise.

    Raises
    ------
    NotFound : no conversion of the tenant has this order id; says where it may be.
    """
    conversion, others, events = _conversion(storage, tenant, order_id, conversion_type)
    ledger = _ledger(storage, tenant, conversion)
    rules = _rules(storage, tenant, ledger, conversion.ts_ms)
    identities = resolve([conversion.user_id], lambda ids: links_of(storage, tenant.tenant_id, ids, task=_TASK))
    aliases = identities.aliases(conversion.user_id, conversion.ts_ms)
    stored = _touches(storage, tenant, conversion, aliases)
    earlier = _earlier(storage, tenant, conversion, identities, rules)
    own = [event for event in events if event.conversion_key == conversion.conversion_key]
    return Explanation(
        conversion=conversion,
        other_types=others,
        aliases=aliases,
        ledger=ledger,
        rules=rules,
        timezone=tenant.timezone,
        touches=_explained(stored[:TOUCH_LIMIT], aliases, conversion, ledger, rules, earlier),
        touches_truncated=len(stored) > TOUCH_LIMIT,
        adjustments=adjustments_of_order(
            storage, tenant, conversion.order_id, conversion.conversion_type, conversion.currency
        ),
        duplicates=[event for event in own if not event.is_deleted and event is not conversion],
        cancelled=[event for event in own if event.is_deleted],
        earlier=earlier,
    )


def _conversion(
    storage: Storage, tenant: Tenant, order_id: str, conversion_type: str
) -> tuple[ConversionEvent, list[str], list[ConversionEvent]]:
    """The conversion, other types with the same order id, and all events of the order."""
    params = {"order_id": order_id, "limit": DUPLICATE_LIMIT}
    found = storage.rows(CONVERSIONS_OF_ORDER, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    events = [ConversionEvent(*row) for row in found]
    standing = [event for event in events if not event.is_deleted]
    types = list(dict.fromkeys(event.conversion_type for event in standing))
    wanted = [event for event in standing if conversion_type in ("", event.conversion_type)]
    if not wanted:
        raise unknown_order(storage, tenant, order_id, conversion_type, types)
    return wanted[0], [name for name in types if name != wanted[0].conversion_type], events


def _ledger(storage: Storage, tenant: Tenant, conversion: ConversionEvent) -> LedgerEntry | None:
    params = {"ts_ms": conversion.ts_ms, "conversion_key": str(conversion.conversion_key)}
    found = storage.rows(LEDGER_ROW, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    return LedgerEntry(*found[0]) if found else None


def _rules(storage: Storage, tenant: Tenant, ledger: LedgerEntry | None, ts_ms: int) -> Rules:
    """The rules that made the ledger row; those in force at the conversion's time where there is no row."""
    in_force = tenant.rules_at(ts_ms)
    if ledger is None or ledger.rules_version == in_force.version:
        return in_force
    params = {"tenant_number": tenant.tenant_id, "rules_version": ledger.rules_version, "ts_ms": ts_ms}
    found = storage.rows(RULES_OF_VERSION, params=params, task=_TASK)
    if not found:
        return in_force
    rules = msgspec.json.decode(found[0][0], type=Rules)
    return msgspec.structs.replace(rules, version=ledger.rules_version)


def _earlier(
    storage: Storage, tenant: Tenant, conversion: ConversionEvent, identities: Identities, rules: Rules
) -> dict[str, int]:
    """The person's earlier conversions by type, where the rules look back."""
    if not rules.looks_back:
        return {}
    event = StoredEvent(
        tenant.tenant_id,
        conversion.conversion_key,
        conversion.ts_ms,
        conversion.message_id,
        conversion.conversion_type,
        conversion.order_id,
        conversion.user_id,
        conversion.value_minor,
        conversion.currency,
        0,
    )
    order = Order(tenant.tenant_id, conversion.conversion_key, event, 0, (event.ts_ms,), event.value_minor, False)
    found = earlier_conversions(storage, [order], {tenant.tenant_id: identities}, lambda _: rules)
    return found.get((tenant.tenant_id, order.key), {})


def _touches(storage: Storage, tenant: Tenant, conversion: ConversionEvent, aliases: list[Alias]) -> list[StoredTouch]:
    ids = sorted({alias.id for alias in aliases})
    found = storage.rows(
        TOUCHES_OF_IDS,
        tenant_id=tenant.tenant_id,
        params={"near_ms": conversion.ts_ms, "limit": TOUCH_LIMIT + 1},
        external={"ids": one_column("wanted", "String", ids)},
        task=_TASK,
    )
    return [StoredTouch(*row) for row in found]


def _explained(
    stored: list[StoredTouch],
    aliases: list[Alias],
    conversion: ConversionEvent,
    ledger: LedgerEntry | None,
    rules: Rules,
    earlier: dict[str, int],
) -> list[ExplainedTouch]:
    """Every touch once with its reason, by time; an event sent again stands at each of its times."""
    standing: list[StoredTouch] = []
    explained: list[ExplainedTouch] = []
    known: set[int] = set()
    for touch in sorted(stored, key=lambda touch: (touch.ts_ms, touch.key, touch.is_deleted)):
        if not any(alias.id == touch.user_id and alias.from_ms <= touch.ts_ms <= alias.until_ms for alias in aliases):
            explained.append(ExplainedTouch(touch, Reason.OTHER_PERSON, None))
        elif touch.is_deleted or touch.key in known:
            explained.append(ExplainedTouch(touch, Reason.SENT_AGAIN, None))
        else:
            known.add(touch.key)
            standing.append(touch)
    credited = {} if ledger is None else {key: place for place, key in enumerate(ledger.touch_keys)}
    candidates = [Candidate(touch.ts_ms, touch.key, int(touch.kind == "view"), touch.channel) for touch in standing]
    previous_ms = earlier.get(conversion.conversion_type)
    reasons = fates(candidates, conversion.ts_ms, conversion.conversion_type, rules, previous_ms)
    for touch, reason in zip(standing, reasons, strict=True):
        place = credited.pop(touch.key, None)
        if place is not None:
            reason = Reason.CREDITED
        elif reason is Reason.CREDITED:
            reason = Reason.NOT_CREDITED_YET
        explained.append(ExplainedTouch(touch, reason, place))
    if ledger is not None:
        explained += [_past_retention(ledger, place) for place in credited.values()]
    return sorted(explained, key=lambda item: (item.touch.ts_ms, item.touch.key))


def _past_retention(ledger: LedgerEntry, place: int) -> ExplainedTouch:
    """A touch that has its credit, but is not stored any more."""
    touch = StoredTouch(
        user_id="",
        ts_ms=ledger.touch_times_ms[place],
        key=ledger.touch_keys[place],
        message_id="",
        kind="",
        channel=ledger.touch_channels[place],
        campaign=ledger.touch_campaigns[place],
        source=ledger.touch_sources[place],
        medium="",
        url="",
        referrer="",
        cost="",
        is_deleted=0,
    )
    return ExplainedTouch(touch, Reason.CREDITED, place)
