"""Do the rollups say what the ledger says? Each is summed up again here, from the ledger's rows, in plain Python."""

from __future__ import annotations

from collections import Counter
from typing import Any

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED, UNKNOWN_SOURCE
from app.storage.client import Storage
from app.storage.journeys import LAGS
from app.storage.shadow import of_shadow
from app.storage.statements import ROLLUPS, TenantStatement
from app.tenants.tenant import Tenant

MICRO = 1_000_000
WRAP = 1 << 64

_LEDGER = TenantStatement(
    "test_ledger_of_days",
    """
    SELECT
        toDate(ts, %(timezone)s), toString(conversion_type), toString(currency), gross_minor,
        if(retracted = 1, 0, net_minor), retracted, CAST(touch_channels, 'Array(String)'),
        CAST(touch_campaigns, 'Array(String)'), CAST(touch_sources, 'Array(String)'), micros, gross,
        if(empty(net), gross, net),
        toUnixTimestamp64Milli(ts) - toUnixTimestamp64Milli(touch_times[1])
    FROM ledger FINAL
    WHERE {tenant}
    """,
)
_KEYS = {
    "attribution_daily": "toString(model), toString(channel), toString(campaign), toString(source)",
    "channels_daily": "toString(model), toString(channel)",
    "journeys_daily": "CAST(path, 'Array(String)')",
    "journey_parts_daily": "toString(part), toString(began), toString(ended), number",
}
_COUNTS = {
    "attribution_daily": "micros, net_micros",
    "channels_daily": "micros, net_micros",
    "journeys_daily": "conversions, net_conversions",
    "journey_parts_daily": "conversions, net_conversions",
}
_ROLLUPS = {
    name: TenantStatement(
        f"test_{name}",
        f"""
        SELECT
            day, toString(conversion_type), toString(currency), {_KEYS[name]}, {_COUNTS[name]},
            gross_minor, net_minor, gross_wraps, net_wraps
        FROM {name} FINAL
        WHERE {{tenant}}
        """,
    )
    for name in ROLLUPS
}
Sums = dict[str, Counter[tuple[Any, ...]]]
"""Rollup -> key, with what is counted as its last part -> sum; no zeros."""


def require_rollups(storage: Storage, tenant: Tenant, *, shadow: bool = False) -> None:
    """Every rollup of a tenant is the sum of its ledger, key by key, and holds nothing else."""

    def rows(statement: Any) -> list[tuple[Any, ...]]:
        asked = of_shadow(statement) if shadow else statement
        return storage.rows(asked, tenant_id=tenant.tenant_id, params={"timezone": tenant.timezone})

    expected: Sums = {name: Counter() for name in ROLLUPS}
    for row in rows(_LEDGER):
        _add(expected, *row)
    for name in ROLLUPS:
        found: Counter[tuple[Any, ...]] = Counter()
        for *key, count, net_count, gross, net, gross_wraps, net_wraps in rows(_ROLLUPS[name]):
            figures = (count, net_count, gross + WRAP * gross_wraps, net + WRAP * net_wraps)
            _put(found, tuple(tuple(part) if isinstance(part, list) else part for part in key), figures)
        assert _without_zeros(found) == _without_zeros(expected[name]), name


def _add(sums: Sums, *row: Any) -> None:
    *head, gross_minor, net_minor, retracted, channels, campaigns, sources, micros, gross, net, lag_ms = row
    kept = 0 if retracted else 1
    for place, model in enumerate(FIVE_MODELS):
        credits = [(UNATTRIBUTED, "", UNKNOWN_SOURCE, MICRO, gross_minor, net_minor)]
        if channels:
            at = slice(place * len(channels), (place + 1) * len(channels))
            credits = list(zip(channels, campaigns, sources, micros[at], gross[at], net[at], strict=True))
        for channel, campaign, source, micro, gross_part, net_part in credits:
            figures = (micro, micro * kept, gross_part, net_part)
            _put(sums["attribution_daily"], (*head, str(model), channel, campaign, source), figures)
            _put(sums["channels_daily"], (*head, str(model), channel), figures)
    figures = (1, kept, gross_minor, net_minor)
    _put(sums["journeys_daily"], (*head, tuple(channels)), figures)
    parts = [("length", "", "", len(channels))] + [("present", channel, "", 0) for channel in sorted(set(channels))]
    if channels:
        parts.append(("ends", channels[0], channels[-1], 0))
        bucket = next(place for place, (_, below) in enumerate(LAGS) if lag_ms < below)
        _put(sums["journey_parts_daily"], (*head, "lag", "", "", bucket), (1, 0, 0, 0))
    if len(set(channels)) == 1:
        parts.append(("alone", channels[0], "", 0))
    for part in parts:
        _put(sums["journey_parts_daily"], (*head, *part), figures)


def _put(sums: Counter[tuple[Any, ...]], key: tuple[Any, ...], figures: tuple[int, ...]) -> None:
    for name, figure in zip(("count", "net_count", "gross", "net"), figures, strict=True):
        sums[*key, name] += figure


def _without_zeros(sums: Counter[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    return {key: figure for key, figure in sums.items() if figure}
