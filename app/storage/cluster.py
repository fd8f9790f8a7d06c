"""How does a statement of the schema look on a cluster? The same columns and keys, replicated, and spread by a key.

Every table `t` becomes `t_local`, replicated, on each shard, and a Distributed table under the name `t`: no query of
the app changes. The cluster's form is made from the file that a single server runs, so the two cannot differ; what a
cluster adds is which shard a row belongs to.
"""

from __future__ import annotations

import re

from app.errors import TributaryError

SHARDING_KEYS = {
    # Touches of one raw id never leave their shard: each shard prunes and joins its own, whoever asks.
    "touchpoints": "cityHash64(tenant_id, xxHash64(user_id))",
    "touchpoints_by_id": "cityHash64(tenant_id, xxHash64(user_id))",
    "conversions_by_user": "cityHash64(tenant_id, xxHash64(user_id))",
    "identity_aliases": "cityHash64(tenant_id, xxHash64(id))",
    "identity_cuts": "cityHash64(tenant_id, xxHash64(id))",
    "events": "cityHash64(tenant_id, sipHash64(message_id))",
    "erased_messages": "cityHash64(tenant_id, event_key)",
    "conversions": "cityHash64(tenant_id, conversion_key)",
    "ledger": "cityHash64(tenant_id, conversion_key)",
    "ledger_shadow": "cityHash64(tenant_id, conversion_key)",
    "ledger_changes": "cityHash64(tenant_id, conversion_key)",
    "conversions_by_order": "cityHash64(tenant_id, sipHash64(order_id))",
    "adjustments": "cityHash64(tenant_id, sipHash64(order_id))",
    "runs": "cityHash64(run_id)",
    "saturation_judge_checks": "cityHash64(judge_version)",
    "schema_migrations": "cityHash64(name)",
}
"""Table -> the shard of a row. Rows of one sort key must meet on one shard, or a newer one could not replace an older:
a key is made of columns of ORDER BY, or of what those are computed from."""

BY_TENANT = "cityHash64(tenant_id)"
"""Of every other table: rollups, rules, spend, proofs. They are small, and a tenant's are written and read together."""

QUERY_SETTINGS = {
    # An insert returns when its rows are on their shards, not when they are queued on the way there.
    "distributed_foreground_insert": 1,
    # A subquery over a Distributed table inside another one is computed once, and sent to the shards.
    "distributed_product_mode": "global",
    # Reads go to the replica that was written to: a chunk must see the touches of its block.
    "load_balancing": "in_order",
}
"""What every query to a cluster carries."""

_CREATE = re.compile(r"CREATE TABLE IF NOT EXISTS (?P<table>\w+)(?P<rest>.*)", re.DOTALL)
_ALTER = re.compile(r"\s*ALTER TABLE (?P<table>\w+)(?P<rest>.*)", re.DOTALL)
_DROP = re.compile(r"DROP TABLE IF EXISTS (?P<table>\w+)")
_INSERT = re.compile(r"INSERT INTO \w+\s")
_EXCHANGE = re.compile(r"EXCHANGE TABLES (?P<one>\w+) AND (?P<other>\w+)")
_DATABASE = re.compile(r"CREATE DATABASE IF NOT EXISTS (?P<database>\w+)")
_ENGINE = re.compile(r"\bENGINE = (?P<engine>\w*MergeTree)(?:\((?P<arguments>[^)]*)\))?")
_LIKE = re.compile(r"\A(\s+AS) (\w+)")
_OF_COLUMNS = re.compile(r"\b(ADD|DROP|MODIFY|RENAME|COMMENT) COLUMN\b")
_ACTION = re.compile(r"\b(?:ADD|DROP|MODIFY|RENAME|COMMENT|MATERIALIZE|RESET)\b")
# A new column comes into the sort key in the statement that adds it, or not at all.
_SORT = re.compile(r",\s*MODIFY ORDER BY \([\w, ]+\)\s*\Z")
_PATH = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"


