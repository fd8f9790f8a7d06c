"""Whose id is it, and which other ids are the same person's? (SEMANTICS 2.10)

Users that an alias joined are one person. An anonymousId belongs to the first user that it met, from the beginning,
and to each further user from their first meeting on; meeting two users joins nobody. One that met more than
`shared_device_users` users is a shared device and belongs to none of them, at no time. Rows in storage keep the raw id
for ever: a person is expanded into ids, each with the times in which it is that person's, when a question is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.ingest.events import ANONYMOUS, USER
from config.settings import get_settings

_NONE_CHANGED: Mapping[str, int] = {}
_NOWHERE_CHANGED: Mapping[int, Mapping[str, int]] = {}
FROM_EVER = -(1 << 62)
FOR_EVER = 1 << 62

Link = tuple[str, str, int]
"""(id, the id that it met, epoch ms of their first meeting)"""


class Alias(NamedTuple):
    """An id of a person and the times (epoch ms, both included) in which it is that person's."""

    id: str
    from_ms: int
    until_ms: int


@dataclass(slots=True)
class Identities:
    """Everything known about some ids, and the persons that they make.

    Parameters
    ----------
    most_users : an anonymousId that met more users than this is a shared device. How many it met in all counts, and
        never in which order they came: the same meetings make the same persons.
    """

    most_users: int
    _parents: dict[str, str] = field(default_factory=dict)
    _meetings: dict[str, dict[str, int]] = field(default_factory=dict)
    _owners: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _members: dict[str, list[str]] = field(default_factory=dict)

    def is_alone(self, id: str) -> bool:
        """Whether it has met nobody: at all times the only id of its person."""
        return id not in self._meetings and id not in self._parents

    def person(self, id: str, ts_ms: int) -> str:
        """The person whose the id is at a time, named by the least of its user ids (or the lone anonymousId)."""
        if self.is_alone(id):
            return id
        if id.startswith(USER):
            return self._root(id)
        owner = id
        for since_ms, user in self._timeline(id):
            if since_ms > ts_ms:
                break
            owner = user
        return self._root(owner) if owner != id else id

    def aliases(self, id: str, ts_ms: int) -> list[Alias]:
        """The ids of the person whose `id` is at `ts_ms`, in a fixed order."""
        if self.is_alone(id):
            return [Alias(id, FROM_EVER, FOR_EVER)]
        person = self.person(id, ts_ms)
        if person.startswith(ANONYMOUS):
            return [Alias(person, FROM_EVER, FOR_EVER)]
        found = []
        for user in self._members_of(person):
            found.append(Alias(user, FROM_EVER, FOR_EVER))
        anonymous = {met for user in self._members_of(person) for met in self._met_anonymous(user)}
        for other in sorted(anonymous):
            found.extend(self._spans(other, person))
        return found

    def ids(self, id: str) -> set[str]:
        """Every id that was ever of a person that `id` was ever of."""
        if id not in self._meetings:  # as nearly all are: a drain asks this of every id that it has a touch of
            return {id}
        found = self._ids_of_persons(id, {user for _, user in self._timeline(id)})
        return {other for other in found if other == id or not self.is_shared(other)}

    def touched_by(self, id: str, changed: int) -> set[str]:
        """Every id whose conversions may change where `changed` meetings of `id` came or went.

        A device that these made a shared one (or no more) changes for all of its users. One that was and stays shared
        changes for nobody, however many its users are.
        """
        turned = self.is_shared(id) and self._leads_on(id, changed)
        return self._ids_of_persons(id, self.users_met(id)) if turned else self.ids(id)

    def owners(self, anonymous: str) -> list[str]:
        """The users whose an anonymousId was, in order of time."""
        return [user for _, user in self._timeline(anonymous)]

    def users_met(self, anonymous: str) -> set[str]:
        """The users that an anonymousId met."""
        return {met for met in self._meetings.get(anonymous, {}) if met.startswith(USER)}

    def is_shared(self, anonymous: str) -> bool:
        """Whether an anonymousId met so many users that it is nobody's."""
        return anonymous.startswith(ANONYMOUS) and len(self.users_met(anonymous)) > self.most_users

    def _leads_on(self, id: str, changed: int) -> bool:
        return len(self.users_met(id)) - changed <= self.most_users

    def _ids_of_persons(self, id: str, owners: set[str]) -> set[str]:
        persons = {self._root(id)} if id.startswith(USER) else {self._root(user) for user in owners} or {id}
        found = {id}
        for person in persons:
            for user in self._members_of(person):
                found.add(user)
                found.update(self._met_anonymous(user))
        return found

    def _spans(self, anonymous: str, person: str) -> list[Alias]:
        timeline = self._timeline(anonymous)
        spans = []
        for number, (since_ms, user) in enumerate(timeline):
            if self._root(user) != person:
                continue
            until_ms = timeline[number + 1][0] - 1 if number + 1 < len(timeline) else FOR_EVER
            if until_ms >= since_ms:
                spans.append(Alias(anonymous, since_ms, until_ms))
        return spans

    def _timeline(self, anonymous: str) -> list[tuple[int, str]]:
        """Owners in order: (from when on, user); the first one owns from the beginning."""
        known = self._owners.get(anonymous)
        if known is None:
            met = {} if self.is_shared(anonymous) else self._meetings.get(anonymous, {})
            known = sorted((ts, user) for user, ts in met.items() if user.startswith(USER))
            if known:
                known[0] = (FROM_EVER, known[0][1])
            self._owners[anonymous] = known
        return known

    def _met_anonymous(self, user: str) -> list[str]:
        return [met for met in self._meetings.get(user, {}) if met.startswith(ANONYMOUS)]

    def _root(self, user: str) -> str:
        while (parent := self._parents.get(user, user)) != user:
            user = parent
        return user

    def _members_of(self, person: str) -> list[str]:
        if not self._members:
            for user in self._parents:
                self._members.setdefault(self._root(user), []).append(user)
            for members in self._members.values():
                members.sort()
        return self._members.get(person, [person])

    def _learn(self, links: Iterable[Link]) -> None:
        for id, met, ts_ms in links:
            for one, other in ((id, met), (met, id)):
                times = self._meetings.setdefault(one, {})
                times[other] = min(times.get(other, ts_ms), ts_ms)
            if id.startswith(USER) and met.startswith(USER):
                one, other = sorted((self._root(id), self._root(met)))
                self._parents.setdefault(one, one)
                self._parents[other] = one


