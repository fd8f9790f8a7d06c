"""How fast are the reports of a large tenant? ``python -m load.report_speed [--quick]``: one JSON object on a line.

A year of one tenant is made inside the engine: 10 million touches, 500,000 conversions in the ledger, spend, and the
rollups refreshed as runs refresh them. Then each report is asked for several times, in turns, as a client asks: the
edge answers in this process, and what is measured is the whole answer. `storage_ms` is the part of it that ClickHouse
took. Reports that read rollups are held to the limit; `beyond` are those that read the ledger, and an answer of
all lines at once where a page has 2,000. `ratio` is how many times longer the year takes from the ledger than
from the rollup.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from clickhouse_driver import Client
from flask.testing import FlaskClient

from app.http import create_app
from app.ledger.refresh import tenant_days
from app.reports.days import Period
from app.storage.client import Storage
from app.storage.redis import get_redis
from app.storage.rollups import refresh_daily
from app.tenants.registry import Registry
from load.machine import heading
from load.setting import Setting
from load.spent import Spent
from workers.garbage import look_rarely

FIRST, DAYS = date(2025, 1, 1), 365
YEAR = Period(FIRST, FIRST + timedelta(days=DAYS), "UTC")
_YEAR, _MONTH = "from=2025-01-01&to=2026-01-01", "from=2025-06-01&to=2025-07-01"
ROLLUP = {
    "year": f"attribution?{_YEAR}",
    "year_by_month": f"attribution?{_YEAR}&by=channel,month",
    "year_by_week": f"attribution?{_YEAR}&by=channel,week",
    "year_by_type": f"attribution?{_YEAR}&by=conversion_type",
    "year_by_campaign": f"attribution?{_YEAR}&by=channel,campaign",
    "month_by_day": f"attribution?{_MONTH}&by=channel,day",
    "month_by_campaign_day": f"attribution?{_MONTH}&by=channel,campaign,day&limit=2000",
    "journeys_month": f"journeys?{_MONTH}",
    "journeys_year": f"journeys?{_YEAR}",
    "compare_month": f"compare?{_MONTH}",
    "compare_year": f"compare?{_YEAR}",
    "compare_year_by_campaign": f"compare?{_YEAR}&by=campaign",
    "source_month": f"attribution?{_MONTH}&by=source",
    "source_year": f"attribution?{_YEAR}&by=source",
    "source_year_by_month": f"attribution?{_YEAR}&by=channel,source,month",
}
BEYOND = {
    "ledger_year": f"attribution?{_YEAR}&as_of=2099-01-01",
    "month_by_campaign_day_whole": f"attribution?{_MONTH}&by=channel,campaign,day",
}
TOUCHES, CONVERSIONS = 10_000_000, 500_000
LIMIT_MS = 300
ROUNDS = 7
STEP = 250_000

_CHANNELS = (
    "['paid_search', 'paid_social', 'email', 'organic_search', 'display', 'direct', 'referral', 'affiliates', "
    "'organic_social', 'video', 'sms', 'push']"
)
_SOURCES = "['google', 'facebook', 'crm', 'bing']"
_TOUCHES = """
    INSERT INTO touchpoints
        (tenant_id, user_id, ts, message_id, kind, channel, campaign, source, rules_version, received_at,
         retention_days, is_deleted)
    SELECT
        {tenant}, 'u:' || toString(number % {users}),
        fromUnixTimestamp64Milli(toInt64({start_ms} + sipHash64(number, 1) % {span_ms})) AS at,
        toString(number), if(number % 10 = 0, 'view', 'click'),
        {channels}[1 + sipHash64(number, 2) % 12],
        'campaign-' || toString(sipHash64(number, 3) % 8),
        {sources}[1 + sipHash64(number, 4) % 4], 1, at, 20000, 0
    FROM numbers({start}, {count})
