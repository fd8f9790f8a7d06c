"""What would these rules change? The last days credited under the rules in force and under others; nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.ledger.attribute import LEDGER, Computed, compute, credit_orders, ledger_rows
from app.ledger.rules_change import conversions_of_days
from app.reports.amounts import MICRO, NOTHING, Amounts
from app.storage.client import Storage
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant, with_rules
from app.tenants.timeline import RulesFrom

AT_ONCE = 5_000


Key = tuple[str, str, str]
"""Model, channel, currency."""


@dataclass(slots=True)
class Preview:
    """Both sides, and how many conversions differ. `left_out` are older conversions beyond what is looked at."""

    conversions: int = 0
    changed: int = 0
    left_out: int = 0
    before: dict[Key, Amounts] = field(default_factory=dict)
    after: dict[Key, Amounts] = field(default_factory=dict)


def preview(storage: Storage, arrays: Storage, tenant: Tenant, rules: Rules, from_ms: int, to_ms: int) -> Preview:
    """Compare the credit of the conversions in ``[from_ms, to_ms)``, the newest 20,000 at most.

    Both sides are computed now, from the same rows, the other one as if `rules` held for all of history.
    """
    keys, left_out = conversions_of_days(storage, tenant, from_ms, to_ms)
    number = tenant.rules.version + 1
    other = with_rules(tenant, (RulesFrom(0, msgspec.structs.replace(rules, version=number)),))
    found = Preview(left_out=left_out)
    for start in range(0, len(keys), AT_ONCE):
        before = compute(storage, arrays, tenant, keys[start : start + AT_ONCE])
        after = credit_orders(storage, arrays, other, before.found, before.identities)
        _compare(found, _by_key(tenant, before), _by_key(other, after))
    return found


def _by_key(tenant: Tenant, computed: Computed) -> dict[int, dict[str, Any]]:
    rows = [dict(zip(LEDGER, row, strict=True)) for row in ledger_rows(tenant, computed, ("", 0))]
    return {row["conversion_key"]: row for row in rows if not row["is_deleted"]}


_CREDIT = ("touch_keys", "micros", "gross", "net", "touches_left_out")


def _compare(found: Preview, before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]) -> None:
    for key, row in before.items():
        found.conversions += 1
        found.changed += any(row[name] != after[key][name] for name in _CREDIT)
        _add(found.before, row)
        _add(found.after, after[key])


def _add(sums: dict[Key, Amounts], row: dict[str, Any]) -> None:
    channels, standing = row["touch_channels"], not row["retracted"]
    gross, net = row["gross"], row["net"] or row["gross"]
    for number, model in enumerate(FIVE_MODELS):
        if not channels:
            key = (str(model), UNATTRIBUTED, row["currency"])
            whole = Amounts(MICRO, MICRO * standing, row["gross_minor"], row["net_minor"])
            sums[key] = sums.get(key, NOTHING) + whole
        for place, channel in enumerate(channels):
            key, at = (str(model), channel, row["currency"]), number * len(channels) + place
            micro = row["micros"][at]
            sums[key] = sums.get(key, NOTHING) + Amounts(micro, micro * standing, gross[at], net[at])
