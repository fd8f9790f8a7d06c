"""Which credit stands for these conversions?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.storage.client import Storage
from app.storage.external import External
from app.storage.statements import TenantsStatement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

# To sort the rows and to keep the newest of each costs the engine more than to read a few for nothing. Of older runs'
# rows, which a merge has yet to take away, no array is unpacked.
STANDING_CREDIT = TenantsStatement(
    "standing_credit",
    """
    SELECT tenant_id, conversion_key, version, is_deleted, ts AS ts_ms, rules_version, currency, gross_minor, net_minor,
           retracted, touch_keys, touch_channels, micros, gross, net, content
    FROM ledger
    WHERE {tenant}
      AND (tenant_id, utc_day, conversion_key) IN (SELECT tenant_id, utc_day, conversion_key FROM wanted)
      AND version >= %(since)s
    """,
)

# Every chunk asks this.
STANDING_CONTENT = TenantsStatement(
    "standing_content",
    """
    SELECT tenant_id, conversion_key, version, is_deleted, content
    FROM ledger
    WHERE {tenant}
      AND (tenant_id, utc_day, conversion_key) IN (SELECT tenant_id, utc_day, conversion_key FROM wanted)
    """,
)


def standing_credit(
    arrays: Storage, tenant_ids: Numbers, days: Numbers, keys: NDArray[np.uint64], *, since: int, task: str = ""
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Rows at these (tenant, day, key) places, by columns as `STANDING_CREDIT` names them; which are the newest.

    Parameters
    ----------
    tenant_ids, days, keys : of each place; days are counted from 1970.
    since : a version that each of the conversions is known to have been written with, or with a newer one.
    """
    asked = sorted(set(tenant_ids.tolist()))
    external = {"wanted": _places(tenant_ids, days, keys)}
    found = arrays.columns(STANDING_CREDIT, tenant_id=asked, params={"since": since}, external=external, task=task)
    return found, _newest(found)


def standing_content(
    arrays: Storage, tenant_ids: Numbers, days: Numbers, keys: NDArray[np.uint64], *, task: str = ""
) -> dict[str, NDArray[Any]]:
    """The same rows by columns, in the order (tenant, key): `tenant_id`, `conversion_key`, `version`, `is_deleted`,
    `content`.

    Parameters
    ----------
    tenant_ids, days, keys : of each place; days are counted from 1970.
    """
    asked = sorted(set(tenant_ids.tolist()))
    external = {"wanted": _places(tenant_ids, days, keys)}
    found = arrays.columns(STANDING_CONTENT, tenant_id=asked, external=external, task=task)
    newest = _newest(found)
    return {name: column[newest] for name, column in found.items()}


def _newest(found: dict[str, Any]) -> NDArray[np.int64]:
    """Which row is each conversion's newest, in the order (tenant, key).

    Of two rows of one run it is the one that stands, not the one that marks its old day.
    """
    import numpy as np

    order = np.lexsort((found["is_deleted"], ~found["version"], found["conversion_key"], found["tenant_id"]))
    whose, key = found["tenant_id"][order], found["conversion_key"][order]
    newest = np.ones(len(order), np.bool_)
    newest[1:] = (whose[1:] != whose[:-1]) | (key[1:] != key[:-1])
    return order[newest]


def _places(tenant_ids: Numbers, days: Numbers, keys: NDArray[np.uint64]) -> External:
    return External(
        {
            "tenant_id": ("UInt32", tenant_ids),
            "utc_day": ("Date", days.astype("datetime64[D]")),
            "conversion_key": ("UInt64", keys),
        }
    )
