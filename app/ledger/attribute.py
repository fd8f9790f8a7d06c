"""What does a chunk of conversions owe to which touches? One touchpoint query, one vectorised pass, one insert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from app.attribution.credit import Conversions, credit
from app.attribution.journeys import NO_PREVIOUS_MS, Reuse
from app.attribution.touches import Touches
from app.identity.resolve import Identities, resolve
from app.ledger.conversions import Order, orders
from app.ledger.earlier import Earlier, earlier_conversions
from app.ledger.history import record_changes
from app.ledger.rows import Group, LedgerRows, ledger_rows, winners_of
from app.ledger.runs import RunKind
from app.ledger.terms import Terms, terms_of
from app.storage.adjustments import adjustments_of
from app.storage.client import Storage
from app.storage.conversion_history import conversion_history
from app.storage.identity import links_of
from app.storage.touches import touches_of
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant, under_shadow


@dataclass(frozen=True, slots=True)
class Attributed:
    """What became of a chunk. `days` are tenant days whose rollups are stale now."""

    conversions: int
    touches: int
    unattributed: int
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """A chunk's credit, not stored. `found` are all of its keys, those without a conversion too."""

    found: list[Order]
    identities: Identities
    groups: list[Group]

    def rows(self) -> LedgerRows:
        """As rows of the ledger."""
        return ledger_rows(self.found, self.groups, self.identities)


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
    if tenant.shadow is not None:
        computed = credit_orders(storage, arrays, under_shadow(tenant), found, identities)
        _insert(storage, "ledger_shadow", tenant, computed.rows(), run_id, version)
    if reason != RunKind.SHADOW:
        computed = credit_orders(storage, arrays, tenant, found, identities)
        rows = computed.rows()
        record_changes(storage, arrays, tenant.tenant_id, rows, reason=reason, run_id=run_id, version=version)
        _insert(storage, "ledger", tenant, rows, run_id, version)
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


def _insert(storage: Storage, table: str, tenant: Tenant, rows: LedgerRows, run_id: str, version: int) -> None:
    columns = rows.columns(tenant.tenant_id, run_id, version)
    storage.insert(table, columns, is_distinct=True, task="attribution.attribute_chunk")


def _by_terms(found: Sequence[Order], tenant: Tenant) -> dict[Terms, list[Order]]:
    """Conversions by what they are credited by: nearly always one group, and so one touchpoint query."""
    # By the rules themselves: a shadow's versions are counted apart.
    alike: dict[tuple[int, str], tuple[Rules, list[Order]]] = {}
    for order in found:
        if order.winner is not None:
            rules = _rules_of(tenant, order)
            alike.setdefault((id(rules), order.winner.conversion_type), (rules, []))[1].append(order)
    groups: dict[Terms, list[Order]] = {}
    for (_, name), (rules, members) in alike.items():
        groups.setdefault(terms_of(rules, name), []).extend(members)
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
    for number, row in enumerate(winners_of(group)):
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
    winners = winners_of(group)

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


def _days(found: Sequence[Order], timezone: str) -> tuple[date, ...]:
    zone = ZoneInfo(timezone)
    times = {ts // 900_000 for order in found for ts in order.times_ms}
    return tuple(sorted({datetime.fromtimestamp(quarter * 900, zone).date() for quarter in times}))
