"""Which credit stands for these conversions?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from app.storage.client import Storage
from app.storage.external import External
from app.storage.statements import TenantsStatement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

# The newest row of each conversion; of two rows of one run the one that stands, not the one that marks its old day.
# The key columns are looked at first, so that conversions without a row cost no arrays.
STANDING_CREDIT = TenantsStatement(
    "standing_credit",
    """
    SELECT tenant_id, conversion_key, version, is_deleted, toUnixTimestamp64Milli(ts), rules_version, currency,
           gross_minor, net_minor, retracted, touch_keys, touch_channels, micros, gross, net
    FROM ledger
    WHERE {tenant}
      AND (tenant_id, utc_day, conversion_key) IN (SELECT tenant_id, utc_day, conversion_key FROM wanted)
    ORDER BY tenant_id, conversion_key, version DESC, is_deleted
    LIMIT 1 BY tenant_id, conversion_key
    """,
)

# Every chunk asks this. All rows are read: to sort them and to keep the newest of each costs more to plan than to do.
STANDING_CONTENT = TenantsStatement(
    "standing_content",
    """
    SELECT tenant_id, conversion_key, version, is_deleted, content
    FROM ledger
    WHERE {tenant}
      AND (tenant_id, utc_day, conversion_key) IN (SELECT tenant_id, utc_day, conversion_key FROM wanted)
    """,
)


class StandingCredit(NamedTuple):
    """The newest ledger row of a conversion, `is_deleted` where it has none any more; arrays are model-major."""

    tenant_id: int
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


def standing_credit(
    storage: Storage, tenant_ids: Sequence[int], days: Sequence[date], keys: Sequence[int], *, task: str = ""
) -> dict[tuple[int, int], StandingCredit]:
    """By tenant and conversion key: the newest of the rows that stand at these (tenant, day, key) places."""
    if not keys:
        return {}
    wanted = External(
        {"tenant_id": ("UInt32", tenant_ids), "utc_day": ("Date", days), "conversion_key": ("UInt64", keys)}
    )
    rows = storage.rows(STANDING_CREDIT, tenant_id=sorted(set(tenant_ids)), external={"wanted": wanted}, task=task)
    return {(row[0], row[1]): StandingCredit._make(row) for row in rows}


def standing_content(
    arrays: Storage, tenant_ids: Numbers, days: Numbers, keys: NDArray[np.uint64], *, task: str = ""
) -> dict[str, NDArray[Any]]:
    """The same rows by columns, in the order (tenant, key): `tenant_id`, `conversion_key`, `version`, `is_deleted`,
    `content`.

    Parameters
    ----------
    tenant_ids, days, keys : of each place; days are counted from 1970.
    """
    import numpy as np

    places = {
        "tenant_id": ("UInt32", tenant_ids),
        "utc_day": ("Date", days.astype("datetime64[D]")),
        "conversion_key": ("UInt64", keys),
    }
    asked = sorted(set(tenant_ids.tolist()))
    found = arrays.columns(STANDING_CONTENT, tenant_id=asked, external={"wanted": External(places)}, task=task)
    order = np.lexsort((found["is_deleted"], ~found["version"], found["conversion_key"], found["tenant_id"]))
    whose, key = found["tenant_id"][order], found["conversion_key"][order]
    newest = np.ones(len(order), np.bool_)
    newest[1:] = (whose[1:] != whose[:-1]) | (key[1:] != key[:-1])
    return {name: column[order[newest]] for name, column in found.items()}
