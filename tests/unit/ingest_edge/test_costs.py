"""Are spend rows and adjustments read, and refused with field and remedy?"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.channels.book import DEFAULT_BOOK, Alias, ChannelBook, Condition, CustomRule
from app.ingest.adjustments import read_adjustment
from app.ingest.events import Adjustment, SpendRow
from app.ingest.refusals import Refused
from app.ingest.spend import names_of, newest_rows, read_spend
from tests.unit.ingest_edge.read import NOW_MS, reading


def spend(**row: Any) -> SpendRow:
    row = {"day": "2026-01-31", "channel": "email", "amount": "12.345"} | row
    return read_spend(msgspec.Raw(json.dumps(row).encode()), reading())


def adjustment(**fields: Any) -> Adjustment:
    fields = {"adjustment_id": "a1", "type": "restate", "order_id": "o1", "value": 5} | fields
    return read_adjustment(msgspec.Raw(json.dumps(fields).encode()), reading())


def test_spend() -> None:
    assert spend(channel=" E-Mail ") == SpendRow("2026-01-31", "e-mail", "", "EUR", 1234)
    assert spend(campaign="c", currency="jpy", amount=5).amount_minor == 5
    assert spend(day="2026-02-01").day == "2026-02-01", "booked for the month to come"


def test_spend_is_named_as_the_touches_of_its_visits_are() -> None:
    book = ChannelBook(
        rules=(CustomRule("partners", (Condition("campaign", "prefix", "aff-"),)),),
        source_aliases=(Alias("exact", "fb", "facebook"),),
        campaign_aliases=(Alias("glob", "brand*", "brand"),),
    )
    assert names_of(book, "", "fb", "cpc", "x") == ("paid_social", "x")
    assert names_of(book, "", "google", "cpc", "aff-1") == ("partners", "aff-1")
    assert names_of(book, "email", "google", "cpc", "Brand_US") == ("email", "brand"), "a channel said outright stays"
    assert names_of(DEFAULT_BOOK, "", "?", "?", "") == ("unassigned", "")
    plain = spend(channel=None, source="google", medium="cpc", campaign=7)
    assert plain == SpendRow("2026-01-31", "", "7", "EUR", 1234, "google", "cpc", "paid_search")


def test_the_later_row_of_a_key_counts() -> None:
    rows = [spend(amount=1), spend(amount=2, campaign="x"), spend(amount=3)]
    assert [row.amount_minor for row in newest_rows(rows)] == [300, 200]


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        ({"day": None}, "bad_day", "day"),
        ({"day": "2026-02-30"}, "bad_day", "day"),
        ({"day": "20260131"}, "bad_day", "day"),
        ({"day": "2026-W05-6"}, "bad_day", "day"),
        ({"day": "1999-12-31"}, "bad_day", "day"),
        ({"day": "2026-02-02"}, "too_far_ahead", "day"),
        ({"day": "2062-01-01"}, "too_far_ahead", "day"),
        ({"day": 5}, "bad_type", "day"),
        ({"channel": ""}, "bad_channel", "channel"),
        ({"channel": {}}, "bad_type", "channel"),
        ({"campaign": []}, "bad_type", "campaign"),
        ({"channel": None, "source": {}}, "bad_type", "source"),
        ({"medium": "x" * 513}, "text_too_long", "medium"),
        ({"campaign": "x" * 513}, "text_too_long", "campaign"),
        ({"amount": None}, "bad_amount", "amount"),
        ({"amount": -1}, "bad_amount", "amount"),
        ({"currency": "ZZZ"}, "bad_currency", "currency"),
    ],
)
def test_refused_spend(row: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Refused, match=field) as caught:
        spend(**row)
    assert caught.value.code == code


def test_adjustments() -> None:
    assert adjustment() == Adjustment("a1", "restate", "o1", "5", "", NOW_MS, "")
    assert adjustment(value="1.10", currency="usd", at=NOW_MS - 1, conversion_type="signup") == Adjustment(
        "a1", "restate", "o1", "1.10", "USD", NOW_MS - 1, "signup"
    )
    assert adjustment(type="retract", value=None).value == ""


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"adjustment_id": ""}, "missing_id", "adjustment_id"),
        ({"order_id": None}, "missing_id", "order_id"),
        ({"type": "refund"}, "bad_adjustment", "type"),
        ({"type": {}}, "bad_adjustment", "type"),
        ({"value": None}, "bad_amount", "value"),
        ({"value": -3}, "bad_amount", "value"),
        ({"value": "NaN"}, "bad_amount", "value"),
        ({"value": 10**14, "currency": "KWD"}, "bad_amount", "value"),
        ({"currency": "ZZZ"}, "bad_currency", "currency"),
        ({"at": "someday"}, "bad_time", "at"),
        ({"at": NOW_MS * 2}, "too_far_ahead", "at"),
        ({"at": -5}, "too_old", "at"),
    ],
)
def test_refused_adjustments(fields: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Refused, match=field) as caught:
        adjustment(**fields)
    assert caught.value.code == code