"""
# Half of the touches are in journeys: 1 to 19 in each, and every twentieth conversion has none. Half of a channel's
# campaigns have one source, the others two.
_LEDGER = """
    INSERT INTO ledger
        (tenant_id, utc_day, conversion_key, conversion_type, order_id, message_id, ts, person, currency, gross_minor,
         net_minor, retracted, touch_keys, touch_times, touch_channels, touch_campaigns, touch_sources, weights,
         micros, gross, net, rules_version, run_id, version, is_deleted)
    SELECT
        {tenant}, toDate(at), sipHash64(number, 5), 'Order Completed', toString(number), toString(number), at,
        'u:' || toString(number % {users}), if(number % 20 = 7, 'EUR', 'USD'), value, if(back, 0, value), back,
        arrayMap(i -> sipHash64(number, 20 + i), range(n)),
        arrayMap(i -> fromUnixTimestamp64Milli(at_ms - (n - i) * 3600000 * (1 + number % 40)), range(n)),
        arrayMap(
            i -> {channels}[1 + least(sipHash64(number, 40 + i) % 12, sipHash64(number, 60 + i) % 12)], range(n)
        ) AS channels,
        arrayMap(i -> 'campaign-' || toString(sipHash64(number, 80 + i) % 8), range(n)) AS campaigns,
        arrayMap(
            (channel, campaign, i) -> {sources}[1 + (sipHash64(channel, campaign) +
                if(sipHash64(campaign, channel) % 2, sipHash64(number, 100 + i) % 2, 0)) % 4],
            channels, campaigns, range(n)
        ),
        arrayWithConstant(5 * n, 1. / m),
        arrayMap(amount -> toInt32(amount), arrayFlatten(arrayMap(k -> arrayMap(i ->
            multiIf(k = 0, if(i = 0, 1000000, 0), k = 1, if(i = n - 1, 1000000, 0),
                    i = 0, 1000000 - intDiv(1000000, m) * (n - 1), intDiv(1000000, m)), range(n)), range(5)))),
        arrayFlatten(arrayMap(k -> arrayMap(i ->
            multiIf(k = 0, if(i = 0, value, 0), k = 1, if(i = n - 1, value, 0),
                    i = 0, value - intDiv(value, m) * (n - 1), intDiv(value, m)), range(n)), range(5))) AS shares,
        if(back, arrayMap(amount -> toInt64(0), shares), []), 1, 'bench', 1, 0
    FROM
    (
        SELECT
            number,
            toInt64({start_ms} + sipHash64(number, 6) % {span_ms}) AS at_ms,
            fromUnixTimestamp64Milli(at_ms) AS at,
            toInt64(500 + sipHash64(number, 7) % 20000) AS value,
            toUInt8(number % 30 = 11) AS back,
            if(number % 20 = 3, 0, toInt64(1 + sipHash64(number, 8) % 19)) AS n,
            greatest(n, 1) AS m
        FROM numbers({start}, {count})
    )
