"""Which credit stands for these conversions, and what did it change from?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from app.attribution.names import FIVE_MODELS
from app.storage.client import Columns, Storage
from app.storage.external import External, one_column
from app.storage.statements import TenantsStatement, TenantStatement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

# The newest row of each conversion; of two rows of one run the one that stands, not the one that marks its old day.
# The key columns are looked at first, so that conversions without a row cost no arrays.
_STANDING = """
    SELECT {columns}
    FROM ledger
    WHERE {tenant}
      AND (tenant_id, utc_day, conversion_key) IN (SELECT tenant_id, utc_day, conversion_key FROM wanted)
    ORDER BY tenant_id, conversion_key, version DESC, is_deleted
    LIMIT 1 BY tenant_id, conversion_key
    """
STANDING_CREDIT = TenantsStatement(
    "standing_credit",
    _STANDING.replace(
        "{columns}",
        """tenant_id, conversion_key, version, is_deleted, toUnixTimestamp64Milli(ts), rules_version, currency,
           gross_minor, net_minor, retracted, touch_keys, touch_channels, micros, gross, net""",
    ),
)
STANDING_CONTENT = TenantsStatement(
    "standing_content", _STANDING.replace("{columns}", "tenant_id, conversion_key, version, is_deleted, content")
)

_COLUMNS = """conversion_key, version, run_id, reason, toUnixTimestamp64Milli(changed_at), rules_before, rules_after,
           digest_before, digest_after, toUnixTimestamp64Milli(time_before), toUnixTimestamp64Milli(time_after),
           currency_before, currency_after, gross_before, gross_after, net_before, net_after, retracted_before,
           retracted_after, touches_before, touches_after, channels_before, channels_after, micros_before,
           micros_after, credit_before, credit_after"""

MOST_CHANGES = 1_000
"""Of some conversions that are listed."""

CHANGES_OF = TenantStatement(
    "ledger_changes_of",
    f"""
    SELECT {_COLUMNS}
    FROM ledger_changes FINAL
    WHERE {{tenant}}
      AND conversion_key IN (SELECT key FROM keys)
    ORDER BY version, conversion_key
    LIMIT %(limit)s
    """,
)

# By the time of the change, which no key is ordered by: it is looked at first, and the arrays of what is asked for.
# A change that was recorded twice by a run that was cut off is one.
CHANGES_BETWEEN = TenantStatement(
    "ledger_changes_between",
    f"""
    SELECT {_COLUMNS}
    FROM ledger_changes
    WHERE {{tenant}}
      AND changed_at >= fromUnixTimestamp64Milli(%(from_ms)s)
      AND changed_at < fromUnixTimestamp64Milli(%(to_ms)s)
      AND (%(reason)s = '' OR reason = %(reason)s)
      AND (version, conversion_key, digest_before) < (toUInt64(%(version)s), toUInt64(%(key)s), toUInt64(%(digest)s))
    ORDER BY version DESC, conversion_key DESC, digest_before DESC
    LIMIT 1 BY version, conversion_key, digest_before
    LIMIT %(limit)s
    """,
)

# Model k of channel i stands at k * n + i. What one change gave and the next one took is nothing in the end. A sum
# beyond 64 bits wraps: the float beside it says how often.
MOVED_BETWEEN = TenantStatement(
    "ledger_moved_between",
    """
    SELECT reason, code, model, channel, sum(sign * toInt64(micro)) AS micros, sum(sign * amount) AS amounts,
           sum(sign * toFloat64(amount)) AS about
    FROM
    (
        SELECT toString(reason) AS reason, side.1 AS sign, toString(side.2) AS code,
               CAST(side.3, 'Array(String)') AS names, side.4 AS all_micros, side.5 AS all_amounts
        FROM
        (
            SELECT reason,
                   arrayJoin([
                       (toInt8(-1), currency_before, channels_before, micros_before, credit_before),
                       (toInt8(1), currency_after, channels_after, micros_after, credit_after)
                   ]) AS side
            FROM
            (
                SELECT reason, currency_before, channels_before, micros_before, credit_before, currency_after,
                       channels_after, micros_after, credit_after
                FROM ledger_changes
                WHERE {tenant}
                  AND changed_at >= fromUnixTimestamp64Milli(%(from_ms)s)
                  AND changed_at < fromUnixTimestamp64Milli(%(to_ms)s)
                  AND (%(reason)s = '' OR reason = %(reason)s)
                ORDER BY version, conversion_key, digest_before
                LIMIT 1 BY version, conversion_key, digest_before
            )
        )
    )
    ARRAY JOIN
        all_micros AS micro,
        all_amounts AS amount,
        arrayFlatten(arrayWithConstant(length(%(models)s), names)) AS channel,
        arrayFlatten(arrayMap(name -> arrayWithConstant(length(names), name), %(models)s)) AS model
    GROUP BY reason, code, model, channel
    HAVING (micros != 0 OR amounts != 0 OR abs(about) > 1e18)
    ORDER BY reason, code, model, channel
    """,
)

REASONS_BETWEEN = TenantStatement(
    "ledger_reasons_between",
    """
    SELECT toString(reason) AS why, uniqExact(version, conversion_key, digest_before), uniqExact(conversion_key)
    FROM ledger_changes
    WHERE {tenant}
      AND changed_at >= fromUnixTimestamp64Milli(%(from_ms)s)
      AND changed_at < fromUnixTimestamp64Milli(%(to_ms)s)
      AND (%(reason)s = '' OR reason = %(reason)s)
    GROUP BY why
    ORDER BY why
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
    """The same rows by columns: `tenant_id`, `conversion_key` (rising), `version`, `is_deleted` and `content`.

    Parameters
    ----------
    tenant_ids, days, keys : of each place; days are counted from 1970.
    """
    places = {
        "tenant_id": ("UInt32", tenant_ids),
        "utc_day": ("Date", days.astype("datetime64[D]")),
        "conversion_key": ("UInt64", keys),
    }
    asked = sorted(set(tenant_ids.tolist()))
    return arrays.columns(STANDING_CONTENT, tenant_id=asked, external={"wanted": External(places)}, task=task)


