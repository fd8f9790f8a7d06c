"""What do the proof and the explanation ask of the conversions themselves, past the ledger?

The conversion is the earliest row of its key by (ts, message_id) that is not cancelled (SEMANTICS 4.7). Nothing here
reads a figure that attribution has written, but to compare it.
"""

from __future__ import annotations

from app.storage.ledger import SOURCES
from app.storage.statements import Statement, TenantStatement

# Per currency: what the conversions of the period are worth, and how the ledger stands to them.
CONVERSIONS_WORTH = TenantStatement(
    "report_conversions_worth",
    """
    SELECT
        currency,
        count(),
        sum(value_minor),
        sum(toFloat64(value_minor)),
        sum(copies - 1),
        countIf(copies > 1),
        countIf(version = 0),
        sumIf(value_minor, version = 0),
        arraySort(groupArrayIf(20)(order_id, version = 0)),
        countIf(version > 0 AND (ledger_ts != ts OR ledger_gross != value_minor OR ledger_currency != currency)),
        arraySort(
            groupArrayIf(20)(
                order_id,
                version > 0 AND (ledger_ts != ts OR ledger_gross != value_minor OR ledger_currency != currency)
            )
        )
    FROM
    (
        SELECT
            conversion_key,
            argMin((row_ts, row_currency, row_value, row_order), (row_ts, message_id)) AS winner,
            winner.1 AS ts,
            winner.2 AS currency,
            winner.3 AS value_minor,
            winner.4 AS order_id,
            count() AS copies
        FROM
        (
            SELECT
                conversion_key, message_id, ts AS row_ts, toString(currency) AS row_currency,
                value_minor AS row_value, order_id AS row_order
            FROM conversions FINAL
            WHERE {tenant}
                AND is_deleted = 0
                AND conversion_key IN
                (
                    SELECT conversion_key
                    FROM conversions
                    WHERE {tenant}
                        AND ts >= toDateTime64(%(first)s, 3, 'UTC') - INTERVAL 1 DAY
                        AND ts <= toDateTime64(%(end)s, 3, 'UTC') + INTERVAL 1 DAY
                )
        )
        GROUP BY conversion_key
        HAVING toDate(ts, %(timezone)s) >= toDate(%(first)s) AND toDate(ts, %(timezone)s) < toDate(%(end)s)
    ) AS conversion
    LEFT JOIN
    (
        SELECT
            conversion_key,
            ts AS ledger_ts,
            gross_minor AS ledger_gross,
            toString(currency) AS ledger_currency,
            version
        FROM ledger FINAL
        WHERE {tenant}
            AND utc_day >= toDate(%(first)s) - 1
            AND utc_day <= toDate(%(end)s) + 1
    ) AS credited USING (conversion_key)
    GROUP BY currency
    ORDER BY currency
    """,
)

# Each adjustment of an order once (its earliest row counts), with every conversion of its order; no conversion: key 0.
ADJUSTMENTS_WITH_CONVERSIONS = TenantStatement(
    "report_adjustments_with_conversions",
    """
    SELECT
        adjustment_id, order_id, wanted_type, action, value, adjustment_currency, toUnixTimestamp64Milli(at),
        toDate(at, %(timezone)s) >= toDate(%(first)s) AND toDate(at, %(timezone)s) < toDate(%(end)s) AS at_in_period,
        conversion_key, conversion_type, currency, value_minor,
        toDate(ts, %(timezone)s) >= toDate(%(first)s) AND toDate(ts, %(timezone)s) < toDate(%(end)s) AS in_period
    FROM
    (
        SELECT
            adjustment_id,
            order_id,
            toString(conversion_type) AS wanted_type,
            toString(action) AS action,
            value,
            toString(currency) AS adjustment_currency,
            at
        FROM adjustments
        WHERE {tenant}
        ORDER BY order_id, adjustment_id, adjustments.at, received_at
        LIMIT 1 BY order_id, adjustment_id
    ) AS adjustment
    LEFT JOIN
    (
        SELECT
            conversion_key,
            argMin((row_ts, row_currency, row_value, row_order, row_type), (row_ts, message_id)) AS winner,
            winner.1 AS ts,
            winner.2 AS currency,
            winner.3 AS value_minor,
            winner.4 AS order_id,
            winner.5 AS conversion_type
        FROM
        (
            SELECT
                conversion_key, message_id, ts AS row_ts, toString(currency) AS row_currency,
                value_minor AS row_value, order_id AS row_order, toString(conversion_type) AS row_type
            FROM conversions FINAL
            WHERE {tenant}
                AND is_deleted = 0
                AND conversion_key IN
                (
                    SELECT conversion_key
                    FROM conversions_by_order
                    WHERE {tenant} AND order_key IN (SELECT order_key FROM adjustments WHERE {tenant})
                )
        )
        GROUP BY conversion_key
    ) AS conversion USING (order_id)
    WHERE at_in_period OR (conversion_key != 0 AND in_period)
    ORDER BY at, adjustment_id, conversion_key
    """,
)

