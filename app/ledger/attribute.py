"""What does a chunk of conversions owe to which touches? One touchpoint query, one vectorised pass, one insert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from app.attribution.credit import Conversions, Credit, credit
from app.attribution.journeys import NO_PREVIOUS_MS, Reuse
from app.attribution.names import FIVE_MODELS
from app.attribution.touches import Touches
from app.identity.resolve import Identities, resolve
from app.ledger.conversions import Order, orders
from app.ledger.earlier import Earlier, earlier_conversions
from app.ledger.history import record_changes
from app.ledger.runs import RunKind
from app.ledger.terms import Terms, terms_of
from app.storage.adjustments import adjustments_of
from app.storage.client import Storage
from app.storage.conversion_history import ConversionEvent, conversion_history
from app.storage.identity import links_of
from app.storage.touches import TouchColumns, touches_of
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant, under_shadow

EPOCH = date(1970, 1, 1)
DAY_MS = 86_400_000
LEDGER = (
    *("tenant_id", "utc_day", "conversion_key", "conversion_type", "order_id", "message_id", "ts", "person"),
    *("currency", "gross_minor", "net_minor", "retracted", "duplicates", "touches_left_out"),
    *("touch_keys", "touch_times", "touch_channels", "touch_campaigns", "weights", "micros", "gross", "net"),
    *("rules_version", "run_id", "version", "is_deleted"),
)


@dataclass(frozen=True, slots=True)
class Attributed:
    """What became of a chunk. `days` are tenant days whose rollups are stale now."""

    conversions: int
    touches: int
    unattributed: int
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Conversions of equal terms, their touches and their credit."""

    orders: list[Order]
    terms: Terms
    columns: TouchColumns
    credit: Credit


@dataclass(frozen=True, slots=True)
class Computed:
    """A chunk's credit, not stored. `found` are all of its keys, those without a conversion too."""

    found: list[Order]
    identities: Identities
    groups: list[Group]


def attribute(
    storage: Storage,
    arrays: Storage,
    tenant: Tenant,
    conversion_keys: Sequence[int],
    *,
    run_id: str,
    version: int,
    reason: str = "",
) -> Attributed:
    """Attribute conversions of one tenant again, from what is stored now, and replace their ledger rows.

    Parameters
    ----------
    storage, arrays : without and with numpy.
    conversion_keys : each once; keys that have no conversion any more lose their ledger rows.
    version : of the run; among rows of one conversion the greatest stands.
    reason : the kind of the run, for the history of changes; a run of kind 'shadow' leaves the ledger as it is.

    Where the tenant has a shadow, its ledger is written too, from the same conversions and persons.
    """
    found, identities = conversions_of(storage, tenant, conversion_keys)
    stamp = (run_id, version)
    if tenant.shadow is not None:
        other = under_shadow(tenant)
        computed = credit_orders(storage, arrays, other, found, identities)
        _insert(storage, "ledger_shadow", ledger_rows(other, computed, stamp))
    if reason != RunKind.SHADOW:
        computed = credit_orders(storage, arrays, tenant, found, identities)
        ledger = ledger_rows(tenant, computed, stamp)
        record_changes(storage, tenant.tenant_id, LEDGER, ledger, reason=reason, run_id=run_id, version=version)
        _insert(storage, "ledger", ledger)
    elif tenant.shadow is None:
        computed = Computed(found, identities, [])  # the shadow was taken away while its run was under way
    return Attributed(
        conversions=sum(len(group.orders) for group in computed.groups),
        touches=sum(len(group.credit.journeys.index) for group in computed.groups),
        unattributed=sum(int(group.credit.unattributed.sum()) for group in computed.groups),
        days=_days(computed.found, tenant.timezone),
    )


def compute(storage: Storage, arrays: Storage, tenant: Tenant, conversion_keys: Sequence[int]) -> Computed:
    """The credit of conversions under the rules in force at their times. Reads only."""
    return credit_orders(storage, arrays, tenant, *conversions_of(storage, tenant, conversion_keys))


