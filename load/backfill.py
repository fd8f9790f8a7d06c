"""How many conversions a second are attributed again and stored? Beside the same as one SQL statement in the engine.

The statement is the limit: nothing leaves the engine, and what it leaves out makes it faster still. It rounds each
share by itself, where ours sum to the cent; it knows no persons, refunds, rules, shadow or history of what changed.

`backfill` credits again what stands already, so nothing changes. `backfill_changed` is the same after a change of the
rules: every conversion's credit differs from what stands, which is read and kept in the history of changes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from app.ledger.attribute import attribute
from app.ledger.cut import BACKFILL
from app.ledger.refresh import tenant_days
from app.ledger.rules_change import FAR_MS
from app.storage.client import Storage
from app.storage.conversions import conversion_keys_between
from app.storage.rollups import refresh_daily
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant, with_rules
from app.tenants.timeline import RulesFrom
from config.settings import Settings
from load.chunk import insert_conversions
from load.figures import Figure, compared, in_turns, of_rates, of_times
from load.setting import Setting
from load.touch_table import DAY_MS, TENANT
from workers.garbage import look_rarely

CONVERSIONS, QUICK_CONVERSIONS = 40_000, 400
QUICK_CHUNK = 100
PROCESSES = 2

_LIMIT = f"""
    INSERT INTO backfill_limit
        (tenant_id, utc_day, conversion_key, conversion_type, order_id, message_id, ts, person, currency, gross_minor,
         net_minor, touch_keys, touch_times, touch_channels, touch_campaigns, touch_sources, weights, micros, gross,
         rules_version, run_id, version)
    SELECT {TENANT}, toDate(at), conversion_key, conversion_type, order_id, message_id, at, person, currency,
           value_minor, value_minor, journey.2, journey.1 AS times, journey.3, journey.4, journey.5,
           arrayConcat(
               arrayMap(place -> toFloat64(place = 1), places),
               arrayMap(place -> toFloat64(place = touches), places),
               arrayMap(place -> 1 / touches, places),
               arrayMap(half -> half / arraySum(halved), halved),
               arrayMap(place -> multiIf(touches = 1, 1, touches = 2, 0.5, place IN (1, touches), 0.4,
                                         0.2 / (touches - 2)), places)
           ) AS shares,
           arrayMap(share -> toInt32(round(share * 1000000)), shares),
           arrayMap(share -> toInt64(round(share * value_minor)), shares),
           1, 'limit', %(version)s
    FROM
    (
        SELECT conversion_key, any(conversion_type) AS conversion_type, any(order_id) AS order_id,
               any(message_id) AS message_id, any(made.ts) AS at, any(user_id) AS person, any(currency) AS currency,
               any(value_minor) AS value_minor,
               arraySort(groupArray((touched.ts, event_key, channel, campaign, source))) AS journey,
               length(journey) AS touches,
               range(1, touches + 1) AS places,
               arrayMap(one -> exp2(-dateDiff('millisecond', one.1, journey[-1].1) / 604800000), journey) AS halved
        FROM
        (
            SELECT user_hash, ts, event_key, kind, channel, campaign, source FROM touchpoints
            WHERE tenant_id = {TENANT}
              AND user_hash IN (SELECT xxHash64(user_id) FROM conversions WHERE tenant_id = {TENANT})
        ) AS touched
        INNER JOIN
        (
            SELECT *, xxHash64(user_id) AS user_hash FROM conversions WHERE tenant_id = {TENANT}
        ) AS made
        USING (user_hash)
        WHERE touched.ts BETWEEN made.ts - INTERVAL if(kind = 'view', 1, 30) DAY AND made.ts
        GROUP BY conversion_key
    )
