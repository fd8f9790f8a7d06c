"""Persons from meetings: SEMANTICS 2.10, as examples and as properties."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.identity.resolve import FOR_EVER, FROM_EVER, Alias, Identities, Link, resolve, resolve_tenants


def stored(links: list[Link]):
    """What storage answers: every meeting stands under both of its ids."""

    def links_of(ids: list[str]) -> list[Link]:
        both = links + [(met, id, ts) for id, met, ts in links]
        return [link for link in both if link[0] in ids]

    return links_of


def ask(ids: list[str], links: list[Link]) -> Identities:
    return resolve(ids, stored(links))


def test_an_id_that_met_nobody_is_a_person_of_its_own():
    for id in ("u:1", "a:1"):
        assert ask([id], []).aliases(id, 5) == [Alias(id, FROM_EVER, FOR_EVER)]


def test_an_anonymous_id_belongs_to_its_first_user_from_the_beginning():
    found = ask(["u:1"], [("a:x", "u:1", 100)])
    assert found.aliases("u:1", 1) == [Alias("u:1", FROM_EVER, FOR_EVER), Alias("a:x", FROM_EVER, FOR_EVER)]


def test_a_second_user_owns_the_anonymous_id_from_their_meeting_on():
    links = [("a:x", "u:1", 100), ("a:x", "u:2", 200)]
    found = ask(["u:1", "u:2"], links)
    assert found.aliases("u:1", 0)[1:] == [Alias("a:x", FROM_EVER, 199)]
    assert found.aliases("u:2", 0)[1:] == [Alias("a:x", 200, FOR_EVER)]


def test_meeting_two_users_joins_nobody():
    found = ask(["a:x"], [("a:x", "u:1", 100), ("a:x", "u:2", 200)])
    assert (found.person("a:x", 199), found.person("a:x", 200)) == ("u:1", "u:2")
    assert "u:2" not in {alias.id for alias in found.aliases("u:1", 0)}


def test_alias_joins_users_and_what_they_met():
    links = [("u:old", "u:new", 50), ("a:1", "u:old", 1), ("a:2", "u:new", 2)]
    found = ask(["u:new"], links)
    assert {alias.id for alias in found.aliases("u:old", 0)} == {"u:old", "u:new", "a:1", "a:2"}
    assert found.person("u:old", 0) == found.person("u:new", 0) == "u:new"


def test_an_anonymous_id_between_two_joined_users_is_theirs_throughout():
    links = [("u:1", "u:2", 50), ("a:x", "u:1", 10), ("a:x", "u:2", 20)]
    spans = [alias for alias in ask(["u:1"], links).aliases("u:1", 0) if alias.id == "a:x"]
    assert spans == [Alias("a:x", FROM_EVER, 19), Alias("a:x", 20, FOR_EVER)]


def test_who_shares_a_device_is_not_asked_for():
    asked: list[str] = []

    def links_of(ids: list[str]) -> list[Link]:
        asked.extend(ids)
        return stored([("a:x", "u:1", 1), ("a:x", "u:2", 2), ("a:y", "u:2", 3)])(ids)

    resolve(["u:1"], links_of)
    assert sorted(asked) == ["a:x", "u:1"]


def test_tenants_share_the_rounds_of_a_walk_and_nothing_else():
    links = {7: [("u:1", "u:2", 5), ("a:x", "u:2", 6)], 8: [("a:x", "u:1", 9)], 9: [("u:1", "u:9", 1)]}
    rounds: list[dict[int, list[str]]] = []

    def links_among(ids: dict[int, list[str]]) -> dict[int, list[Link]]:
        rounds.append(ids)
        return {tenant_id: stored(links[tenant_id])(some) for tenant_id, some in ids.items()}

    found = resolve_tenants({7: ["u:1"], 8: ["u:1"], 9: []}, links_among)
    assert rounds == [{7: ["u:1"], 8: ["u:1"]}, {7: ["u:2"], 8: ["a:x"]}, {7: ["a:x"]}]
    for tenant_id, ids in ((7, ["u:1"]), (8, ["u:1"]), (9, [])):
        assert found[tenant_id] == ask(ids, links[tenant_id])


users = st.sampled_from(["u:1", "u:2", "u:3", "u:4"])
anonymous = st.sampled_from(["a:1", "a:2", "a:3"])
links_strategy = st.lists(
    st.tuples(st.one_of(users, anonymous), users, st.integers(0, 20)).filter(lambda link: link[0] != link[1]),
    max_size=12,
)


@given(links_strategy, st.randoms())
def test_the_order_of_meetings_changes_nothing(links, random):
    ids = ["u:1", "u:2", "u:3", "u:4", "a:1", "a:2", "a:3"]
    shuffled = list(links)
    random.shuffle(shuffled)
    one, other = ask(ids, links), ask(ids, shuffled)
    for id in ids:
        for ts in range(22):
            assert one.person(id, ts) == other.person(id, ts)
            assert one.aliases(id, ts) == other.aliases(id, ts)


@given(links_strategy)
def test_every_moment_of_an_id_belongs_to_exactly_one_person(links):
    ids = ["u:1", "u:2", "u:3", "u:4", "a:1", "a:2", "a:3"]
    found = ask(ids, links)
    for ts in range(22):
        persons = {found.person(id, ts): id for id in ids}
        for id in ids:
            holders = [
                person
                for person, member in persons.items()
                if any(a.id == id and a.from_ms <= ts <= a.until_ms for a in found.aliases(member, ts))
            ]
            assert holders == [found.person(id, ts)]


@given(links_strategy, st.sampled_from(["u:1", "a:1"]))
def test_asking_for_one_id_finds_all_that_asking_for_all_finds(links, id):
    ids = ["u:1", "u:2", "u:3", "u:4", "a:1", "a:2", "a:3"]
    alone, all_of_them = ask([id], links), ask(ids, links)
    for ts in range(22):
        assert alone.aliases(id, ts) == all_of_them.aliases(id, ts)
        assert {alias.id for alias in alone.aliases(id, ts)} <= alone.ids(id) <= all_of_them.ids(id)
