"""Are packed, broken and oversized bodies answered with what is wrong, and good events kept?"""

from __future__ import annotations

import contextlib
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadInput, TributaryError
from app.ingest.envelope import open_batch, open_capture, open_event, open_rows
from app.ingest.judge import Dialect, Verdicts, judge
from app.ingest.replay import read_again
from app.ingest.split import split_batch
from app.ingest.unpack import unpack
from config.settings import Settings
from tests.unit.ingest_edge.read import TENANT, reading

GOOD = b'{"type": "track", "event": "x", "userId": "u", "messageId": "good"}'
CAP = 1000


class TestUnpack:
    def test_each_encoding(self) -> None:
        raw = zlib.compressobj(wbits=-15)
        for packed, encoding in (
            (b"abc", ""),
            (b"abc", "identity"),
            (gzip.compress(b"abc", mtime=0), "gzip"),
            (gzip.compress(b"abc", mtime=0), ""),
            (gzip.compress(b"a", mtime=0) + gzip.compress(b"bc", mtime=0), "x-gzip"),
            (zlib.compress(b"abc"), "deflate"),
            (raw.compress(b"abc") + raw.flush(), " Deflate "),
        ):
            assert unpack(packed, encoding, CAP) == b"abc"

    def test_the_cap_is_exact(self) -> None:
        for size, fits in ((CAP, True), (CAP + 1, False)):
            for packed, encoding in ((b"a" * size, ""), (gzip.compress(b"a" * size), "gzip")):
                if fits:
                    assert len(unpack(packed, encoding, CAP)) == size
                else:
                    with pytest.raises(TributaryError) as caught:
                        unpack(packed, encoding, CAP)
                    assert caught.value.status == 413

    def test_a_bomb_is_not_unpacked(self) -> None:
        bomb = gzip.compress(bytes(50_000_000)) * 20
        with pytest.raises(TributaryError, match="larger"):
            unpack(bomb, "gzip", CAP)

    @pytest.mark.parametrize(
        "packed", [b"abc", gzip.compress(b"abc" * 50, mtime=0)[:-4], gzip.compress(b"abc", mtime=0) + b"junk"]
    )
    def test_damage(self, packed: bytes) -> None:
        with pytest.raises(BadInput) as caught:
            unpack(packed, "gzip", CAP)
        assert caught.value.code == "bad_encoding"

    def test_others_are_not_supported(self) -> None:
        for encoding in ("br", "zstd", "gzip, gzip"):
            with pytest.raises(TributaryError) as caught:
                unpack(b"abc", encoding, CAP)
            assert caught.value.status == 415

    @given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "", "br"]))
    def test_any_bytes(self, packed: bytes, encoding: str) -> None:
        with contextlib.suppress(TributaryError):
            assert len(unpack(packed, encoding, CAP)) <= CAP


class TestSplit:
    @given(
        st.lists(
            st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
        )
    )
    def test_it_finds_what_json_finds(self, items: list[Any]) -> None:
        body = json.dumps({"a": [1, {"batch": [0]}], "batch": items, "z": "]"}).encode()
        found = split_batch(body)
        assert found is not None
        assert [json.loads(item) for item in found[1]] == items
        assert json.loads(found[0])["batch"] == []

    @given(st.binary())
    def test_any_bytes(self, body: bytes) -> None:
        split_batch(body)

    def test_many_quotes_take_no_time(self) -> None:
        assert split_batch(b'{"batch": ["' + b'\\"' * 250_000) is None