"""


def measure(setting: Setting) -> Iterator[Figure]:
    n, size = CONVERSIONS, BACKFILL * setting.settings.chunk_conversions
    if setting.is_quick:
        n, size = QUICK_CONVERSIONS, QUICK_CHUNK
    storage, engine = Storage(setting.settings), setting.engine
    insert_conversions(storage, setting.touches.conversions[:n])
    engine.execute("OPTIMIZE TABLE conversions FINAL")
    keys = [key for key, _ in conversion_keys_between(storage, TENANT, 0, FAR_MS)]
    engine.execute("CREATE TABLE IF NOT EXISTS backfill_limit AS ledger")
    chunks = [keys[start : start + size] for start in range(0, len(keys), size)]
    versions = itertools.count(1_000_000)
    half_life_days = [7, 3]
    spawned = get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, spawned, initializer=_begin, initargs=(setting.settings,)) as workers:

        def ours() -> None:
            each = itertools.repeat(next(versions)), itertools.repeat(half_life_days[0] * DAY_MS)
            done = sum(workers.map(_attribute, chunks, *each))
            if done != len(keys):
                raise AssertionError(f"{done} of {len(keys)} conversions were attributed")

        def changed() -> None:
            half_life_days.reverse()
            ours()

        def limit() -> None:
            engine.execute(_LIMIT, {"version": next(versions)}, settings={"max_execution_time": 600})

        ours()
        ours_s, limit_s, close_s = in_turns(
            [ours, limit, lambda: _close(setting, storage, next(versions))], setting.rounds(5)
        )
        changed_s, same_s = in_turns([changed, ours], setting.rounds(3))
    _require_as_many(setting, len(keys))
    figure = of_rates("backfill", "conversions", [n / taken for taken in ours_s], n, chunk=size, processes=PROCESSES)
    alone = of_rates("", "conversions", [n / taken for taken in limit_s], n)
    yield compared(figure, "one SQL statement in the engine", alone.value)
    yield of_times("backfill_close", close_s, n)
    figure = of_rates(
        "backfill_changed", "conversions", [n / taken for taken in changed_s], n, changes=_changes(setting)
    )
    same = of_rates("", "conversions", [n / taken for taken in same_s], n)
    yield compared(figure, "where nothing changes", same.value)
    engine.execute("DROP TABLE backfill_limit SYNC")
    storage.close()


_storages: list[Storage] = []


def _begin(settings: Settings) -> None:
    """As a process of a worker begins."""
    look_rarely()
    _storages[:] = Storage(settings), Storage(settings, numpy=True)


def _attribute(keys: list[int], version: int, half_life_ms: int) -> int:
    storage, arrays = _storages
    rules = Rules(version=1, half_life_ms=half_life_ms)
    tenant = with_rules(Tenant(TENANT, "bench", "Bench"), (RulesFrom(0, rules),))
    wanted = {TENANT: keys}
    done = attribute(storage, arrays, [tenant], wanted, run_id="bench", version=version, reason="reattribute")
    return done.conversions


def _close(setting: Setting, storage: Storage, version: int) -> None:
    """The rollups of the days of these conversions."""
    days = [
        row[0] for row in setting.engine.execute(f"SELECT DISTINCT toDate(ts) FROM ledger WHERE tenant_id = {TENANT}")
    ]
    refresh_daily(storage, tenant_days(TENANT, "UTC", days), version)


def _changes(setting: Setting) -> int:
    """How many changes were kept."""
    count: int = setting.engine.execute(f"SELECT count() FROM ledger_changes WHERE tenant_id = {TENANT}")[0][0]
    return count


def _require_as_many(setting: Setting, n: int) -> None:
    """Both sides wrote a row for each conversion, with the same touches."""
    counted = "SELECT count(), sum(length(touch_keys)), sum(arraySum(touch_keys)) FROM {} FINAL WHERE tenant_id = {}"
    ours, limit = (setting.engine.execute(counted.format(table, TENANT)) for table in ("ledger", "backfill_limit"))
    if ours != limit or ours[0][0] != n:
        raise AssertionError(f"the ledger has {ours}, the statement wrote {limit}, of {n} conversions")
