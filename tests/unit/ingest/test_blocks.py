"""A sealed block becomes rows: each event once, at the earliest of its times, whatever the order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.ingest.blocks import Known, Memo, compose, distinct, flatten, meetings, spend_rows
from app.ingest.events import Batch, Conversion, Event, SpendRow, Touch, decode_batch, encode_batch
from app.ledger.keys import conversion_key

NOTHING = Memo([], [])


def touch(message_id: str, ts: int, user: str = "u:1") -> Event:
    return Event(message_id, "page", "", ts, user, touch=Touch(0, "email"))


def order(message_id: str, ts: int, order_id: str = "1001") -> Event:
    what = Conversion("Order Completed", order_id, 995, "EUR")
    return Event(message_id, "track", "Order Completed", ts, "u:1", conversion=what)


def batch(*events: Event, tenant_id: int = 1) -> Batch:
    return Batch(tenant_id, 1_000_000, 1, 400, events=list(events))


def test_a_batch_survives_its_way_through_the_inbox():
    sent = batch(touch("m1", 5), order("m2", 6))
    assert decode_batch(encode_batch(sent)) == sent


def test_a_repeated_message_counts_at_its_earliest_time():
    received = distinct(flatten([batch(touch("m", 9), touch("m", 7)), batch(touch("m", 8))]))
    assert [item.event.ts for item in received] == [7]


def test_the_same_message_of_two_tenants_is_two_events():
    assert len(distinct(flatten([batch(touch("m", 9)), batch(touch("m", 9), tenant_id=2)]))) == 2


def test_an_event_that_was_stored_before_is_left_out():
    rows = compose(flatten([batch(touch("m", 9))]), Memo([Known(1, "m", 9, "touch", "u:1")], []))
    assert (rows.touchpoints, rows.events, rows.duplicates) == ([], [], 1)


def test_a_stored_touch_with_an_earlier_time_now_moves():
    rows = compose(flatten([batch(touch("m", 5))]), Memo([Known(1, "m", 9, "touch", "u:0")], []))
    placed = [(row[1], row[2], row[-1]) for row in rows.touchpoints]
    assert placed == [("u:0", 9, 255), ("u:1", 5, 0)]
    assert rows.touched == [(1, "u:0", 9), (1, "u:1", 5)]


def test_a_stored_conversion_with_an_earlier_time_now_moves():
    key = conversion_key("Order Completed", "1001")
    known = Known(1, "m", 9, "conversion", str(key))
    rows = compose(flatten([batch(order("m", 5))]), Memo([known], []))
    placed = [(row[3], row[4], row[5], row[-1]) for row in rows.conversions]
    assert placed == [(key, 9, "m", 1), (key, 5, "m", 0)]


def test_a_column_for_every_name():
    rows = compose(flatten([batch(touch("m1", 5), order("m2", 6))]), NOTHING)
    for names, found in (
        (rows.TOUCHPOINTS, rows.touchpoints),
        (rows.CONVERSIONS, rows.conversions),
        (rows.BY_USER, rows.by_user),
        (rows.BY_ORDER, rows.by_order),
        (rows.EVENTS, rows.events),
    ):
        assert {len(row) for row in found} == {len(names)}


def test_meetings_are_pairs_at_their_first_time():
    login = Event("m1", "identify", "", 50, "u:1", anonymous_id="a:x")
    again = Event("m2", "track", "x", 40, "u:1", anonymous_id="a:x")
    alias = Event("m3", "alias", "", 60, "u:1", previous_id="u:0")
    assert meetings(flatten([batch(login, again, alias)])) == {(1, "a:x", "u:1"): 40, (1, "u:0", "u:1"): 60}


def test_the_last_of_two_spend_rows_in_one_request_stands():
    rows = [SpendRow("2026-11-01", "email", "", "EUR", amount) for amount in (5, 7)]
    (row,) = spend_rows([Batch(1, 1_000, 1, 400, spend=rows)])
    assert row[5] == 7


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), max_size=20), st.randoms())
def test_order_and_batching_change_nothing(sent, random):
    shuffled = list(sent)
    random.shuffle(shuffled)
    one = distinct(flatten([batch(*(touch(id, ts) for id, ts in sent))]))
    other = distinct(flatten([batch(touch(id, ts)) for id, ts in shuffled]))
    assert {i.event.message_id: i.event.ts for i in one} == {i.event.message_id: i.event.ts for i in other}