def resolve(
    ids: Iterable[str],
    links_of: Callable[[list[str]], Iterable[Link]],
    *,
    most_users: int | None = None,
    changed: Mapping[str, int] = _NONE_CHANGED,
) -> Identities:
    """Look up everything that matters to the persons of some ids of one tenant.

    Parameters
    ----------
    ids : raw ids with their prefix.
    links_of : gives the stored meetings of a list of ids; asked two or three times.
    most_users : of one anonymousId; the setting `shared_device_users` where None.
    changed : how many meetings of an id came or went just now; see `Identities.touched_by`.

    A round asks for the ids found in the round before. From a user the walk goes to the users it was joined with and
    to its anonymousIds; of an anonymousId only the meetings are read, and its users are followed where it was asked
    for itself: who shares a device with a person is not that person.
    """
    walk = _Walk(ids, most_users, changed)
    while fresh := walk.next_round():
        walk.learn(links_of(fresh))
    return walk.identities


def resolve_tenants(
    ids: Mapping[int, Iterable[str]],
    links_among: Callable[[dict[int, list[str]]], Mapping[int, Iterable[Link]]],
    *,
    most_users: int | None = None,
    changed: Mapping[int, Mapping[str, int]] = _NOWHERE_CHANGED,
) -> dict[int, Identities]:
    """The same for several tenants, tenant -> its identities: a round asks for the ids of all of them at once."""
    walks = {id: _Walk(some, most_users, changed.get(id, _NONE_CHANGED)) for id, some in ids.items()}
    while fresh := {tenant_id: some for tenant_id, walk in walks.items() if (some := walk.next_round())}:
        links = links_among(fresh)
        for tenant_id in fresh:
            walks[tenant_id].learn(links[tenant_id])
    return {tenant_id: walk.identities for tenant_id, walk in walks.items()}


class _Walk:
    """From some ids of a tenant to all that matters to their persons, round by round."""

    def __init__(self, ids: Iterable[str], most_users: int | None, changed: Mapping[str, int]) -> None:
        self.identities = Identities(get_settings().shared_device_users if most_users is None else most_users)
        self._changed = changed
        self._wanted = set(ids)
        self._start = frozenset(self._wanted)
        self._asked: set[str] = set()

    def next_round(self) -> list[str]:
        """The ids to ask for next; none where everything is known."""
        fresh = sorted(self._wanted - self._asked)
        self._asked.update(fresh)
        return fresh

    def learn(self, found: Iterable[Link]) -> None:
        """The meetings of the ids of a round."""
        links = list(found)
        identities, changed = self.identities, self._changed
        identities._learn(links)
        met_some = {id for id, _, _ in links}  # few of those asked for
        followed = {id for id in met_some & self._start if identities._leads_on(id, changed.get(id, 0))}
        self._wanted.update(
            met for id, met, _ in links if id.startswith(USER) or (id in followed and met.startswith(USER))
        )
