"""Which paths led to the conversions of a day? The ledger summed by path, and by what paths have in common."""

from __future__ import annotations

from app.storage.statements import MARKER, TenantsStatement

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


def credited_on_days(columns: str, array_join: str = "") -> str:
    """FROM … WHERE of a refresh: these columns of the ledger's rows of the table `days`, with `day` and `ts_ms`."""
    return f"""
        (
            SELECT tenant_id, utc_day, toUnixTimestamp64Milli(ts) AS ts_ms, conversion_type, currency, retracted,
                   gross_minor, net_minor, {columns}
            FROM ledger FINAL
            WHERE {MARKER}
              AND (tenant_id, utc_day) IN (SELECT tenant_id, utc_day FROM days)
        ) AS credited
        INNER JOIN days USING (tenant_id, utc_day)
        {array_join}
        WHERE ts_ms >= from_ms AND ts_ms < until_ms
    """


# Of wraps see 0005_money.sql. A path that the rollup has and the ledger no longer gives comes in as zeros.
REFRESH_JOURNEYS = TenantsStatement(
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
        SELECT tenant_id, day, conversion_type, currency,
               CAST(touch_channels, 'Array(String)') AS way,
               sipHash64(way) AS path_hash,
               toUInt32(length(way)) AS width,
               toUInt64(1) AS gross_count,
               toUInt64(retracted = 0) AS net_count,
               gross_minor AS gross_amount,
               if(retracted = 1, 0, net_minor) AS net_amount,
               ts_ms - toUnixTimestamp64Milli(touch_times[1]) AS lag_ms,
               arrayFirstIndex(below -> lag_ms < below, %(lags)s) AS bucket,
               arrayMap(
                   place -> toUInt64(width > 0 AND place = bucket), range(1, length(%(lags)s) + 1)
               ) AS lag_counts
        FROM
        """
    + credited_on_days("touch_channels, touch_times")
    + """
        UNION ALL
        SELECT tenant_id, day, conversion_type, currency, [], path_hash, 0, 0, 0, 0, 0, 0, 0, []
        FROM journeys_daily FINAL
        WHERE {tenant}
          AND (tenant_id, day) IN (SELECT tenant_id, day FROM days)
          AND conversions != 0
    )
    GROUP BY tenant_id, day, conversion_type, currency, path_hash
    SETTINGS do_not_merge_across_partitions_select_final = 1
    """,
)

# From the rollup of paths, which is refreshed before it; see 0012_rollups.sql for the parts.
REFRESH_JOURNEY_PARTS = TenantsStatement(
    "refresh_journey_parts",
    """
    INSERT INTO journey_parts_daily
        (tenant_id, day, conversion_type, currency, part, began, ended, number, conversions, net_conversions,
         gross_minor, net_minor, gross_wraps, net_wraps, version)
    SELECT tenant_id, day, conversion_type, currency, key.1, key.2, key.3, key.4, sum(key.5), sum(key.6),
           sum(gross) AS gross_sum, sum(net) AS net_sum,
           toInt32(round((sum(gross_about) - gross_sum) / 18446744073709551616.)),
           toInt32(round((sum(net_about) - net_sum) / 18446744073709551616.)),
           toUInt64(%(version)s)
    FROM
    (
        SELECT tenant_id, day, conversion_type, currency, gross_minor AS gross, net_minor AS net,
               toFloat64(gross_minor) + 18446744073709551616. * gross_wraps AS gross_about,
               toFloat64(net_minor) + 18446744073709551616. * net_wraps AS net_about,
               arrayConcat(
                   [('length', '', '', touches, conversions, net_conversions)],
                   if(touches = 0, [], [('ends', toString(first_channel), toString(last_channel), toUInt32(0),
                                         conversions, net_conversions)]),
                   if(length(channels) != 1, [], [('alone', toString(first_channel), '', toUInt32(0),
                                                   conversions, net_conversions)]),
                   arrayMap(name -> ('present', toString(name), '', toUInt32(0), conversions, net_conversions),
                            channels)
               ) AS keys
        FROM journeys_daily FINAL
        WHERE {tenant}
          AND (tenant_id, day) IN (SELECT tenant_id, day FROM days)
          AND conversions != 0
        UNION ALL
        SELECT tenant_id, day, conversion_type, currency, 0, 0, 0, 0,
               arrayMap((count, place) -> ('lag', '', '', toUInt32(place - 1), count, toUInt64(0)),
                        lags, arrayEnumerate(lags))
        FROM journeys_daily FINAL
        WHERE {tenant}
          AND (tenant_id, day) IN (SELECT tenant_id, day FROM days)
          AND conversions != 0
        UNION ALL
        SELECT tenant_id, day, conversion_type, currency, 0, 0, 0, 0,
               [(toString(part), toString(began), toString(ended), number, toUInt64(0), toUInt64(0))]
        FROM journey_parts_daily FINAL
        WHERE {tenant}
          AND (tenant_id, day) IN (SELECT tenant_id, day FROM days)
          AND conversions != 0
    )
    ARRAY JOIN keys AS key
    GROUP BY tenant_id, day, conversion_type, currency, key.1, key.2, key.3, key.4
    SETTINGS do_not_merge_across_partitions_select_final = 1
    """,
)
