"""What are Markov and Shapley computed from, does it still stand, and what did they give? (SEMANTICS 2.11, 4.9)"""

from __future__ import annotations

from typing import Any, NamedTuple

from app.storage.client import Params, Storage
from app.storage.statements import TenantStatement

# Rows as they lie there, not FINAL: whatever changes adds a row, and so another sum. That parts are merged can change
# the sum too; the answer is computed again then, which is the harmless one of the two mistakes. Of meetings count
# those of the period's ids and those between users: no other can join or part two ids of the period.
MODEL_INPUTS = TenantStatement(
    "model_inputs",
    """
    SELECT 'touches' AS part, count() AS many, sum(cityHash64(event_key, ts, is_deleted)) AS digest
    FROM touchpoints
    WHERE {tenant}
        AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
        AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
    UNION ALL
    SELECT 'meetings', count(), sum(cityHash64(id, met, first_ts))
    FROM identity_aliases
    WHERE {tenant}
        AND (
            (startsWith(id, 'u:') AND startsWith(met, 'u:'))
            OR id_hash IN
            (
                SELECT user_hash
                FROM touchpoints
                WHERE {tenant}
                    AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
                    AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
            )
        )
    UNION ALL
    SELECT 'cuts', count(), sum(cityHash64(id, met, version))
    FROM identity_cuts
    WHERE {tenant}
    UNION ALL
    SELECT 'ledger', count(), sum(cityHash64(conversion_key, utc_day, version))
    FROM ledger
    WHERE {tenant}
        AND utc_day >= toDate(%(first)s) - 1
        AND utc_day <= toDate(%(reached)s)
    UNION ALL
    SELECT 'paths', count(), sum(cityHash64(day, conversion_type, currency, path_hash, version))
    FROM journeys_daily
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
    """,
)

# The rollup of paths is refreshed for the days that a run touched: what is old is not counted again.
CONVERTING_PATHS = TenantStatement(
    "converting_paths",
    """
    SELECT
        toString(conversion_type) AS type, toString(currency) AS code, CAST(any(path), 'Array(String)'),
        sum(conversions), sum(net_conversions), sum(gross_minor), sum(net_minor),
        sum(abs(toFloat64(gross_minor) + 18446744073709551616. * gross_wraps)),
        sum(abs(toFloat64(net_minor) + 18446744073709551616. * net_wraps))
    FROM journeys_daily FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND conversions != 0
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
    GROUP BY type, code, path_hash
    """,
)

# What the conversions themselves add up to, for the proof.
WORTH_BY_TYPE = TenantStatement(
    "model_worth",
    """
    SELECT
        toString(conversion_type) AS type, toString(currency) AS code,
        count(), countIf(retracted = 0), sum(gross_minor), sum(if(retracted = 0, net_minor, 0))
    FROM ledger FINAL
    WHERE {tenant}
        AND utc_day >= toDate(%(first)s) - 1
        AND utc_day <= toDate(%(end)s)
        AND toDate(ts, %(timezone)s) >= toDate(%(first)s)
        AND toDate(ts, %(timezone)s) < toDate(%(end)s)
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
    GROUP BY type, code
    """,
)

STORED_ANSWER = TenantStatement(
    "model_answer",
    """
    SELECT digest, job_id, toUnixTimestamp64Milli(computed_at), answer
    FROM channel_models FINAL
    WHERE {tenant}
        AND first_day = toDate(%(first)s)
        AND end_day = toDate(%(end)s)
        AND timezone = %(timezone)s
        AND conversion_type = %(conversion_type)s
        AND intervals = %(intervals)s
    """,
)


class StoredAnswer(NamedTuple):
    """An answer and what it was computed from; `answer` is JSON."""

    digest: str
    job_id: str
    computed_ms: int
    answer: str


def answer_of(storage: Storage, tenant_id: int, params: Params) -> StoredAnswer | None:
    """The newest answer to a question, current or not."""
    rows = storage.rows(STORED_ANSWER, tenant_id=tenant_id, params=params, task="report.channels")
    return StoredAnswer._make(rows[0]) if rows else None


def store_answer(storage: Storage, row: dict[str, Any], *, task: str) -> None:
    """One row of `channel_models`; the highest `version` of a question stands."""
    storage.insert("channel_models", {name: [value] for name, value in row.items()}, task=task)
