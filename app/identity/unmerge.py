"""How is a wrong meeting of two ids taken back? It is cut: kept, and counted no more, whenever it was or will be.

Nothing is deleted and no row moves. The result is that of a history in which the two never met; a cut can be undone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import product
from typing import Any

from app.errors import NotFound
from app.identity.persons import concerned, conversions_of_ids, raw_ids
from app.ingest.events import USER
from app.ledger.reattribute import start_run
from app.ledger.runs import RunKind
from app.storage.client import Storage
from app.storage.identity import cuts_of, insert_cuts, links_of
from app.tenants.never import Fact, storing
from app.tenants.tenant import Tenant
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Unmerged:
    """What was cut (or restored): pairs of raw ids, and the run that credits their conversions again."""

    pairs: list[tuple[str, str]]
    conversions: int
    run_id: str


def unmerge(
    redis: Any,
    storage: Storage,
    settings: Settings,
    tenant: Tenant,
    id: str,
    other: str,
    *,
    kind: str = "",
    other_kind: str = "",
    undo: bool = False,
) -> Unmerged:
    """Cut the meetings of two ids, in whichever namespaces they met, and attribute their persons' conversions again.

    Parameters
    ----------
    kind, other_kind : 'user' or 'anonymous' where the other namespace is not meant.
    undo : take a cut back instead.

    Raises
    ------
    NotFound : the two never met, or the meeting was cut already (with `undo`: it was not).
    """
    asked = set(product(raw_ids(id, kind), raw_ids(other, other_kind)))
    ids = sorted({raw for pair in asked for raw in pair})
    stand: set[tuple[str, str]]
    if undo:
        stand = cuts_of(storage, tenant.tenant_id, ids)
    else:
        stand = {(link.id, link.met) for link in links_of(storage, tenant.tenant_id, ids)}
    pairs = sorted(pair for pair in asked & stand if any(raw.startswith(USER) for raw in pair))
    if not pairs:
        raise _never_met(id, other, sorted(met for raw, met in stand if raw in raw_ids(id, kind)), undo)
    before = concerned(storage, tenant, pairs)
    with storing(redis, Fact.CUT, [tenant.tenant_id]):
        insert_cuts(storage, tenant.tenant_id, pairs, version=time.time_ns() // 1000, undone=undo, task="unmerge")
    keys = conversions_of_ids(storage, tenant, before | concerned(storage, tenant, pairs))
    run_id = start_run(redis, settings, RunKind.UNMERGE, tenant.tenant_id, keys)
    return Unmerged(pairs, len(keys), run_id)


def _never_met(id: str, other: str, met: list[str], undo: bool) -> NotFound:
    what = "cut from" if undo else "met"
    known = ", ".join(raw[2:82] for raw in met[:5]) or "none"
    return NotFound(
        "no_such_meeting",
        f"{id[:80]!r} is not {what} {other[:80]!r}." if undo else f"{id[:80]!r} never met {other[:80]!r} itself.",
        f"Name two ids that one event named together; {id[:40]!r} has these: {known}.",
    )
