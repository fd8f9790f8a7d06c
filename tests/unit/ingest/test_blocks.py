"""A sealed block becomes rows: each event once, at the earliest of its times, whatever the order."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.ingest.blocks import Known, Memo, distinct, flatten, halves, meetings
from app.ingest.column import listed
from app.ingest.columns import compose, spend_columns, without_defaults
from app.ingest.events import (
    CODED,
    FEW,
    TEXTS,
    Batch,
    Conversion,
    Event,
    EventColumns,
    SpendRow,
    Touch,
    columns_of,
    decode_batch,
    encode_batch,
)
from app.ingest.inbox import _block
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
    return list(zip(*(listed(columns[name]) for name in names), strict=True))


def times_of(received):
    return {event.message_id: event.ts for event in received.events()}


TEXT = st.sampled_from(["", "a", "b", "ä"])
TOUCHES = st.builds(Touch, st.integers(0, 127), TEXT, *[TEXT] * 12)
CONVERSIONS = st.builds(Conversion, TEXT, TEXT, st.integers(-(2**63), 2**64 - 1), TEXT)
EVENTS = st.builds(
    Event,
    *(TEXT, TEXT, TEXT, st.integers(-(2**63), 2**63 - 1), TEXT, TEXT, TEXT),
    *(st.none() | TOUCHES, st.none() | CONVERSIONS, TEXT),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(EVENTS, max_size=4) | st.lists(EVENTS, min_size=FEW + 1, max_size=FEW + 3), max_size=3))
def test_events_survive_their_way_through_the_inbox_whatever_forms_they_come_in(sent):
    entries = [decode_batch(encode_batch(batch(*events))) for events in sent]
    assert [isinstance(entry.events, EventColumns) for entry in entries] == [len(events) > FEW for events in sent]
    assert [encode_batch(entry) for entry in entries] == [encode_batch(batch(*events)) for events in sent], "replayed"
    received = flatten(entries)
    assert received.events() == [event for events in sent for event in events]


@pytest.mark.parametrize(
    "damage",
    [
        {"ts": b"\0" * 8},
        {"kind": b""},
        {"t": {"message_id": ["m"]}},
        {"d": {"channel": (["email"], b"\1" * (FEW + 1))}},
        {"d": {"channel": (["email", "video"], b"\0")}},
        {"d": {"channel": ([], b"")}},
        {"d": {"channel": (["email"], b"\0\0\0\1" * (FEW + 1))}},
        {"c": [(FEW + 1, Conversion("sale", "1", 5, "EUR"))]},
    ],
)
def test_columns_that_do_not_fit_together_are_no_batch(damage):
    whole = columns_of([touch(f"m{number}", number) for number in range(FEW + 1)])
    sent = msgspec.to_builtins(whole, builtin_types=(bytes,)) | damage
    with pytest.raises(msgspec.ValidationError):
        decode_batch(msgspec.msgpack.encode((1, 1_000_000, 1, 400, sent)))
    assert decode_batch(msgspec.msgpack.encode((1, 1_000_000, 1, 400, whole))).events == whole


@pytest.mark.parametrize("count", [1, FEW + 1])
def test_an_entry_whose_text_is_none_is_unreadable_and_stops_nobody(count):
    good, other = (encode_batch(batch(*[touch(id, 5)] * count)) for id in ("good", "other"))
    torn = other.replace(b"other", b"oth\xffr")
    block = _block(3, {1: [(b"1-0", {b"b": good}), (b"1-1", {b"b": torn})], 2: [(b"1-0", {b"b": other})]})
    assert block.unreadable == [torn]
    assert block.batches == [decode_batch(good), decode_batch(other)]


def test_more_names_than_a_byte_can_tell_apart_survive_too():
    sent = [touch("m", number, f"u:{number}") for number in range(300)]
    sent = [msgspec.structs.replace(event, name=f"name-{event.ts}") for event in sent]
    small = touch("n", 5)
    entries = [decode_batch(encode_batch(batch(*events))) for events in (sent, [small], sent)]
    assert flatten(entries).events() == [*sent, small, *sent]


def test_every_field_of_an_event_has_its_column():
    fields = {*Event.__struct_fields__, *Touch.__struct_fields__} - {"ts", "kind", "touch", "conversion"}
    assert {*CODED, *TEXTS} == fields
    assert len(CODED) + len(TEXTS) == len(fields)


def test_a_release_that_knows_no_columns_takes_them_for_no_batch():
    class Rows(msgspec.Struct, array_like=True):
        tenant_id: int
        received_ms: int
        rules_version: int
        retention_days: int
        events: list[Event] = []

    few, many = (encode_batch(batch(*[touch("m", 5)] * count)) for count in (FEW, FEW + 1))
    assert len(msgspec.msgpack.decode(few, type=Rows).events) == FEW
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(many, type=Rows)


@pytest.mark.parametrize("ts", [2**63, -(2**63) - 1])
def test_a_time_that_no_array_holds_makes_an_entry_no_batch(ts):
    body = msgspec.json.encode(batch(touch("m", 5))).replace(b",5,", b",%d," % ts)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Batch)


def test_a_repeated_message_counts_at_its_earliest_time():
    received = distinct(flatten([batch(touch("m", 9), touch("m", 7)), batch(touch("m", 8))]))
    assert [event.ts for event in received.events()] == [7]


def test_the_same_message_of_two_tenants_is_two_events():
    received = distinct(flatten([batch(touch("m", 9)), batch(touch("m", 9), tenant_id=2)]))
    assert received.by_tenant("message_id") == {1: ["m"], 2: ["m"]}


def test_a_message_repeated_beside_another_tenants_counts_once_for_each():
    other = batch(touch("m", 7), touch("m", 6), tenant_id=2)
    received = distinct(flatten([batch(touch("m", 9), touch("n", 8)), other]))
    assert [(event.message_id, event.ts) for event in received.events()] == [("m", 9), ("n", 8), ("m", 6)]
    assert received.tenants() == {1: slice(0, 2), 2: slice(2, 3)}


def test_an_event_that_was_stored_before_is_left_out():
    rows = compose(flatten([batch(touch("m", 9))]), Memo([Known(1, "m", 9, "touch", "u:1")], []))
    assert (rows.columns("touchpoints"), rows.columns("events"), rows.duplicates) == ({}, {}, 1)


def test_of_no_events_nothing_becomes_of_what_was_known():
    rows = compose(flatten([]), Memo([Known(1, "m", 9, "touch", "u:1")], []))
    assert (rows.parts, rows.duplicates) == ({}, 0)


def test_a_stored_touch_with_an_earlier_time_now_moves():
    rows = compose(flatten([batch(touch("m", 5))]), Memo([Known(1, "m", 9, "touch", "u:0")], []))
    placed = placed_in(rows.columns("touchpoints"), "user_id", "ts", "is_deleted")
    assert placed == [("u:0", 9, 255), ("u:1", 5, 0)]
    assert rows.touched == {1: {"u:0": [9], "u:1": [5]}}


def test_a_stored_conversion_with_an_earlier_time_now_moves():
    key = conversion_key("Order Completed", "1001")
    known = Known(1, "m", 9, "conversion", str(key))
    rows = compose(flatten([batch(order("m", 5))]), Memo([known], []))
    placed = placed_in(rows.columns("conversions"), "conversion_key", "ts", "message_id", "is_deleted")
    assert placed == [(key, 9, "m", 1), (key, 5, "m", 0)]


def test_every_column_of_a_table_has_a_value_for_every_row():
    rows = compose(
        flatten([batch(touch("m1", 5), order("m2", 6), touch("m3", 4))]), Memo([Known(1, "m3", 9, "touch", "u:0")], [])
    )
    for table, count in (
        ("touchpoints", 3),
        ("conversions", 1),
        ("conversions_by_user", 1),
        ("conversions_by_order", 1),
        ("events", 3),
    ):
        assert {len(values) for values in rows.columns(table).values()} == {count}


def test_what_every_row_leaves_at_its_default_is_not_sent():
    plain = compose(flatten([batch(touch("m1", 5), touch("m2", 6))]), NOTHING).columns("touchpoints")
    sent = without_defaults("touchpoints", plain)
    assert plain.keys() - sent.keys() == {
        *("kind", "campaign", "source", "medium", "term", "content", "click_id", "referrer", "cost"),
        *("event_name", "is_deleted", "sent_source", "sent_campaign"),
    }
    view = Event("m3", "page", "", 7, "u:1", touch=Touch(1, "email", source="crm", sent_source="CRM"))
    rows = compose(flatten([batch(touch("m1", 5), view)]), NOTHING)
    sent = without_defaults("touchpoints", rows.columns("touchpoints"))
    assert placed_in(sent, "kind", "source", "sent_source") == [(0, "", ""), (1, "crm", "CRM")]
    assert "sent_campaign" not in sent


def test_of_no_events_there_are_no_tenants():
    nobody = flatten([batch(touch("m", 5))]).at([])
    assert (nobody.events(), nobody.by_tenant("message_id"), meetings(nobody)) == ([], {}, {})
    assert (len(flatten([])), flatten([]).events()) == (0, [])


def test_halves_are_the_whole_and_repeat_nothing():
    second_tenant = batch(touch("c", 3), touch("d", 4), tenant_id=2)
    received = flatten([batch(touch("a", 1), touch("b", 2)), second_tenant, batch(touch("e", 5), tenant_id=3)])
    first, second = halves(received)
    ids = [[event.message_id for event in half.events()] for half in (first, second)]
    assert ids == [["a", "b"], ["c", "d", "e"]]
    assert list(second.tenants()) == [2, 3]


def test_meetings_are_pairs_at_their_first_time():
    login = Event("m1", "identify", "", 50, "u:1", anonymous_id="a:x")
    again = Event("m2", "track", "x", 40, "u:1", anonymous_id="a:x")
    alias = Event("m3", "alias", "", 60, "u:1", previous_id="u:0")
    assert meetings(flatten([batch(login, again, alias)])) == {(1, "a:x", "u:1"): 40, (1, "u:0", "u:1"): 60}


def test_the_last_of_two_spend_rows_in_one_request_stands():
    rows = [SpendRow("2026-11-01", "email", "", "EUR", amount) for amount in (5, 7)]
    assert spend_columns([Batch(1, 1_000, 1, 400, spend=rows)])["amount_minor"] == [7]


def test_sources_that_aliases_named_are_told_and_others_stand_as_sent():
    renamed = Event("m1", "page", "", 7, "u:1", touch=Touch(0, "email", source="crm", sent_source="CRM"))
    plain = Event("m2", "track", "Opened", 8, "u:1", touch=Touch(0, "email", source="news"))
    rows = compose(flatten([batch(renamed), batch(plain, tenant_id=2)]), NOTHING)
    sent = without_defaults("touchpoints", rows.columns("touchpoints"))
    assert placed_in(sent, "tenant_id", "source", "sent_source", "event_name") == [
        (1, "crm", "CRM", ""),
        (2, "news", "news", "Opened"),
    ]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), max_size=20), st.randoms())
def test_order_and_batching_change_nothing(sent, random):
    shuffled = list(sent)
    random.shuffle(shuffled)
    one = distinct(flatten([batch(*(touch(id, ts) for id, ts in sent))]))
    other = distinct(flatten([batch(touch(id, ts)) for id, ts in shuffled]))
    assert times_of(one) == times_of(other)