def conversions_of(storage: Storage, tenant: Tenant, conversion_keys: Sequence[int]) -> tuple[list[Order], Identities]:
    """The first half of `compute`, the same under any rules: what these keys hold, and whose it is."""
    rows = conversion_history(storage, tenant.tenant_id, conversion_keys)
    order_ids = sorted({row.order_id for row in rows if not row.is_deleted})
    found = orders(rows, adjustments_of(storage, tenant.tenant_id, order_ids))
    standing = [order for order in found if order.winner is not None]
    identities = resolve(
        {order.winner.user_id for order in standing if order.winner},
        lambda ids: links_of(storage, tenant.tenant_id, ids),
    )
    return found, identities


def credit_orders(
    storage: Storage, arrays: Storage, tenant: Tenant, found: list[Order], identities: Identities
) -> Computed:
    """The second half of `compute`: what these orders of known persons earn under a tenant's rules."""
    standing = [order for order in found if order.winner is not None]
    earlier: dict[int, Earlier] = {}
    if tenant.looks_back:
        earlier = earlier_conversions(
            storage, tenant.tenant_id, standing, identities, lambda order: _rules_of(tenant, order)
        )
    groups = [
        _credit(arrays, tenant, group, identities, terms, earlier)
        for terms, group in _by_terms(standing, tenant).items()
    ]
    return Computed(found, identities, groups)


