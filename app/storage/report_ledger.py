"""What do the reports ask of the ledger that the rollup cannot tell? A past state, and refunds by their own day.

"Received later" is of a conversion the first receipt of any event of its order, of an adjustment its own.
"""

from __future__ import annotations

from app.attribution.names import FIVE_MODELS
from app.storage.ledger import SOURCES
from app.storage.statements import TenantStatement


def _each(template: str) -> str:
    """Once for each model, `<k>` being its place."""
    return ", ".join(template.replace("<k>", str(place)) for place in range(len(FIVE_MODELS)))


# The same columns as CHANNEL_LINES has. A ledger row holds model after model, so each model's figures are a slice of
# it, and touches are opened up once for all of them.
# Conversions that were first received at `as_of_ms` or later are out.
_LINES = """
    SELECT
        toString(currency) AS code,
        channel = '(unattributed)' AS is_unattributed,
        if(%(by_channel)s, channel, '') AS group_channel,
        multiIf(NOT %(by_campaign)s, '', is_unattributed, '(unattributed)', campaign) AS group_campaign,
        if(%(by_day)s, toString(day), '') AS group_day,
        if(%(by_week)s, toString(toMonday(day)), '') AS group_week,
        if(%(by_month)s, substring(toString(day), 1, 7), '') AS group_month,
        if(%(by_conversion_type)s, conversion_type, '') AS group_type,
        multiIf(NOT %(by_source)s, '', is_unattributed, '(unattributed)', source) AS group_source,
        [<figures>],
        max(version)
    FROM
    (
        SELECT
            toDate(ts, %(timezone)s) AS day, conversion_type, currency, retracted, version,
            empty(touch_keys) AS bare,
            greatest(length(touch_keys), 1) AS width,
            if(bare, ['(unattributed)'], CAST(touch_channels, 'Array(String)')) AS names,
            if(bare, [''], CAST(touch_campaigns, 'Array(String)')) AS labels,
            CAST(arrayResize(touch_sources, width, '(unknown)'), 'Array(String)') AS origins,
            if(bare, arrayWithConstant(length(%(models)s), toInt32(1000000)), micros) AS all_micros,
            if(bare, arrayWithConstant(length(%(models)s), gross_minor), gross) AS all_gross,
            if(bare, arrayWithConstant(length(%(models)s), net_minor), if(empty(net), gross, net)) AS all_net,
            <slices>
        FROM ledger FINAL
        WHERE {tenant}
            AND utc_day >= toDate(%(first)s) - 1
            AND utc_day <= toDate(%(end)s) + 1
            AND toDate(ts, %(timezone)s) >= toDate(%(first)s)
            AND toDate(ts, %(timezone)s) < toDate(%(end)s)
            AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
            AND (%(currency)s = '' OR currency = %(currency)s)
            AND conversion_key NOT IN
            (
                SELECT conversion_key
                FROM conversions
                WHERE {tenant}
                GROUP BY conversion_key
                HAVING min(received_at) >= fromUnixTimestamp64Milli(%(as_of_ms)s)
            )
    )
    ARRAY JOIN
        names AS channel,
        labels AS campaign,
        origins AS source,
        <opened>
    GROUP BY
        code, is_unattributed, group_channel, group_campaign, group_day, group_week, group_month, group_type,
        group_source
    LIMIT %(limit)s
"""
_FIGURES = {
    "<figures>": ", ".join(
        map(
            _each,
            (
                "sum(micro_<k>)",
                "sumIf(micro_<k>, retracted = 0)",
                "sum(gross_<k>) AS gross_sum_<k>",
                "sum(net_<k>) AS net_sum_<k>",
                "toInt64(round((sum(toFloat64(gross_<k>)) - gross_sum_<k>) / 18446744073709551616.))",
                "toInt64(round((sum(toFloat64(net_<k>)) - net_sum_<k>) / 18446744073709551616.))",
            ),
        )
    ),
    "<slices>": ", ".join(
        _each(f"arraySlice(all_{name}, <k> * width + 1, width) AS {name}_of_<k>") for name in ("micros", "gross", "net")
    ),
    "<opened>": _each("micros_of_<k> AS micro_<k>, gross_of_<k> AS gross_<k>, net_of_<k> AS net_<k>"),
}


