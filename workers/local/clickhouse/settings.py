"""Which settings does a query run with, of those that its client sent?"""

from __future__ import annotations

from collections.abc import Set

from workers.local.clickhouse.errors import Code, ServerError
from workers.local.clickhouse.protocol import Query

UNHEALTHY = frozenset({"database_atomic_wait_for_drop_and_detach_synchronously"})
"""Settings that are passed over because they make the engine wait for ever; see `statements.without_sync`."""

OF_ONE_INSERT = frozenset({"insert_deduplication_token", "optimize_on_insert"})
"""Settings that the product gives to single INSERTs."""


def settings_of(query: Query, known: Set[str]) -> dict[str, str]:
    """The query's settings. Unknown ones are passed over unless they are important, as ClickHouse does.

    So is the comment for the log where the query does not ask for it: the engine keeps no log of queries, and to set
    another one for each is a statement more.

    Parameters
    ----------
    known : the names of all settings that the engine has.
    """
    for setting in query.settings:
        if setting.name not in known and setting.important:
            raise ServerError(Code.UNKNOWN_SETTING, f"Unknown setting '{setting.name}'. (UNKNOWN_SETTING)")
    passed_over = UNHEALTHY if "log_comment" in query.text else UNHEALTHY | {"log_comment"}
    return {
        setting.name: setting.value
        for setting in query.settings
        if setting.name in known and setting.name not in passed_over
    }
