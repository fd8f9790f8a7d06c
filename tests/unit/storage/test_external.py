"""Which sets stand in the text of a query, and which travel with it as a table?"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from app.storage.external import FEW, External, stated
from app.storage.statements import UnsafeStatement

SET = "SELECT 1 FROM t WHERE {tenant} AND (tenant_id, day, key) IN (SELECT tenant_id, day, key FROM wanted)"


def wanted(count: int) -> External:
    days = [date(2026, 1, 31)] * count
    keys = np.array([2**64 - 1 - number for number in range(count)], np.uint64)
    return External({"tenant_id": ("UInt32", [7] * count), "day": ("Date", days), "key": ("UInt64", keys)})


def test_a_few_numbers_stand_in_the_text() -> None:
    sql, travelling = stated(SET, {"wanted": wanted(2)}, [7])
    assert sql.endswith("IN ((7, '2026-01-31', 18446744073709551615), (7, '2026-01-31', 18446744073709551614))")
    assert travelling == {}
    keys = External({"key": ("UInt64", [5, 6])})
    assert stated("a IN (SELECT key FROM keys) AND b", {"keys": keys}, 7) == ("a IN (5, 6) AND b", {})


def test_many_none_and_strings_travel() -> None:
    for table in (wanted(FEW + 1), wanted(0), External({"tenant_id": ("UInt32", [7]), "key": ("String", ["u:1"])})):
        assert stated(SET, {"wanted": table}, None) == (SET, {"wanted": table})


def test_a_table_that_is_more_than_a_set_travels_whole() -> None:
    sql = f"{SET} INNER JOIN (SELECT tenant_id, key FROM wanted) AS w USING (tenant_id)"
    tables = {"wanted": wanted(1)}
    assert stated(sql, tables, 7) == (sql, tables)


@pytest.mark.parametrize("tenant_ids", [[7, 9], np.array([7, 9], np.uint32)], ids=["list", "array"])
def test_a_statement_of_one_tenant_takes_no_rows_of_another(tenant_ids: Any) -> None:
    """It asks its sets without the tenant's number."""
    table = External({"tenant_id": ("UInt32", tenant_ids), "name": ("String", ["a", "b"])})
    assert stated(SET, {"wanted": table}, [7, 9]) == (SET, {"wanted": table})
    for whose in (7, [7], [8]):
        with pytest.raises(UnsafeStatement, match="wanted"):
            stated(SET, {"wanted": table}, whose)


ONE = "SELECT 1 FROM t\n    WHERE tenant_id = 7 AND key IN (SELECT key FROM keys)"


def test_a_look_up_by_a_set_in_its_text_is_a_prewhere() -> None:
    keys = {"keys": External({"key": ("UInt64", [5, 6])})}
    assert stated(ONE, keys, 7)[0] == "SELECT 1 FROM t\n    PREWHERE tenant_id = 7 AND key IN (5, 6)"
    two = f"SELECT x FROM ({ONE}) WHERE x = 0 UNION ALL {ONE.replace('= 7', 'IN (7, 8)')}"
    assert stated(two, keys, None)[0].count("PREWHERE tenant_id") == 2
    assert stated(two, keys, None)[0].count("WHERE x = 0") == 1


@pytest.mark.parametrize(
    "sql",
    [
        ONE.replace("FROM t", "FROM t FINAL"),  # an older row could stand for a newer one that does not match
        f"{ONE} AND id IN (SELECT id FROM (SELECT id FROM u WHERE tenant_id = 7))",  # its key would not be used
        ONE.replace("FROM t", "FROM t AS a JOIN (SELECT 1) AS b USING (x)"),
        ONE.replace("SELECT 1 FROM t", "ALTER TABLE t DELETE"),
        ONE.replace("SELECT 1 FROM", "DELETE FROM"),
    ],
)
def test_others_keep_their_where(sql: str) -> None:
    told, travelling = stated(sql, {"keys": External({"key": ("UInt64", [5, 6])})}, 7)
    assert "key IN (5, 6)" in told
    assert travelling == {}
    assert "PREWHERE" not in told


def test_where_a_set_travels_or_there_is_none_it_is_a_where() -> None:
    for tables in ({"keys": External({"key": ("UInt64", range(FEW + 1))})}, {}):
        assert stated(ONE, tables, 7) == (ONE, tables)
