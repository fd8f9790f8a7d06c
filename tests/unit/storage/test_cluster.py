"""Do a cluster's tables have the columns and keys of a single server's, spread so that rows of one key meet?"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from app.storage.cluster import BY_TENANT, SHARDING_KEYS, NoClusterForm, mutation, on_cluster
from app.storage.erase_statements import DELETES
from app.storage.migrations import FOLDER, ddl, files, statements_of
from app.storage.retention import KEEP_FOR
from app.storage.shadow import CLEAR
from config.settings import Settings, SettingsError, load_settings

SINGLE = replace(Settings(), clickhouse_url="clickhouse://h:9000/shop")
CLUSTER = replace(SINGLE, clickhouse_cluster="tributary")
TEXTS = [path.read_text(encoding="utf-8") for path in files()]
STATEMENTS = [statement for text in TEXTS for statement in statements_of(text)]
CREATES = [one for one in STATEMENTS if one.startswith("CREATE TABLE")]


def name_of(statement):
    return re.search(r"(?:EXISTS|ALTER TABLE) (\w+)", statement)[1]


def plain(statement):
    """A cluster's statement without what only a cluster has."""
    text = re.sub(r"Replicated(\w+)\('[^']*', '[^']*'(?:, )?([^)]*)\)", r"\1(\2)", statement).replace("()", "")
    return text.replace(" ON CLUSTER tributary", "").replace("_local", "").replace(" replicated_", " non_replicated_")


def test_without_a_cluster_the_files_run_as_they_are():
    assert [made for text in TEXTS for made in ddl(text, SINGLE)] == STATEMENTS


@pytest.mark.parametrize(
    "statement", [one for one in STATEMENTS if not one.startswith(("DROP", "INSERT", "EXCHANGE"))], ids=name_of
)
def test_the_shards_tables_are_the_same_but_replicated(statement):
    local, *spread = on_cluster(statement, "tributary", "shop")
    assert plain(local) == statement.replace("()", "")
    assert f"{name_of(statement)}_local ON CLUSTER tributary" in local
    if "MODIFY SETTING" in statement:  # of how rows are stored, which a Distributed table does not
        assert spread == []
        return
    assert len(spread) == 1
    if statement.startswith("CREATE"):
        assert re.search(r"ENGINE = Replicated\w+MergeTree\('/clickhouse/tables/\{shard\}/", local)
        assert f"ENGINE = Distributed(tributary, shop, {name_of(statement)}_local, cityHash64(" in spread[0]
    else:
        assert plain(spread[0]) == re.sub(r",\s*MODIFY ORDER BY .*", "", statement)


def columns_made_of(table):
    """Columns of a table's ORDER BY, and the columns that those are computed from."""
    create = next(one for one in CREATES if name_of(one) == table)
    sort = re.search(r"ORDER BY \(?([\w, ]+)\)?", create)[1].split(", ")
    body = next(one for one in CREATES if name_of(one) == (re.search(r" AS (\w+)", create) or [None, table])[1])
    computed = dict(re.findall(r"(\w+) \w+ MATERIALIZED \w+\((\w+)\)", body))
    return set(sort), {computed[name] for name in sort if name in computed}


@pytest.mark.parametrize("statement", CREATES, ids=name_of)
def test_rows_of_one_sort_key_meet_on_one_shard(statement):
    """A newer row replaces an older one only where both are."""
    key = SHARDING_KEYS.get(name_of(statement), BY_TENANT)
    sort, computed = columns_made_of(name_of(statement))
    used = set(re.findall(r"\b(?!cityHash64|xxHash64|sipHash64)[a-z_]+\b", re.sub(r"\w+\(", "(", key)))
    assert used
    assert used <= sort | computed, f"{key} is not made of {sort}"


def test_every_named_key_is_of_a_table():
    assert set(SHARDING_KEYS) <= {name_of(one) for one in CREATES} | {"schema_migrations"}


def test_both_tables_go():
    made = on_cluster("DROP TABLE IF EXISTS x", "tributary", "shop")
    assert made == [
        "DROP TABLE IF EXISTS x ON CLUSTER tributary",
        "DROP TABLE IF EXISTS x_local ON CLUSTER tributary SYNC",
    ]


def test_the_shards_tables_change_places():
    made = on_cluster("EXCHANGE TABLES x AND y", "tributary", "shop")
    assert made == ["EXCHANGE TABLES x_local AND y_local ON CLUSTER tributary"]


def test_a_table_that_takes_anothers_place_is_spread_as_that_one():
    places = [re.findall(r"EXCHANGE TABLES (\w+) AND (\w+)", one) for one in STATEMENTS]
    assert [SHARDING_KEYS[one] == SHARDING_KEYS[other] for pair in places for one, other in pair] == [True]


def test_the_database_is_made_everywhere():
    made = on_cluster("CREATE DATABASE IF NOT EXISTS shop", "tributary", "shop")
    assert made == ["CREATE DATABASE IF NOT EXISTS shop ON CLUSTER tributary"]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE IF NOT EXISTS x (x UInt8) ENGINE = Memory",
        "CREATE TABLE IF NOT EXISTS x (x UInt8) ENGINE = MergeTree ORDER BY x",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS x AS SELECT 1",
        "ALTER TABLE x ADD COLUMN IF NOT EXISTS a UInt8, MODIFY TTL a",
    ],
    ids=["no tree", "no tenant", "a view", "two things"],
)
def test_what_has_no_form_yet_is_refused_and_not_guessed(statement):
    with pytest.raises(NoClusterForm, match="no form for a cluster"):
        on_cluster(statement, "tributary", "shop")


def test_what_is_no_column_is_altered_on_the_shards_alone():
    made = on_cluster("ALTER TABLE x MODIFY TTL toDateTime(at) + INTERVAL 1 DAY", "tributary", "shop")
    assert made == ["ALTER TABLE x_local ON CLUSTER tributary MODIFY TTL toDateTime(at) + INTERVAL 1 DAY"]


@pytest.mark.parametrize("statement", [*KEEP_FOR, *CLEAR, *DELETES.values()], ids=lambda one: one.name)
def test_mutations_go_to_the_shards_tables(statement):
    sql = statement.for_tenant(7)
    changed = mutation(sql, "tributary")
    assert re.match(r"ALTER TABLE \w+_local ON CLUSTER tributary\s", changed)
    assert plain(changed).strip() == sql.strip()
    assert mutation(sql, "") == sql


def test_reads_and_inserts_stay_as_they_are():
    for sql in ("SELECT 1", "INSERT INTO touchpoints SELECT 1"):
        assert mutation(sql, "tributary") == sql


def test_a_cluster_has_a_plain_name():
    assert load_settings({"TRIBUTARY_CLICKHOUSE_CLUSTER": "tributary"}).clickhouse_cluster == "tributary"
    with pytest.raises(SettingsError, match="TRIBUTARY_CLICKHOUSE_CLUSTER is 'a b'"):
        load_settings({"TRIBUTARY_CLICKHOUSE_CLUSTER": "a b"})


def test_the_servers_example_names_what_the_tables_use():
    root = ET.parse(FOLDER / "cluster" / "servers.xml").getroot()
    assert [macro.tag for macro in root.find("macros")] == ["shard", "replica"]
    shards = root.findall("remote_servers/tributary/shard")
    assert [shard.findtext("internal_replication") for shard in shards] == ["true", "true"]
