"""How does the spend of the past get the names of today's rules? Each row whose names change is written again.

A row is named from what it was sent with, so doing it again under the same rules changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.ingest.spend import names_of
from app.reports.days import Period
from app.storage.client import Storage
from app.storage.spend import SentSpend, insert_named, named_again, sent_spend
from app.tenants.rules import channel_book
from app.tenants.tenant import Tenant

AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class RenamedSpend:
    read: int
    changed: int


def reclassify_spend(storage: Storage, tenant: Tenant, period: Period) -> RenamedSpend:
    """Name the spend of some days by the tenant's newest rules. Safe to repeat."""
    book = channel_book(tenant.rules)
    newer: list[SentSpend] = []
    read = changed = 0
    for row in sent_spend(storage, tenant.tenant_id, period.first, period.end):
        read += 1
        names = names_of(book, row.channel, row.source, row.medium, row.campaign)
        if names == (row.named_channel, row.named_campaign):
            continue
        changed += 1
        channel, campaign = names
        newer.append(row._replace(named_channel=channel, named_campaign=campaign, version=named_again(row.version)))
        if len(newer) >= AT_ONCE:
            insert_named(storage, tenant.tenant_id, newer)
            newer.clear()
    insert_named(storage, tenant.tenant_id, newer)
    return RenamedSpend(read, changed)
