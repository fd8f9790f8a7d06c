"""How do credits get into the ledger, and from there into the daily rollup that reports read?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.storage.client import AnyStatement, Columns, Storage
from app.storage.external import one_column
from app.storage.journeys import refresh_journeys
from app.storage.shadow import of_shadow
from app.storage.statements import TenantStatement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MILLION = 1_000_000
"""Conversions are credited in millionths."""

# The ledger is opened up into one row per model and touch (model k of touch i stands at k * n + i); a conversion
# without touches is one row per model. A sum beyond 64 bits wraps; how often is kept beside it. Keys that the rollup
# has and the ledger no longer gives come in as zeros.
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


def insert_ledger(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `ledger`; array columns are sequences of lists. The highest `version` of a conversion wins."""
    return storage.insert("ledger", columns, token=token, task=task)


def ragged_lists(flat: NDArray[Any], offsets: NDArray[np.int64], width: int = 1) -> list[list[Any]]:
    """An array column from a flat array: the lists ``flat[width * offsets[i]:width * offsets[i + 1]]``.

    One ``tolist`` and slices of it: what the driver packs fastest.
    """
    values = flat.tolist()
    bounds = (offsets * width).tolist()
    return [values[begin:end] for begin, end in pairwise(bounds)]


def refresh_daily(
    storage: Storage,
    tenant_id: int,
    days: Sequence[date],
    timezone: str,
    version: int,
    *,
    task: str = "",
) -> None:
    """Sum the ledger of these days of the tenant's timezone up again, into `attribution_daily` and `journeys_daily`.

    Parameters
    ----------
    days : days of the tenant's own timezone.
    timezone : an IANA name.
    version : of the new rows; rows of a lower version are replaced.
    """
    if not days:
        return
    _refresh(storage, REFRESH_DAILY, tenant_id, days, timezone, version, task)
    refresh_journeys(storage, tenant_id, days, timezone, version, task=task)


def refresh_shadow_daily(
    storage: Storage, tenant_id: int, days: Sequence[date], timezone: str, version: int, *, task: str = ""
) -> None:
    """The same for what the tenant's shadow credits: `attribution_daily_shadow` from `ledger_shadow`."""
    if days:
        _refresh(storage, of_shadow(REFRESH_DAILY), tenant_id, days, timezone, version, task)


def _refresh(
    storage: Storage,
    statement: AnyStatement,
    tenant_id: int,
    days: Sequence[date],
    timezone: str,
    version: int,
    task: str,
) -> None:
    storage.rows(
        statement,
        tenant_id=tenant_id,
        params={
            "timezone": timezone,
            "version": version,
            # A day of any timezone begins and ends within a day of the UTC day of the same name.
            "first_day": min(days) - timedelta(days=1),
            "last_day": max(days) + timedelta(days=1),
            "models": [model.value for model in FIVE_MODELS],
            "unattributed": UNATTRIBUTED,
            "million": MILLION,
        },
        external={"days": one_column("day", "Date", days)},
        task=task,
    )
