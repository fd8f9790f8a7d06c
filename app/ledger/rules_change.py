"""How do new rules come into force: from now on, from a day on, or for all of history?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.ledger.reattribute import MOST_CONVERSIONS, start_run
from app.ledger.runs import RunKind
from app.storage.client import Storage
from app.storage.conversions import conversion_keys_between
from app.storage.shadow import clear_shadow
from app.tenants.registry import Registry
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant
from config.settings import Settings

FAR_MS = 4_102_444_800_000
"""2100: later than any event that is taken."""
MOST_PREVIEWED = 20_000

ON_ARRIVAL = frozenset(
    {
        *("click_events", "view_events", "channel_rules", "source_aliases", "campaign_aliases"),
        *("excluded_referrers", "exclude_payment_providers"),
    }
)
"""Rules that decide about an event when it arrives; the past keeps what they said then (but see `reclassify`)."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a change of rules set off. Without a change there are no jobs."""

    tenant: Tenant
    is_changed: bool
    conversions: int
    job_ids: tuple[str, ...]


def apply_rules(
    redis: Any,
    storage: Storage,
    settings: Settings,
    registry: Registry,
    tenant_id: int,
    rules: Rules,
    from_ms: int,
) -> Applied:
    """Put rules in force for conversions from a time (epoch ms) on, and credit those that are there again.

    Also where that time is now: an event may be dated some hours ahead. A job takes 2,000,000 conversions; more make
    more jobs.
    """
    before = registry.fresh(tenant_id)
    tenant = registry.set_rules(tenant_id, rules, from_ms)
    if tenant.timeline == before.timeline:
        return Applied(tenant, False, 0, ())
    keys = [key for key, _ in conversion_keys_between(storage, tenant_id, from_ms, FAR_MS)]
    jobs = [
        start_run(redis, settings, RunKind.REATTRIBUTE, tenant_id, keys[start : start + MOST_CONVERSIONS])
        for start in range(0, len(keys), MOST_CONVERSIONS)
    ]
    return Applied(tenant, True, len(keys), tuple(jobs))


def apply_shadow(
    redis: Any,
    storage: Storage,
    settings: Settings,
    registry: Registry,
    tenant_id: int,
    rules: Rules,
    from_ms: int,
) -> Applied:
    """Put a second rule set beside the first, and credit every conversion that is there under it.

    All of them, whatever `from_ms`: the shadow's ledger holds the conversions before it too, under the rules in force.
    The ledger itself is not touched.
    """
    before = registry.fresh(tenant_id)
    tenant = registry.set_shadow(tenant_id, rules, from_ms)
    if tenant.shadow == before.shadow:
        return Applied(tenant, False, 0, ())
    if before.shadow is None:
        clear_shadow(storage, tenant_id)  # a chunk that was under way at the last removal may have left rows
    keys = [key for key, _ in conversion_keys_between(storage, tenant_id, 0, FAR_MS)]
    jobs = [
        start_run(redis, settings, RunKind.SHADOW, tenant_id, keys[start : start + MOST_CONVERSIONS])
        for start in range(0, len(keys), MOST_CONVERSIONS)
    ]
    return Applied(tenant, True, len(keys), tuple(jobs))


def drop_shadow(storage: Storage, registry: Registry, tenant_id: int) -> bool:
    """Take the second rule set away, with all that was credited under it. Returns whether there was one."""
    before = registry.fresh(tenant_id)
    registry.set_shadow(tenant_id, None)
    clear_shadow(storage, tenant_id)
    return before.shadow is not None


def conversions_of_days(storage: Storage, tenant: Tenant, from_ms: int, to_ms: int) -> tuple[list[int], int]:
    """Keys of the newest conversions of a range, and how many older ones are left out."""
    found = sorted((ts, key) for key, ts in conversion_keys_between(storage, tenant.tenant_id, from_ms, to_ms))
    return [key for _, key in found[-MOST_PREVIEWED:]], max(len(found) - MOST_PREVIEWED, 0)


def decided_on_arrival(before: Rules, after: Rules) -> list[str]:
    """The changed rules whose effect only events yet to come show."""
    changed = [name for name in sorted(ON_ARRIVAL) if getattr(before, name) != getattr(after, name)]
    roles = [[(rule.event, rule.type_name, rule.value) for rule in rules.conversions] for rules in (before, after)]
    return changed + (["conversions"] if roles[0] != roles[1] else [])