def _insert(storage: Storage, table: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        names = dict(zip(LEDGER, zip(*rows, strict=True), strict=True))
        storage.insert(table, names, task="attribution.attribute_chunk")


def ledger_rows(tenant: Tenant, computed: Computed, stamp: tuple[str, int]) -> list[tuple[Any, ...]]:
    """Rows of `ledger`, columns as in `LEDGER`. `stamp` is the run's id and version."""
    rows = _gone(tenant.tenant_id, computed.found, stamp)
    for group in computed.groups:
        rows += _ledger_rows(tenant, group, computed.identities, stamp)
    return rows


def _by_terms(found: Sequence[Order], tenant: Tenant) -> dict[Terms, list[Order]]:
    """Conversions by what they are credited by: nearly always one group, and so one touchpoint query."""
    known: dict[tuple[int, str], Terms] = {}  # by the rules themselves: a shadow's versions are counted apart
    groups: dict[Terms, list[Order]] = {}
    for order in found:
        if order.winner is None:
            continue
        rules, name = _rules_of(tenant, order), order.winner.conversion_type
        if (id(rules), name) not in known:
            known[id(rules), name] = terms_of(rules, name)
        groups.setdefault(known[id(rules), name], []).append(order)
    return groups


def _rules_of(tenant: Tenant, order: Order) -> Rules:
    return tenant.rules_at(order.winner.ts_ms) if order.winner else tenant.rules


def _credit(
    arrays: Storage,
    tenant: Tenant,
    group: list[Order],
    identities: Identities,
    terms: Terms,
    earlier: dict[int, Earlier],
) -> Group:
    index, ids, low, high = [], [], [], []
    for number, row in enumerate(_winners(group)):
        start_ms = row.ts_ms - terms.reach_ms
        for alias in identities.aliases(row.user_id, row.ts_ms):
            if alias.from_ms <= row.ts_ms and alias.until_ms >= start_ms:
                index.append(number)
                ids.append(alias.id)
                low.append(max(start_ms, alias.from_ms))
                high.append(min(row.ts_ms, alias.until_ms))
    columns = touches_of(arrays, tenant.tenant_id, index, ids, low, high)
    touches = Touches(
        conversion_index=columns.conversion_index,
        time_ms=columns.time_ms,
        key=columns.key,
        channel=columns.channel,
        kind=columns.kind,
        campaign=columns.campaign,
        channel_names=columns.channel_names,
    )
    conversions = _conversions(group, terms, earlier)
    return Group(group, terms, columns, credit(touches, conversions, terms.journeys, terms.models))


def _conversions(group: Sequence[Order], terms: Terms, earlier: dict[int, Earlier]) -> Conversions:
    winners = _winners(group)

    def newest(name: str) -> list[int]:
        return [earlier.get(order.key, {}).get(name, NO_PREVIOUS_MS) for order in group]

    previous_ms = None
    if terms.journeys.reuse is Reuse.RESET:
        previous_ms = np.array(
            [
                earlier.get(order.key, {}).get(row.conversion_type, NO_PREVIOUS_MS)
                for order, row in zip(group, winners, strict=True)
            ],
            np.int64,
        )
    return Conversions(
        time_ms=np.array([row.ts_ms for row in winners], np.int64),
        key=np.array([order.key for order in group], np.uint64),
        gross_minor=np.array([row.value_minor for row in winners], np.int64),
        net_minor=np.array([order.net_minor for order in group], np.int64),
        retracted=np.array([order.retracted for order in group], np.bool_),
        previous_ms=previous_ms,
        milestone_ms=np.array([newest(name) for name in terms.milestones], np.int64).reshape(-1, len(group)),
    )


def _winners(group: Sequence[Order]) -> list[ConversionEvent]:
    return [order.winner for order in group if order.winner is not None]


def _ledger_rows(tenant: Tenant, group: Group, identities: Identities, stamp: tuple[str, int]) -> list[tuple[Any, ...]]:
    credited, columns = group.credit, group.columns
    kept = credited.journeys.index
    offsets = credited.journeys.offsets.tolist()
    keys, times = columns.key[kept].tolist(), columns.time_ms[kept].tolist()
    channels = [columns.channel_names[code] for code in columns.channel[kept].tolist()]
    campaigns = [columns.campaign_names[code] for code in columns.campaign[kept].tolist()]
    order = _model_major(credited.journeys.offsets)
    weights, micros, gross, net = (
        amounts.ravel()[order].tolist()
        for amounts in (
            credited.weights,
            credited.conversions_micro,
            credited.gross_minor,
            credited.net_minor,
        )
    )
    left_out = credited.journeys.left_out.tolist()
    models = len(FIVE_MODELS)
    rows: list[tuple[Any, ...]] = []
    for number, (item, row) in enumerate(zip(group.orders, _winners(group.orders), strict=True)):
        one = slice(offsets[number], offsets[number + 1])
        all_models = slice(models * offsets[number], models * offsets[number + 1])
        changed = item.retracted or item.net_minor != row.value_minor
        rows.append(
            (tenant.tenant_id, _utc_day(row.ts_ms), item.key, row.conversion_type, row.order_id, row.message_id)
            + (row.ts_ms, identities.person(row.user_id, row.ts_ms), row.currency, row.value_minor, item.net_minor)
            + (int(item.retracted), item.duplicates, left_out[number])
            + (keys[one], times[one], channels[one], campaigns[one])
            + (weights[all_models], micros[all_models], gross[all_models])
            + (net[all_models] if changed else [], group.terms.rules_version, *stamp, 0)
        )
    return rows


def _model_major(offsets: Any) -> Any:
    """Where the amounts of (conversion, model, touch) stand in a flat (5, m) array.

    Parameters
    ----------
    offsets : int64 (n + 1,)

    Returns
    -------
    int64 (5 * m,), conversion by conversion, within it model by model.
    """
    lengths, models, m = np.diff(offsets), len(FIVE_MODELS), int(offsets[-1])
    conversion = np.repeat(np.arange(len(lengths)), lengths * models)
    position = np.arange(models * m) - models * offsets[:-1][conversion]
    model, touch = np.divmod(position, np.maximum(lengths, 1)[conversion])
    return model * m + offsets[:-1][conversion] + touch


def _gone(tenant_id: int, found: Sequence[Order], stamp: tuple[str, int]) -> list[tuple[Any, ...]]:
    """Rows that delete what an earlier answer may have left under another day of the same key."""
    rows = []
    for order in found:
        now = _utc_day(order.winner.ts_ms) if order.winner else None
        for day in {_utc_day(ts) for ts in order.times_ms} - {now}:
            empty: tuple[Any, ...] = ([],) * 8
            rows.append((tenant_id, day, order.key, "", "", "", 0, "", "", 0, 0, 0, 0, 0) + empty + (0, *stamp, 1))
    return rows


def _days(found: Sequence[Order], timezone: str) -> tuple[date, ...]:
    zone = ZoneInfo(timezone)
    times = {ts // 900_000 for order in found for ts in order.times_ms}
    return tuple(sorted({datetime.fromtimestamp(quarter * 900, zone).date() for quarter in times}))


def _utc_day(ts_ms: int) -> date:
    return EPOCH + timedelta(days=ts_ms // DAY_MS)
