"""What does a chunk of conversions owe to which touches? One touchpoint query, one vectorised pass, one insert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import compress
from zoneinfo import ZoneInfo

import numpy as np

from app.attribution.credit import Conversions, credit
from app.attribution.journeys import NO_PREVIOUS_MS, Reuse
from app.attribution.touches import Int64s, Touches
from app.identity.resolve import Identities, resolve_tenants
from app.ledger.conversions import Order, orders
from app.ledger.earlier import Earlier, earlier_conversions
from app.ledger.fields import Fields, Times, days_of, fields_of, times_of
from app.ledger.history import record_changes, standing_of
from app.ledger.rows import Group, LedgerRows, ledger_rows
from app.ledger.runs import RunKind
from app.ledger.terms import Terms, terms_of
from app.storage.adjustments import adjustments_of
from app.storage.client import Storage
from app.storage.connections import get_storage
from app.storage.conversion_history import histories
from app.storage.identity import links_among
from app.storage.together import together
from app.storage.touches import TouchColumns, touches_of
from app.tenants.never import UNKNOWN, Fact, Never
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant, under_shadow


@dataclass(frozen=True, slots=True)
class Attributed:
    """What became of a chunk. `days` are tenants' days (in their own timezone) whose rollups are stale now.

    `gone` are those of its keys that have no conversion (any more): (tenant, key).
    """

    conversions: int
    gone: frozenset[tuple[int, int]]
    touches: int
    unattributed: int
    days: Mapping[int, tuple[date, ...]]


@dataclass(frozen=True, slots=True)
class Computed:
    """A chunk's credit, not stored. `found` are all of its keys, those without a conversion too.

    Parameters
    ----------
    persons : of each tenant.
    """

    found: list[Order]
    persons: Mapping[int, Identities]
    groups: list[Group]

    def rows(self) -> LedgerRows:
        """As rows of the ledger."""
        return ledger_rows(self.found, self.groups, self.persons)


def attribute(
    storage: Storage,
    arrays: Storage,
    tenants: Sequence[Tenant],
    conversion_keys: Mapping[int, Sequence[int]],
    *,
    run_id: str,
    version: int,
    reason: str = "",
    never: Never = UNKNOWN,
) -> Attributed:
    """Attribute conversions again, from what is stored now, and replace their ledger rows.

    One statement of each kind, whether all conversions are one tenant's or each another's.

    Parameters
    ----------
    storage, arrays : without and with numpy.
    conversion_keys : of each of the tenants, each once; those that have no conversion any more lose their ledger rows.
    version : of the run; among rows of one conversion the greatest stands.
    reason : the kind of the run, for the history of changes; a run of kind 'shadow' leaves the ledger as it is.
    never : what the tenants never had is not looked up.

    Where a tenant has a shadow, its ledger is written too, from the same conversions and persons.
    """
    found, persons = conversions_of(storage, conversion_keys, never)
    times = times_of(found)
    computed = Computed(found, persons, [])  # of a shadow that was taken away while its run was under way
    shadowed = {tenant.tenant_id for tenant in tenants if tenant.shadow is not None}
    if shadowed:
        theirs = [order for order in found if order.tenant_id in shadowed]
        computed = credit_orders(storage, arrays, [under_shadow(tenant) for tenant in tenants], theirs, persons)
        _insert(storage, "ledger_shadow", computed.rows(), run_id, version)
    if reason != RunKind.SHADOW:
        computed, stood = together(
            storage,
            storage.settings,
            [
                lambda own: credit_orders(own, arrays, tenants, found, persons),
                lambda own: standing_of(get_storage(numpy=True, settings=own.settings), times),
            ],
        )
        rows = computed.rows()
        record_changes(storage, arrays, stood, rows, reason=reason, run_id=run_id, version=version)
        _insert(storage, "ledger", rows, run_id, version)
    return Attributed(
        conversions=sum(len(group.fields) for group in computed.groups),
        gone=_gone(conversion_keys, found),
        touches=sum(len(group.credit.journeys.index) for group in computed.groups),
        unattributed=sum(int(group.credit.unattributed.sum()) for group in computed.groups),
        days=_days(times, {tenant.tenant_id: tenant.timezone for tenant in tenants}),
    )


def compute(storage: Storage, arrays: Storage, tenant: Tenant, conversion_keys: Sequence[int]) -> Computed:
    """The credit of a tenant's conversions under the rules in force at their times. Reads only."""
    return credit_orders(storage, arrays, [tenant], *conversions_of(storage, {tenant.tenant_id: conversion_keys}))


