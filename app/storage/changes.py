"""What changed in the credit of conversions, from what to what, and what did all changes of some days move?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from app.attribution.names import FIVE_MODELS
from app.storage.client import Columns, Storage
from app.storage.external import External, one_column
from app.storage.statements import TenantStatement

_COLUMNS = """conversion_key, version, run_id, reason, toUnixTimestamp64Milli(changed_at), rules_before, rules_after,
           digest_before, digest_after, toUnixTimestamp64Milli(time_before), toUnixTimestamp64Milli(time_after),
           currency_before, currency_after, gross_before, gross_after, net_before, net_after, retracted_before,
           retracted_after, touches_before, touches_after, channels_before, channels_after, micros_before,
           micros_after, credit_before, credit_after"""

SIDES = ("rules", "digest", "time", "currency", "gross", "net", "retracted", "touches", "channels", "micros", "credit")
"""What each side of a change says."""
MOST_CHANGES = 1_000
"""Of some conversions that are listed."""

CHANGES_OF = TenantStatement(
    "ledger_changes_of",
    f"""
    SELECT {_COLUMNS}
    FROM ledger_changes FINAL
    WHERE {{tenant}}
      AND conversion_key IN (SELECT key FROM keys)
    ORDER BY version, changed_at, digest_before, conversion_key
    LIMIT %(limit)s
    """,
)

# Of the changes of some days: each with the one before it of the same conversion, whose `after` is what it changed.
# Two runs that credit a conversion beside one another both find what stood before either: what each of them recorded as
# `before` would count the same step twice. The hour before the days is looked at for that alone. A change that was
# recorded twice by a run that was cut off is one.
_STEPS = """
        SELECT {columns}, toString(reason) AS why, changed_at, version, conversion_key, digest_before, digest_after,
               count() OVER chain = 2 AS follows,
               if(follows, lagInFrame(digest_after) OVER chain, digest_before) AS stood
        FROM
        (
            SELECT *
            FROM ledger_changes
            WHERE {tenant}
              AND changed_at >= fromUnixTimestamp64Milli(%(from_ms)s) - INTERVAL 1 HOUR
              AND changed_at < fromUnixTimestamp64Milli(%(to_ms)s)
            ORDER BY version, conversion_key, digest_before
            LIMIT 1 BY version, conversion_key, digest_before
        )
        WINDOW chain AS (
            PARTITION BY conversion_key
            ORDER BY version, changed_at, digest_before
            ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
        )
    """

_ASKED = """
        digest_after != stood
      AND changed_at >= fromUnixTimestamp64Milli(%(from_ms)s)
      AND (%(reason)s = '' OR why = %(reason)s)
    """

_EARLIER = "lagInFrame(version) OVER chain AS version_then, lagInFrame(digest_before) OVER chain AS digest_then"
STEPS_BETWEEN = TenantStatement(
    "ledger_changes_between",
    f"""
    SELECT conversion_key, version, digest_before, follows, version_then, digest_then
    FROM
    (
        {_STEPS.replace("{columns}", _EARLIER)}
    )
    WHERE {_ASKED}
      AND (version, conversion_key, digest_before) < (toUInt64(%(version)s), toUInt64(%(key)s), toUInt64(%(digest)s))
    ORDER BY version DESC, conversion_key DESC, digest_before DESC
    LIMIT %(limit)s
    """,
)

CHANGES_AT = TenantStatement(
    "ledger_changes_at",
    f"""
    SELECT {_COLUMNS}
    FROM ledger_changes
    WHERE {{tenant}}
      AND (conversion_key, version, digest_before) IN (SELECT conversion_key, version, digest FROM places)
    LIMIT 1 BY version, conversion_key, digest_before
    """,
)

# Model k of channel i stands at k * n + i. What one change gave and the next one took is nothing in the end. A sum
# beyond 64 bits wraps: the float beside it says how often.
_BEFORE = ", ".join(
    f"if(count() OVER chain = 2, lagInFrame({name}_after) OVER chain, {name}_before) AS {name}_stood, {name}_after"
    for name in ("currency", "channels", "micros", "credit")
)
MOVED_BETWEEN = TenantStatement(
    "ledger_moved_between",
    f"""
    SELECT why, code, model, channel, sum(sign * toInt64(micro)) AS micros, sum(sign * amount) AS amounts,
           sum(sign * toFloat64(amount)) AS about
    FROM
    (
        SELECT why, side.1 AS sign, toString(side.2) AS code, side.3 AS names,
               side.4 AS all_micros, side.5 AS all_amounts
        FROM
        (
            SELECT why,
                   arrayJoin([
                       (toInt8(-1), currency_stood, channels_stood, micros_stood, credit_stood),
                       (toInt8(1), currency_after, channels_after, micros_after, credit_after)
                   ]) AS side
            FROM
            (
                {_STEPS.replace("{columns}", _BEFORE)}
            )
            WHERE {_ASKED}
        )
    )
    ARRAY JOIN
        all_micros AS micro,
        all_amounts AS amount,
        arrayFlatten(arrayWithConstant(length(%(models)s), names)) AS channel,
        arrayFlatten(arrayMap(name -> arrayWithConstant(length(names), name), %(models)s)) AS model
    GROUP BY why, code, model, channel
    HAVING (micros != 0 OR amounts != 0 OR abs(about) > 1e18)
    ORDER BY why, code, model, channel
    """,
)

REASONS_BETWEEN = TenantStatement(
    "ledger_reasons_between",
    f"""
    SELECT why, count(), uniqExact(conversion_key)
    FROM
    (
        {_STEPS.replace("{columns}", "run_id")}
    )
    WHERE {_ASKED}
    GROUP BY why
    ORDER BY why
    """,
)


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


def changes_of(storage: Storage, tenant_id: int, keys: Sequence[int]) -> list[ChangeRow]:
    """What changed in the credit of these conversions, oldest first, `MOST_CHANGES` at most."""
    if not keys:
        return []
    table = one_column("key", "UInt64", keys)
    rows: list[tuple[Any, ...]] = storage.rows(
        CHANGES_OF, tenant_id=tenant_id, params={"limit": MOST_CHANGES}, external={"keys": table}, task="history"
    )
    newest: dict[int, ChangeRow] = {}
    found = []
    for row in map(ChangeRow._make, rows):
        step = _after(newest.get(row.conversion_key), row)
        if step.digest_before != step.digest_after:
            found.append(step)
        newest[row.conversion_key] = row
    return found


def _after(earlier: ChangeRow | None, row: ChangeRow) -> ChangeRow:
    """The same change, from what the one before it had left."""
    if earlier is None or earlier.digest_after == row.digest_before:
        return row
    return row._replace(**{f"{name}_before": getattr(earlier, f"{name}_after") for name in SIDES})


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
    steps = storage.rows(STEPS_BETWEEN, tenant_id=tenant_id, params=params, task="changes")
    if not steps:
        return []
    places = [(key, version, digest) for key, version, digest, *_ in steps]
    places += [(key, version, digest) for key, _, _, follows, version, digest in steps if follows]
    names = ("conversion_key", "version", "digest")
    table = External({name: ("UInt64", column) for name, column in zip(names, zip(*places, strict=True), strict=True)})
    rows = storage.rows(CHANGES_AT, tenant_id=tenant_id, external={"places": table}, task="changes")
    at = {(row.conversion_key, row.version, row.digest_before): row for row in map(ChangeRow._make, rows)}
    return [_after(at.get((key, then, was)), at[key, version, digest]) for key, version, digest, _, then, was in steps]


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
    """Rows of `ledger_changes`, one a conversion; the same change of the same run again replaces itself."""
    return storage.insert("ledger_changes", columns, is_distinct=True, task=task)
