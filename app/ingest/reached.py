"""Which conversions does a stored block make, change or give other touches? One statement a question, not a tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.identity.resolve import Identities, resolve_tenants
from app.ingest import blocks
from app.ingest.blocks import NewLink
from app.ingest.columns import Rows
from app.ingest.events import USER, Batch
from app.ingest.known import Met
from app.ledger.earlier import later_conversions
from app.storage.client import Storage
from app.storage.conversions import Window, conversions_within, keys_of_orders
from app.storage.identity import Link, links_among
from app.tenants.tenant import Tenant

FAR_MS = 4_102_444_800_000
"""2100: later than any event that is taken."""
_TASK = "ingest.drain"

Reached = dict[int, dict[int, int]]
"""Tenant -> conversion key -> its time (epoch ms), 0 where that is not known: chunks are cut in this order."""


def reached(
    storage: Storage,
    tenants: Mapping[int, Tenant],
    batches: Sequence[Batch],
    rows: Rows,
    links: Sequence[NewLink],
    met: Met,
) -> Reached:
    """The conversions of a block whose rows are stored.

    Parameters
    ----------
    tenants : those of the block, for their windows.
    rows : what the block became.
    links : meetings that are new with the block.
    met : what is known of the block's ids already.
    """
    found: Reached = {tenant_id: dict(converted) for tenant_id, converted in rows.converted.items()}
    orders = {id: sorted({item.order_id for item in some}) for id, some in blocks.adjusted_orders(batches).items()}
    for tenant_id, keys in keys_of_orders(storage, orders, task=_TASK).items():
        _add(found, tenant_id, ((key.conversion_key, 0) for key in keys))
    for tenant_id, late in _late(storage, tenants, rows.touched, _links_by_tenant(links), met).items():
        _add(found, tenant_id, late)
    for tenant_id, later in later_conversions(storage, tenants, rows.converted, task=_TASK).items():
        _add(found, tenant_id, later)
    return {tenant_id: keys for tenant_id, keys in found.items() if keys}


def _add(found: Reached, tenant_id: int, more: Iterable[tuple[int, int]]) -> None:
    of_tenant = found.setdefault(tenant_id, {})
    for key, ts in more:
        of_tenant.setdefault(key, ts)


def _late(
    storage: Storage,
    tenants: Mapping[int, Tenant],
    touched: Mapping[int, Mapping[str, list[int]]],
    linked: Mapping[int, Mapping[str, int]],
    met: Met,
) -> dict[int, list[tuple[int, int]]]:
    """(conversion key, time) of earlier conversions that the block's touches and meetings reach."""
    ids = {id: touched.get(id, {}).keys() | linked.get(id, {}).keys() for id in touched.keys() | linked.keys()}
    identities = resolve_tenants(ids, lambda wanted: _links(storage, wanted, met), changed=linked)
    windows: dict[int, list[Window]] = {}
    for tenant_id, known in identities.items():
        changed, reach_ms = linked.get(tenant_id, {}), tenants[tenant_id].widest_window_ms
        merged = {other for id, count in changed.items() for other in known.touched_by(id, count)}
        made = _spread(touched.get(tenant_id, {}), known).items()
        windows[tenant_id] = [(id, 0, FAR_MS) for id in merged]
        windows[tenant_id] += [(id, ts, ts + reach_ms) for id, times in made if id not in merged for ts in times]
    found = conversions_within(storage, windows, task=_TASK)
    return {tenant_id: [(key, ts) for _, ts, key in rows] for tenant_id, rows in found.items()}


def _links(storage: Storage, ids: Mapping[int, Sequence[str]], met: Met) -> dict[int, list[Link]]:
    """The meetings of these ids; storage is asked for those of which nothing is known."""
    unknown = {tenant_id: [id for id in some if id not in met.get(tenant_id, {})] for tenant_id, some in ids.items()}
    found = links_among(storage, unknown, task=_TASK)
    for tenant_id, some in ids.items():
        of_tenant = met.get(tenant_id, {})
        found[tenant_id] += [link for id in some for link in of_tenant.get(id, ())]
    return found


def _links_by_tenant(links: Iterable[NewLink]) -> dict[int, dict[str, int]]:
    """Of each tenant: how many users each id has newly met."""
    found: dict[int, dict[str, int]] = {}
    for link in links:
        met = found.setdefault(link.tenant_id, {})
        for id, other in ((link.id, link.met), (link.met, link.id)):
            met[id] = met.get(id, 0) + int(other.startswith(USER))
    return found


def _spread(touched: Mapping[str, list[int]], identities: Identities) -> dict[str, list[int]]:
    """The touch times of each id, given to every id of the same person."""
    found: dict[str, list[int]] = {}
    for user_id, times in touched.items():
        for alias in identities.ids(user_id):
            found.setdefault(alias, []).extend(times)
    return found
