"""Do the lookups find what they should, and nothing of another tenant?"""

from __future__ import annotations

import re
from datetime import date

from app.storage.adjustments import adjustments_of
from app.storage.client import Storage
from app.storage.conversion_history import HISTORY
from app.storage.conversions import (
    CONVERSIONS,
    OrderKey,
    conversion_keys_between,
    conversions_after,
    conversions_of,
    conversions_within,
    keys_of_orders,
)
from app.storage.erased import Sent, erased_among, insert_tombstones
from app.storage.events import KNOWN_MESSAGES, Known, known_messages
from app.storage.external import External, of_tenants, one_column
from app.storage.hashes import id_hash
from app.storage.identity import LINKS, LINKS_UNCUT, Link, insert_cuts, links_among, links_of
from app.storage.runs import insert_runs
from app.storage.statements import TenantStatement
from tests.integration.runs import RunRow, run_of
from tests.integration.storage.rows import DAY, T0, put


def other(tenant_id: int) -> int:
    return tenant_id + 500_000


def test_known_messages_at_their_earliest(storage: Storage, fresh_tenant: int) -> None:
    put(
        storage,
        "events",
        fresh_tenant,
        {"message_id": "m1", "ts": T0 + 9, "owner": "u:9"},
        {"message_id": "m2", "role": "conversion", "owner": "123", "user_id": "a:2"},
        {"message_id": "m3", "received_at": T0 - 1},
        {"message_id": "m4"},
    )
    again = {"message_id": "m1", "ts": T0 + 3, "owner": "u:3", "received_at": T0 + 40 * DAY}
    put(storage, "events", fresh_tenant, again)
    put(storage, "events", other(fresh_tenant), {"message_id": "m5"}, {"message_id": "m1", "ts": T0})
    found = known_messages(storage, {fresh_tenant: ["m1", "m2", "m3", "m5", "m6", "m1"]}, T0)
    assert found[fresh_tenant] == {
        "m1": Known(T0 + 3, "touch", "u:3", "u:1"),
        "m2": Known(T0, "conversion", "123", "a:2"),
    }
    assert known_messages(storage, {fresh_tenant: []}, T0) == {fresh_tenant: {}}


def test_odd_message_ids(storage: Storage, fresh_tenant: int) -> None:
    ids = ["'; DROP TABLE events --", "\\", "%s %(x)s", "ünï\u0000code", "{tenant}", "\n\t", "x" * 512]
    put(storage, "events", fresh_tenant, *({"message_id": message} for message in ids))
    assert set(known_messages(storage, {fresh_tenant: ids}, T0)[fresh_tenant]) == set(ids)


def test_lookups_read_few_granules(storage: Storage) -> None:
    """Each by its primary key: three ids in a table of some two hundred granules."""
    ids = ["m7", "m49999", "x"]
    for table, columns, values in (
        ("events", "received_at, retention_days, message_id", "now64(3), 4000, 'm' || toString(number)"),
        ("identity_aliases", "id, met", "'m' || toString(number), 'u:1'"),
        ("conversions", "ts, retention_days, conversion_key", "now64(3), 4000, number"),
    ):
        storage.command(f"INSERT INTO {table} (tenant_id, {columns}) SELECT 901, {values} FROM numbers(50000)")
    asked: tuple[tuple[TenantStatement, dict[str, int], str, External], ...] = (
        (KNOWN_MESSAGES, {"since_ms": 0}, "ids", of_tenants("id", "String", {901: ids})),
        (LINKS, {}, "ids", of_tenants("id_hash", "UInt64", {901: map(id_hash, ids)})),
        (LINKS_UNCUT, {}, "ids", of_tenants("id_hash", "UInt64", {901: map(id_hash, ids)})),
        (HISTORY, {}, "keys", of_tenants("key", "UInt64", {901: [7, 49_999, 60_000]})),
        (CONVERSIONS, {}, "keys", one_column("key", "UInt64", [7, 49_999, 60_000])),
    )
    for statement, params, name, wanted in asked:
        explained = TenantStatement("explain", "EXPLAIN indexes = 1 " + statement.sql)
        rows = storage.rows(explained, tenant_id=901, params=params, external={name: wanted})
        plan = "\n".join(line for (line,) in rows)
        found = re.search(r"Granules: (\d+)/(\d+)", plan[plan.index("PrimaryKey") :])
        assert found is not None, plan
        assert int(found[1]) <= 6, plan
        assert int(found[2]) >= 190, plan