def _ledger_lines() -> TenantStatement:
    sql = _LINES
    for place, text in _FIGURES.items():
        sql = sql.replace(place, text)
    return TenantStatement("report_ledger_lines", sql)


LEDGER_LINES = _ledger_lines()

# Conversions of the period that were first received at `as_of_ms` or later.
LATE_CONVERSIONS = TenantStatement(
    "report_late_conversions",
    """
    SELECT conversion_key
    FROM conversions
    WHERE {tenant}
        AND conversion_key IN
        (
            SELECT conversion_key
            FROM ledger
            WHERE {tenant}
                AND utc_day >= toDate(%(first)s) - 1
                AND utc_day <= toDate(%(end)s) + 1
        )
    GROUP BY conversion_key
    HAVING min(received_at) >= fromUnixTimestamp64Milli(%(as_of_ms)s)
    """,
)

# Adjustments received before `as_of_ms`, of each id the one with the earliest `at`. With `by_own_day` those of orders
# that have one in the period, else those of orders whose conversion is in it.
ADJUSTMENTS_RECEIVED = TenantStatement(
    "report_adjustments_received",
    """
    SELECT
        adjustment_id, order_id, toString(conversion_type), toString(action), value, toString(currency),
        toUnixTimestamp64Milli(at), toDate(at, %(timezone)s)
    FROM adjustments
    WHERE {tenant}
        AND received_at < fromUnixTimestamp64Milli(%(as_of_ms)s)
        AND order_key IN
        (
            SELECT order_key
            FROM adjustments
            WHERE {tenant}
                AND (NOT %(by_own_day)s OR (
                    toDate(at, %(timezone)s) >= toDate(%(first)s) AND toDate(at, %(timezone)s) < toDate(%(end)s)))
        )
    ORDER BY order_id, adjustment_id, adjustments.at, received_at, action, value
    LIMIT 1 BY order_id, adjustment_id
    """,
)

# The ledger's conversions of those orders; columns as in report_export_slice.
ADJUSTED_LEDGER = TenantStatement(
    "report_adjusted_ledger",
    f"""
    SELECT
        conversion_key, conversion_type, order_id, toUnixTimestamp64Milli(ts), toDate(ts, %(timezone)s) AS day,
        currency, gross_minor, retracted,
        if(retracted = 1, 0, net_minor), touch_keys, arrayMap(t -> toUnixTimestamp64Milli(t), touch_times),
        touch_channels, touch_campaigns, {SOURCES}, weights, micros, gross, net, rules_version
    FROM ledger FINAL
    WHERE {{tenant}}
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
        AND (%(by_own_day)s OR (day >= toDate(%(first)s) AND day < toDate(%(end)s)))
        AND conversion_key IN
        (
            SELECT conversion_key
            FROM conversions_by_order
            WHERE {{tenant}}
                AND order_key IN
                (
                    SELECT order_key
                    FROM adjustments
                    WHERE {{tenant}}
                        AND received_at < fromUnixTimestamp64Milli(%(as_of_ms)s)
                        AND (NOT %(by_own_day)s OR (
                            toDate(at, %(timezone)s) >= toDate(%(first)s)
                            AND toDate(at, %(timezone)s) < toDate(%(end)s)))
                )
        )
        AND conversion_key NOT IN
        (
            SELECT conversion_key
            FROM conversions
            WHERE {{tenant}}
            GROUP BY conversion_key
            HAVING min(received_at) >= fromUnixTimestamp64Milli(%(as_of_ms)s)
        )
    ORDER BY utc_day, conversion_key
    """,
)
