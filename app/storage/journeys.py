"""Which paths led to the conversions of a day? The ledger summed by path, into the rollup of the journeys report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from app.storage.client import Storage
from app.storage.external import one_column
from app.storage.statements import TenantStatement

HOUR_MS = 3_600_000
LAGS = (
    ("under 1 hour", HOUR_MS),
    ("under 1 day", 24 * HOUR_MS),
    ("under 3 days", 3 * 24 * HOUR_MS),
    ("under 7 days", 7 * 24 * HOUR_MS),
    ("under 14 days", 14 * 24 * HOUR_MS),
    ("under 30 days", 30 * 24 * HOUR_MS),
    ("under 90 days", 90 * 24 * HOUR_MS),
    ("90 days and more", 1 << 62),
)
"""Time from the first touch to the conversion: name, and the ms that it is below. The rollup stores counts by place."""

# Of wraps see 0005_money.sql. A path that the rollup has and the ledger no longer gives comes in as zeros.
REFRESH_JOURNEYS = TenantStatement(
    "refresh_journeys",
    """
    INSERT INTO journeys_daily
        (tenant_id, day, conversion_type, currency, path_hash, path, touches, first_channel, last_channel,
         channels, conversions, net_conversions, gross_minor, net_minor, gross_wraps,
         net_wraps, lags, version)
    SELECT tenant_id, day, conversion_type, currency, path_hash, max(way) AS whole, max(width),
           whole[1], whole[-1], arrayDistinct(whole), sum(gross_count), sum(net_count),
           sum(gross_amount) AS gross_sum, sum(net_amount) AS net_sum,
           toInt32(round((sum(toFloat64(gross_amount)) - gross_sum) / 18446744073709551616.)),
           toInt32(round((sum(toFloat64(net_amount)) - net_sum) / 18446744073709551616.)),
           sumForEach(lag_counts), toUInt64(%(version)s)
    FROM
    (
        SELECT tenant_id, toDate(ts, %(timezone)s) AS day, conversion_type, currency,
               CAST(touch_channels, 'Array(String)') AS way,
               sipHash64(way) AS path_hash,
               toUInt32(length(way)) AS width,
               toUInt64(1) AS gross_count,
               toUInt64(retracted = 0) AS net_count,
               ledger.gross_minor AS gross_amount,
               if(retracted = 1, 0, ledger.net_minor) AS net_amount,
               toUnixTimestamp64Milli(ts) - toUnixTimestamp64Milli(touch_times[1]) AS lag_ms,
               arrayFirstIndex(below -> lag_ms < below, %(lags)s) AS bucket,
               arrayMap(
                   place -> toUInt64(width > 0 AND place = bucket), range(1, length(%(lags)s) + 1)
               ) AS lag_counts
        FROM ledger FINAL
        WHERE {tenant}
          AND utc_day BETWEEN %(first_day)s AND %(last_day)s
          AND toDate(ts, %(timezone)s) IN (SELECT day FROM days)
        UNION ALL
        SELECT tenant_id, day, conversion_type, currency, [], path_hash, 0, 0, 0, 0, 0, 0, 0, []
        FROM journeys_daily FINAL
        WHERE {tenant}
          AND day IN (SELECT day FROM days)
          AND conversions != 0
    )
    GROUP BY tenant_id, day, conversion_type, currency, path_hash
    SETTINGS do_not_merge_across_partitions_select_final = 1
    """,
)


def refresh_journeys(
    storage: Storage, tenant_id: int, days: Sequence[date], timezone: str, version: int, *, task: str = ""
) -> None:
    """Sum the ledger of these days of the tenant's timezone up again, into `journeys_daily`.

    Parameters
    ----------
    version : of the new rows; rows of a lower version are replaced.
    """
    if not days:
        return
    storage.rows(
        REFRESH_JOURNEYS,
        tenant_id=tenant_id,
        params={
            "timezone": timezone,
            "version": version,
            # A day of any timezone begins and ends within a day of the UTC day of the same name.
            "first_day": min(days) - timedelta(days=1),
            "last_day": max(days) + timedelta(days=1),
            "lags": [below for _, below in LAGS],
        },
        external={"days": one_column("day", "Date", days)},
        task=task,
    )
