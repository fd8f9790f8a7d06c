"""Does the engine behind the protocol do what the schema and the queries need of it?"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from clickhouse_driver import Client


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


TOUCHPOINTS = """(
    tenant_id LowCardinality(String), user_hash UInt64, ts DateTime64(3, 'UTC') CODEC(Delta, LZ4), event_key UInt64,
    channel LowCardinality(String), url String CODEC(ZSTD(3)), retention_days UInt16 DEFAULT 395, version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(ts) ORDER BY (tenant_id, user_hash, ts, event_key)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000,
    min_compress_block_size = 4096, max_compress_block_size = 4096, merge_with_ttl_timeout = 0"""


def fill(client: Client, name: str, days_ago: int, count: int = 20_000) -> None:
    client.execute(
        f"INSERT INTO {name} SELECT 't1', number %% 2000, now64(3, 'UTC') - toIntervalDay(%(days)s), number, "
        "concat('c', toString(number %% 5)), 'https://example.org', 395, 1 FROM numbers(%(count)s)",
        {"days": days_ago, "count": count},
    )


def test_the_set_prunes_by_the_primary_key(client: Client, table: Any) -> None:
    name = table(TOUCHPOINTS)
    fill(client, name, 1)
    conv = {"name": "conv", "structure": [("user_id", "UInt64")], "data": [(7,), (8,)]}
    plan = client.execute(
        f"EXPLAIN indexes = 1 SELECT * FROM {name} WHERE tenant_id = 't1' AND user_hash IN (SELECT user_id FROM conv)",
        external_tables=[conv],
    )
    lines = [line.strip() for (line,) in plan]
    read, total = (int(n) for n in [x for x in lines if x.startswith("Granules:")][-1].split(": ")[1].split("/"))
    assert read < total / 5


def test_replacing_and_optimize(client: Client, table: Any) -> None:
    name = table(TOUCHPOINTS)
    fill(client, name, 1, 1000)
    client.execute(f"INSERT INTO {name} SELECT * REPLACE (2 AS version, 'new' AS channel) FROM {name}")
    assert client.execute(f"SELECT count(), min(channel) FROM {name} FINAL") == [(1000, "new")]
    client.execute(f"OPTIMIZE TABLE {name} FINAL")
    assert client.execute(f"SELECT count(), min(version) FROM {name}") == [(1000, 2)]


def test_parts_are_merged_in_the_background(client: Client, table: Any) -> None:
    name = table("(a UInt64) ENGINE = MergeTree ORDER BY a")
    for number in range(30):
        client.execute(f"INSERT INTO {name} VALUES", [(number,)])
    parts = f"SELECT count() FROM system.parts WHERE table = '{name}' AND active"
    assert wait_until(lambda: client.execute(parts)[0][0] < 15)
    assert client.execute(f"SELECT count() FROM {name}") == [(30,)]


def test_ttl_takes_old_rows(client: Client, table: Any) -> None:
    name = table(TOUCHPOINTS)
    fill(client, name, 1, 100)
    fill(client, name, 500, 100)
    client.execute(f"OPTIMIZE TABLE {name} FINAL")
    assert wait_until(lambda: client.execute(f"SELECT count() FROM {name}") == [(100,)])


def test_deletes(client: Client, table: Any) -> None:
    name = table(TOUCHPOINTS)
    fill(client, name, 1, 2000)
    client.execute(f"DELETE FROM {name} WHERE user_hash = 5")
    assert client.execute(f"SELECT count() FROM {name}") == [(1999,)]
    client.execute(f"ALTER TABLE {name} DELETE WHERE user_hash = 6", settings={"mutations_sync": 1})
    assert client.execute(f"SELECT count() FROM {name}") == [(1998,)]
    client.execute(f"ALTER TABLE {name} DELETE WHERE user_hash = 7")
    assert wait_until(lambda: client.execute(f"SELECT count() FROM {name}") == [(1997,)])
    client.execute(f"ALTER TABLE {name} UPDATE url = '' WHERE user_hash = 8 SETTINGS mutations_sync = 1")
    client.execute(f"ALTER TABLE {name} ADD COLUMN extra String DEFAULT 'x'")
    client.execute(f"TRUNCATE TABLE {name}")
    assert client.execute(f"SELECT count() FROM {name}") == [(0,)]


def test_databases_views_and_synchronous_drops(client: Client) -> None:
    name = f"db_{uuid.uuid4().hex[:8]}"
    client.execute(f"CREATE DATABASE IF NOT EXISTS {name}")
    client.execute(f"CREATE TABLE IF NOT EXISTS {name}.t (a Int64) ENGINE = MergeTree ORDER BY a")
    client.execute(f"CREATE VIEW {name}.v AS SELECT a + 1 AS b FROM {name}.t -- a comment")
    client.execute(f"INSERT INTO {name}.t (a) VALUES", [(1,)])
    assert client.execute(f"SELECT b FROM {name}.v") == [(2,)]
    assert client.execute(f"EXISTS TABLE {name}.t") == [(1,)]
    assert "MergeTree" in client.execute(f"SHOW CREATE TABLE {name}.t")[0][0]
    assert sorted(client.execute(f"SHOW TABLES FROM {name}")) == [("t",), ("v",)]
    client.execute(f"RENAME TABLE {name}.t TO {name}.u")
    client.execute(f"DROP VIEW {name}.v SYNC;")
    wait = {"database_atomic_wait_for_drop_and_detach_synchronously": 1}
    client.execute(f"DROP TABLE IF EXISTS {name}.u NO DELAY", settings=wait)
    client.execute(f"DROP DATABASE {name} SYNC")
    assert client.execute("SELECT count() FROM system.databases WHERE name = %(name)s", {"name": name}) == [(0,)]


def test_final_limit_by_and_asof(client: Client) -> None:
    rows = client.execute(
        "SELECT k, n FROM (SELECT number % 3 AS k, number AS n FROM numbers(9)) ORDER BY k, n DESC LIMIT 1 BY k"
    )
    assert rows == [(0, 6), (1, 7), (2, 8)]
    plan = client.execute("EXPLAIN PIPELINE SELECT 1")
    assert plan
