"""What did a channel cost? Rows as they were sent, per day and currency, and the names that the rules give them.

The newest version of a row wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.statements import TenantStatement

NAMING_BITS = 16
_FIRST_VERSION = 1 << 45
"""Versions below are ms of receipt alone, of rows from before schema 0012."""


def stated_at(received_ms: int) -> int:
    """The version of a row that was received at a time."""
    return received_ms << NAMING_BITS


def named_again(version: int) -> int:
    """The version of the same row under other names: above its own, below that of any later amount."""
    return (version if version >= _FIRST_VERSION else stated_at(version)) + 1


# Spend by the columns asked for; those that were not are '' in every row.
SPEND_ROWS = TenantStatement(
    "report_spend_rows",
    """
    SELECT
        toString(currency) AS code,
        if(%(by_channel)s, named_channel, '') AS group_channel,
        if(%(by_campaign)s, named_campaign, '') AS group_campaign,
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
    SELECT day, toString(currency), named_channel, named_campaign, amount_minor
    FROM spend FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND amount_minor != 0
        AND currency != %(currency)s
    ORDER BY day, currency, named_channel, named_campaign
    LIMIT %(limit)s
    """,
)

SENT_SPEND = TenantStatement(
    "sent_spend",
    """
    SELECT
        day, channel, campaign, toString(currency), source, medium, named_channel, named_campaign, amount_minor, version
    FROM spend FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
    """,
)


class SentSpend(NamedTuple):
    """A row as it is stored, in the order of its columns."""

    day: date
    channel: str
    campaign: str
    currency: str
    source: str
    medium: str
    named_channel: str
    named_campaign: str
    amount_minor: int
    version: int


def sent_spend(storage: Storage, tenant_id: int, first: date, end: date) -> Iterator[SentSpend]:
    """The rows of some days, `end` not included."""
    params = {"first": first.isoformat(), "end": end.isoformat()}
    for row in storage.stream(SENT_SPEND, tenant_id=tenant_id, params=params, task="reclassify"):
        yield SentSpend._make(row)


def insert_named(storage: Storage, tenant_id: int, rows: Sequence[SentSpend]) -> None:
    """The same rows under other names."""
    columns = dict(zip(SentSpend._fields, zip(*rows, strict=True), strict=True)) if rows else {}
    storage.insert("spend", {"tenant_id": [tenant_id] * len(rows), **columns}, task="reclassify")
