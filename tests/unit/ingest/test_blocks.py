"""A sealed block becomes rows: each event once, at the earliest of its times, whatever the order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.ingest.blocks import Known, Memo, distinct, flatten, halves, meetings
from app.ingest.columns import compose, spend_columns, without_defaults
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


def placed_in(columns, *names):
    return list(zip(*(columns[name] for name in names), strict=True))


def times_of(received):
    return {event.message_id: event.ts for one in received for event in one.events}


def test_a_batch_survives_its_way_through_the_inbox():
    sent = batch(touch("m1", 5), order("m2", 6))
    assert decode_batch(encode_batch(sent)) == sent


def test_a_repeated_message_counts_at_its_earliest_time():
    received = distinct(flatten([batch(touch("m", 9), touch("m", 7)), batch(touch("m", 8))]))
    assert [event.ts for one in received for event in one.events] == [7]


def test_the_same_message_of_two_tenants_is_two_events():
    received = distinct(flatten([batch(touch("m", 9)), batch(touch("m", 9), tenant_id=2)]))
    assert [(one.tenant_id, len(one)) for one in received] == [(1, 1), (2, 1)]


def test_an_event_that_was_stored_before_is_left_out():
    rows = compose(flatten([batch(touch("m", 9))]), Memo([Known(1, "m", 9, "touch", "u:1")], []))
    assert (rows.touchpoints, rows.events, rows.duplicates) == ({}, {}, 1)


def test_a_stored_touch_with_an_earlier_time_now_moves():
    rows = compose(flatten([batch(touch("m", 5))]), Memo([Known(1, "m", 9, "touch", "u:0")], []))
    placed = placed_in(rows.touchpoints, "user_id", "ts", "is_deleted")
    assert placed == [("u:0", 9, 255), ("u:1", 5, 0)]
    assert rows.touched == {1: {"u:0": [9], "u:1": [5]}}


def test_a_stored_conversion_with_an_earlier_time_now_moves():
    key = conversion_key("Order Completed", "1001")
    known = Known(1, "m", 9, "conversion", str(key))
    rows = compose(flatten([batch(order("m", 5))]), Memo([known], []))
    placed = placed_in(rows.conversions, "conversion_key", "ts", "message_id", "is_deleted")
    assert placed == [(key, 9, "m", 1), (key, 5, "m", 0)]


def test_every_column_of_a_table_has_a_value_for_every_row():
    rows = compose(
        flatten([batch(touch("m1", 5), order("m2", 6), touch("m3", 4))]), Memo([Known(1, "m3", 9, "touch", "u:0")], [])
    )
    for found, count in (
        (rows.touchpoints, 3),
        (rows.conversions, 1),
        (rows.conversions_by_user, 1),
        (rows.conversions_by_order, 1),
        (rows.events, 3),
    ):
        assert {len(values) for values in found.values()} == {count}


def test_what_every_row_leaves_at_its_default_is_not_sent():
    plain = compose(flatten([batch(touch("m1", 5), touch("m2", 6))]), NOTHING).touchpoints
    sent = without_defaults("touchpoints", plain)
    assert plain.keys() - sent.keys() == {
        *("kind", "campaign", "source", "medium", "term", "content", "click_id", "referrer", "cost"),
        *("event_name", "is_deleted", "sent_source", "sent_campaign"),
    }
    view = Event("m3", "page", "", 7, "u:1", touch=Touch(1, "email", source="crm", sent_source="CRM"))
    sent = without_defaults("touchpoints", compose(flatten([batch(touch("m1", 5), view)]), NOTHING).touchpoints)
    assert (sent["kind"], sent["source"], sent["sent_source"]) == ([0, 1], ["", "crm"], ["", "CRM"])
    assert "sent_campaign" not in sent


def test_halves_are_the_whole_and_repeat_nothing():
    received = flatten([batch(touch("a", 1), touch("b", 2)), batch(touch("c", 3), touch("d", 4), tenant_id=2)])
    received += flatten([batch(touch("e", 5), tenant_id=3)])
    first, second = halves(received)
    ids = [[event.message_id for one in half for event in one.events] for half in (first, second)]
    assert ids == [["a", "b"], ["c", "d", "e"]]
    assert [one.tenant_id for one in second] == [2, 3]


def test_meetings_are_pairs_at_their_first_time():
    login = Event("m1", "identify", "", 50, "u:1", anonymous_id="a:x")
    again = Event("m2", "track", "x", 40, "u:1", anonymous_id="a:x")
    alias = Event("m3", "alias", "", 60, "u:1", previous_id="u:0")
    assert meetings(flatten([batch(login, again, alias)])) == {(1, "a:x", "u:1"): 40, (1, "u:0", "u:1"): 60}


def test_the_last_of_two_spend_rows_in_one_request_stands():
    rows = [SpendRow("2026-11-01", "email", "", "EUR", amount) for amount in (5, 7)]
    assert spend_columns([Batch(1, 1_000, 1, 400, spend=rows)])["amount_minor"] == [7]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), max_size=20), st.randoms())
def test_order_and_batching_change_nothing(sent, random):
    shuffled = list(sent)
    random.shuffle(shuffled)
    one = distinct(flatten([batch(*(touch(id, ts) for id, ts in sent))]))
    other = distinct(flatten([batch(touch(id, ts)) for id, ts in shuffled]))
    assert times_of(one) == times_of(other)
