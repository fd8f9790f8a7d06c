"""What does the journeys report ask? The rollup of paths, and the touches that no conversion's journey holds."""

from __future__ import annotations

from app.storage.statements import TenantStatement

# All but the paths: conversions by part and key (0012_rollups.sql), over the days and types asked for.
JOURNEY_PARTS = TenantStatement(
    "report_journey_parts",
    """
    SELECT
        toString(currency) AS code, toString(part), toString(began), toString(ended), number,
        sum(conversions), sum(net_conversions), sum(gross_minor), sum(net_minor),
        sum(toFloat64(gross_minor) + 18446744073709551616. * gross_wraps),
        sum(toFloat64(net_minor) + 18446744073709551616. * net_wraps),
        max(version)
    FROM journey_parts_daily FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND conversions != 0
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
    GROUP BY currency, part, began, ended, number
    ORDER BY currency, part, began, ended, number
    """,
)

# The unattributed conversions are no path.
_PATHS = """
    FROM journeys_daily FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND conversions != 0
        AND touches > 0
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
"""

# The most frequent buckets of the paths of one currency, by 16 bits of their hash: ClickHouse counts by one such number
# in a plain array, in a third of the time of any other key.
PATH_BUCKETS = TenantStatement(
    "report_path_buckets",
    f"""
    SELECT toUInt16(path_hash) AS bucket, sum(conversions) AS count
    {_PATHS}
        AND currency = %(currency)s
    GROUP BY bucket
    ORDER BY count DESC
    LIMIT %(buckets)s
    """,
)

_WORTH = f"""
    SELECT
        toString(currency) AS code, path_hash, sum(conversions) AS count, sum(net_conversions), sum(gross_minor),
        sum(net_minor), sum(toFloat64(gross_minor) + 18446744073709551616. * gross_wraps) AS gross,
        sum(toFloat64(net_minor) + 18446744073709551616. * net_wraps), max(day)
    {_PATHS}
"""

# The most frequent paths of some buckets, what they are worth, and a day of each. Equal counts are ordered by value,
# then by the path's hash.
PATHS_OF_BUCKETS = TenantStatement(
    "report_paths_of_buckets",
    f"""{_WORTH}
        AND toUInt16(path_hash) IN (SELECT wanted FROM buckets)
    GROUP BY currency, path_hash
    ORDER BY count DESC, gross DESC, path_hash
    LIMIT %(limit)s BY code
    """,
)

# The same order, of all paths of one currency: only a whole answer is sorted no further than it is long.
TOP_PATHS = TenantStatement(
    "report_top_paths",
    """
    SELECT
        path_hash, sum(conversions) AS count,
        sum(toFloat64(gross_minor) + 18446744073709551616. * gross_wraps) AS gross
    FROM journeys_daily FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND conversions != 0
        AND touches > 0
        AND currency = %(currency)s
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
    GROUP BY path_hash
    ORDER BY count DESC, gross DESC, path_hash
    LIMIT %(limit)s
    """,
)

# What some of them are worth, and a day of each.
WORTH_OF_PATHS = TenantStatement(
    "report_worth_of_paths",
    f"""{_WORTH}
        AND currency = %(currency)s
        AND path_hash IN (SELECT wanted FROM paths)
    GROUP BY currency, path_hash
    """,
)

# The paths themselves, which are long, from those days alone.
CHANNELS_OF_PATHS = TenantStatement(
    "report_channels_of_paths",
    """
    SELECT path_hash, CAST(any(path), 'Array(String)')
    FROM journeys_daily FINAL
    WHERE {tenant}
        AND day IN (SELECT day FROM paths)
        AND conversions != 0
        AND path_hash IN (SELECT wanted FROM paths)
    GROUP BY path_hash
    """,
)

# Ids with touches in the period that ever met another id: their persons have to be resolved.
LINKED_IDS = TenantStatement(
    "report_linked_ids",
    """
    SELECT DISTINCT user_id
    FROM touchpoints
    WHERE {tenant}
        AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
        AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
        AND user_hash IN (SELECT id_hash FROM identity_aliases WHERE {tenant})
    LIMIT %(limit)s
    """,
)

# One path per person: the touches of the period that are in no conversion's journey, in order (SEMANTICS 2.2, 2.11).
# An odd is_deleted cancels a touch; visits from excluded referrers are in no journey.
# `spans` says whose an id is from when on; one without a span is its own person.
NON_CONVERTING = TenantStatement(
    "report_non_converting",
    """
    SELECT path, count() AS journeys
    FROM
    (
        SELECT
            person,
            arrayMap(touch -> touch.3, arraySort(groupArray((time_ms, event_key, name)))) AS path
        FROM
        (
            SELECT
                if(empty(owner), user_id, owner) AS person, time_ms, event_key, name
            FROM
            (
                SELECT
                    user_id, toUnixTimestamp64Milli(touchpoints.ts) AS time_ms, event_key, toString(channel) AS name
                FROM touchpoints FINAL
                WHERE {tenant}
                    AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
                    AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
                    AND is_deleted %% 2 = 0
                    AND channel != '(excluded)'
                    AND event_key NOT IN
                    (
                        SELECT arrayJoin(touch_keys)
                        FROM ledger FINAL
                        WHERE {tenant} AND utc_day >= toDate(%(first)s) - 1
                    )
            ) AS touches
            LEFT JOIN spans ON touches.user_id = spans.id
            WHERE empty(owner) OR (time_ms >= since_ms AND time_ms <= until_ms)
        )
        GROUP BY person
    )
    GROUP BY path
    ORDER BY journeys DESC, path
    LIMIT %(limit)s
    """,
)