def test_a_newer_row_that_does_not_match_hides_the_older_one(storage: Storage, fresh_tenant: int) -> None:
    """FINAL, with a set in the text of the query: the rows are chosen after they replaced each other."""
    insert_cuts(storage, fresh_tenant, [("a:1", "u:1"), ("a:1", "u:2")], version=1)
    insert_cuts(storage, fresh_tenant, [("a:1", "u:1")], version=2, undone=True)
    sql = """
        SELECT met
        FROM identity_cuts FINAL
        WHERE {tenant}
          AND id_hash IN (SELECT id_hash FROM ids)
          AND undone = 0
        """
    ids = one_column("id_hash", "UInt64", [id_hash("a:1")])
    found = storage.rows(TenantStatement("cut", sql), tenant_id=fresh_tenant, external={"ids": ids})
    assert found == [("u:2",)]


def test_links_with_their_first_meeting(storage: Storage, fresh_tenant: int) -> None:
    put(
        storage,
        "identity_aliases",
        fresh_tenant,
        {"id": "a:1", "met": "u:2", "first_ts": T0 + 50},
        {"id": "a:1", "met": "u:1", "first_ts": T0 + 20},
        {"id": "u:1", "met": "a:1", "first_ts": T0 + 20},
        {"id": "u:2", "met": "a:1", "first_ts": T0 + 50},
    )
    put(storage, "identity_aliases", fresh_tenant, {"id": "a:1", "met": "u:1", "first_ts": T0 + 10})
    put(storage, "identity_aliases", fresh_tenant, {"id": "a:1", "met": "u:1", "first_ts": T0 + 90})
    put(storage, "identity_aliases", other(fresh_tenant), {"id": "a:1", "met": "u:x", "first_ts": T0})
    assert links_of(storage, fresh_tenant, ["a:1", "u:2", "u:none"]) == [
        Link("a:1", "u:1", T0 + 10),
        Link("a:1", "u:2", T0 + 50),
        Link("u:2", "a:1", T0 + 50),
    ]
    assert links_of(storage, fresh_tenant, []) == []


def test_links_of_several_tenants_with_the_same_ids(storage: Storage, fresh_tenant: int) -> None:
    mine, theirs, third = fresh_tenant, other(fresh_tenant), fresh_tenant + 600_000
    meetings = {"id": "a:1", "met": "u:1", "first_ts": T0}, {"id": "a:2", "met": "u:1", "first_ts": T0}
    put(storage, "identity_aliases", mine, *meetings)
    put(storage, "identity_aliases", theirs, *meetings, {"id": "a:1", "met": "u:2", "first_ts": T0 + 1})
    insert_cuts(storage, mine, [("a:2", "u:1")], version=1)
    insert_cuts(storage, theirs, [("a:1", "u:1")], version=1)
    assert links_among(storage, {mine: ["a:1", "a:2"], theirs: ["a:1"], third: ["a:1"]}) == {
        mine: [Link("a:1", "u:1", T0)],
        theirs: [Link("a:1", "u:2", T0 + 1)],
        third: [],
    }
    assert links_among(storage, {mine: [], theirs: ["a:2"]}) == {mine: [], theirs: [Link("a:2", "u:1", T0)]}


def test_conversions_in_order_without_cancelled_ones(storage: Storage, fresh_tenant: int) -> None:
    put(
        storage,
        "conversions",
        fresh_tenant,
        {"conversion_key": 2**64 - 1, "message_id": "b", "value_minor": -(2**62)},
        {"conversion_key": 7, "message_id": "b", "ts": T0 + 5},
        {"conversion_key": 7, "message_id": "a", "ts": T0 + 5, "user_id": "u:2", "anonymous_id": "a:2"},
        {"conversion_key": 7, "message_id": "late", "ts": T0 + 9},
        {"conversion_key": 8},
    )
    put(
        storage,
        "conversions",
        fresh_tenant,
        {"conversion_key": 7, "message_id": "late", "ts": T0 + 9, "is_deleted": 1},
        {"conversion_key": 7, "message_id": "late", "ts": T0 + 1},
    )
    put(storage, "conversions", other(fresh_tenant), {"conversion_key": 7})
    found = conversions_of(storage, fresh_tenant, [7, 2**64 - 1, 9])
    assert [(row.conversion_key, row.message_id, row.ts_ms - T0) for row in found] == [
        (7, "late", 1),
        (7, "a", 5),
        (7, "b", 5),
        (2**64 - 1, "b", 0),
    ]
    assert (found[1].user_id, found[1].anonymous_id, found[3].value_minor) == ("u:2", "a:2", -(2**62))
    assert conversions_of(storage, fresh_tenant, []) == []