"""
_SPEND = """
    INSERT INTO spend (tenant_id, day, channel, campaign, currency, amount_minor, version)
    SELECT
        {tenant}, toDate('{first}') + number % {days}, {channels}[1 + intDiv(number, {days}) % 12],
        'campaign-' || toString(intDiv(number, {days} * 12)), 'USD', 1000 + sipHash64(number) % 9000, 1
    FROM numbers({count})
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every report of the limit answers within it; of the reduced form always."""
    parser = argparse.ArgumentParser(prog="python -m load.report_speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of it: shows that it works, not how fast")
    options = parser.parse_args(arguments)
    print(heading(), file=sys.stderr, flush=True)
    with Setting(is_quick=options.quick) as setting:
        figures = measure(setting)
    print(json.dumps(figures), flush=True)
    return 0 if figures["holds"] or options.quick else 1


def measure(setting: Setting) -> dict[str, Any]:
    """Make the tenant, ask, and put it in figures (medians, ms)."""
    part = 100 if setting.is_quick else 1
    touches, conversions = TOUCHES // part, CONVERSIONS // part
    look_rarely()  # as the edge's processes do
    settings = setting.settings
    storage = Storage(settings)
    try:
        registry = Registry(get_redis(settings), lambda: storage, settings)
        tenant, _, key = registry.create("large", "Large", retention_days=3_650)
        _fill(setting, tenant.tenant_id, touches, conversions)
        refresh_s = _refresh(setting, storage, tenant.tenant_id)
        answers, spent, sizes = _ask(setting, create_app(settings).test_client(), key)
    finally:
        storage.close()
    return {
        "name": "report_speed",
        "touches": touches,
        "conversions": conversions,
        "refresh_year_s": round(refresh_s, 1),
        "rollup_ms": {name: answers[name] for name in ROLLUP},
        "beyond_ms": {name: answers[name] for name in BEYOND},
        "storage_ms": spent,
        "bytes": sizes,
        "ratio": round(answers["ledger_year"] / answers["year"], 1),
        "slowest_ms": max(answers[name] for name in ROLLUP),
        "limit_ms": LIMIT_MS,
        "holds": all(answers[name] < LIMIT_MS for name in ROLLUP),
    }


def _fill(setting: Setting, tenant_id: int, touches: int, conversions: int) -> None:
    engine: Client = setting.engine
    words = {
        "tenant": tenant_id,
        "users": max(touches // 20, 1),
        "start_ms": YEAR.from_ms,
        "span_ms": YEAR.to_ms - YEAR.from_ms,
        "channels": _CHANNELS,
        "sources": _SOURCES,
    }
    for statement, count, step in ((_TOUCHES, touches, 4 * STEP), (_LEDGER, conversions, STEP // 5)):
        for start in range(0, count, step):
            engine.execute(statement.format(**words, start=start, count=min(step, count - start)))
        setting.say(f"{count:,} rows made")
    engine.execute(_SPEND.format(tenant=tenant_id, first=FIRST, days=DAYS, channels=_CHANNELS, count=DAYS * 12 * 8))
    for table in ("ledger", "spend"):
        engine.execute(f"OPTIMIZE TABLE {table} FINAL")


def _refresh(setting: Setting, storage: Storage, tenant_id: int) -> float:
    began = time.monotonic()
    for start in range(0, DAYS, 15):
        days = [FIRST + timedelta(days=number) for number in range(start, min(start + 15, DAYS))]
        refresh_daily(storage, tenant_days(tenant_id, YEAR.timezone, days), start + 1)
    setting.say("rollups refreshed")
    return time.monotonic() - began


def _ask(setting: Setting, client: FlaskClient, key: str) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
    """Medians of whole answers and of ClickHouse's part of them (ms), and the answers' bytes."""
    times: dict[str, list[float]] = {name: [] for name in (*ROLLUP, *BEYOND)}
    inside: dict[str, list[float]] = {name: [] for name in times}
    sizes: dict[str, int] = {}
    for _ in range(setting.rounds(ROUNDS)):
        for name, words in (ROLLUP | BEYOND).items():
            with Spent() as spent:
                began = time.perf_counter()
                answer = client.get(f"/v1/reports/{words}", headers={"Authorization": f"Bearer {key}"})
                times[name].append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200 or not answer.json["reconciled"]:
                raise SystemExit(f"{name}: {answer.status_code}, {answer.get_data(as_text=True)[:300]}")
            inside[name].append(sum(spent.seconds.values()) * 1000)
            sizes[name] = len(answer.data)
        setting.say(", ".join(f"{name} {taken[-1]:.0f}" for name, taken in times.items()))
    return (
        {name: round(statistics.median(taken), 1) for name, taken in times.items()},
        {name: round(statistics.median(taken), 1) for name, taken in inside.items()},
        sizes,
    )


if __name__ == "__main__":
    sys.exit(main())
