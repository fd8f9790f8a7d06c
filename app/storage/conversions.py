"""Which conversions are there: of these keys, of these ids, of these orders, in this range?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.storage.client import Columns, Storage
from app.storage.external import of_tenants, one_column
from app.storage.hashes import id_hash
from app.storage.statements import TenantsStatement, TenantStatement

CONVERSIONS = TenantStatement(
    "conversions",
    """
    SELECT conversion_key, toUnixTimestamp64Milli(ts), message_id, conversion_type, order_id, user_id, anonymous_id,
           value_minor, currency, rules_version, toUnixTimestamp64Milli(received_at), retention_days
    FROM
    (
        SELECT conversion_key, ts, message_id, conversion_type, order_id, user_id, anonymous_id, value_minor,
               currency, rules_version, received_at, retention_days, is_deleted
        FROM conversions
        WHERE {tenant}
          AND conversion_key IN (SELECT key FROM keys)
        ORDER BY conversion_key, ts, message_id, is_deleted DESC
        LIMIT 1 BY conversion_key, ts, message_id
    )
    WHERE is_deleted = 0
    ORDER BY conversion_key, ts, message_id
    """,
)

# The windows of single ids are left to Python: persons have few conversions, and planning a join costs more than them.
CONVERSIONS_AFTER = TenantsStatement(
    "conversions_after",
    """
    SELECT tenant_id, user_id, toUnixTimestamp64Milli(ts), conversion_key
    FROM conversions_by_user
    WHERE {tenant}
      AND (tenant_id, user_hash) IN (SELECT tenant_id, user_hash FROM ids)
      AND ts BETWEEN fromUnixTimestamp64Milli(%(lo_ms)s) AND fromUnixTimestamp64Milli(%(hi_ms)s)
    """,
)

KEYS_OF_ORDERS = TenantsStatement(
    "keys_of_orders",
    """
    SELECT tenant_id, order_id, conversion_key, conversion_type
    FROM conversions_by_order
    WHERE {tenant}
      AND (tenant_id, order_key) IN (SELECT tenant_id, sipHash64(wanted) FROM orders)
    """,
)

KEYS_BETWEEN = TenantStatement(
    "conversion_keys_between",
    """
    SELECT conversion_key, min(toUnixTimestamp64Milli(ts)) AS ts_ms
    FROM
    (
        SELECT conversion_key, ts, user_hash
        FROM conversions
        WHERE {tenant}
          AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
          AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
    )
    GROUP BY conversion_key
    ORDER BY toStartOfQuarter(min(ts)), argMin(user_hash, ts), ts_ms, conversion_key
    """,
)


class ConversionRow(NamedTuple):
    """A conversion event as stored. The conversion of a key is its first row; later ones are duplicates."""

    conversion_key: int
    ts_ms: int
    message_id: str
    conversion_type: str
    order_id: str
    user_id: str
    anonymous_id: str
    value_minor: int
    currency: str
    rules_version: int
    received_ms: int
    retention_days: int


class OrderKey(NamedTuple):
    """An order id and a conversion that carries it."""

    order_id: str
    conversion_key: int
    conversion_type: str


def conversions_of(storage: Storage, tenant_id: int, keys: Sequence[int], *, task: str = "") -> list[ConversionRow]:
    """All rows of these conversion keys but the cancelled ones, in the order (conversion_key, ts, message_id)."""
    if len(keys) == 0:
        return []
    rows = storage.rows(
        CONVERSIONS, tenant_id=tenant_id, external={"keys": one_column("key", "UInt64", keys)}, task=task
    )
    return [ConversionRow._make(row) for row in rows]


def conversions_after(
    storage: Storage,
    tenant_id: int,
    ids: Sequence[str],
    lo_ms: Sequence[int],
    hi_ms: Sequence[int],
    *,
    task: str = "",
) -> list[tuple[str, int, int]]:
    """(user_id, ts_ms, conversion_key) of conversion events that these ids made inside their windows, in order.

    Parameters
    ----------
    ids : raw ids with their prefix; one id may stand several times.
    lo_ms, hi_ms : one window per id, both ends included, epoch ms.

    An event that was cancelled since may still be there: ask `conversions_of` for what holds.
    """
    windows = list(zip(ids, lo_ms, hi_ms, strict=True))
    return conversions_within(storage, {tenant_id: windows}, task=task)[tenant_id]


Window = tuple[str, int, int]
"""A raw id, and from when to when its conversions are asked for: epoch ms, both included."""


def conversions_within(
    storage: Storage, windows: Mapping[int, Sequence[Window]], *, task: str = ""
) -> dict[int, list[tuple[str, int, int]]]:
    """`conversions_after` of several tenants at once. Every tenant that was given is there."""
    spans = {tenant_id: _spans(some) for tenant_id, some in windows.items()}
    found: dict[int, list[tuple[str, int, int]]] = {tenant_id: [] for tenant_id in windows}
    asked = sorted(tenant_id for tenant_id, of_ids in spans.items() if of_ids)
    if not asked:
        return found
    rows = storage.rows(
        CONVERSIONS_AFTER,
        tenant_id=asked,
        params={
            "lo_ms": int(min(low for some in windows.values() for _, low, _ in some)),
            "hi_ms": int(max(high for some in windows.values() for _, _, high in some)),
        },
        external={"ids": of_tenants("user_hash", "UInt64", {each: map(id_hash, spans[each]) for each in asked})},
        task=task,
    )
    for tenant_id, user_id, ts_ms, key in set(rows):
        if _is_within(ts_ms, spans[tenant_id].get(user_id, ())):
            found[tenant_id].append((user_id, ts_ms, key))
    for some in found.values():
        some.sort()
    return found


def _spans(windows: Iterable[Window]) -> dict[str, list[tuple[int, int]]]:
    """The windows of each id, in order and apart from each other."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for id, low, high in sorted(windows):
        of_id = spans.setdefault(id, [])
        if of_id and low <= of_id[-1][1]:
            of_id[-1] = (of_id[-1][0], max(of_id[-1][1], high))
        else:
            of_id.append((low, high))
    return spans


