"""Does the account see every way in which an event can go wrong?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from load.account import Account, Registered, Sent, compare
from load.events import message_ids, numbered, orders_in, template

BODY = template("run", 50, random.Random(1), 1_790_000_000_000)
IDS = message_ids(numbered(BODY, 1))
ORDERS = orders_in(numbered(BODY, 1))


def account(**changes: Any) -> Account:
    owned = IDS[:40]
    stored: dict[str, Any] = {
        "sent": Sent(accepted={1: BODY}),
        "registered": {id: Registered(1, id in owned) for id in IDS},
        "owned": dict.fromkeys(owned, 1),
        "credited": dict.fromkeys(ORDERS, 1),
        "waiting": 0,
        "settled_s": 0.1,
    }
    return compare(**(stored | changes))


def test_all_is_there_once():
    whole = account()
    assert whole.amiss == 0
    assert (whole.accepted, whole.stored, whole.orders) == (50, 50, len(ORDERS))
    assert ORDERS


def without(items: dict[str, Any], id: str) -> dict[str, Any]:
    return {key: value for key, value in items.items() if key != id}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"registered": {id: Registered(1, False) for id in IDS[1:]}, "owned": {}}, "lost"),
        ({"owned": dict.fromkeys(IDS[:39], 1)}, "lost"),
        ({"owned": dict.fromkeys(IDS[:40], 1) | {IDS[3]: 2}}, "duplicated"),
        ({"registered": {id: Registered(1 + (id == IDS[49]), id in IDS[:40]) for id in IDS}}, "duplicated"),
        ({"owned": dict.fromkeys([*IDS[:40], "stranger"], 1)}, "unasked"),
        ({"credited": dict.fromkeys(ORDERS[1:], 1)}, "uncredited"),
        ({"credited": dict.fromkeys(ORDERS, 1) | {ORDERS[0]: 2}}, "credited_twice"),
        ({"waiting": 1}, "waiting"),
    ],
)
def test_each_fault_is_named(changes, name):
    found = account(**changes)
    assert getattr(found, name) == 1
    assert found.amiss > 0


def test_events_of_an_unanswered_post_may_be_stored_or_not():
    registered = {id: Registered(1, False) for id in message_ids(numbered(BODY, 2))[:10]}
    unsure = Sent(uncertain={2: BODY})
    assert account(sent=unsure, registered=registered, owned={}, credited={}).amiss == 0
    assert account(sent=unsure, registered={}, owned={}, credited={}).amiss == 0
