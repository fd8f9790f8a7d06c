"""What were touches sent with? Read to classify them again, and to find broken campaign parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.statements import TenantStatement

COUNT_TOUCHES = TenantStatement(
    "count_touches_between",
    """
    SELECT count()
    FROM touchpoints
    WHERE {tenant}
      AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
      AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
    """,
)

SENT_TOUCHES = TenantStatement(
    "sent_touches",
    """
    SELECT user_id, toUnixTimestamp64Milli(ts), message_id, touch_kind, channel, campaign, source, medium, term,
           content, click_id, url, referrer, cost, said, sent_source, sent_campaign, event_name, rules_version,
           toUnixTimestamp64Milli(received_at), retention_days, is_deleted
    FROM
    (
        SELECT user_id, user_hash, ts, event_key, message_id, CAST(kind, 'Int8') AS touch_kind, channel, campaign,
               source, medium, term, content, click_id, url, referrer, cost, said, sent_source, sent_campaign,
               event_name, rules_version, received_at, retention_days, is_deleted
        FROM touchpoints
        WHERE {tenant}
          AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
          AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
        ORDER BY user_hash, ts, event_key, is_deleted DESC
        LIMIT 1 BY user_hash, ts, event_key
    )
    WHERE is_deleted %% 2 = 0
    """,
)

UTM_COMBINATIONS = TenantStatement(
    "utm_combinations",
    """
    SELECT sent_source, medium, sent_campaign, channel, count() AS touches
    FROM
    (
        SELECT sent_source, medium, sent_campaign, channel, is_deleted
        FROM touchpoints
        WHERE {tenant}
          AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
          AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
        ORDER BY user_hash, ts, event_key, is_deleted DESC
        LIMIT 1 BY user_hash, ts, event_key
    )
    WHERE is_deleted %% 2 = 0
      AND (sent_source != '' OR medium != '' OR sent_campaign != '')
    GROUP BY sent_source, medium, sent_campaign, channel
    ORDER BY touches DESC, sent_source, medium, sent_campaign
    LIMIT %(limit)s
    """,
)


class SentTouch(NamedTuple):
    """A touch as stored, in its newest revision (`is_deleted`: even); see schema 0004. Times in epoch ms."""

    user_id: str
    ts: int
    message_id: str
    kind: int
    channel: str
    campaign: str
    source: str
    medium: str
    term: str
    content: str
    click_id: str
    url: str
    referrer: str
    cost: str
    said: str
    sent_source: str
    sent_campaign: str
    event_name: str
    rules_version: int
    received_at: int
    retention_days: int
    is_deleted: int


def count_touches(storage: Storage, tenant_id: int, from_ms: int, to_ms: int) -> int:
    """How many rows of touches lie in ``[from_ms, to_ms)``, revisions included."""
    params = {"from_ms": from_ms, "to_ms": to_ms}
    count: int = storage.rows(COUNT_TOUCHES, tenant_id=tenant_id, params=params)[0][0]
    return count


def sent_touches(storage: Storage, tenant_id: int, from_ms: int, to_ms: int) -> Iterator[SentTouch]:
    """The touches in ``[from_ms, to_ms)``, excluded ones too, streamed."""
    params = {"from_ms": from_ms, "to_ms": to_ms}
    for row in storage.stream(SENT_TOUCHES, tenant_id=tenant_id, params=params, task="channels.reclassify"):
        yield SentTouch._make(row)


def insert_revisions(storage: Storage, tenant_id: int, touches: Sequence[SentTouch]) -> None:
    """Store newer revisions of touches: the greatest `is_deleted` of a touch stands."""
    if not touches:
        return
    columns = dict(zip(SentTouch._fields, zip(*touches, strict=True), strict=True))
    storage.insert("touchpoints", {"tenant_id": [tenant_id] * len(touches), **columns}, task="channels.reclassify")


def utm_combinations(
    storage: Storage, tenant_id: int, from_ms: int, to_ms: int, limit: int
) -> list[tuple[str, str, str, str, int]]:
    """(source, medium, campaign as sent, channel, touches), the most frequent first."""
    params = {"from_ms": from_ms, "to_ms": to_ms, "limit": limit}
    rows = storage.rows(UTM_COMBINATIONS, tenant_id=tenant_id, params=params, task="channels.lint")
    return [(source, medium, campaign, channel, touches) for source, medium, campaign, channel, touches in rows]
