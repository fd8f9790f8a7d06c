"""What would these rules change? The last days credited under the rules in force and under others; nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.ledger.attribute import compute, credit_orders
from app.ledger.rows import LedgerRows, RowCredit
from app.ledger.rules_change import conversions_of_days
from app.reports.amounts import MICRO, NOTHING, Amounts
from app.storage.client import Storage
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant, with_rules
from app.tenants.timeline import RulesFrom

AT_ONCE = 5_000
_CREDIT = ("touch_keys", "micros", "gross", "net")


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
        after = credit_orders(storage, arrays, [other], before.found, before.persons)
        _compare(found, before.rows(), after.rows())
    return found


def _compare(found: Preview, before: LedgerRows, after: LedgerRows) -> None:
    place = {key: number for number, key in enumerate(after.key.tolist()) if not after.is_deleted[number]}
    for number, key in enumerate(before.key.tolist()):
        if before.is_deleted[number]:
            continue
        old, new = before.credit(number), after.credit(place[key])
        found.conversions += 1
        found.changed += any(getattr(old, name) != getattr(new, name) for name in _CREDIT) or bool(
            before.left_out[number] != after.left_out[place[key]]
        )
        _add(found.before, old)
        _add(found.after, new)


def _add(sums: dict[Key, Amounts], row: RowCredit) -> None:
    channels, standing = row.touch_channels, not row.retracted
    gross, net = row.gross, row.net or row.gross
    for number, model in enumerate(FIVE_MODELS):
        if not channels:
            key = (str(model), UNATTRIBUTED, row.currency)
            whole = Amounts(MICRO, MICRO * standing, row.gross_minor, row.net_minor)
            sums[key] = sums.get(key, NOTHING) + whole
        for place, channel in enumerate(channels):
            key, at = (str(model), channel, row.currency), number * len(channels) + place
            micro = row.micros[at]
            sums[key] = sums.get(key, NOTHING) + Amounts(micro, micro * standing, gross[at], net[at])
