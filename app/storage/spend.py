"""What did a channel cost? Rows per day, channel, campaign and currency; the newest version wins."""

from __future__ import annotations

from app.storage.client import Columns, Storage
from app.storage.statements import TenantStatement


def insert_spend(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `spend`; `day` as date, `version` grows with every statement of the same key."""
    return storage.insert("spend", columns, token=token, task=task)


# Spend by the columns asked for; those that were not are '' in every row.
SPEND_ROWS = TenantStatement(
    "report_spend_rows",
    """
    SELECT
        toString(currency) AS code,
        if(%(by_channel)s, channel, '') AS group_channel,
        if(%(by_campaign)s, campaign, '') AS group_campaign,
        if(%(by_day)s, toString(day), '') AS group_day,
        if(%(by_week)s, toString(toMonday(day)), '') AS group_week,
        if(%(by_month)s, substring(toString(day), 1, 7), '') AS group_month,
        sum(amount_minor),
        sum(toFloat64(amount_minor))
    FROM spend FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND amount_minor != 0
        AND (%(currency)s = '' OR code = %(currency)s)
    GROUP BY code, group_channel, group_campaign, group_day, group_week, group_month
    LIMIT %(limit)s
    """,
)

# Each stored row that a report in one currency has to convert.
SPEND_TO_CONVERT = TenantStatement(
    "report_spend_to_convert",
    """
    SELECT day, toString(currency), channel, campaign, amount_minor
    FROM spend FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND amount_minor != 0
        AND currency != %(currency)s
    ORDER BY day, currency, channel, campaign
    LIMIT %(limit)s
    """,
)
