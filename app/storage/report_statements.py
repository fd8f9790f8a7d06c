"""What do the reports ask of the rollup and the ledger?

Days are the tenant's: `toDate(ts, timezone)`, the same expression that the rollup is made with, so that a report and
its proof can never disagree about a clock change. `utc_day`, a day wider on both sides, only prunes. A sum of money
comes as it wraps in 64 bits, and once more as a float: `app.reports.amounts.exact` makes the true one of the two.
"""

from __future__ import annotations

from app.attribution.names import FIVE_MODELS
from app.storage.ledger import SOURCES
from app.storage.statements import TenantStatement

# One row a line of the report. Grouping columns that were not asked for are '' in every row, so that one statement
# serves every `by`. The figures come in one array: conversions, net conversions, money, net money, and how often each
# of the two sums of money has wrapped, each of them for all of FIVE_MODELS, in their order.
_LINES = """
    SELECT
        toString(currency) AS code,
        channel = '(unattributed)' AS is_unattributed,
        if(%(by_channel)s, channel, '') AS group_channel,
        <campaign> AS group_campaign,
        if(%(by_day)s, toString(day), '') AS group_day,
        if(%(by_week)s, toString(toMonday(day)), '') AS group_week,
        if(%(by_month)s, substring(toString(day), 1, 7), '') AS group_month,
        if(%(by_conversion_type)s, conversion_type, '') AS group_type,
        <source> AS group_source,
        arrayConcat(
            <sum>(micros, place),
            <sum>(net_micros, place),
            <sum>(gross_minor, place) AS gross,
            <sum>(net_minor, place) AS net,
            arrayMap(
                (about, wrapped) -> toInt64(round((about - wrapped) / 18446744073709551616.)),
                <sum>(toFloat64(gross_minor) + 18446744073709551616. * gross_wraps, place),
                gross
            ),
            arrayMap(
                (about, wrapped) -> toInt64(round((about - wrapped) / 18446744073709551616.)),
                <sum>(toFloat64(net_minor) + 18446744073709551616. * net_wraps, place),
                net
            )
        ),
        max(version)
    FROM
    (
        SELECT *, toUInt8(indexOf(%(models)s, toString(model)) - 1) AS place
        FROM <rollup> FINAL
        WHERE {tenant}
            AND day >= toDate(%(first)s)
            AND day < toDate(%(end)s)
            AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
            AND (%(currency)s = '' OR currency = %(currency)s)
    )
    GROUP BY
        code, is_unattributed, group_channel, group_campaign, group_day, group_week, group_month, group_type,
        group_source
    ORDER BY code, group_channel, group_campaign, group_day, group_week, group_month
    LIMIT %(limit)s
"""


def _lines(name: str, rollup: str, campaign: str, source: str) -> TenantStatement:
    sql = _LINES.replace("<sum>", f"sumResample(0, {len(FIVE_MODELS)}, 1)").replace("<rollup>", rollup)
    return TenantStatement(name, sql.replace("<campaign>", campaign).replace("<source>", source))


CHANNEL_LINES = _lines("report_channel_lines", "channels_daily", "''", "''")
CAMPAIGN_LINES = _lines(
    "report_campaign_lines",
    "attribution_daily",
    "multiIf(NOT %(by_campaign)s, '', is_unattributed, '(unattributed)', campaign)",
    "multiIf(NOT %(by_source)s, '', is_unattributed, '(unattributed)', source)",
)

_TOTALS = """
    SELECT
        currency,
        model,
        sum(micros),
        sum(net_micros),
        sum(gross_minor),
        sum(net_minor),
        sum(toFloat64(gross_minor) + 18446744073709551616. * gross_wraps),
        sum(toFloat64(net_minor) + 18446744073709551616. * net_wraps),
        max(version)
    FROM <rollup> FINAL
    WHERE {tenant}
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
    GROUP BY currency, model
    ORDER BY currency, model
"""

# What the rollups sum to over all of their channels.
CHANNEL_TOTALS = TenantStatement("report_channel_totals", _TOTALS.replace("<rollup>", "channels_daily"))
CAMPAIGN_TOTALS = TenantStatement("report_campaign_totals", _TOTALS.replace("<rollup>", "attribution_daily"))

# What the conversions of the ledger are worth, without looking at their touches: small columns only.
LEDGER_WORTH = TenantStatement(
    "report_ledger_worth",
    """
    SELECT
        currency,
        count() * 1000000,
        countIf(retracted = 0) * 1000000,
        sum(gross_minor),
        sum(if(retracted = 1, 0, net_minor)),
        sum(toFloat64(gross_minor)),
        sum(toFloat64(if(retracted = 1, 0, net_minor))),
        max(rules_version),
        max(version)
    FROM ledger FINAL
    WHERE {tenant}
        AND utc_day >= toDate(%(first)s) - 1
        AND utc_day <= toDate(%(end)s) + 1
        AND toDate(ts, %(timezone)s) >= toDate(%(first)s)
        AND toDate(ts, %(timezone)s) < toDate(%(end)s)
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
    GROUP BY currency
    ORDER BY currency
    """,
)

