"""How do the sums that reports read follow the ledger? Every run sums the days that it touched up again.

A rollup is refreshed for whole days of the tenant, from the ledger or from a finer rollup that was refreshed just
before. A key that the rollup has and its source no longer gives comes in as zeros, so nothing that vanished stays. A
sum beyond 64 bits wraps; how often is kept beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.storage.client import Storage
from app.storage.external import one_column
from app.storage.journeys import LAGS, REFRESH_JOURNEY_PARTS, REFRESH_JOURNEYS
from app.storage.shadow import of_shadow
from app.storage.statements import TenantStatement

MILLION = 1_000_000
"""Conversions are credited in millionths."""

# The ledger is opened up into one row per model and touch (model k of touch i stands at k * n + i); a conversion
# without touches is one row per model.
REFRESH_DAILY = TenantStatement(
    "refresh_daily",
    """
    INSERT INTO attribution_daily
        (tenant_id, day, model, conversion_type, currency, channel, campaign, micros, net_micros, gross_minor,
         net_minor, gross_wraps, net_wraps, version)
    SELECT tenant_id, day, model, conversion_type, currency, channel, campaign,
           sum(micros), sum(net_micros), sum(gross_part) AS gross_sum, sum(net_part) AS net_sum,
           toInt32(round((sum(toFloat64(gross_part)) - gross_sum) / 18446744073709551616.)),
           toInt32(round((sum(toFloat64(net_part)) - net_sum) / 18446744073709551616.)),
           toUInt64(%(version)s)
    FROM
    (
        SELECT tenant_id, day, models[intDiv(place - 1, width) + 1] AS model, conversion_type, currency, channel,
               campaign, toInt64(micro) AS micros, if(retracted, 0, toInt64(micro)) AS net_micros,
               gross_amount AS gross_part, net_amount AS net_part
        FROM
        (
            SELECT tenant_id, toDate(ts, %(timezone)s) AS day, conversion_type, currency, retracted,
                   %(models)s AS models,
                   length(models) AS model_count,
                   empty(touch_keys) AS bare,
                   greatest(length(touch_keys), 1) AS width,
                   if(bare, [%(unattributed)s], CAST(touch_channels, 'Array(String)')) AS names,
                   if(bare, [''], CAST(touch_campaigns, 'Array(String)')) AS labels,
                   if(bare, arrayWithConstant(model_count, toInt32(%(million)s)), micros) AS all_micros,
                   if(bare, arrayWithConstant(model_count, gross_minor), gross) AS all_gross,
                   if(bare, arrayWithConstant(model_count, net_minor), if(empty(net), gross, net)) AS all_net
            FROM ledger FINAL
            WHERE {tenant}
              AND utc_day BETWEEN %(first_day)s AND %(last_day)s
              AND toDate(ts, %(timezone)s) IN (SELECT day FROM days)
        )
        ARRAY JOIN
            all_micros AS micro,
            all_gross AS gross_amount,
            all_net AS net_amount,
            arrayFlatten(arrayWithConstant(model_count, names)) AS channel,
            arrayFlatten(arrayWithConstant(model_count, labels)) AS campaign,
            arrayEnumerate(all_micros) AS place
        UNION ALL
        SELECT tenant_id, day, model, conversion_type, currency, channel, campaign, 0, 0, 0, 0
        FROM attribution_daily FINAL
        WHERE {tenant}
          AND day IN (SELECT day FROM days)
          AND (micros != 0 OR net_micros != 0 OR gross_minor != 0 OR net_minor != 0 OR gross_wraps != 0
               OR net_wraps != 0)
    )
    GROUP BY tenant_id, day, model, conversion_type, currency, channel, campaign
    SETTINGS do_not_merge_across_partitions_select_final = 1
    """,
)

REFRESH_CHANNELS = TenantStatement(
    "refresh_channels",
    """
    INSERT INTO channels_daily
        (tenant_id, day, model, conversion_type, currency, channel, micros, net_micros, gross_minor, net_minor,
         gross_wraps, net_wraps, version)
    SELECT tenant_id, day, model, conversion_type, currency, channel,
           sum(micro), sum(net_micro), sum(gross) AS gross_sum, sum(net) AS net_sum,
           toInt32(round((sum(gross_about) - gross_sum) / 18446744073709551616.)),
           toInt32(round((sum(net_about) - net_sum) / 18446744073709551616.)),
           toUInt64(%(version)s)
    FROM
    (
        SELECT tenant_id, day, model, conversion_type, currency, channel, micros AS micro, net_micros AS net_micro,
               gross_minor AS gross, net_minor AS net,
               toFloat64(gross_minor) + 18446744073709551616. * gross_wraps AS gross_about,
               toFloat64(net_minor) + 18446744073709551616. * net_wraps AS net_about
        FROM attribution_daily FINAL
        WHERE {tenant}
          AND day IN (SELECT day FROM days)
          AND (micros != 0 OR net_micros != 0 OR gross_minor != 0 OR net_minor != 0 OR gross_wraps != 0
               OR net_wraps != 0)
        UNION ALL
        SELECT tenant_id, day, model, conversion_type, currency, channel, 0, 0, 0, 0, 0, 0
        FROM channels_daily FINAL
        WHERE {tenant}
          AND day IN (SELECT day FROM days)
          AND (micros != 0 OR net_micros != 0 OR gross_minor != 0 OR net_minor != 0 OR gross_wraps != 0
               OR net_wraps != 0)
    )
    GROUP BY tenant_id, day, model, conversion_type, currency, channel
    SETTINGS do_not_merge_across_partitions_select_final = 1
    """,
)

# In this order: those that read another rollup come after it.
REFRESHES = (REFRESH_DAILY, REFRESH_CHANNELS, REFRESH_JOURNEYS, REFRESH_JOURNEY_PARTS)


def refresh_daily(
    storage: Storage,
    tenant_id: int,
    days: Sequence[date],
    timezone: str,
    version: int,
    *,
    shadow: bool = False,
    task: str = "",
) -> None:
    """Sum the ledger of these days of the tenant's timezone up again, into every rollup.

    Parameters
    ----------
    days : days of the tenant's own timezone.
    timezone : an IANA name.
    version : of the new rows; rows of a lower version are replaced.
    shadow : the ledger and the rollups of the tenant's shadow rule set, instead of its own.
    """
    if not days:
        return
    params = {
        "timezone": timezone,
        "version": version,
        # A day of any timezone begins and ends within a day of the UTC day of the same name.
        "first_day": min(days) - timedelta(days=1),
        "last_day": max(days) + timedelta(days=1),
        "models": [model.value for model in FIVE_MODELS],
        "unattributed": UNATTRIBUTED,
        "million": MILLION,
        "lags": [below for _, below in LAGS],
    }
    external = {"days": one_column("day", "Date", days)}
    for statement in REFRESHES:
        storage.rows(
            of_shadow(statement) if shadow else statement,
            tenant_id=tenant_id,
            params=params,
            external=external,
            task=task,
        )
