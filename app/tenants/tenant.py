"""Who is a tenant, as every process that serves one needs to know it?"""

from __future__ import annotations

import msgspec

from app.tenants.rules import Rules
from app.tenants.timeline import RulesFrom


class Tenant(msgspec.Struct, frozen=True):
    """A tenant and its rules in force. `hosts` are its own sites: a page reached from one of them is no touch.

    `rules` is the newest version; it holds for conversions from `rules_from_ms` on, those of `earlier`, in order of
    time, for conversions before it.
    """

    tenant_id: int
    slug: str
    name: str
    timezone: str = "UTC"
    currency: str = "USD"
    retention_days: int = 400
    hosts: tuple[str, ...] = ()
    state: str = "active"
    rules: Rules = Rules()
    rules_from_ms: int = 0
    earlier: tuple[RulesFrom, ...] = ()

    def rules_at(self, ts_ms: int) -> Rules:
        """The rules in force for a conversion at a time (epoch ms)."""
        if ts_ms >= self.rules_from_ms or not self.earlier:
            return self.rules
        for item in reversed(self.earlier):
            if ts_ms >= item.from_ms:
                return item.rules
        return self.earlier[0].rules

    @property
    def timeline(self) -> tuple[RulesFrom, ...]:
        """Every version that is in force for some time, in order of time."""
        return (*self.earlier, RulesFrom(self.rules_from_ms, self.rules))

    @property
    def widest_window_ms(self) -> int:
        """The longest window of any of those versions: how far a touch can reach."""
        return max(item.rules.widest_window_ms for item in self.timeline)

    @property
    def looks_back(self) -> bool:
        """Whether a conversion's credit may depend on earlier conversions of its person."""
        return any(item.rules.looks_back for item in self.timeline)


def with_rules(tenant: Tenant, timeline: tuple[RulesFrom, ...]) -> Tenant:
    """The tenant under another timeline; its last version is the newest."""
    newest = timeline[-1]
    return msgspec.structs.replace(tenant, rules=newest.rules, rules_from_ms=newest.from_ms, earlier=timeline[:-1])