# Every row of every conversion that carries an order id, the conversion itself first; cancelled rows too.
CONVERSIONS_OF_ORDER = TenantStatement(
    "report_conversions_of_order",
    """
    SELECT
        conversion_key, conversion_type, order_id, toUnixTimestamp64Milli(ts), message_id, any(user_id),
        any(anonymous_id), any(value_minor), any(currency), any(rules_version),
        min(toUnixTimestamp64Milli(received_at)), max(is_deleted)
    FROM conversions
    WHERE {tenant}
        AND conversion_key IN
        (
            SELECT conversion_key
            FROM conversions_by_order
            WHERE {tenant} AND order_key = sipHash64(%(order_id)s) AND order_id = %(order_id)s
        )
        AND order_id = %(order_id)s
    GROUP BY conversion_key, conversion_type, order_id, ts, message_id
    ORDER BY ts, message_id
    LIMIT %(limit)s
    """,
)

LEDGER_ROW = TenantStatement(
    "report_ledger_row",
    f"""
    SELECT
        currency, gross_minor, net_minor, retracted, person, touches_left_out, touch_keys,
        arrayMap(t -> toUnixTimestamp64Milli(t), touch_times), touch_channels, touch_campaigns, {SOURCES},
        weights, micros, gross, net, rules_version, run_id, version
    FROM ledger FINAL
    WHERE {{tenant}}
        AND utc_day = toDate(fromUnixTimestamp64Milli(toInt64(%(ts_ms)s), 'UTC'))
        AND conversion_key = toUInt64(%(conversion_key)s)
    """,
)

# Every touch row that some ids ever made, cancelled ones too, those nearest to the conversion first.
TOUCHES_OF_IDS = TenantStatement(
    "report_touches_of_ids",
    """
    SELECT
        user_id, toUnixTimestamp64Milli(ts) AS ts_ms, event_key, any(message_id), argMax(kind, revision),
        argMax(channel, if(is_deleted %% 2 = 0, toInt16(is_deleted), -1) AS revision), argMax(campaign, revision),
        argMax(source, revision), argMax(medium, revision), argMax(url, revision), argMax(referrer, revision),
        argMax(cost, revision), max(is_deleted) %% 2
    FROM touchpoints
    WHERE {tenant}
        AND user_hash IN (SELECT xxHash64(wanted) FROM ids)
        AND user_id IN (SELECT wanted FROM ids)
    GROUP BY user_id, ts, event_key
    ORDER BY abs(ts_ms - %(near_ms)s), event_key
    LIMIT %(limit)s
    """,
)

ADJUSTMENTS_OF_ORDER = TenantStatement(
    "report_adjustments_of_order",
    """
    SELECT
        adjustment_id, conversion_type, toString(action), value, currency, toUnixTimestamp64Milli(at),
        toUnixTimestamp64Milli(received_at)
    FROM adjustments
    WHERE {tenant} AND order_key = sipHash64(%(order_id)s) AND order_id = %(order_id)s
    ORDER BY adjustment_id, adjustments.at, received_at
    LIMIT 1 BY adjustment_id
    """,
)

# What became of an event, by its messageId.
EVENT_BY_MESSAGE = TenantStatement(
    "report_event_by_message",
    """
    SELECT toString(role), name, owner, toUnixTimestamp64Milli(ts)
    FROM events
    WHERE {tenant} AND event_key = sipHash64(%(message_id)s) AND message_id = %(message_id)s
    ORDER BY ts
    LIMIT 1
    """,
)

ORDER_OF_KEY = TenantStatement(
    "report_order_of_key",
    """
    SELECT order_id, conversion_type
    FROM conversions
    WHERE {tenant} AND conversion_key = toUInt64(%(conversion_key)s)
    ORDER BY ts, message_id
    LIMIT 1
    """,
)

RULES_OF_VERSION = Statement(
    "report_rules_of_version",
    """
    SELECT rules
    FROM rules
    WHERE tenant_id = %(tenant_number)s AND rules_version = %(rules_version)s
    ORDER BY created_at DESC
    LIMIT 1
    """,
)
