"""Are the columns of a query without rows those that hold now, though they were told before?"""

from __future__ import annotations

import pytest

from workers.local.clickhouse.told import _alike

EMPTY = "SELECT * FROM told WHERE id > {}"


def kinds(client, text, **more):
    rows, columns = client.execute(text, with_column_types=True, **more)
    assert rows == []
    return columns


def test_they_follow_a_change_by_another_connection(connect):
    one, other = connect(), connect()
    one.execute("CREATE TABLE told (id UInt64) ENGINE = MergeTree ORDER BY id")
    assert kinds(one, EMPTY.format(5)) == kinds(one, EMPTY.format(5)) == [("id", "UInt64")]
    other.execute("ALTER TABLE told ADD COLUMN name String")
    assert kinds(one, EMPTY.format(5)) == [("id", "UInt64"), ("name", "String")]
    other.execute("DROP TABLE told")


def test_queries_that_differ_in_a_time_alone_are_one_and_others_are_not(connect):
    client = connect()
    for text, kind in (
        ("SELECT 1700000000001 AS x WHERE 0", "UInt64"),
        ("SELECT 1700000000002 AS x WHERE 0", "UInt64"),
        ("SELECT 1 AS x WHERE 0", "UInt8"),
        ("SELECT 300 AS x WHERE 0", "UInt16"),
        ("SELECT '1700000000001' AS x WHERE 0", "String"),
        ("SELECT 1700000000001.5 AS x WHERE 0", "Float64"),
    ):
        assert kinds(client, text) == [("x", kind)]


@pytest.mark.parametrize("where", ["WHERE", "PREWHERE"])
def test_queries_that_differ_in_their_tenants_alone_are_one(connect, where):
    client, alike = connect(), set()
    client.execute("CREATE TABLE told_tenants (tenant_id UInt32, id UInt64) ENGINE = MergeTree ORDER BY id")
    for which in ("= 7", "= 70000", "IN (7, 9)", "IN (7, 70000, 8)"):
        text = f"SELECT id AS told_by FROM told_tenants {where} tenant_id {which} AND id > 0"
        alike.add(_alike(text))
        assert kinds(client, text, settings={"log_comment": which}) == [("told_by", "UInt64")]
    assert len(alike) == 1
    client.execute("DROP TABLE told_tenants")


def test_an_external_table_of_other_types_is_another_query(connect):
    client = connect()
    for kind, value in (("UInt64", 5), ("String", "5"), ("UInt64", 5)):
        table = {"name": "ids", "structure": [("id", kind)], "data": [{"id": value}]}
        assert kinds(client, "SELECT id FROM ids WHERE 0", external_tables=[table]) == [("id", kind)]


def test_a_setting_that_changes_types_is_another_query(connect):
    client = connect()
    text = "SELECT b FROM (SELECT 1 AS a) AS l LEFT JOIN (SELECT 2 AS a, 3 AS b) AS r USING a WHERE 0"
    for nulls, kind in ((0, "UInt8"), (1, "Nullable(UInt8)")):
        assert kinds(client, text, settings={"join_use_nulls": nulls}) == [("b", kind)]


def test_an_insert_sees_a_column_that_was_added(connect):
    one, other = connect(), connect()
    one.execute("CREATE TABLE told_too (id UInt64) ENGINE = MergeTree ORDER BY id")
    one.execute("INSERT INTO told_too VALUES", [(1,)])
    other.execute("ALTER TABLE told_too ADD COLUMN name String")
    one.execute("INSERT INTO told_too VALUES", [(2, "two")])
    assert other.execute("SELECT * FROM told_too ORDER BY id") == [(1, ""), (2, "two")]
    other.execute("DROP TABLE told_too")