# The ledger's credits summed touch by touch; `number` counts the models in the order of FIVE_MODELS.
LEDGER_CREDITS = TenantStatement(
    "report_ledger_credits",
    """
    SELECT
        currency,
        number,
        sumIf(arraySum(arraySlice(micros, number * touches + 1, touches)), touches > 0),
        sumIf(arraySum(arraySlice(micros, number * touches + 1, touches)), touches > 0 AND retracted = 0),
        sumIf(arraySum(arraySlice(gross, number * touches + 1, touches)) AS gross_of_model, touches > 0),
        sumIf(arraySum(arraySlice(net_or_gross, number * touches + 1, touches)) AS net_of_model, touches > 0),
        sumIf(toFloat64(gross_of_model), touches > 0),
        sumIf(toFloat64(net_of_model), touches > 0),
        countIf(touches = 0) * 1000000,
        countIf(touches = 0 AND retracted = 0) * 1000000,
        sumIf(gross_minor, touches = 0),
        sumIf(if(retracted = 1, 0, net_minor), touches = 0),
        sumIf(toFloat64(gross_minor), touches = 0),
        sumIf(toFloat64(if(retracted = 1, 0, net_minor)), touches = 0)
    FROM
    (
        SELECT
            currency, micros, gross, retracted, gross_minor, net_minor,
            if(empty(net), gross, net) AS net_or_gross,
            toUInt32(length(touch_keys)) AS touches,
            range(%(models)s) AS numbers
        FROM ledger FINAL
        WHERE {tenant}
            AND utc_day >= toDate(%(first)s) - 1
            AND utc_day <= toDate(%(end)s) + 1
            AND toDate(ts, %(timezone)s) >= toDate(%(first)s)
            AND toDate(ts, %(timezone)s) < toDate(%(end)s)
    )
    ARRAY JOIN numbers AS number
    GROUP BY currency, number
    ORDER BY currency, number
    """,
)

# Ledger rows of the period whose conversion is not stored: of an order that was cancelled, or past its retention.
LEDGER_ORPHANS = TenantStatement(
    "report_ledger_orphans",
    """
    SELECT count(), arraySort(groupArray(20)(order_id))
    FROM ledger FINAL
    WHERE {tenant}
        AND utc_day >= toDate(%(first)s) - 1
        AND utc_day <= toDate(%(end)s) + 1
        AND toDate(ts, %(timezone)s) >= toDate(%(first)s)
        AND toDate(ts, %(timezone)s) < toDate(%(end)s)
        AND conversion_key NOT IN
        (
            SELECT conversion_key
            FROM conversions FINAL
            WHERE {tenant} AND is_deleted = 0
        )
    """,
)

# The days of an export, and how much each of them holds.
EXPORT_DAYS = TenantStatement(
    "report_export_days",
    """
    SELECT utc_day, count(), sum(length(touch_keys))
    FROM ledger FINAL
    WHERE {tenant}
        AND utc_day >= toDate(%(first)s) - 1
        AND utc_day <= toDate(%(end)s) + 1
        AND toDate(ts, %(timezone)s) >= toDate(%(first)s)
        AND toDate(ts, %(timezone)s) < toDate(%(end)s)
    GROUP BY utc_day
    ORDER BY utc_day
    """,
)

EXPORT_SLICE = TenantStatement(
    "report_export_slice",
    f"""
    SELECT
        conversion_key, conversion_type, order_id, toUnixTimestamp64Milli(ts), toDate(ts, %(timezone)s), currency,
        gross_minor, retracted,
        if(retracted = 1, 0, net_minor), touch_keys, arrayMap(t -> toUnixTimestamp64Milli(t), touch_times),
        touch_channels, touch_campaigns, {SOURCES}, weights, micros, gross, net, rules_version
    FROM ledger FINAL
    WHERE {{tenant}}
        AND utc_day = toDate(%(utc_day)s)
        AND conversion_key >= toUInt64(%(low)s)
        AND conversion_key <= toUInt64(%(high)s)
        AND toDate(ts, %(timezone)s) >= toDate(%(first)s)
        AND toDate(ts, %(timezone)s) < toDate(%(end)s)
    ORDER BY ts, conversion_key
    """,
)

EXPORT_MESSAGE_IDS = TenantStatement(
    "report_export_message_ids",
    """
    SELECT DISTINCT event_key, message_id
    FROM events
    WHERE {tenant}
        AND event_key IN
        (
            SELECT arrayJoin(touch_keys)
            FROM ledger FINAL
            WHERE {tenant}
                AND utc_day = toDate(%(utc_day)s)
                AND conversion_key >= toUInt64(%(low)s)
                AND conversion_key <= toUInt64(%(high)s)
        )
    """,
)

# Days and currencies of conversions, first received before `as_of_ms`, that a report in one currency has to convert.
FOREIGN_DAYS = TenantStatement(
    "report_foreign_days",
    """
    SELECT toDate(ts, %(timezone)s) AS day, toString(currency) AS code, count()
    FROM ledger FINAL
    WHERE {tenant}
        AND utc_day >= toDate(%(first)s) - 1
        AND utc_day <= toDate(%(end)s) + 1
        AND day >= toDate(%(first)s)
        AND day < toDate(%(end)s)
        AND code != %(currency)s
        AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s)
        AND conversion_key NOT IN
        (
            SELECT conversion_key
            FROM conversions
            WHERE {tenant}
            GROUP BY conversion_key
            HAVING min(received_at) >= fromUnixTimestamp64Milli(%(as_of_ms)s)
        )
    GROUP BY day, code
    ORDER BY day, code
    """,
)