def conversions_of(
    storage: Storage, conversion_keys: Mapping[int, Sequence[int]], never: Never = UNKNOWN
) -> tuple[list[Order], dict[int, Identities]]:
    """The first half, the same under any rules: what these tenants' keys hold, and whose it is."""
    rows = histories(storage, conversion_keys)
    order_ids: dict[int, set[str]] = {tenant_id: set() for tenant_id in conversion_keys}
    users: dict[int, set[str]] = {tenant_id: set() for tenant_id in conversion_keys}
    for row in rows:
        if not row.is_deleted:
            order_ids[row.tenant_id].add(row.order_id)
            users[row.tenant_id].add(row.user_id)
    order_ids = {id: some for id, some in order_ids.items() if id not in never[Fact.ADJUSTED]}
    persons, *adjustments = together(
        storage,
        storage.settings,
        [
            lambda own: resolve_tenants(users, lambda ids: links_among(own, ids, uncut=never[Fact.CUT])),
            *([lambda own: adjustments_of(own, order_ids)] if order_ids else []),
        ],
    )
    return orders(rows, adjustments[0] if adjustments else ()), persons


def credit_orders(
    storage: Storage,
    arrays: Storage,
    tenants: Sequence[Tenant],
    found: list[Order],
    persons: Mapping[int, Identities],
) -> Computed:
    """The second half: what these orders of known persons earn under their tenants' rules."""
    by_id = {tenant.tenant_id: tenant for tenant in tenants}
    earlier: dict[tuple[int, int], Earlier] = {}
    if any(tenant.looks_back for tenant in tenants):
        earlier = earlier_conversions(storage, found, persons, lambda order: _rules_of(by_id[order.tenant_id], order))
    return Computed(found, persons, list(_credited(arrays, _by_terms(found, by_id), persons, earlier)))


def _insert(storage: Storage, table: str, rows: LedgerRows, run_id: str, version: int) -> None:
    storage.insert(table, rows.columns(run_id, version), is_distinct=True, task="attribution.attribute_chunk")


def _gone(conversion_keys: Mapping[int, Sequence[int]], found: Sequence[Order]) -> frozenset[tuple[int, int]]:
    standing = [order for order in found if order.winner is not None]
    if len(standing) == sum(map(len, conversion_keys.values())):  # nearly always
        return frozenset()
    asked = {(tenant_id, key) for tenant_id, of_one in conversion_keys.items() for key in of_one}
    return frozenset(asked - {(order.tenant_id, order.key) for order in standing})


def _by_terms(found: Sequence[Order], tenants: Mapping[int, Tenant]) -> dict[Terms, tuple[list[Order], list[int]]]:
    """Conversions and the version of the rules of each, by what they are credited by: nearly always one group."""
    # By the rules themselves: a shadow's versions are counted apart.
    alike: dict[tuple[int, str], tuple[Rules, list[Order]]] = {}
    for order in found:
        if order.winner is not None:
            rules = tenants[order.tenant_id].rules_at(order.winner.ts_ms)
            which = (id(rules), order.winner.conversion_type)
            if which not in alike:
                alike[which] = (rules, [])
            alike[which][1].append(order)
    groups: dict[Terms, tuple[list[Order], list[int]]] = {}
    for (_, name), (rules, members) in alike.items():
        group, versions = groups.setdefault(terms_of(rules, name), ([], []))
        group += members
        versions += [rules.version] * len(members)
    return groups


def _rules_of(tenant: Tenant, order: Order) -> Rules:
    return tenant.rules_at(order.winner.ts_ms) if order.winner else tenant.rules


