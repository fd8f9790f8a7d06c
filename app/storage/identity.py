"""Whom has an id met, and when first?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.external import of_tenants, one_column
from app.storage.hashes import id_hash
from app.storage.statements import TenantsStatement, TenantStatement

# By the hash alone, as in app.storage.events. A meeting that was cut (unmerge, erasure) does not count; cuts come as
# rows of their own, because to leave their pairs out here took a third of what planning the query costs. So does to
# group the rows: rows that wait to be merged are few.
_MEETINGS = """
    FROM identity_aliases
    WHERE {tenant}
      AND (tenant_id, id_hash) IN (SELECT tenant_id, id_hash FROM ids)
    """
LINKS_UNCUT = TenantsStatement(
    "links_uncut", f"SELECT tenant_id, id, met, toUnixTimestamp64Milli(first_ts) {_MEETINGS}"
)
LINKS = TenantsStatement(
    "links",
    f"""
    SELECT tenant_id, id, met, toUnixTimestamp64Milli(first_ts) AS first_ms, toUInt64(0) AS version, 0 AS undone
    {_MEETINGS}
    UNION ALL
    SELECT tenant_id, id, met, 0 AS first_ms, version, undone
    FROM identity_cuts
    WHERE {{tenant}}
      AND (tenant_id, id_hash) IN (SELECT tenant_id, id_hash FROM ids)
    """,
)

CUT_AMONG = TenantsStatement(
    "cut_among",
    """
    SELECT DISTINCT tenant_id
    FROM identity_cuts
    WHERE {tenant}
    """,
)


class Link(NamedTuple):
    """`id` met `met` at `first_ms` (epoch ms) for the first time. Both are raw ids with their prefix."""

    id: str
    met: str
    first_ms: int


def links_of(storage: Storage, tenant_id: int, ids: Sequence[str], *, task: str = "") -> list[Link]:
    """All meetings of these ids, in the order (id, first_ms, met)."""
    return links_among(storage, {tenant_id: ids}, task=task)[tenant_id]


def links_among(
    storage: Storage, ids: Mapping[int, Sequence[str]], *, uncut: Collection[int] = (), task: str = ""
) -> dict[int, list[Link]]:
    """The same for several tenants at once: tenant -> the meetings of its ids. Every tenant that was given is there.

    Parameters
    ----------
    uncut : tenants of which no meeting was ever cut; where all are, cuts are not looked for.
    """
    return links_and_cuts(storage, ids, uncut=uncut, task=task)[0]


def links_and_cuts(
    storage: Storage, ids: Mapping[int, Sequence[str]], *, uncut: Collection[int] = (), task: str = ""
) -> tuple[dict[int, list[Link]], set[tuple[int, str]]]:
    """And the ids (of a tenant) of which a meeting was ever cut, whether that cut still counts or not."""
    found: dict[int, list[Link]] = {tenant_id: [] for tenant_id in ids}
    wanted = {tenant_id: set(some) for tenant_id, some in ids.items() if len(some)}
    if not wanted:
        return found, set()
    hashes = {tenant_id: map(id_hash, some) for tenant_id, some in wanted.items()}
    external = {"ids": of_tenants("id_hash", "UInt64", hashes)}
    statement = LINKS_UNCUT if wanted.keys() <= set(uncut) else LINKS
    rows = storage.rows(statement, tenant_id=sorted(wanted), external=external, task=task)
    meetings: dict[tuple[int, str, str], int] = {}
    cuts: dict[tuple[int, str, str], tuple[int, int]] = {}
    for tenant_id, id, met, first_ms, *cut in rows:
        pair = (tenant_id, id, met)
        if cut and cut[0]:
            version, undone = cut
            cuts[pair] = max((version, undone), cuts.get(pair, (0, 0)))
        elif id in wanted[tenant_id]:
            meetings[pair] = min(first_ms, meetings.get(pair, first_ms))
    for (tenant_id, id, met), first_ms in meetings.items():
        if cuts.get((tenant_id, id, met), (0, 1))[1]:
            found[tenant_id].append(Link(id, met, first_ms))
    for links in found.values():
        links.sort(key=lambda link: (link.id, link.first_ms, link.met))
    return found, {(tenant_id, id) for tenant_id, id, _ in cuts}


CUTS = TenantStatement(
    "cuts",
    """
    SELECT id, met
    FROM identity_cuts FINAL
    WHERE {tenant}
      AND id_hash IN (SELECT xxHash64(wanted) FROM ids)
      AND undone = 0
    ORDER BY id, met
    """,
)


def cut_among(storage: Storage, tenant_ids: Collection[int]) -> set[int]:
    """Those of these tenants of which a meeting was ever cut."""
    return {tenant_id for (tenant_id,) in storage.rows(CUT_AMONG, tenant_id=sorted(tenant_ids))}


def cuts_of(storage: Storage, tenant_id: int, ids: Sequence[str], *, task: str = "") -> set[tuple[str, str]]:
    """The meetings of these ids that do not count: (id, met)."""
    if not ids:
        return set()
    rows = storage.rows(CUTS, tenant_id=tenant_id, external={"ids": one_column("wanted", "String", ids)}, task=task)
    wanted = set(ids)
    return {(id, met) for id, met in rows if id in wanted}


def insert_cuts(
    storage: Storage,
    tenant_id: int,
    pairs: Sequence[tuple[str, str]],
    *,
    version: int,
    undone: bool = False,
    task: str = "",
) -> int:
    """Cut meetings, or take their cuts back; each pair is stored from both of its ids."""
    both = sorted({pair for id, met in pairs for pair in ((id, met), (met, id))})
    columns = {
        "tenant_id": [tenant_id] * len(both),
        "id": [id for id, _ in both],
        "met": [met for _, met in both],
        "undone": [int(undone)] * len(both),
        "version": [version] * len(both),
    }
    return storage.insert("identity_cuts", columns, task=task)
