"""How do touches of the past get the channels of today's rules? Each that changes gets a newer revision (schema 0004).

A touch is classified from what it was sent with, so doing it again under the same rules changes nothing, and going back
to earlier rules brings the earlier channels back. What a touch said outright stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.channels.book import DEFAULT_BOOK, EXCLUDED, ChannelBook, Visit
from app.channels.hosts import host_of, same_site
from app.errors import BadInput
from app.ingest.landing import landing_of
from app.ingest.touch import event_channel
from app.ledger.affected import conversions_reached
from app.ledger.reattribute import start_run
from app.ledger.runs import RunKind
from app.storage.classification import SentTouch, count_touches, insert_revisions, sent_touches
from app.storage.client import Storage
from app.tenants.rules import channel_book
from app.tenants.tenant import Tenant
from config.settings import Settings

MOST_TOUCHES = 500_000
AT_ONCE = 20_000
LAST_REVISION = 254
_NOT_NOTED = "?"


@dataclass(frozen=True, slots=True)
class Reclassified:
    """What was done. `job_id` is the run that credits the conversions of changed touches; '' where there is none."""

    read: int
    changed: int
    conversions: int
    job_id: str


def reclassify(
    redis: Any, storage: Storage, settings: Settings, tenant: Tenant, from_ms: int, to_ms: int
) -> Reclassified:
    """Classify the touches in ``[from_ms, to_ms)`` by the tenant's newest rules, and credit what they reach again.

    Safe to repeat after it was cut off: touches that were ever classified again count as changed for the crediting.

    Raises
    ------
    BadInput : more than 500,000 touches in one range.
    """
    count = count_touches(storage, tenant.tenant_id, from_ms, to_ms)
    if count > MOST_TOUCHES:
        raise BadInput(
            "range_too_large",
            f"The range from `from` to `to` holds {count} touches; {MOST_TOUCHES} are taken at once.",
            "Ask for a shorter range, several times.",
        )
    book = channel_book(tenant.rules)
    touched: dict[str, list[int]] = {}
    newer: list[SentTouch] = []
    read = changed = 0
    for touch in sent_touches(storage, tenant.tenant_id, from_ms, to_ms):
        read += 1
        revised = revision(touch, book, tenant)
        if revised is not None:
            changed += 1
            newer.append(revised)
        if revised is not None or touch.is_deleted:
            touched.setdefault(touch.user_id, []).append(touch.ts)
        if len(newer) >= AT_ONCE:
            insert_revisions(storage, tenant.tenant_id, newer)
            newer.clear()
    insert_revisions(storage, tenant.tenant_id, newer)
    keys = conversions_reached(storage, tenant, touched) if touched else []
    job_id = start_run(redis, settings, RunKind.REATTRIBUTE, tenant.tenant_id, keys) if keys else ""
    return Reclassified(read, changed, len(keys), job_id)


def revision(touch: SentTouch, book: ChannelBook, tenant: Tenant) -> SentTouch | None:
    """The touch as it has to be now; None where it is so already."""
    source, campaign = book.source(touch.sent_source), book.campaign(touch.sent_campaign)
    channel = _channel(touch, Visit(source, touch.medium, campaign, touch.click_id), book, tenant)
    if (channel, source, campaign) == (touch.channel, touch.source, touch.campaign):
        return None
    if touch.is_deleted + 2 > LAST_REVISION:
        message = f"The touch {touch.message_id!r} was classified again {LAST_REVISION // 2} times."
        raise BadInput("too_many_revisions", message, "Leave its day out of the range.")
    return touch._replace(
        channel=channel,
        source=source,
        campaign=campaign,
        rules_version=tenant.rules.version,
        is_deleted=touch.is_deleted + 2,
    )


def _channel(touch: SentTouch, named: Visit, book: ChannelBook, tenant: Tenant) -> str:
    host, landing = host_of(touch.referrer), landing_of(touch.url)
    own_hosts = (host,) if same_site(host, landing.host) else tenant.hosts
    if touch.said == _NOT_NOTED:
        # Stored before it was noted whether a touch said its channel: it did where nothing else explains it.
        sent = Visit(touch.sent_source, touch.medium, touch.sent_campaign, touch.click_id, host, touch.url)
        if touch.is_deleted == 0 and DEFAULT_BOOK.channel_of(sent, own_hosts) != touch.channel:
            return touch.channel
    elif touch.said:
        return touch.said
    visit = Visit(named.source, named.medium, named.campaign, named.click_id, host, touch.url)
    if touch.event_name:
        return event_channel(touch.event_name, visit, book)
    return book.channel_of(visit, own_hosts) or EXCLUDED