def _credited(
    arrays: Storage,
    by_terms: Mapping[Terms, tuple[list[Order], list[int]]],
    persons: Mapping[int, Identities],
    earlier: Mapping[tuple[int, int], Earlier],
) -> Iterator[Group]:
    """The credit of each group, from one touchpoint query for all."""
    if not by_terms:
        return
    groups = [(terms, fields_of(group), group, versions) for terms, (group, versions) in by_terms.items()]
    windows = _windows([(terms, fields) for terms, fields, _, _ in groups], persons)
    columns, first = touches_of(arrays, *windows), 0
    for terms, fields, group, versions in groups:
        own = columns.between(first, first + len(group))
        first += len(group)
        conversions = _conversions(fields, group, terms, earlier)
        earned = credit(touches_in(own), conversions, terms.journeys, terms.models)
        yield Group(fields, versions, terms, own, earned)


def touches_in(columns: TouchColumns) -> Touches:
    """What storage found, as the models take it."""
    return Touches(
        conversion_index=columns.conversion_index,
        time_ms=columns.time_ms,
        key=columns.key,
        channel=columns.channel,
        kind=columns.kind,
        campaign=columns.campaign,
        channel_names=columns.channel_names,
    )


def _windows(
    groups: Sequence[tuple[Terms, Fields]], persons: Mapping[int, Identities]
) -> tuple[Int64s, Int64s, list[str], Int64s, Int64s]:
    """What to ask: tenant, number of the conversion, an id, and from when to when the id's touches may count."""
    asked: list[tuple[int, int, str, int, int]] = []  # for ids of persons who have several
    parts, ids, first = [], [], 0
    for terms, fields in groups:
        whose = zip(fields.tenant_id.tolist(), fields.user_id, strict=True)
        is_alone = [persons[tenant_id].is_alone(id) for tenant_id, id in whose]
        alone = np.flatnonzero(is_alone)  # as nearly all are
        ids += list(compress(fields.user_id, is_alone))
        ts_ms = fields.ts_ms[alone]
        parts.append(np.stack([fields.tenant_id[alone], first + alone, ts_ms - terms.reach_ms, ts_ms]))
        for number in np.flatnonzero(~np.array(is_alone)).tolist():
            tenant_id, made_ms = int(fields.tenant_id[number]), int(fields.ts_ms[number])
            start_ms = made_ms - terms.reach_ms
            for id, from_ms, until_ms in persons[tenant_id].aliases(fields.user_id[number], made_ms):
                if from_ms <= made_ms and until_ms >= start_ms:
                    asked.append((tenant_id, first + number, id, max(start_ms, from_ms), min(made_ms, until_ms)))
        first += len(fields)
    ids += [id for _, _, id, _, _ in asked]
    parts.append(np.array([(who, number, low, high) for who, number, _, low, high in asked], np.int64).reshape(-1, 4).T)
    tenant_ids, index, low_ms, high_ms = np.concatenate(parts, axis=1)
    return tenant_ids, index, ids, low_ms, high_ms


def _conversions(
    fields: Fields, group: Sequence[Order], terms: Terms, earlier: Mapping[tuple[int, int], Earlier]
) -> Conversions:
    resets, previous_ms = terms.journeys.reuse is Reuse.RESET, None
    looks_back = resets or terms.milestones
    before = [earlier.get((order.tenant_id, order.key), {}) for order in group] if looks_back else []
    if resets:
        own = [one.get(name, NO_PREVIOUS_MS) for one, name in zip(before, fields.conversion_type, strict=True)]
        previous_ms = np.array(own, np.int64)
    milestones = [[one.get(name, NO_PREVIOUS_MS) for one in before] for name in terms.milestones]
    return Conversions(
        time_ms=fields.ts_ms,
        key=fields.key,
        gross_minor=fields.gross_minor,
        net_minor=fields.net_minor,
        retracted=fields.retracted,
        previous_ms=previous_ms,
        milestone_ms=np.array(milestones, np.int64).reshape(-1, len(group)),
    )


def _days(times: Times, timezones: Mapping[int, str]) -> dict[int, tuple[date, ...]]:
    whose, _, times_ms = times
    return {
        tenant_id: days_of(times_ms[whose == tenant_id], ZoneInfo(timezones[tenant_id]))
        for tenant_id in np.unique(whose).tolist()
    }
