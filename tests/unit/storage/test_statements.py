"""Can a statement be made that reaches another tenant's rows?"""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import app.storage
from app.storage.statements import MARKER, TENANT_TABLES, Statement, TenantsStatement, TenantStatement, UnsafeStatement

GOOD = [
    "SELECT 1 FROM events WHERE {tenant}",
    "SELECT 1 FROM events FINAL WHERE {tenant} AND x = 1 GROUP BY y",
    "SELECT 1 FROM events WHERE {tenant} AND (x = 1 OR y = 2) ORDER BY z",
    "SELECT 1 FROM (SELECT 1 FROM events WHERE {tenant}) AS a JOIN (SELECT 2 FROM spend WHERE {tenant}) AS b USING (x)",
    "SELECT 1 FROM events WHERE {tenant} UNION ALL SELECT 2 FROM spend WHERE {tenant}",
    "SELECT 1 FROM events WHERE {tenant} AND id IN (SELECT id FROM ids)",
    "SELECT c FROM ledger ARRAY JOIN arrayEnumerate(a) AS i, b AS c WHERE {tenant}",
    "SELECT 1 -- FROM events\nFROM spend /* JOIN events */ WHERE {tenant} AND a != ' FROM events, spend OR '",
    "INSERT INTO spend SELECT x FROM ledger WHERE {tenant}",
    "WITH a AS (SELECT 1 FROM events WHERE {tenant}) SELECT 1 FROM a",
    "ALTER TABLE touchpoints DELETE WHERE {tenant} AND user_hash = 1",
]
BAD = [
    ("SELECT 1 FROM events", "without"),
    ("SELECT 1 FROM events WHERE tenant_id = 5", "without"),
    ("SELECT 1 FROM events WHERE x = 1 AND {tenant}", "without"),
    ("SELECT 1 FROM events WHERE {tenant} OR 1", "without"),
    ("SELECT 1 FROM events WHERE {tenant} AND x = 1 OR y = 2", "bare OR"),
    ("SELECT 1 FROM events WHERE NOT {tenant}", "without"),
    ("SELECT '{tenant}' FROM events WHERE 1", "without"),
    ("SELECT 1 FROM events WHERE 1 -- {tenant}", "without"),
    ("SELECT 1 FROM events WHERE {tenant} UNION ALL SELECT 2 FROM spend", "without"),
    ("SELECT 1 FROM (SELECT 1 FROM events) WHERE {tenant}", "without|no tenant's table"),
    ("SELECT 1 FROM events WHERE {tenant} AND id IN (SELECT id FROM spend)", "without"),
    ("SELECT 1 FROM events WHERE {tenant} AND id IN spend", "in one SELECT"),
    ("SELECT 1 FROM events AS a JOIN spend AS b USING (id) WHERE {tenant}", "in one SELECT"),
    ("SELECT 1 FROM conv, events WHERE {tenant}", "comma"),
    ("SELECT 1 FROM (SELECT 1) AS a, events WHERE 1", "comma"),
    ("SELECT 1 FROM other.events WHERE {tenant}", "database"),
    ("SELECT 1 FROM `events` WHERE {tenant}", "quotes"),
    ('SELECT 1 FROM "events" WHERE {tenant}', "quotes"),
    ("SELECT 1 FROM merge('^events') WHERE {tenant}", "table functions"),
    ("SELECT 1 FROM remote('h', db, events) WHERE {tenant}", "table functions"),
    ("SELECT 1 FROM events WHERE {tenant} AND (x = 1", "parentheses"),
    ("SELECT 1 FROM tenants", "no tenant's table"),
]


@pytest.mark.parametrize("sql", GOOD)
def test_guarded_statements_can_be_made(sql: str) -> None:
    text = TenantStatement("x", sql).for_tenant(7)
    assert MARKER not in text
    assert "tenant_id = 7" in text


@pytest.mark.parametrize(("sql", "reason"), BAD)
def test_unguarded_statements_cannot(sql: str, reason: str) -> None:
    with pytest.raises(UnsafeStatement, match=reason):
        TenantStatement("x", sql)


@pytest.mark.parametrize("table", sorted(TENANT_TABLES))
def test_a_plain_statement_reads_no_tenants_table(table: str) -> None:
    Statement("x", "SELECT 1 FROM tenants FINAL JOIN (SELECT 1 FROM rules) AS r USING (tenant_id)")
    with pytest.raises(UnsafeStatement, match="TenantStatement"):
        Statement("x", f"SELECT 1 FROM {table} WHERE tenant_id = 1")


