"""Which events ever claimed to be these conversions, cancelled ones included?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.external import one_column
from app.storage.statements import TenantStatement

HISTORY = TenantStatement(
    "conversion_history",
    """
    SELECT conversion_key, toUnixTimestamp64Milli(ts), message_id, conversion_type, order_id, user_id, value_minor,
           currency, is_deleted
    FROM conversions
    WHERE {tenant}
      AND conversion_key IN (SELECT key FROM keys)
    """,
)


class ConversionEvent(NamedTuple):
    """A stored row. With `is_deleted` it cancels the row of the same key, time and messageId."""

    conversion_key: int
    ts_ms: int
    message_id: str
    conversion_type: str
    order_id: str
    user_id: str
    value_minor: int
    currency: str
    is_deleted: int


def conversion_history(
    storage: Storage, tenant_id: int, keys: Sequence[int], *, task: str = ""
) -> list[ConversionEvent]:
    """All rows of some conversion keys, in no order, maybe several times."""
    table = one_column("key", "UInt64", keys)
    rows = storage.rows(HISTORY, tenant_id=tenant_id, external={"keys": table}, task=task)
    return [ConversionEvent._make(row) for row in rows]
