"""How do the sums that reports read follow the ledger? The days that a run touched are summed up again.

A rollup is refreshed for whole days of the tenant, from the ledger or from a finer rollup that was refreshed just
before. A key that the rollup has and its source no longer gives comes in as zeros, so nothing that vanished stays. A
sum beyond 64 bits wraps; how often is kept beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED, UNKNOWN_SOURCE
from app.storage.client import Storage
from app.storage.external import External
from app.storage.journeys import LAGS, REFRESH_JOURNEY_PARTS, REFRESH_JOURNEYS, credited_on_days
from app.storage.shadow import of_shadow
from app.storage.statements import AnyStatement, Rollup, TenantsStatement
from app.storage.together import together

MILLION = 1_000_000
"""Conversions are credited in millionths."""
DAY_MS = 86_400_000
EPOCH = date(1970, 1, 1)

# `days` is an external table: see `_by_utc_day`. It may be joined with rows of several tenants.
# The ledger is opened up into one row per model and touch (model k of touch i stands at k * n + i); a conversion
# without touches is one row per model. Every key that the rollup ever had comes in, those of zeros too: the rollup of
# channels is summed up from these rows and has zeros for what vanished from them alone. What a statement over few rows
# costs is the planning of its expressions, so arrays are made long enough in the innermost SELECT, and nowhere tested.
REFRESH_DAILY = TenantsStatement(
    "refresh_daily",
    """
    INSERT INTO attribution_daily
        (tenant_id, day, model, conversion_type, currency, channel, campaign, source, micros, net_micros, gross_minor,
         net_minor, gross_wraps, net_wraps, version)
    SELECT tenant_id, day, model, conversion_type, currency, channel, campaign, source,
           sum(micro), sum(net_micro), sum(gross_part) AS gross_sum, sum(net_part) AS net_sum,
           toInt32(round((sum(toFloat64(gross_part)) - gross_sum) / 18446744073709551616.)),
           toInt32(round((sum(toFloat64(net_part)) - net_sum) / 18446744073709551616.)),
           toUInt64(%(version)s)
    FROM
    (
        SELECT tenant_id, day, %(models)s[intDiv(place - 1, width) + 1] AS model, conversion_type, currency, channel,
               campaign, source, micro, if(retracted, 0, micro) AS net_micro, gross_part, net_part
        FROM
        """
    + credited_on_days(
        """
        greatest(length(touch_keys), 1) AS width,
        arrayResize(touch_channels, width, %(unattributed)s) AS names,
        arrayResize(touch_campaigns, width) AS labels,
        arrayResize(touch_sources, width, %(unknown)s) AS origins,
        arrayResize(micros, %(model_count)s * width, %(million)s) AS all_micros,
        arrayResize(gross, %(model_count)s * width, gross_minor) AS all_gross,
        arrayResize(if(empty(net), gross, net), %(model_count)s * width, net_minor) AS all_net
        """,
        """
        ARRAY JOIN
            all_micros AS micro,
            all_gross AS gross_part,
            all_net AS net_part,
            arrayFlatten(arrayWithConstant(%(model_count)s, names)) AS channel,
            arrayFlatten(arrayWithConstant(%(model_count)s, labels)) AS campaign,
            arrayFlatten(arrayWithConstant(%(model_count)s, origins)) AS source,
            arrayEnumerate(all_micros) AS place
        """,
    )
    + """
        UNION ALL
        SELECT tenant_id, day, model, conversion_type, currency, channel, campaign, source, 0, 0, 0, 0
        FROM attribution_daily
        WHERE {tenant}
          AND (tenant_id, day) IN (SELECT tenant_id, day FROM days)
    )
    GROUP BY tenant_id, day, model, conversion_type, currency, channel, campaign, source
    SETTINGS do_not_merge_across_partitions_select_final = 1
    """,
)

REFRESH_CHANNELS = TenantsStatement(
    "refresh_channels",
    """
    INSERT INTO channels_daily
        (tenant_id, day, model, conversion_type, currency, channel, micros, net_micros, gross_minor, net_minor,
         gross_wraps, net_wraps, version)
    SELECT tenant_id, day, model, conversion_type, currency, channel,
           sum(micros), sum(net_micros), sum(gross_minor) AS gross_sum, sum(net_minor) AS net_sum,
           sum(gross_wraps) + toInt32(round((sum(toFloat64(gross_minor)) - gross_sum) / 18446744073709551616.)),
           sum(net_wraps) + toInt32(round((sum(toFloat64(net_minor)) - net_sum) / 18446744073709551616.)),
           toUInt64(%(version)s)
    FROM attribution_daily FINAL
    WHERE {tenant}
      AND (tenant_id, day) IN (SELECT tenant_id, day FROM days)
    GROUP BY tenant_id, day, model, conversion_type, currency, channel
    SETTINGS do_not_merge_across_partitions_select_final = 1
    """,
)


# The second of each reads what the first has made.
REFRESHES = {
    Rollup.CREDIT: (REFRESH_DAILY, REFRESH_CHANNELS),
    Rollup.JOURNEYS: (REFRESH_JOURNEYS, REFRESH_JOURNEY_PARTS),
}


class TenantDay(NamedTuple):
    """A day of a tenant's own timezone, and from when until before when it lasts (epoch ms)."""

    tenant_id: int
    day: date
    from_ms: int
    until_ms: int


def refresh_daily(
    storage: Storage,
    days: Sequence[TenantDay],
    version: int,
    *,
    shadowed: Sequence[TenantDay] = (),
    rollups: Collection[Rollup] = tuple(Rollup),
    task: str = "",
) -> None:
    """Sum the ledger of these days up again: a statement a rollup, however many tenants there are.

    Parameters
    ----------
    days : each once.
    version : of the new rows; rows of a lower version are replaced.
    shadowed : days of the ledgers and rollups of the tenants' shadow rule sets.
    """
    wanted = [REFRESHES[rollup] for rollup in rollups]
    asked = [partial(_refresh, days=days, statements=both, version=version, task=task) for both in wanted if days]
    for both in wanted if shadowed else ():
        beside = tuple(map(of_shadow, both))
        asked.append(partial(_refresh, days=shadowed, statements=beside, version=version, task=task))
    if asked:
        together(storage, storage.settings, asked)


def _refresh(
    storage: Storage, days: Sequence[TenantDay], statements: Sequence[AnyStatement], version: int, task: str
) -> None:
    params = {
        "version": version,
        "models": [model.value for model in FIVE_MODELS],
        "model_count": len(FIVE_MODELS),
        "unattributed": UNATTRIBUTED,
        "unknown": UNKNOWN_SOURCE,
        "million": MILLION,
        "lags": [below for _, below in LAGS],
    }
    external = {"days": _by_utc_day(days)}
    tenant_ids = sorted({day.tenant_id for day in days})
    for statement in statements:
        storage.rows(statement, tenant_id=tenant_ids, params=params, external=external, task=task)


def _by_utc_day(days: Sequence[TenantDay]) -> External:
    """The days, each as often as there are UTC days, by which the ledger is ordered, that it has a part of."""
    parts = [
        (*day, utc_day) for day in days for utc_day in range(day.from_ms // DAY_MS, (day.until_ms - 1) // DAY_MS + 1)
    ]
    tenant_ids, names, from_ms, until_ms, utc_days = zip(*parts, strict=True)
    return External(
        {
            "tenant_id": ("UInt32", tenant_ids),
            "day": ("Date", names),
            "utc_day": ("Date", [EPOCH + timedelta(days=number) for number in utc_days]),
            "from_ms": ("Int64", from_ms),
            "until_ms": ("Int64", until_ms),
        }
    )