class NoClusterForm(TributaryError):
    """A statement of the schema that is not known how to run on a cluster."""

    status = 500


def on_cluster(statement: str, cluster: str, database: str) -> list[str]:
    """The statements to run on a cluster for one of the schema's; itself alone where `cluster` is ''.

    Parameters
    ----------
    cluster, database : plain names; `{shard}`, `{replica}`, `{database}` and `{table}` are the server's own macros.

    Raises
    ------
    NoClusterForm : a kind of statement that no file of the schema has had yet.
    """
    if not cluster:
        return [statement]
    if found := _DATABASE.fullmatch(statement):
        return [f"CREATE DATABASE IF NOT EXISTS {found['database']} ON CLUSTER {cluster}"]
    if found := _CREATE.fullmatch(statement):
        return _tables(found["table"], found["rest"], cluster, database)
    if found := _ALTER.fullmatch(statement):
        return _alterations(found["table"], found["rest"], cluster)
    if found := _DROP.fullmatch(statement):
        return [f"{statement} ON CLUSTER {cluster}", f"{statement}_local ON CLUSTER {cluster} SYNC"]
    if _INSERT.match(statement):
        return [statement]
    if found := _EXCHANGE.fullmatch(statement):
        # The Distributed tables know theirs by name, and stay.
        return [f"EXCHANGE TABLES {found['one']}_local AND {found['other']}_local ON CLUSTER {cluster}"]
    raise _unknown(statement)


def mutation(sql: str, cluster: str) -> str:
    """A mutation of stored rows, on every shard: a Distributed table takes none. Other statements stay as they are."""
    found = _ALTER.fullmatch(sql) if cluster else None
    return f"ALTER TABLE {found['table']}_local ON CLUSTER {cluster}{found['rest']}" if found else sql


def _tables(table: str, rest: str, cluster: str, database: str) -> list[str]:
    engine = _ENGINE.search(rest)
    if engine is None:
        raise _unknown(f"CREATE TABLE {table}: its engine is none of the MergeTree family")
    if table not in SHARDING_KEYS and "AS" not in rest[:4] and "tenant_id" not in rest:
        raise _unknown(f"CREATE TABLE {table}: it has no tenant_id and no key in SHARDING_KEYS")
    arguments = ", ".join(part for part in (_PATH, engine["arguments"]) if part)
    local = rest[: engine.start()] + f"ENGINE = Replicated{engine['engine']}({arguments})" + rest[engine.end() :]
    local = local.replace("non_replicated_deduplication_window", "replicated_deduplication_window")
    local = _LIKE.sub(r"\1 \2_local", local)
    key = SHARDING_KEYS.get(table, BY_TENANT)
    return [
        f"CREATE TABLE IF NOT EXISTS {table}_local ON CLUSTER {cluster}{local}",
        f"CREATE TABLE IF NOT EXISTS {table} ON CLUSTER {cluster} AS {table}_local\n"
        f"ENGINE = Distributed({cluster}, {database}, {table}_local, {key})",
    ]


def _alterations(table: str, rest: str, cluster: str) -> list[str]:
    """Of columns: on the shards' tables, then on the Distributed one. Of anything else: the shards' alone have it."""
    local = f"ALTER TABLE {table}_local ON CLUSTER {cluster}{rest}"
    columns = _SORT.sub("", rest)
    of_columns, actions = len(_OF_COLUMNS.findall(columns)), len(_ACTION.findall(columns))
    if of_columns == actions:
        return [local, f"ALTER TABLE {table} ON CLUSTER {cluster}{columns}"]
    if of_columns:
        raise _unknown(f"ALTER TABLE {table}: columns and something else in one statement")
    return [local]


def _unknown(what: str) -> NoClusterForm:
    first = what.strip().splitlines()[0]
    return NoClusterForm("no_cluster_form", f"{first}: no form for a cluster.", "Say it in app/storage/cluster.py.")
