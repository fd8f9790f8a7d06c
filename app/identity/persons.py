"""Which person is meant by an id that somebody typed, and which rows are that person's?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import BadInput, NotFound
from app.identity.resolve import FOR_EVER, FROM_EVER, Identities, resolve
from app.ingest.events import ANONYMOUS, USER
from app.storage.client import Storage
from app.storage.conversions import conversions_after
from app.storage.identity import links_of
from app.storage.persons import seen_ids
from app.tenants.tenant import Tenant

FAR_MS = 4_102_444_800_000
KINDS = {"user": (USER,), "anonymous": (ANONYMOUS,), "": (USER, ANONYMOUS)}
LONGEST = 512

Span = tuple[str, int, int]
"""(raw id, from, until): an id and the times (epoch ms, both included) in which it is a person's."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person: name, ids with their times, and the meetings that made them one."""

    name: str
    spans: list[Span]
    meetings: list[tuple[str, str]]

    @property
    def ids(self) -> list[str]:
        return sorted({id for id, _, _ in self.spans})


def raw_ids(id: str, kind: str) -> list[str]:
    """The raw ids that an id without its namespace may be.

    Raises
    ------
    BadInput : the id or the kind cannot be.
    """
    if kind not in KINDS:
        raise BadInput("bad_kind", f"kind is {kind[:40]!r}.", "Say kind=user or kind=anonymous.")
    if not id or len(id.encode()) > LONGEST:
        raise BadInput("bad_id", "The id is empty or too long.", f"Ids have 1 to {LONGEST} bytes.")
    return [prefix + id for prefix in KINDS[kind]]


def find_person(storage: Storage, tenant: Tenant, id: str, kind: str) -> Person:
    """The one person that an id belongs to.

    Raises
    ------
    NotFound : nothing is stored of it.
    BadInput : it may be several persons; says how to name one.
    """
    seen = seen_ids(storage, tenant.tenant_id, raw_ids(id, kind))
    if not seen:
        raise NotFound("no_such_person", f"Nothing is stored of the id {id[:80]!r}.", "Give a userId or anonymousId.")
    if len(seen) > 1:
        raise BadInput(
            "ambiguous_id", f"{id[:80]!r} is a userId and an anonymousId.", "Add kind=user or kind=anonymous."
        )
    raw = seen[0]
    identities = resolve([raw], lambda ids: links_of(storage, tenant.tenant_id, ids))
    if raw.startswith(ANONYMOUS):
        persons = sorted({identities.person(user, 0) for user in identities.owners(raw)})
        if len(persons) > 1:
            raise BadInput(
                "ambiguous_id",
                f"{id[:80]!r} is a device of {len(persons)} persons.",
                "Name the person by a userId, with kind=user.",
            )
        raw = persons[0] if persons else raw
    return person_of(storage, tenant, raw, identities)


def person_of(storage: Storage, tenant: Tenant, raw: str, identities: Identities) -> Person:
    """The person of a raw id, with the meetings that would have to go for it to be forgotten."""
    spans = [(alias.id, alias.from_ms, alias.until_ms) for alias in identities.aliases(raw, 0)]
    users = sorted({id for id, _, _ in spans if id.startswith(USER)})
    links = links_of(storage, tenant.tenant_id, users or [raw])
    meetings = sorted({(link.id, link.met) for link in links})
    name = identities.person(raw, 0) if raw.startswith(USER) else raw
    return Person(name, spans or [(raw, FROM_EVER, FOR_EVER)], meetings)


def concerned(storage: Storage, tenant: Tenant, meetings: Sequence[tuple[str, str]]) -> set[str]:
    """Every id whose conversions may change when these meetings come or go, as the meetings stand now."""
    counts: dict[str, int] = {}
    for one, other in {pair for id, met in meetings for pair in ((id, met), (met, id))}:
        counts[one] = counts.get(one, 0) + (1 if other.startswith(USER) else 0)
    identities = resolve(counts, lambda ids: links_of(storage, tenant.tenant_id, ids), changed=counts)
    return {other for id, changed in counts.items() for other in identities.touched_by(id, changed)}


def conversions_of_ids(storage: Storage, tenant: Tenant, ids: set[str]) -> list[int]:
    """The keys of all conversions that these ids made, by time."""
    wanted = sorted(ids)
    found = conversions_after(storage, tenant.tenant_id, wanted, [0] * len(wanted), [FAR_MS] * len(wanted))
    return list(dict.fromkeys(key for _, _, key in sorted(found, key=lambda row: (row[1], row[2]))))