def _is_within(ts_ms: int, spans: Sequence[tuple[int, int]]) -> bool:
    before = bisect_right(spans, ts_ms, key=lambda span: span[0])
    return before > 0 and ts_ms <= spans[before - 1][1]


def keys_of_orders(
    storage: Storage, order_ids: Mapping[int, Sequence[str]], *, task: str = ""
) -> dict[int, list[OrderKey]]:
    """The conversions that carry some tenants' order ids, of every type. Every tenant that was given is there."""
    wanted = {tenant_id: set(ids) for tenant_id, ids in order_ids.items() if len(ids)}
    found: dict[int, set[OrderKey]] = {tenant_id: set() for tenant_id in order_ids}
    if wanted:
        external = {"orders": of_tenants("wanted", "String", wanted)}
        for tenant_id, *row in storage.rows(KEYS_OF_ORDERS, tenant_id=sorted(wanted), external=external, task=task):
            key = OrderKey(*row)
            if key.order_id in wanted[tenant_id]:
                found[tenant_id].add(key)
    return {id: sorted(keys, key=lambda key: (key.order_id, key.conversion_type)) for id, keys in found.items()}


def conversion_keys_between(
    storage: Storage, tenant_id: int, from_ms: int, to_ms: int, *, task: str = ""
) -> Iterator[tuple[int, int]]:
    """(conversion_key, ts_ms) of every conversion with a row at `from_ms` or later and before `to_ms`.

    In the order of the touches' table, by quarter and user: a chunk of neighbours reads a part of a quarter's touches,
    where one of neighbours in time reads nearly all of them. The ledger has the same quarters.

    `ts_ms` is its earliest row in the range: a conversion whose first row lies before the range is there too if a
    duplicate lies inside.
    """
    rows = storage.stream(KEYS_BETWEEN, tenant_id=tenant_id, params={"from_ms": from_ms, "to_ms": to_ms}, task=task)
    return ((key, ts_ms) for key, ts_ms in rows)


def insert_conversions(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `conversions`; is_deleted = 1 cancels the row of the same conversion_key, ts and message_id."""
    return storage.insert("conversions", columns, token=token, task=task)