def judged(body: bytes) -> Verdicts:
    return judge(open_batch(body), Dialect.SEGMENT, reading(), TENANT.tenant_id)


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        (b'{"type": "track", "properties": {"a": [1, NaN]}}', "not_finite", "properties.a[1] is NaN"),
        (b'{"type": "track", "properties": {"a": -Infinity}}', "not_finite", "-Infinity"),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "too_deep", "nested"),
        (b'{"userId": "\\ud800"}', "bad_text", "Unicode"),
        (b'{"userId": "\xff"}', "bad_text", "Unicode"),
        (b'{"type": "identify", "userId": "u", "traits": {"a": "\xff"}}', "bad_text", "Unicode"),
        (b"3", "bad_type", "The event is a number"),
        (b"null", "bad_type", "null"),
        (b'{"type": "track", "event": "x", "properties": "y"}', "bad_type", "properties is a string"),
        (b'{"type": "track", "event": "Order Completed", "userId": "u", "properties": {"value": 1e999}}',)
        + ("out_of_range", "properties.value"),
        (b'{"type": "track", "timestamp": ' + b"1" * 5000 + b"}", "out_of_range", "number"),
        (b'{"a": "' + b"x" * 40_000 + b'"}', "event_too_large", "40009 bytes"),
    ],
)
def test_one_bad_event_costs_no_good_one(bad: bytes, code: str, words: str) -> None:
    verdicts = judged(b'{"batch": [' + GOOD + b", " + bad + b", " + GOOD + b"]}")
    assert [event.message_id for event in verdicts.events] == ["good", "good"]
    [rejection] = verdicts.rejected
    assert (rejection.index, rejection.code) == (1, code)
    assert words in rejection.message
    assert rejection.detail
    [letter] = verdicts.letters
    assert (letter.reason, letter.tenant_id, letter.source) == (code, 7, "edge")
    assert json.loads(letter.body)["dialect"] == "segment"


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"batch": [', b'{"batch": [{"a": 1,}]}', b'{"batch": [1 2]}', b'{"batch": []} x', b"nope"]
)
def test_what_is_no_json_is_refused_with_its_place(body: bytes) -> None:
    for opened in (open_batch, open_event, open_capture):
        with pytest.raises(BadInput, match="at byte") as caught:
            opened(body)
        assert caught.value.code == "malformed"


def test_what_is_no_batch() -> None:
    for body, code in (
        (b"{}", "missing_batch"),
        (b"[]", "bad_type"),
        (b'{"batch": 3}', "bad_type"),
        (b"3", "bad_type"),
    ):
        with pytest.raises(BadInput) as caught:
            open_batch(body)
        assert caught.value.code == code
    with pytest.raises(TributaryError) as too_many:
        open_batch(b'{"batch": [' + b"1," * 10_000 + b"1]}")
    assert (too_many.value.code, too_many.value.status) == ("too_many_events", 413)


def test_keys_and_times_of_each_form() -> None:
    posted = open_batch(b'{"batch": [], "writeKey": "k", "sentAt": "s"}')
    assert (posted.key, posted.sent_at, posted.alone) == ("k", "s", False)
    posted = open_event(b'{"writeKey": "k", "sentAt": 5}')
    assert (posted.key, posted.sent_at, posted.alone) == ("k", 5, True)
    assert open_event(b'{"writeKey": "k", "a": NaN}').key == "k"
    posted = open_capture(b'{"api_key": "k", "sent_at": 5, "batch": [{}, {}]}')
    assert (posted.key, posted.sent_at, len(posted.items)) == ("k", 5, 2)
    assert open_capture(b'{"event": "x", "properties": {"token": "k"}}').key == "k"
    assert open_capture(b'[{"event": "x", "properties": {"token": "k"}}]').key == "k"
    assert open_rows(b'{"rows": [1, 2]}', "rows").alone is False
    assert open_rows(b'{"day": 1}', "rows").alone is True


def test_the_context_of_a_batch_is_for_events_without_one() -> None:
    page = b'{"type": "page", "userId": "u"%s}'
    context = b'{"campaign": {"source": "google", "medium": "cpc"}}'
    verdicts = judged(
        b'{"context": ' + context + b', "batch": [' + page % b"" + b", " + page % b', "context": {}' + b"]}"
    )
    assert [event.touch.channel for event in verdicts.events if event.touch] == ["paid_search", "direct"]


def test_a_dead_letter_can_be_read_again() -> None:
    bad = b'{"type": "track", "event": "x", "userId": "u", "messageId": "m", "timestamp": "2027-06-01"}'
    verdicts = judge(open_batch(b'{"batch": [' + bad + b"]}"), Dialect.SEGMENT, reading(), TENANT.tenant_id)
    [letter] = verdicts.letters
    assert letter.reason == "too_far_ahead"
    with pytest.raises(BadInput):
        read_again(letter, TENANT, Settings())
    batch = read_again(letter, TENANT, Settings(future_hours=24 * 700))
    assert [event.message_id for event in batch.events] == ["m"]