@pytest.mark.parametrize("tenant_id", [None, "1", 1.0, True, -1, 2**32, "1 OR 1"])
def test_a_tenant_is_a_number(tenant_id: object) -> None:
    statement = TenantStatement("x", "SELECT 1 FROM events WHERE {tenant}")
    with pytest.raises(UnsafeStatement):
        statement.for_tenant(tenant_id)  # type: ignore[arg-type]


def test_several_tenants_are_a_list_of_numbers() -> None:
    statement = TenantsStatement("x", "SELECT tenant_id, count() FROM events WHERE {tenant} GROUP BY tenant_id")
    assert "WHERE tenant_id IN (7, 9) GROUP" in statement.for_tenants([7, 9])
    assert "WHERE tenant_id = 7 GROUP" in statement.for_tenants([7])
    for wrong in ([], [7, "9"], [7, -1], [True, 2]):
        with pytest.raises(UnsafeStatement, match="number"):
            statement.for_tenants(wrong)


@pytest.mark.parametrize(
    ("pair", "alone"),
    [
        ("(tenant_id, a) IN (SELECT tenant_id, b FROM t)", "(a) IN (SELECT b FROM t)"),
        ("(tenant_id, a, b) IN\n  (SELECT tenant_id, a, b FROM t)", "(a, b) IN\n  (SELECT a, b FROM t)"),
        ("(tenant_id, f(g(a - %(b)s))) IN (SELECT tenant_id, c FROM t)", "(f(g(a - %(b)s))) IN (SELECT c FROM t)"),
        ("(tenant_id, a) IN ((7, 1))", "(tenant_id, a) IN ((7, 1))"),
    ],
)
def test_of_a_single_tenant_sets_are_asked_without_it(pair: str, alone: str) -> None:
    sql = f"SELECT tenant_id FROM events WHERE {{tenant}} AND {pair} GROUP BY (tenant_id, a)"
    statement = TenantsStatement("x", sql)
    assert f"tenant_id = 7 AND {alone} GROUP BY (tenant_id, a)" in statement.for_tenants([7])
    assert f"tenant_id IN (7, 9) AND {pair} GROUP BY (tenant_id, a)" in statement.for_tenants([7, 9])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM events WHERE {tenant}",
        "SELECT tenant_id FROM (SELECT * FROM events WHERE {tenant}) AS a",
        "SELECT tenant_id FROM (SELECT message_id FROM events WHERE {tenant} AND tenant_id > 0) AS a",
    ],
)
def test_rows_of_several_tenants_say_whose_they_are(sql: str) -> None:
    TenantStatement("x", sql)
    with pytest.raises(UnsafeStatement, match="tenant_id"):
        TenantsStatement("x", sql)


def test_every_table_of_the_schema_is_a_tenants_or_named_here() -> None:
    folder = Path(__file__).parents[3] / "config" / "schema"
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.sql"))
    made = re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)\s*\((.*?)\nENGINE", text, re.DOTALL)
    columns_of = dict(made)
    made += [(copy, columns_of[of]) for copy, of in re.findall(r"CREATE TABLE IF NOT EXISTS (\w+) AS (\w+)", text)]
    gone = set(re.findall(r"DROP TABLE IF EXISTS (\w+)", text))
    made = [(table, columns) for table, columns in made if table not in gone]
    with_tenant = {table for table, columns in made if re.search(r"^\s*tenant_id\b", columns, re.MULTILINE)}
    assert with_tenant - TENANT_TABLES == {"tenants", "rules", "shadow_rules"}
    assert {table for table, _ in made} >= TENANT_TABLES


def all_statements() -> list[Statement | TenantStatement]:
    found = []
    for module in pkgutil.walk_packages(app.storage.__path__, "app.storage."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Statement | TenantStatement):
                found.append(value)
    return found


def test_statements_have_names_of_their_own() -> None:
    names: dict[str, Statement | TenantStatement] = {}
    for statement in all_statements():
        assert names.setdefault(statement.name, statement) == statement, statement.name
    assert len(names) > 10


@pytest.mark.parametrize("statement", {s.name: s for s in all_statements()}.values(), ids=lambda s: s.name)
def test_hot_rules_of_the_house(statement: Statement | TenantStatement) -> None:
    """Both have lost primary-key pruning in ClickHouse 26."""
    assert not re.search(r"\bPREWHERE\b|\bANY\b.*\bJOIN\b", statement.sql)
