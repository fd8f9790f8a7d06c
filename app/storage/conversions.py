"""Which conversions are there: of these keys, of these ids, of these orders, in this range?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.storage.client import Columns, Storage
from app.storage.external import External, one_column
from app.storage.statements import TenantStatement

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

CONVERSIONS_AFTER = TenantStatement(
    "conversions_after",
    """
    SELECT DISTINCT user_id, toUnixTimestamp64Milli(ts) AS ts_ms, conversion_key
    FROM
    (
        SELECT user_id, user_hash, ts, conversion_key
        FROM conversions_by_user
        WHERE {tenant}
          AND user_hash IN (SELECT xxHash64(wanted) FROM ids)
          AND ts BETWEEN fromUnixTimestamp64Milli(%(lo_ms)s) AND fromUnixTimestamp64Milli(%(hi_ms)s)
    ) AS conversions
    INNER JOIN
    (
        SELECT wanted AS user_id, lo_ms, hi_ms
        FROM ids
    ) AS windows
    USING (user_id)
    WHERE toUnixTimestamp64Milli(ts) BETWEEN lo_ms AND hi_ms
    ORDER BY user_id, ts_ms, conversion_key
    """,
)

KEYS_OF_ORDERS = TenantStatement(
    "keys_of_orders",
    """
    SELECT DISTINCT order_id, conversion_key, conversion_type
    FROM conversions_by_order
    WHERE {tenant}
      AND order_key IN (SELECT sipHash64(wanted) FROM orders)
      AND order_id IN (SELECT wanted FROM orders)
    ORDER BY order_id, conversion_type
    """,
)

KEYS_BETWEEN = TenantStatement(
    "conversion_keys_between",
    """
    SELECT conversion_key, min(toUnixTimestamp64Milli(ts)) AS ts_ms
    FROM
    (
        SELECT conversion_key, ts
        FROM conversions
        WHERE {tenant}
          AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
          AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
    )
    GROUP BY conversion_key
    ORDER BY ts_ms, conversion_key
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
    """(user_id, ts_ms, conversion_key) of conversion events that these ids made inside their windows.

    Parameters
    ----------
    ids : raw ids with their prefix; one id may stand several times.
    lo_ms, hi_ms : one window per id, both ends included, epoch ms.

    An event that was cancelled since may still be there: ask `conversions_of` for what holds.
    """
    if not ids:
        return []
    table = External({"wanted": ("String", ids), "lo_ms": ("Int64", lo_ms), "hi_ms": ("Int64", hi_ms)})
    rows = storage.rows(
        CONVERSIONS_AFTER,
        tenant_id=tenant_id,
        params={"lo_ms": int(min(lo_ms)), "hi_ms": int(max(hi_ms))},
        external={"ids": table},
        task=task,
    )
    return [(user_id, ts_ms, key) for user_id, ts_ms, key in rows]


def keys_of_orders(storage: Storage, tenant_id: int, order_ids: Sequence[str], *, task: str = "") -> list[OrderKey]:
    """The conversions that carry these order ids, of every type."""
    if not order_ids:
        return []
    table = one_column("wanted", "String", order_ids)
    rows = storage.rows(KEYS_OF_ORDERS, tenant_id=tenant_id, external={"orders": table}, task=task)
    return [OrderKey._make(row) for row in rows]


def conversion_keys_between(
    storage: Storage, tenant_id: int, from_ms: int, to_ms: int, *, task: str = ""
) -> Iterator[tuple[int, int]]:
    """(conversion_key, ts_ms) of every conversion with a row at `from_ms` or later and before `to_ms`, by time.

    `ts_ms` is its earliest row in the range: a conversion whose first row lies before the range is there too if a
    duplicate lies inside.
    """
    rows = storage.stream(KEYS_BETWEEN, tenant_id=tenant_id, params={"from_ms": from_ms, "to_ms": to_ms}, task=task)
    return ((key, ts_ms) for key, ts_ms in rows)


def insert_conversions(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `conversions`; is_deleted = 1 cancels the row of the same conversion_key, ts and message_id."""
    return storage.insert("conversions", columns, token=token, task=task)


def insert_conversions_by_user(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `conversions_by_user`."""
    return storage.insert("conversions_by_user", columns, token=token, task=task)


def insert_conversions_by_order(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `conversions_by_order`."""
    return storage.insert("conversions_by_order", columns, token=token, task=task)
