"""Which conversions did a person make before this one? What reset (SEMANTICS 2.5) and milestones depend on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

from app.identity.resolve import Identities, resolve_tenants
from app.ledger.conversions import Order, orders
from app.storage.client import Storage
from app.storage.conversion_history import ConversionEvent, histories
from app.storage.conversions import conversions_within
from app.storage.identity import links_among
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant

Earlier = dict[str, int]
"""Conversion type -> time (epoch ms) of the person's newest conversion of that type before the one asked for."""


def earlier_conversions(
    storage: Storage,
    asked: Sequence[Order],
    persons: Mapping[int, Identities],
    rules_of: Callable[[Order], Rules],
) -> dict[tuple[int, int], Earlier]:
    """For each conversion whose rules look back, by its tenant and key: its person's earlier conversions.

    As far back as its own windows: an earlier one is of no consequence, since no touch reaches that far. Before means
    by (time, conversion key), and conversions count as they stand: duplicates of an order do not, retracted ones do.
    """
    spans = _spans(asked, persons, rules_of)
    windows: dict[int, list[Span]] = {}
    for (tenant_id, _), of_one in spans.items():
        windows.setdefault(tenant_id, []).extend(of_one)
    found = conversions_within(storage, windows)
    keys = {tenant_id: sorted({key for _, _, key in rows}) for tenant_id, rows in found.items() if rows}
    made = _made_by_id(orders(histories(storage, keys), ()))
    return {
        (order.tenant_id, order.key): _newest(order, spans[order.tenant_id, order.key], made)
        for order in asked
        if (order.tenant_id, order.key) in spans
    }


def later_conversions(
    storage: Storage,
    tenants: Mapping[int, Tenant],
    converted: Mapping[int, Iterable[int]],
    *,
    task: str = "",
) -> dict[int, list[tuple[int, int]]]:
    """Of each tenant: (conversion key, time) of conversions whose credit may change because these came, moved or went.

    Every event that ever claimed to be one of them counts, cancelled ones too: what an order leaves behind when an
    earlier event takes its place matters as much as where it arrives. Nothing of a tenant of whom no rule looks back.
    """
    keys = {tenant_id: set(some) for tenant_id, some in converted.items() if some and tenants[tenant_id].looks_back}
    made: dict[int, list[ConversionEvent]] = {tenant_id: [] for tenant_id in keys}
    for row in histories(storage, {tenant_id: sorted(some) for tenant_id, some in keys.items()}, task=task):
        if row.user_id:
            made[row.tenant_id].append(row)
    users = {tenant_id: {row.user_id for row in rows} for tenant_id, rows in made.items()}
    identities = resolve_tenants(users, lambda ids: links_among(storage, ids, task=task))
    windows = {
        tenant_id: [
            (alias.id, row.ts_ms, row.ts_ms + tenants[tenant_id].widest_window_ms)
            for row in rows
            for alias in identities[tenant_id].aliases(row.user_id, row.ts_ms)
            if alias.until_ms >= row.ts_ms
        ]
        for tenant_id, rows in made.items()
    }
    found = conversions_within(storage, windows, task=task)
    return {id: sorted({(key, ts) for _, ts, key in rows if key not in keys[id]}) for id, rows in found.items()}


Span = tuple[str, int, int]
"""A raw id, and from when to when (epoch ms, both included) its conversions count."""


def _spans(
    asked: Sequence[Order], persons: Mapping[int, Identities], rules_of: Callable[[Order], Rules]
) -> dict[tuple[int, int], list[Span]]:
    spans: dict[tuple[int, int], list[Span]] = {}
    for order in asked:
        row = order.winner
        if row is None:
            continue
        rules = rules_of(order)
        if not (rules.milestone_types or rules.resets(row.conversion_type)):
            continue
        start_ms = row.ts_ms - rules.widest_of(row.conversion_type)
        spans[order.tenant_id, order.key] = [
            (alias.id, max(start_ms, alias.from_ms), min(row.ts_ms, alias.until_ms))
            for alias in persons[order.tenant_id].aliases(row.user_id, row.ts_ms)
            if alias.from_ms <= row.ts_ms and alias.until_ms >= start_ms
        ]
    return spans


def _made_by_id(found: Iterable[Order]) -> dict[tuple[int, str], list[tuple[int, int, str]]]:
    """(time, key, type) of the conversions that each tenant's id made, in order."""
    made: dict[tuple[int, str], list[tuple[int, int, str]]] = {}
    for order in found:
        if order.winner is not None:
            row = order.winner
            made.setdefault((order.tenant_id, row.user_id), []).append((row.ts_ms, order.key, row.conversion_type))
    for conversions in made.values():
        conversions.sort()
    return made


def _newest(order: Order, spans: Sequence[Span], made: Mapping[tuple[int, str], list[tuple[int, int, str]]]) -> Earlier:
    assert order.winner is not None
    own = (order.winner.ts_ms, order.key)
    newest: Earlier = {}
    for id, low_ms, high_ms in spans:
        conversions = made.get((order.tenant_id, id), [])
        for ts_ms, key, name in conversions[bisect_left(conversions, (low_ms, 0, "")) :]:
            if ts_ms > high_ms or (ts_ms, key) >= own:
                break
            newest[name] = max(newest.get(name, ts_ms), ts_ms)
    return newest
