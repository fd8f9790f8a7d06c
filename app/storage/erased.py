"""Was this event of a person who has been erased? And: who is being erased, and what is there of them?

The rows of a person are those of their ids in the times in which the ids were theirs (table `gone`), received up to
the erasure: what the person sends later is a new beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from app.storage.client import Storage
from app.storage.erase_statements import EVENTS
from app.storage.external import External, one_column
from app.storage.statements import Statement, TenantsStatement, TenantStatement

# An erasure begins with its tombstones, which stay for ever: without one, nothing else of an erasure is there.
ANYBODY_ERASED = TenantsStatement(
    "anybody_erased",
    """
    SELECT DISTINCT tenant_id
    FROM erased_ids
    WHERE {tenant}
    """,
)

ERASED_AMONG = TenantsStatement(
    "erased_among",
    """
    SELECT tenant_id, number
    FROM received
    WHERE (tenant_id, sipHash64(message_id), xxHash64(message_id)) IN
    (
        SELECT tenant_id, event_key, message_check
        FROM erased_messages
        WHERE {tenant}
          AND (tenant_id, event_key) IN (SELECT tenant_id, sipHash64(message_id) FROM received)
    )
    UNION DISTINCT
    SELECT tenant_id, number
    FROM
    (
        SELECT tenant_id, number, ts_ms, received_ms, xxHash64(user_id) AS id_hash, sipHash64(user_id) AS id_check
        FROM received
    ) AS sent
    INNER JOIN
    (
        SELECT tenant_id, id_hash, id_check, from_ms, until_ms, erased_ms
        FROM erased_ids
        WHERE {tenant}
          AND (tenant_id, id_hash) IN (SELECT tenant_id, xxHash64(user_id) FROM received)
    ) AS gone
    USING (tenant_id, id_hash, id_check)
    WHERE received_ms <= erased_ms AND ts_ms BETWEEN from_ms AND until_ms
    """,
)

_TOUCH = """
    SELECT tenant_id, user_id, ts, message_id, kind, received_at, retention_days
    FROM
    (
        SELECT tenant_id, user_id, ts, message_id, kind, received_at, retention_days
        FROM touchpoints
        WHERE {tenant}
          AND user_hash IN (SELECT xxHash64(user_id) FROM gone)
          AND is_deleted %% 2 = 0
          AND toUnixTimestamp64Milli(received_at) <= %(erased_ms)s
    ) AS touches
    INNER JOIN
    (
        SELECT user_id, from_ms, until_ms
        FROM gone
    ) AS spans
    USING (user_id)
    WHERE toUnixTimestamp64Milli(ts) BETWEEN from_ms AND until_ms
"""

# Twins that cancel the person's touches (255 stands above every revision): every query passes over them already.
HIDE_TOUCHES = TenantStatement(
    "hide_touches",
    f"""
    INSERT INTO touchpoints
        (tenant_id, user_id, ts, message_id, kind, received_at, retention_days, is_deleted)
    SELECT tenant_id, user_id, ts, message_id, kind, received_at, retention_days, 255
    FROM ({_TOUCH})
    """,
)

REMEMBER_TOUCHES = TenantStatement(
    "remember_erased_touches",
    f"""
    INSERT INTO erased_messages (tenant_id, event_key, message_check, erased_at)
    SELECT DISTINCT tenant_id, sipHash64(message_id), xxHash64(message_id),
           fromUnixTimestamp64Milli(toInt64(%(erased_ms)s))
    FROM ({_TOUCH})
    """,
)

# The register is not ordered by person: this reads the tenant's column of ids, once an erasure.
REMEMBER_EVENTS = TenantStatement(
    "remember_erased_events",
    f"""
    INSERT INTO erased_messages (tenant_id, event_key, message_check, erased_at)
    SELECT DISTINCT tenant_id, sipHash64(message_id), xxHash64(message_id),
           fromUnixTimestamp64Milli(toInt64(%(erased_ms)s))
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
)

PERSONS_CONVERSIONS = TenantStatement(
    "persons_conversions",
    """
    SELECT conversion_key, toUnixTimestamp64Milli(ts), message_id, conversion_type, order_id, user_id, anonymous_id,
           value_minor, currency, rules_version, toUnixTimestamp64Milli(received_at), retention_days, is_deleted
    FROM conversions
    WHERE {tenant}
      AND conversion_key IN
      (
          SELECT conversion_key
          FROM conversions_by_user
          WHERE {tenant}
            AND user_hash IN (SELECT xxHash64(user_id) FROM gone)
      )
    ORDER BY conversion_key, ts, message_id, is_deleted
    """,
)

ADD_TOMBSTONES = Statement(
    "add_tombstones",
    """
    INSERT INTO erased_ids (tenant_id, id_hash, id_check, from_ms, until_ms, erased_ms)
    SELECT toUInt32(%(tenant_id)s), xxHash64(user_id), sipHash64(user_id), from_ms, until_ms, toInt64(%(erased_ms)s)
    FROM gone
    """,
)

