"""Who is a tenant, as every process that serves one needs to know it?"""

from __future__ import annotations

import msgspec

from app.tenants.rules import Rules
from app.tenants.timeline import RulesFrom, put


class Tenant(msgspec.Struct, frozen=True):
    """A tenant and its rules in force. `hosts` are its own sites: a page reached from one of them is no touch.

    `rules` is the newest version; it holds for conversions from `rules_from_ms` on, those of `earlier`, in order of
    time, for conversions before it. `shadow`: a second rule set, under which conversions are credited beside.
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
    shadow: RulesFrom | None = None

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
        """The longest window of any of those versions, the shadow too: how far a touch can reach."""
        return max(item.rules.widest_window_ms for item in self._all_rules)

    @property
    def looks_back(self) -> bool:
        """Whether a conversion's credit may depend on earlier conversions of its person."""
        return any(item.rules.looks_back for item in self._all_rules)

    def has_shadow(self, rules: Rules | None, from_ms: int) -> bool:
        """Whether this is the shadow already; None is: whether there is none."""
        if rules is None or self.shadow is None:
            return rules is None and self.shadow is None
        return self.shadow.from_ms == from_ms and self.shadow.rules.same_as(rules)

    @property
    def _all_rules(self) -> tuple[RulesFrom, ...]:
        return self.timeline if self.shadow is None else (*self.timeline, self.shadow)


def with_rules(tenant: Tenant, timeline: tuple[RulesFrom, ...]) -> Tenant:
    """The tenant under another timeline; its last version is the newest."""
    newest = timeline[-1]
    return msgspec.structs.replace(tenant, rules=newest.rules, rules_from_ms=newest.from_ms, earlier=timeline[:-1])


def under_shadow(tenant: Tenant) -> Tenant:
    """The tenant as it would be, had its shadow's rules been put in force; without a shadow, as it is.

    Before the time from which they hold, the rules in force count: so every range has the same conversions under both.
    """
    if tenant.shadow is None:
        return tenant
    bare = msgspec.structs.replace(tenant, shadow=None)
    return with_rules(bare, put(tenant.timeline, tenant.shadow.from_ms, tenant.shadow.rules))