def test_conversions_after_a_touch(storage: Storage, fresh_tenant: int) -> None:
    put(
        storage,
        "conversions_by_user",
        fresh_tenant,
        *({"conversion_key": offset + 10, "ts": T0 + offset} for offset in (-1, 0, 1000, 1001)),
        {"user_id": "a:1", "conversion_key": 5, "ts": T0 + 50},
        {"user_id": "u:else", "conversion_key": 6},
    )
    put(storage, "conversions_by_user", fresh_tenant, {"conversion_key": 10, "ts": T0})
    put(storage, "conversions_by_user", other(fresh_tenant), {"conversion_key": 99})
    found = conversions_after(
        storage, fresh_tenant, ["u:1", "u:1", "a:1"], [T0, T0 - 5, T0 + 51], [T0 + 1000, T0, T0 + 60]
    )
    assert found == [("u:1", T0 - 1, 9), ("u:1", T0, 10), ("u:1", T0 + 1000, 1010)]


def test_keys_of_orders(storage: Storage, fresh_tenant: int) -> None:
    put(
        storage,
        "conversions_by_order",
        fresh_tenant,
        {"order_id": "o-1", "conversion_key": 2, "conversion_type": "Signed Up"},
        {"order_id": "o-1", "conversion_key": 1},
        {"order_id": "o-2", "conversion_key": 3},
    )
    put(storage, "conversions_by_order", fresh_tenant, {"order_id": "o-1", "conversion_key": 1})
    put(storage, "conversions_by_order", other(fresh_tenant), {"order_id": "o-1", "conversion_key": 4})
    assert keys_of_orders(storage, {fresh_tenant: ["o-1", "o-9"]})[fresh_tenant] == [
        OrderKey("o-1", 1, "Order Completed"),
        OrderKey("o-1", 2, "Signed Up"),
    ]


def test_what_is_asked_for_several_tenants_stays_each_tenants_own(storage: Storage, fresh_tenant: int) -> None:
    mine, theirs, third = fresh_tenant, other(fresh_tenant), fresh_tenant + 600_000
    put(storage, "events", mine, {"message_id": "m1", "ts": T0 + 1}, {"message_id": "m2"})
    put(storage, "events", theirs, {"message_id": "m1", "ts": T0 + 2}, {"message_id": "m3"})
    for tenant_id, number in ((mine, 1), (theirs, 2)):
        put(storage, "conversions_by_user", tenant_id, {"conversion_key": number, "ts": T0 + number})
        put(storage, "conversions_by_order", tenant_id, {"order_id": "o-1", "conversion_key": number})
    known = known_messages(storage, {mine: ["m1", "m3"], theirs: ["m1", "m2"], third: ["m1"]}, T0)
    assert {id: {name: row.ts_ms for name, row in rows.items()} for id, rows in known.items()} == {
        mine: {"m1": T0 + 1},
        theirs: {"m1": T0 + 2},
        third: {},
    }
    windows = {mine: [("u:1", T0, T0 + 9)], theirs: [("u:1", T0, T0 + 1), ("u:2", 0, T0)], third: [("u:1", 0, T0 * 2)]}
    assert conversions_within(storage, windows) == {mine: [("u:1", T0 + 1, 1)], theirs: [], third: []}
    keys = keys_of_orders(storage, {mine: ["o-1"], theirs: ["o-1", "o-2"], third: ["o-1"]})
    assert {id: [key for _, key, _ in rows] for id, rows in keys.items()} == {mine: [1], theirs: [2], third: []}


