"""Which conversions do some touches reach?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.identity.resolve import resolve
from app.storage.client import Storage
from app.storage.conversions import conversions_after
from app.storage.identity import links_of
from app.tenants.tenant import Tenant

IDS_AT_ONCE = 20_000


def conversions_reached(storage: Storage, tenant: Tenant, touched: Mapping[str, Sequence[int]]) -> list[int]:
    """Keys of the conversions whose journeys touches may belong to, by the time of the conversion.

    Parameters
    ----------
    touched : raw id -> times of its touches (epoch ms).
    """
    found: set[tuple[int, int]] = set()
    ids = sorted(touched)
    for start in range(0, len(ids), IDS_AT_ONCE):
        found |= _reached(storage, tenant, {id: touched[id] for id in ids[start : start + IDS_AT_ONCE]})
    return list(dict.fromkeys(key for _, key in sorted(found)))


def _reached(storage: Storage, tenant: Tenant, touched: Mapping[str, Sequence[int]]) -> set[tuple[int, int]]:
    identities = resolve(touched, lambda ids: links_of(storage, tenant.tenant_id, ids))
    times: dict[str, list[int]] = {}
    for user_id, made in touched.items():
        for alias in identities.ids(user_id):
            times.setdefault(alias, []).extend(made)
    reach_ms, ids = tenant.widest_window_ms, sorted(times)
    low, high = [min(times[id]) for id in ids], [max(times[id]) + reach_ms for id in ids]
    return {
        (ts, key)
        for user_id, ts, key in conversions_after(storage, tenant.tenant_id, ids, low, high)
        if any(made <= ts <= made + reach_ms for made in times[user_id])
    }
