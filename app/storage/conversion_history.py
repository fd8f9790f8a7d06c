"""Which events ever claimed to be these conversions, cancelled ones included?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.external import of_tenants
from app.storage.statements import TenantsStatement

HISTORY = TenantsStatement(
    "conversion_history",
    """
    SELECT tenant_id, conversion_key, toUnixTimestamp64Milli(ts), message_id, conversion_type, order_id, user_id,
           value_minor, currency, is_deleted
    FROM conversions
    WHERE {tenant}
      AND (tenant_id, conversion_key) IN (SELECT tenant_id, key FROM keys)
    """,
)


class ConversionEvent(NamedTuple):
    """A stored row. With `is_deleted` it cancels the row of the same key, time and messageId."""

    tenant_id: int
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
    return histories(storage, {tenant_id: keys}, task=task)


def histories(storage: Storage, keys: Mapping[int, Sequence[int]], *, task: str = "") -> list[ConversionEvent]:
    """The same for the keys of several tenants at once."""
    if not keys:
        return []
    external = {"keys": of_tenants("key", "UInt64", keys)}
    rows = storage.rows(HISTORY, tenant_id=sorted(keys), external=external, task=task)
    return list(map(_event, rows))


_event = partial(tuple.__new__, ConversionEvent)
"""As `ConversionEvent._make`, which takes three times as long to see that a row is as long as it was asked for."""
