"""Which credit stands for these conversions, and what did it change from?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from app.storage.client import Columns, Storage
from app.storage.external import External, one_column
from app.storage.statements import TenantStatement

# The newest row of each conversion; of two rows of one run the one that stands, not the one that marks its old day.
# The key columns are looked at first, so that conversions without a row cost no arrays.
STANDING_CREDIT = TenantStatement(
    "standing_credit",
    """
    SELECT conversion_key, version, is_deleted, toUnixTimestamp64Milli(ts), rules_version, currency, gross_minor,
           net_minor, retracted, touch_keys, touch_channels, micros, gross, net
    FROM ledger
    WHERE {tenant}
      AND (utc_day, conversion_key) IN (SELECT utc_day, conversion_key FROM wanted)
    ORDER BY conversion_key, version DESC, is_deleted
    LIMIT 1 BY conversion_key
    """,
)

CHANGES_OF = TenantStatement(
    "ledger_changes_of",
    """
    SELECT conversion_key, version, run_id, reason, toUnixTimestamp64Milli(changed_at), rules_before, rules_after,
           digest_before, digest_after, toUnixTimestamp64Milli(time_before), toUnixTimestamp64Milli(time_after),
           currency_before, currency_after, gross_before, gross_after, net_before, net_after, retracted_before,
           retracted_after, touches_before, touches_after, channels_before, channels_after, micros_before,
           micros_after, credit_before, credit_after
    FROM ledger_changes FINAL
    WHERE {tenant}
      AND conversion_key IN (SELECT key FROM keys)
    ORDER BY version, conversion_key
    LIMIT %(limit)s
    """,
)


class StandingCredit(NamedTuple):
    """The newest ledger row of a conversion, `is_deleted` where it has none any more; arrays are model-major."""

    conversion_key: int
    version: int
    is_deleted: int
    ts_ms: int
    rules_version: int
    currency: str
    gross_minor: int
    net_minor: int
    retracted: int
    touch_keys: list[int]
    touch_channels: list[str]
    micros: list[int]
    gross: list[int]
    net: list[int]


class ChangeRow(NamedTuple):
    """A stored change; see config/schema/0006_change.sql."""

    conversion_key: int
    version: int
    run_id: str
    reason: str
    changed_ms: int
    rules_before: int
    rules_after: int
    digest_before: int
    digest_after: int
    time_before: int
    time_after: int
    currency_before: str
    currency_after: str
    gross_before: int
    gross_after: int
    net_before: int
    net_after: int
    retracted_before: int
    retracted_after: int
    touches_before: int
    touches_after: int
    channels_before: list[str]
    channels_after: list[str]
    micros_before: list[int]
    micros_after: list[int]
    credit_before: list[int]
    credit_after: list[int]


def standing_credit(
    storage: Storage, tenant_id: int, days: Sequence[date], keys: Sequence[int], *, task: str = ""
) -> dict[int, StandingCredit]:
    """By conversion key: the newest of the rows that stand at these (day, key) places."""
    if not keys:
        return {}
    wanted = External({"utc_day": ("Date", days), "conversion_key": ("UInt64", keys)})
    rows = storage.rows(STANDING_CREDIT, tenant_id=tenant_id, external={"wanted": wanted}, task=task)
    return {row[0]: StandingCredit._make(row) for row in rows}


def changes_of(storage: Storage, tenant_id: int, keys: Sequence[int], limit: int) -> list[ChangeRow]:
    """What changed in the credit of these conversions, oldest first."""
    if not keys:
        return []
    table = one_column("key", "UInt64", keys)
    rows: list[tuple[Any, ...]] = storage.rows(
        CHANGES_OF, tenant_id=tenant_id, params={"limit": limit}, external={"keys": table}, task="history"
    )
    return [ChangeRow._make(row) for row in rows]


def insert_changes(storage: Storage, columns: Columns, *, task: str = "") -> int:
    """Rows of `ledger_changes`; the same change of the same run again replaces itself."""
    return storage.insert("ledger_changes", columns, task=task)