def changes_of(storage: Storage, tenant_id: int, keys: Sequence[int]) -> list[ChangeRow]:
    """What changed in the credit of these conversions, oldest first, `MOST_CHANGES` at most."""
    if not keys:
        return []
    table = one_column("key", "UInt64", keys)
    rows: list[tuple[Any, ...]] = storage.rows(
        CHANGES_OF, tenant_id=tenant_id, params={"limit": MOST_CHANGES}, external={"keys": table}, task="history"
    )
    return [ChangeRow._make(row) for row in rows]


class Place(NamedTuple):
    """Where a list of changes goes on: after this one, towards older ones."""

    version: int
    conversion_key: int
    digest_before: int


NEWEST = Place(*[(1 << 64) - 1] * 3)


class Moved(NamedTuple):
    """What the changes of one kind moved: micros of conversions, and net amounts in minor units.

    `amount` is the sum as 64 bits hold it, and `about` the same as a float.
    """

    reason: str
    currency: str
    model: str
    channel: str
    micros: int
    amount: int
    about: float


def changes_between(
    storage: Storage, tenant_id: int, from_ms: int, to_ms: int, reason: str, after: Place, limit: int
) -> list[ChangeRow]:
    """What changed in ``[from_ms, to_ms)``, newest first; of every kind where `reason` is ''."""
    # As strings: the driver writes a number above 2**63 in a way that the server takes for a float.
    place = {"version": str(after.version), "key": str(after.conversion_key), "digest": str(after.digest_before)}
    params = {"from_ms": from_ms, "to_ms": to_ms, "reason": reason, "limit": limit} | place
    rows = storage.rows(CHANGES_BETWEEN, tenant_id=tenant_id, params=params, task="changes")
    return [ChangeRow._make(row) for row in rows]


def moved_between(storage: Storage, tenant_id: int, from_ms: int, to_ms: int, reason: str) -> list[Moved]:
    """What all of these changes together moved, by kind, currency, model and channel."""
    params = {"from_ms": from_ms, "to_ms": to_ms, "reason": reason, "models": [str(model) for model in FIVE_MODELS]}
    rows = storage.rows(MOVED_BETWEEN, tenant_id=tenant_id, params=params, task="changes")
    return [Moved._make(row) for row in rows]


def reasons_between(
    storage: Storage, tenant_id: int, from_ms: int, to_ms: int, reason: str
) -> list[tuple[str, int, int]]:
    """(kind of run, changes, conversions) of all of these changes."""
    params = {"from_ms": from_ms, "to_ms": to_ms, "reason": reason}
    return storage.rows(REASONS_BETWEEN, tenant_id=tenant_id, params=params, task="changes")


def insert_changes(storage: Storage, columns: Columns, *, task: str = "") -> int:
    """Rows of `ledger_changes`; the same change of the same run again replaces itself."""
    return storage.insert("ledger_changes", columns, task=task)
