"""What was said of a tenant's channels, and of what? Daily sums that go into a refit, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from app.storage.client import Storage
from app.storage.statements import Statement, TenantStatement

_TASK = "saturation"

# A sum of money as it wraps in 64 bits, and once more as a float (app.reports.amounts.exact).
CREDIT_BY_DAY = TenantStatement(
    "saturation_credit",
    """
    SELECT
        day, channel, toString(currency) AS code, sum(net_micros), sum(net_minor),
        sum(toFloat64(net_minor) + 18446744073709551616. * net_wraps)
    FROM channels_daily FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day <= toDate(%(until)s)
        AND model = %(model)s
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
    GROUP BY day, channel, code
    ORDER BY day, channel, code
    """,
)

# By the names that the tenant's rules give. Rows of 0 too: they say that nothing was spent, where no row says nothing.
SPEND_BY_DAY = TenantStatement(
    "saturation_spend",
    """
    SELECT day, named_channel, toString(currency) AS code, sum(amount_minor)
    FROM spend FINAL
    WHERE {tenant} AND day >= toDate(%(first)s) AND day <= toDate(%(until)s)
    GROUP BY day, named_channel, code
    ORDER BY day, named_channel, code
    """,
)

# Visitors, once a day each. A visit that was sent twice is one, so no FINAL.
VISITORS_BY_DAY = TenantStatement(
    "saturation_visitors",
    """
    SELECT toDate(ts, %(timezone)s) AS day, uniqExact(user_hash)
    FROM touchpoints
    WHERE {tenant}
        AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
        AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
        AND channel IN %(channels)s
    GROUP BY day
    ORDER BY day
    """,
)

LAST_SPEND = TenantStatement(
    "saturation_last_spend",
    """
    SELECT count(), max(day)
    FROM spend
    WHERE {tenant} AND day <= toDate(%(until)s)
    """,
)

# Conversions of complete days that no run has credited yet.
UNCREDITED = TenantStatement(
    "saturation_uncredited",
    """
    SELECT count()
    FROM conversions FINAL
    WHERE {tenant}
        AND is_deleted = 0
        AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
        AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
        AND conversion_key NOT IN
        (
            SELECT conversion_key
            FROM ledger
            WHERE {tenant}
        )
    """,
)

SETTINGS = TenantStatement(
    "saturation_settings",
    """
    SELECT settings
    FROM saturation_settings FINAL
    WHERE {tenant}
    """,
)

RUNS = TenantStatement(
    "saturation_runs",
    """
    SELECT
        run_id, data_until, toString(reason), toString(model), toString(compared_with), toString(currency), margin,
        channels, about, toUnixTimestamp64Milli(published_at)
    FROM saturation_runs FINAL
    WHERE {tenant} AND data_until <= toDate(%(until)s)
    ORDER BY data_until DESC
    LIMIT %(limit)s
    """,
)

ANSWERS = TenantStatement(
    "saturation_answers",
    """
    SELECT model, channel, answer
    FROM saturation_assessments FINAL
    WHERE {tenant} AND run_id = %(run_id)s
    ORDER BY channel, model
    """,
)

HISTORY = TenantStatement(
    "saturation_history",
    """
    SELECT run_id, answer
    FROM saturation_assessments FINAL
    WHERE {tenant} AND run_id IN %(run_ids)s AND channel = %(channel)s AND model = %(model)s
    """,
)

DRAWS = TenantStatement(
    "saturation_draws",
    """
    SELECT channel, draws
    FROM saturation_draws FINAL
    WHERE {tenant}
        AND run_id = %(run_id)s
        AND model = %(model)s
        AND (%(channel)s = '' OR channel = %(channel)s)
    """,
)

SCORES = TenantStatement(
    "saturation_scores",
    """
    SELECT channel, score
    FROM saturation_scores FINAL
    WHERE {tenant} AND run_id = %(run_id)s
    """,
)

PLANS = TenantStatement(
    "saturation_plans",
    """
    SELECT plan_id, data_until, toString(state), plan, outcome, toUnixTimestamp64Milli(made_at)
    FROM saturation_plans FINAL
    WHERE {tenant} AND (%(state)s = '' OR state = %(state)s)
    ORDER BY made_at DESC
    LIMIT %(limit)s
    """,
)

EXPERIMENTS = TenantStatement(
    "saturation_experiments",
    """
    SELECT experiment_id, experiment
    FROM saturation_experiments FINAL
    WHERE {tenant} AND is_deleted = 0
    ORDER BY experiment_id
    """,
)

LAST_CHECK = Statement(
    "saturation_judge_check",
    """
    SELECT judge_version, toUnixTimestamp64Milli(checked_at), holds, figures
    FROM saturation_judge_checks FINAL
    ORDER BY checked_at DESC
    LIMIT 1
    """,
)


class Run(NamedTuple):
    """A published refit; `about` is JSON."""

    run_id: str
    data_until: date
    reason: str
    model: str
    compared_with: str
    currency: str
    margin: float
    channels: int
    about: str
    published_ms: int


class StoredPlan(NamedTuple):
    """A plan as it was given and what came of it, both JSON; `outcome` is '' until something did."""

    plan_id: str
    data_until: date
    state: str
    plan: str
    outcome: str
    made_ms: int


def runs_until(storage: Storage, tenant_id: int, until: date, limit: int = 1) -> list[Run]:
    """The published refits over data until a day, newest data first."""
    params = {"until": until.isoformat(), "limit": limit}
    return [Run._make(row) for row in storage.rows(RUNS, tenant_id=tenant_id, params=params, task=_TASK)]


def answers_of(storage: Storage, tenant_id: int, run_id: str) -> list[tuple[str, str, str]]:
    """(model, channel, answer) of a refit, by channel."""
    rows = storage.rows(ANSWERS, tenant_id=tenant_id, params={"run_id": run_id}, task=_TASK)
    return [(model, channel, answer) for model, channel, answer in rows]


def draws_of(storage: Storage, tenant_id: int, run_id: str, model: str, channel: str = "") -> dict[str, str]:
    """The draws of a refit by channel: of all, or of one."""
    params = {"run_id": run_id, "model": model, "channel": channel}
    return dict(storage.rows(DRAWS, tenant_id=tenant_id, params=params, task=_TASK))


def history_of(storage: Storage, tenant_id: int, runs: Sequence[Run], channel: str, model: str) -> dict[str, str]:
    """A channel's answers by run id."""
    if not runs:
        return {}
    params = {"run_ids": tuple(run.run_id for run in runs), "channel": channel, "model": model}
    return dict(storage.rows(HISTORY, tenant_id=tenant_id, params=params, task=_TASK))


def plans_of(storage: Storage, tenant_id: int, state: str = "", limit: int = 100) -> list[StoredPlan]:
    """A tenant's plans, newest first: all, or those in a state."""
    params = {"state": state, "limit": limit}
    return [StoredPlan._make(row) for row in storage.rows(PLANS, tenant_id=tenant_id, params=params, task=_TASK)]


def store(storage: Storage, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Rows of one of the `saturation_…` tables, all with the same columns; the greatest `version` of a key stands."""
    if rows:
        storage.insert(table, {name: [row[name] for row in rows] for name in rows[0]}, task=_TASK)
