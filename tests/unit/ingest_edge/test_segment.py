"""Is a Segment-style event read as SEMANTICS 2.9, 2.10 and 4.6 say?"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.ingest.events import Conversion
from app.ingest.refusals import Refused
from app.ingest.segment import read_segment
from tests.unit.ingest_edge.read import NOW_MS, reading, segment

ORDER = {"event": "Order Completed"}


def refused(**event: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        segment(**event)
    return caught.value


class TestIds:
    def test_a_user_goes_before_an_anonymous_id_and_both_have_met(self) -> None:
        event = segment(userId="1", anonymousId="x")
        assert (event.user_id, event.anonymous_id, event.previous_id) == ("u:1", "a:x", "")

    def test_an_anonymous_id_alone(self) -> None:
        event = segment(userId=None, anonymousId="1")
        assert (event.user_id, event.anonymous_id) == ("a:1", "")

    def test_an_empty_id_is_a_missing_one(self) -> None:
        assert segment(userId="", anonymousId="x").user_id == "a:x"
        assert refused(userId="", anonymousId="").code == "missing_id"

    def test_alias_joins_users(self) -> None:
        event = segment(type="alias", userId="new", previousId="old")
        assert (event.user_id, event.previous_id, event.event_type) == ("u:new", "u:old", "alias")
        assert "previousId" in refused(type="alias").message
        assert "userId" in refused(type="alias", userId=None, previousId="x").message

    @pytest.mark.parametrize("id", ["x" * 512, "ü" * 256, "😀" * 128, " x ", "a\u0000b"])
    def test_512_bytes_are_an_id(self, id: str) -> None:
        assert segment(userId=id).user_id == "u:" + id

    @pytest.mark.parametrize("id", ["x" * 513, "ü" * 257, "😀" * 129])
    def test_513_bytes_are_none(self, id: str) -> None:
        for field in ("userId", "anonymousId", "messageId"):
            error = refused(**{field: id})
            assert error.code == "id_too_long"
            assert field in error.message

    @pytest.mark.parametrize("id", [1.5, True, [], {}])
    def test_other_types_are_none(self, id: Any) -> None:
        assert refused(userId=id).code == "bad_type"

    def test_whole_numbers_are_ids(self) -> None:
        assert segment(userId=17, messageId=4).message_id == "4"


class TestMessageId:
    def derived(self, **event: Any) -> str:
        return segment(**event, messageId=None).message_id

    def test_a_blind_retry_has_the_same_one(self) -> None:
        first = self.derived(sentAt="2026-01-01T00:00:00Z", properties={"a": 1, "b": 2})
        again = self.derived(sentAt="2026-01-01T00:09:00Z", properties={"b": 2, "a": 1})
        assert first == again
        assert first.startswith("derived-")

    def test_other_content_has_another(self) -> None:
        assert self.derived(properties={"a": 1}) != self.derived(properties={"a": 2})
        assert self.derived(timestamp=NOW_MS) != self.derived(timestamp=NOW_MS - 1)


class TestConversion:
    def of(self, **properties: Any) -> Conversion:
        conversion = segment(**ORDER, properties=properties).conversion
        assert conversion is not None
        return conversion

    def test_what_is_said(self) -> None:
        assert self.of(order_id="o", revenue=19.99, currency="usd") == Conversion("Order Completed", "o", 1999, "USD")

    def test_revenue_before_value_before_total(self) -> None:
        assert self.of(revenue=1, value=2, total=3).value_minor == 100
        assert self.of(value=2, total=3).value_minor == 200
        assert self.of(total="3.005").value_minor == 300
        assert self.of(revenue=None, value="2").value_minor == 200
        assert self.of(revenue=0, value=5).value_minor == 0

    def test_what_is_missing(self) -> None:
        assert self.of() == Conversion("Order Completed", "m1", 0, "EUR")
        assert segment(**ORDER).conversion == Conversion("Order Completed", "m1", 0, "EUR")

    def test_exponents(self) -> None:
        assert self.of(revenue=1234, currency="JPY").value_minor == 1234
        assert self.of(revenue="1.2345", currency="KWD").value_minor == 1234

    def test_another_type(self) -> None:
        conversion = segment(event="Signed Up").conversion
        assert conversion is not None
        assert conversion.conversion_type == "signup"

    @pytest.mark.parametrize(
        ("properties", "code", "field"),
        [
            ({"revenue": -1}, "bad_amount", "properties.revenue"),
            ({"value": "abc"}, "bad_amount", "properties.value"),
            ({"total": 10**16}, "bad_amount", "properties.total"),
            ({"revenue": "1e9999"}, "bad_amount", "properties.revenue"),
            ({"revenue": "NaN"}, "bad_amount", "properties.revenue"),
            ({"revenue": True}, "bad_amount", "properties.revenue"),
            ({"revenue": {"a": 1}}, "bad_amount", "properties.revenue"),
            ({"revenue": 1, "currency": "XYZ"}, "bad_currency", "properties.currency"),
            ({"revenue": 1, "currency": 3}, "bad_currency", "properties.currency"),
            ({"order_id": "x" * 513}, "id_too_long", "properties.order_id"),
            ({"order_id": []}, "bad_type", "properties.order_id"),
        ],
    )
    def test_refusals_name_field_and_remedy(self, properties: dict[str, Any], code: str, field: str) -> None:
        error = refused(**ORDER, properties=properties)
        assert error.code == code
        assert field in error.message
        assert error.detail.endswith(".")

    def test_others_may_have_any_properties(self) -> None:
        event = segment(event="Song Played", properties={"value": {"a": []}, "currency": 5, "revenue": -3})
        assert event.touch is None
        assert event.conversion is None
        assert json.loads(event.body)["event"] == "Song Played"


class TestTypes:
    def test_what_is_unknown(self) -> None:
        assert refused(type="purchase").code == "unknown_type"
        assert refused(type=None).code == "missing_type"
        assert refused(type=3).code == "bad_type"
        assert refused(event=None).code == "missing_event"
        assert refused(event="").code == "missing_event"
        assert refused(event=["x"]).code == "bad_type"
        assert refused(event="x" * 513).code == "text_too_long"

    def test_containers(self) -> None:
        for field in ("properties", "context", "traits"):
            with pytest.raises(msgspec.ValidationError, match=field):
                segment(**{field: "x"})
        segment(properties=None, context=None, traits=None)

    def test_the_address_goes_before_the_type(self) -> None:
        raw = msgspec.Raw(b'{"type": "track", "userId": "u", "name": "Home"}')
        assert read_segment(raw, reading(event_type="page")).event_type == "page"


class TestTimes:
    def test_now_without_one(self) -> None:
        assert segment().ts == NOW_MS
        assert segment(timestamp="").ts == NOW_MS
        # A correction is for the client's times, not for ours.
        assert segment(sent_at=NOW_MS - 3_600_000).ts == NOW_MS

    def test_original_timestamp(self) -> None:
        assert segment(originalTimestamp=NOW_MS - 5).ts == NOW_MS - 5

    @pytest.mark.parametrize(
        ("behind_ms", "corrected_ms"),
        [(0, 0), (9_999, 0), (10_000, 0), (10_001, 10_001), (-10_001, -10_001), (10**12, 10**12)],
    )
    def test_a_clock_is_corrected_beyond_10_s(self, behind_ms: int, corrected_ms: int) -> None:
        event = segment(sent_at=NOW_MS - behind_ms, timestamp=NOW_MS - behind_ms - 60_000)
        assert event.ts == NOW_MS - behind_ms - 60_000 + corrected_ms

    @pytest.mark.parametrize("sent_at", ["soon", {}, True, 1e300, ""])
    def test_an_unusable_sent_at_changes_nothing(self, sent_at: Any) -> None:
        assert segment(sent_at=sent_at, timestamp=NOW_MS - 60_000).ts == NOW_MS - 60_000

    def test_sent_at_of_the_event_itself(self) -> None:
        assert segment(sentAt=NOW_MS - 30_000, timestamp=NOW_MS - 31_000).ts == NOW_MS - 1_000

    def test_the_range(self) -> None:
        day = 86_400_000
        assert segment(timestamp=NOW_MS + day).ts == NOW_MS + day
        assert segment(timestamp=NOW_MS - 400 * day).ts == NOW_MS - 400 * day
        assert refused(timestamp=NOW_MS + day + 1).code == "too_far_ahead"
        assert refused(timestamp=NOW_MS - 400 * day - 1).code == "too_old"
        assert refused(timestamp="0001-01-01T00:00:00+14:00").code == "too_old"
        assert refused(timestamp="9999-12-31T23:59:59-14:00").code == "too_far_ahead"
        assert refused(timestamp="yesterday").code == "bad_time"
        assert refused(timestamp=[]).code == "bad_type"
        assert refused(timestamp=True).code == "bad_type"
        assert refused(timestamp=1e300).code == "bad_time"