def test_the_erased_of_one_tenant_are_not_anothers(storage: Storage, fresh_tenant: int) -> None:
    mine, theirs, third = fresh_tenant, other(fresh_tenant), fresh_tenant + 600_000
    insert_tombstones(storage, mine, [("u:1", T0, T0 + 9)], T0 + 5)
    insert_tombstones(storage, theirs, [("u:2", T0, T0 + 9)], T0 + 5)
    sent = Sent(["m1", "m2", "m3"], ["u:1", "u:2", "u:1"], [T0, T0, T0 + 10], [T0 + 5] * 3)
    assert erased_among(storage, {mine: sent, theirs: sent, third: sent}) == {mine: {0}, theirs: {1}, third: set()}


def test_the_earliest_row_of_an_adjustment_counts(storage: Storage, fresh_tenant: int) -> None:
    put(
        storage,
        "adjustments",
        fresh_tenant,
        {"adjustment_id": "b", "action": "retract", "value": "", "at": T0 + 5},
        {"adjustment_id": "a", "at": T0 + 7, "value": "7"},
        {"adjustment_id": "z", "order_id": "o-2"},
    )
    put(storage, "adjustments", fresh_tenant, {"adjustment_id": "a", "at": T0 + 6, "value": "6", "currency": "EUR"})
    put(storage, "adjustments", other(fresh_tenant), {"adjustment_id": "c"})
    found = adjustments_of(storage, {fresh_tenant: ["o-1"]})
    assert [(row.adjustment_id, row.action, row.value, row.currency, row.at_ms) for row in found] == [
        ("a", "restate", "6", "EUR", T0 + 6),
        ("b", "retract", "", "", T0 + 5),
    ]


def test_keys_between(storage: Storage, fresh_tenant: int) -> None:
    rows = [{"conversion_key": key, "ts": T0 + offset} for key, offset in ((1, 0), (2, -1), (3, 10), (4, 5), (1, 7))]
    put(storage, "conversions", fresh_tenant, *rows)
    put(storage, "conversions", other(fresh_tenant), {"conversion_key": 9})
    found = list(conversion_keys_between(storage, fresh_tenant, T0, T0 + 10))
    assert found == [(1, T0), (4, T0 + 5)]
    assert list(conversion_keys_between(storage, fresh_tenant, T0 + DAY, T0 + 2 * DAY)) == []


def test_keys_stand_as_the_touches_of_their_users_do(storage: Storage, fresh_tenant: int) -> None:
    """By quarter, then by the hash of the user that a table of touches is sorted by, then by time."""
    quarters, users = (T0, T0 + 100 * DAY), [f"u:{number}" for number in range(6)]
    rows = [
        {"conversion_key": 100 * late + 10 * place + turn, "ts": quarters[late] + (1 - turn) * DAY, "user_id": user}
        for turn in (0, 1)
        for place, user in enumerate(users)
        for late in (1, 0)
    ]
    put(storage, "conversions", fresh_tenant, *rows)
    hashes = dict(storage.command("SELECT DISTINCT user_id, user_hash FROM conversions"))
    by_hash = sorted(range(len(users)), key=lambda place: hashes[users[place]])
    found = [key for key, _ in conversion_keys_between(storage, fresh_tenant, T0, T0 + 200 * DAY)]
    assert found == [100 * late + 10 * place + turn for late in (0, 1) for place in by_hash for turn in (1, 0)]


def test_runs_and_spend_are_kept(storage: Storage, fresh_tenant: int) -> None:
    run_id = f"run-{fresh_tenant}"
    columns = {
        "run_id": [run_id],
        "kind": ["backfill"],
        "tenants": [[1, fresh_tenant]],
        "state": ["done"],
        "chunks": [3],
        "chunks_failed": [0],
        "conversions": [10],
        "touches": [20],
        "created_at": [T0],
        "closed_at": [T0 + 5],
        "version": [1],
    }
    insert_runs(storage, columns)
    assert run_of(storage, run_id) == RunRow(run_id, "backfill", [1, fresh_tenant], "done", 3, 0, 10, 20, T0, T0 + 5)
    assert run_of(storage, "none") is None
    spend = {
        "tenant_id": [fresh_tenant] * 130,
        "day": [date(2016 + month // 12, month % 12 + 1, 1) for month in range(130)],
        "channel": ["google"] * 130,
        "campaign": [""] * 130,
        "currency": ["EUR"] * 130,
        "amount_minor": list(range(130)),
        "version": [1] * 130,
    }
    assert storage.insert("spend", spend, token="t") == 130
