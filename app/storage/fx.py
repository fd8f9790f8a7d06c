"""What is a unit of one currency worth in another, on a day? A tenant's own table; the newest version wins."""

from __future__ import annotations

from app.storage.client import Columns, Storage
from app.storage.statements import TenantStatement

RATES = TenantStatement(
    "report_rates",
    """
    SELECT day, toString(currency), rate
    FROM fx_rates FINAL
    WHERE {tenant} AND day >= toDate(%(first)s) AND day < toDate(%(end)s) AND into = %(currency)s
    """,
)

RATES_LISTED = TenantStatement(
    "rates_listed",
    """
    SELECT day, toString(currency) AS code, toString(into) AS target, rate
    FROM fx_rates FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND (%(currency)s = '' OR code = %(currency)s)
        AND (%(into)s = '' OR target = %(into)s)
    ORDER BY day, code, target
    LIMIT %(limit)s
    """,
)


def insert_rates(storage: Storage, columns: Columns, *, task: str = "") -> int:
    """Rows of `fx_rates`; `day` as date, `rate` as decimal string, `version` grows with every statement of a key."""
    return storage.insert("fx_rates", columns, task=task)
