"""What becomes of a dead letter of the edge that is read again? What it would have been, had it been good."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from app.ingest.adjustments import read_adjustment
from app.ingest.dead_letters import DeadLetter
from app.ingest.events import Adjustment, Batch, Event, SpendRow
from app.ingest.explain import UNREADABLE, explain
from app.ingest.judge import Dialect, Letter
from app.ingest.posthog import read_posthog
from app.ingest.reading import Reading, begin_reading
from app.ingest.refusals import Reason, Refused
from app.ingest.segment import read_segment
from app.ingest.spend import read_spend
from app.tenants.tenant import Tenant
from config.settings import Settings

_decode = msgspec.json.Decoder(Letter).decode


def read_again(letter: DeadLetter, tenant: Tenant, settings: Settings) -> Batch:
    """The batch of one thing that a dead letter of the edge holds, under the tenant's rules of today.

    Its time of receipt and the correction of its clock stay what they were.

    Raises
    ------
    Refused : it is still not acceptable, with the reason.
    """
    stored = _decode(letter.body)
    if stored.posted is msgspec.UNSET:
        raise Refused(
            Reason(letter.reason), letter.message, "It cannot be read again as it is; send it again, corrected."
        )
    reading = begin_reading(tenant, stored.received_ms, None, settings, stored.event_type)
    if stored.skew_ms is not None:
        reading = replace(reading, skew_ms=stored.skew_ms)
    try:
        events, spend, adjustments = _read(stored.posted, stored.dialect, reading)
    except UNREADABLE as error:
        raise explain(bytes(stored.posted), error) from None
    return Batch(
        tenant.tenant_id,
        stored.received_ms,
        tenant.rules.version,
        tenant.retention_days,
        events,
        spend,
        adjustments,
    )


def _read(raw: msgspec.Raw, dialect: Dialect, reading: Reading) -> tuple[list[Event], list[SpendRow], list[Adjustment]]:
    if dialect is Dialect.SPEND:
        return [], [read_spend(raw, reading)], []
    if dialect is Dialect.ADJUSTMENT:
        return [], [], [read_adjustment(raw, reading)]
    read = read_posthog if dialect is Dialect.POSTHOG else read_segment
    return [read(raw, reading)], [], []
