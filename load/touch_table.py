"""On which touches is the query measured? A year of them, made inside the engine, and merged as they would be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from clickhouse_driver import Client

TENANT = 7
TOUCHES, QUICK_TOUCHES = 2_400_000, 60_000
CONVERSIONS = 40_000
DAY_MS = 86_400_000
PARTS = 5
AT_ONCE = 4_000_000
"""Rows of one insert: they are sorted in memory."""
PER_USER = 8
"""Mean; a user has 5 to 11, all within the 30 days before the user's own moment, which is any of the last year."""
SPAN_DAYS = 340

# touch n belongs to user n % users; which of the user's touches it is: n / users. Hashes of n stand for chance. A
# campaign has one source, as campaigns do.
_FILL = """
    INSERT INTO touchpoints
        (tenant_id, user_id, ts, message_id, kind, channel, campaign, source, medium, url, referrer,
         rules_version, received_at, retention_days, is_deleted)
    SELECT
        {tenant},
        'u:user-' || toString(user),
        fromUnixTimestamp64Milli(toInt64({moment} - rand1 % {window_ms})) AS at,
        lower(hex(sipHash64(number, 5))) || '-' || toString(number),
        if(rand2 % 10 = 0, 'view', 'click'),
        ['paid_search', 'paid_social', 'email', 'organic_search', 'display', 'direct', 'referral'][1 + rand2 % 7],
        'campaign-' || toString(rand3 % 120),
        ['google', 'facebook', 'crm', 'bing'][1 + rand3 % 4],
        ['cpc', 'paid_social', 'email', 'organic'][1 + rand2 % 4],
        'https://shop.example/products/' || toString(rand3 % 5000) || '?ref=' || hex(rand3),
        'https://www.search.example/results?q=' || toString(rand2 % 9000),
        1,
        at,
        1000,
        0
    FROM
    (
        SELECT number, toUInt64(number % {users}) AS user, sipHash64(number, 1) AS rand1, sipHash64(number, 2) AS rand2,
               sipHash64(number, 3) AS rand3
        FROM numbers({start}, {count})
    )
    WHERE sipHash64(user, 6) % 7 + 5 > intDiv(number, {users})
      AND toStartOfQuarter(at) = '{quarter}'
"""
_MOMENT = "(toUInt64({start_ms}) + sipHash64(user, 4) % {span_ms})"


_AS_ONE = {
    # A quarter is written as one part: sorted once, packed once, nothing to merge.
    "min_insert_block_size_rows": 1 << 32,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
    "optimize_on_insert": 0,
}


@dataclass(frozen=True, slots=True)
class Conversion:
    """A conversion to ask about: the moment of a user, epoch ms."""

    user_id: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class TouchTable:
    """What was made: rows, users, parts after merging; `conversions` in order of time, at most `CONVERSIONS`."""

    touches: int
    users: int
    parts: int
    partitions: int
    conversions: tuple[Conversion, ...]


def fill(engine: Client, touches: int, say: Callable[[str], None]) -> TouchTable:
    """Insert about `touches` touches of one tenant and merge them."""
    users = touches // PER_USER
    start_ms = time.time_ns() // 1_000_000 - SPAN_DAYS * DAY_MS
    moment = _MOMENT.format(start_ms=start_ms, span_ms=SPAN_DAYS * DAY_MS)
    numbers = users * 11
    pieces = -(-touches // (PARTS * AT_ONCE))
    step = -(-numbers // pieces)
    for quarter in _quarters(engine, start_ms):
        for start in range(0, numbers, step):
            engine.execute(
                _FILL.format(
                    tenant=TENANT,
                    moment=moment,
                    window_ms=30 * DAY_MS,
                    users=users,
                    start=start,
                    count=min(step, numbers - start),
                    quarter=quarter,
                ),
                settings=_AS_ONE,
            )
        say(f"the touches of the quarter from {quarter} are there")
    parts, partitions = _parts(engine)
    if parts > partitions:
        say("merging the touches …")
        engine.execute("OPTIMIZE TABLE touchpoints FINAL")
        parts, partitions = _parts(engine)
    stored = engine.execute("SELECT count() FROM touchpoints")[0][0]
    say(f"{stored:,} touches of {users:,} users in {parts} parts of {partitions} quarters")
    return TouchTable(stored, users, parts, partitions, _conversions(engine, users, moment))


def _parts(engine: Client) -> tuple[int, int]:
    """How many parts there are, of how many partitions."""
    counts: tuple[int, int] = engine.execute(
        "SELECT count(), uniqExact(partition) FROM system.parts "
        "WHERE database = currentDatabase() AND table = 'touchpoints' AND active"
    )[0]
    return counts


def _quarters(engine: Client, start_ms: int) -> list[date]:
    """Every quarter that touches may lie in."""
    first, last = start_ms - 30 * DAY_MS, start_ms + SPAN_DAYS * DAY_MS
    rows = engine.execute(
        "SELECT DISTINCT toStartOfQuarter(fromUnixTimestamp64Milli(%(first)s + number * %(day)s)) AS quarter "
        "FROM numbers(%(days)s) ORDER BY quarter",
        {"first": first, "day": DAY_MS, "days": (last - first) // DAY_MS + 1},
    )
    return [quarter for (quarter,) in rows]


def _conversions(engine: Client, users: int, moment: str) -> tuple[Conversion, ...]:
    """Conversions after the middle of the year, one after the other: as chunks have them."""
    rows = engine.execute(
        f"""
        SELECT 'u:user-' || toString(user), toInt64({moment} + 1) AS time_ms
        FROM (SELECT toUInt64(number) AS user FROM numbers({users}))
        ORDER BY time_ms
        LIMIT {CONVERSIONS} OFFSET {users // 2}
        """
    )
    return tuple(Conversion(user_id, time_ms) for user_id, time_ms in rows)