VISIBLE = TenantStatement(
    "visible_of_erased",
    """
    SELECT count()
    FROM
    (
        SELECT user_id, ts
        FROM
        (
            SELECT user_id, ts, is_deleted
            FROM touchpoints
            WHERE {tenant}
              AND user_hash IN (SELECT xxHash64(user_id) FROM gone)
              AND toUnixTimestamp64Milli(received_at) <= %(erased_ms)s
            ORDER BY user_hash, ts, event_key, is_deleted DESC
            LIMIT 1 BY user_hash, ts, event_key
        )
        WHERE is_deleted %% 2 = 0
    ) AS touches
    INNER JOIN
    (
        SELECT user_id, from_ms, until_ms
        FROM gone
    ) AS spans
    USING (user_id)
    WHERE toUnixTimestamp64Milli(ts) BETWEEN from_ms AND until_ms
    """,
)

HASHES = Statement("hashes_of_ids", "SELECT toString(xxHash64(user_id)) FROM gone")


class PersonsConversion(NamedTuple):
    """A row of `conversions` of one of a person's conversion keys: theirs, or another's duplicate of the order."""

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
    is_deleted: int


class Sent(NamedTuple):
    """Events as they came, field by field: all of one length, times in epoch ms."""

    message_ids: Sequence[str]
    user_ids: Sequence[str]
    times_ms: Sequence[int]
    received_ms: Sequence[int]


def erased_among(storage: Storage, sent: Mapping[int, Sent], *, task: str = "") -> dict[int, set[int]]:
    """Which of some tenants' events were sent by erased persons, before they were: tenant -> their places.

    Of most tenants nobody was ever erased, and to see that is a tenth of what looking for the events costs.
    """
    found: dict[int, set[int]] = {tenant_id: set() for tenant_id in sent}
    asked = sorted(tenant_id for tenant_id, events in sent.items() if len(events.message_ids))
    if asked:
        asked = sorted(tenant_id for (tenant_id,) in storage.rows(ANYBODY_ERASED, tenant_id=asked, task=task))
    if not asked:
        return found
    table = _received({tenant_id: sent[tenant_id] for tenant_id in asked})
    for tenant_id, number in storage.rows(ERASED_AMONG, tenant_id=asked, external={"received": table}, task=task):
        found[tenant_id].add(number)
    return found


def _received(sent: Mapping[int, Sent]) -> External:
    """The external table `received`; `number` is the event's place among its tenant's."""

    def column(of: Callable[[int, Sent], Iterable[Any]]) -> list[Any]:
        return [value for tenant_id, events in sent.items() for value in of(tenant_id, events)]

    return External(
        {
            "tenant_id": ("UInt32", column(lambda tenant_id, events: repeat(tenant_id, len(events.message_ids)))),
            "number": ("Int64", column(lambda _, events: range(len(events.message_ids)))),
            "message_id": ("String", column(lambda _, events: events.message_ids)),
            "user_id": ("String", column(lambda _, events: events.user_ids)),
            "ts_ms": ("Int64", column(lambda _, events: events.times_ms)),
            "received_ms": ("Int64", column(lambda _, events: events.received_ms)),
        }
    )


def spans_table(spans: Sequence[tuple[str, int, int]]) -> External:
    """The external table `gone`: (raw id, from, until), times in epoch ms, both included."""
    ids, from_ms, until_ms = zip(*spans, strict=True)
    return External({"user_id": ("String", ids), "from_ms": ("Int64", from_ms), "until_ms": ("Int64", until_ms)})


def persons_conversions(
    storage: Storage, tenant_id: int, spans: Sequence[tuple[str, int, int]]
) -> list[PersonsConversion]:
    """Every row of the conversion keys that these ids ever made."""
    external = {"gone": spans_table(spans)}
    rows: list[tuple[Any, ...]] = storage.rows(
        PERSONS_CONVERSIONS, tenant_id=tenant_id, external=external, task="erase"
    )
    return [PersonsConversion._make(row) for row in rows]


def insert_tombstones(storage: Storage, tenant_id: int, spans: Sequence[tuple[str, int, int]], erased_ms: int) -> None:
    """Say of ids, by their hashes, that what was received of them until `erased_ms` is not to be stored."""
    params = {"erased_ms": erased_ms, "tenant_id": tenant_id}
    storage.rows(ADD_TOMBSTONES, params=params, external={"gone": spans_table(spans)}, task="erase")


def hashes_of(storage: Storage, ids: Sequence[str]) -> tuple[str, ...]:
    """The `user_hash` of raw ids, as texts."""
    rows = storage.rows(HASHES, external={"gone": one_column("user_id", "String", ids)}, task="erase")
    return tuple(sorted({text for (text,) in rows}))


def visible(storage: Storage, tenant_id: int, spans: Sequence[tuple[str, int, int]], erased_ms: int) -> int:
    """How much of an erased person is not hidden: touches that count, and conversion events that do."""
    external = {"gone": spans_table(spans)}
    rows = storage.rows(VISIBLE, tenant_id=tenant_id, params={"erased_ms": erased_ms}, external=external, task="erase")
    found = persons_conversions(storage, tenant_id, spans)
    cancelled = {(item.conversion_key, item.ts_ms, item.message_id) for item in found if item.is_deleted}
    standing = [
        item
        for item in found
        if (item.conversion_key, item.ts_ms, item.message_id) not in cancelled
        and item.received_ms <= erased_ms
        and any(item.user_id == id and low <= item.ts_ms <= high for id, low, high in spans)
    ]
    return int(rows[0][0]) + len(standing)
