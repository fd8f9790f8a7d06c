"""How much is there of an erased person in each table, and how does it go?"""

from __future__ import annotations

from app.storage.shadow import of_shadow
from app.storage.statements import AnyStatement, TenantStatement

EVENTS = """
        SELECT tenant_id, message_id, user_id, ts
        FROM events
        WHERE {tenant}
          AND user_id IN (SELECT user_id FROM gone)
          AND toUnixTimestamp64Milli(received_at) <= %(erased_ms)s
"""

COUNTS: dict[str, AnyStatement] = {
    "touchpoints": TenantStatement(
        "count_erased_touchpoints",
        """
        SELECT count()
        FROM
        (
            SELECT user_id, ts
            FROM touchpoints
            WHERE {tenant}
              AND user_hash IN (SELECT xxHash64(user_id) FROM gone)
              AND toUnixTimestamp64Milli(received_at) <= %(erased_ms)s
        ) AS touches
        INNER JOIN
        (
            SELECT user_id, from_ms, until_ms
            FROM gone
        ) AS spans
        USING (user_id)
        WHERE toUnixTimestamp64Milli(ts) BETWEEN from_ms AND until_ms
        """,
    ),
    "events": TenantStatement(
        "count_erased_events",
        f"""
        SELECT count()
        FROM
        (
            {EVENTS}
        ) AS registered
        INNER JOIN
        (
            SELECT user_id, from_ms, until_ms
            FROM gone
        ) AS spans
        USING (user_id)
        WHERE toUnixTimestamp64Milli(ts) BETWEEN from_ms AND until_ms
        """,
    ),
    "conversions": TenantStatement(
        "count_erased_conversions",
        """
        SELECT count()
        FROM conversions
        WHERE {tenant}
          AND conversion_key IN (SELECT key FROM messages)
          AND (conversion_key, message_id) IN (SELECT key, message_id FROM messages)
        """,
    ),
    "conversions_by_user": TenantStatement(
        "count_erased_conversions_by_user",
        """
        SELECT count()
        FROM conversions_by_user
        WHERE {tenant}
          AND user_hash IN (SELECT xxHash64(user_id) FROM gone)
          AND (user_id, conversion_key) IN (SELECT user_id, key FROM messages)
        """,
    ),
    "conversions_by_order": TenantStatement(
        "count_erased_conversions_by_order",
        """
        SELECT count()
        FROM conversions_by_order
        WHERE {tenant}
          AND (order_id, conversion_key) IN (SELECT order_id, key FROM orders)
        """,
    ),
    "adjustments": TenantStatement(
        "count_erased_adjustments",
        """
        SELECT count()
        FROM adjustments
        WHERE {tenant}
          AND order_id IN (SELECT order_id FROM orders)
        """,
    ),
    "identity_aliases": TenantStatement(
        "count_erased_aliases",
        """
        SELECT count()
        FROM identity_aliases
        WHERE {tenant}
          AND (id, met) IN (SELECT id, met FROM pairs)
        """,
    ),
    "identity_cuts": TenantStatement(
        "count_erased_cuts",
        """
        SELECT count()
        FROM identity_cuts
        WHERE {tenant}
          AND (id, met) IN (SELECT id, met FROM pairs)
        """,
    ),
    "ledger": TenantStatement(
        "count_erased_ledger",
        """
        SELECT count()
        FROM ledger
        WHERE {tenant}
          AND conversion_key IN (SELECT key FROM messages)
          AND person IN (SELECT user_id FROM gone)
          AND version < %(version)s
        """,
    ),
    "ledger_changes": TenantStatement(
        "count_erased_changes",
        """
        SELECT count()
        FROM ledger_changes
        WHERE {tenant}
          AND conversion_key IN (SELECT key FROM orders)
        """,
    ),
}
COUNTS["ledger_shadow"] = of_shadow(COUNTS["ledger"])
"""How much there is of a person in each table, in the words in which it is deleted."""

# Mutations that are begun and not waited for: that they are done is what the counts say.
DELETES: dict[str, AnyStatement] = {
    "touchpoints": TenantStatement(
        "erase_touchpoints",
        """
        ALTER TABLE touchpoints
        DELETE WHERE {tenant}
          AND user_hash IN %(hashes)s
          AND arrayExists(
              (id, low, high) -> user_id = id AND toUnixTimestamp64Milli(ts) BETWEEN low AND high,
              %(ids)s, %(from_ms)s, %(until_ms)s)
          AND toUnixTimestamp64Milli(received_at) <= %(erased_ms)s
        """,
    ),
    "events": TenantStatement(
        "erase_events",
        """
        ALTER TABLE events
        DELETE WHERE {tenant}
          AND arrayExists(
              (id, low, high) -> user_id = id AND toUnixTimestamp64Milli(ts) BETWEEN low AND high,
              %(ids)s, %(from_ms)s, %(until_ms)s)
          AND toUnixTimestamp64Milli(received_at) <= %(erased_ms)s
        """,
    ),
    "conversions": TenantStatement(
        "erase_conversions",
        """
        ALTER TABLE conversions
        DELETE WHERE {tenant}
          AND conversion_key IN %(keys)s
          AND (toString(conversion_key), message_id) IN %(messages)s
        """,
    ),
    "conversions_by_user": TenantStatement(
        "erase_conversions_by_user",
        """
        ALTER TABLE conversions_by_user
        DELETE WHERE {tenant}
          AND user_hash IN %(hashes)s
          AND (user_id, toString(conversion_key)) IN %(user_keys)s
        """,
    ),
    "conversions_by_order": TenantStatement(
        "erase_conversions_by_order",
        """
        ALTER TABLE conversions_by_order
        DELETE WHERE {tenant}
          AND (order_id, toString(conversion_key)) IN %(orders)s
        """,
    ),
    "adjustments": TenantStatement(
        "erase_adjustments",
        """
        ALTER TABLE adjustments
        DELETE WHERE {tenant}
          AND order_id IN %(order_ids)s
        """,
    ),
    "identity_aliases": TenantStatement(
        "erase_aliases",
        """
        ALTER TABLE identity_aliases
        DELETE WHERE {tenant}
          AND (id, met) IN %(pairs)s
        """,
    ),
    "identity_cuts": TenantStatement(
        "erase_cuts",
        """
        ALTER TABLE identity_cuts
        DELETE WHERE {tenant}
          AND (id, met) IN %(pairs)s
        """,
    ),
    "ledger": TenantStatement(
        "erase_ledger",
        """
        ALTER TABLE ledger
        DELETE WHERE {tenant}
          AND conversion_key IN %(keys)s
          AND person IN %(ids_set)s
          AND version < %(version)s
        """,
    ),
    "ledger_changes": TenantStatement(
        "erase_changes",
        """
        ALTER TABLE ledger_changes
        DELETE WHERE {tenant}
          AND conversion_key IN %(order_keys)s
        """,
    ),
}
DELETES["ledger_shadow"] = of_shadow(DELETES["ledger"])
