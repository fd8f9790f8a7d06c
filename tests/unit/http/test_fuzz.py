"""Whatever is posted: is it answered in the one form, never with a 5xx, and is no good event lost?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.http.ingest import BATCH_PATHS, CAPTURE_PATHS, EVENT_PATHS
from tests.unit.http.conftest import SECRET, WRITE, Inbox

FIELDS = (
    *("type", "event", "userId", "anonymousId", "messageId", "previousId", "timestamp", "originalTimestamp", "sentAt"),
    *("context", "properties", "traits", "name", "campaign", "page", "url", "referrer", "search", "channel", "kind"),
    *("cost", "revenue", "value", "total", "currency", "order_id", "source", "medium", "term", "content", "batch"),
    *("distinct_id", "uuid", "alias", "$anon_distinct_id", "$current_url", "$referrer", "$device_id", "utm_source"),
    *("day", "amount", "adjustment_id", "at", "conversion_type", "api_key", "token", "sent_at", "writeKey"),
)
WORDS = (
    *("track", "page", "screen", "identify", "alias", "group", "Order Completed", "Touchpoint", "$pageview"),
    *("$identify", "$create_alias", "USD", "EUR", "XXX", "12.34", "-1", "1e400", "2026-01-01", "restate", "retract"),
    *("https://a.example/?utm_source=google&gclid=1", "http://[", "click", "view", "(unattributed)", "", "x" * 600),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
    | st.integers(1_700_000_000_000, 1_800_000_000_000)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=25,
)
objects = st.dictionaries(st.sampled_from(FIELDS), values, max_size=12)
SINGLE = [path for paths in EVENT_PATHS.values() for path in paths]
COSTS = ["/v1/spend", "/v1/adjustments"]
checks = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def post(client: FlaskClient, path: str, data: bytes) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {SECRET}"} if path in COSTS else {"X-Write-Key": WRITE}
    answer = client.post(path, data=data, content_type="application/json", headers=headers)
    assert answer.status_code < 500, answer.text
    assert answer.content_type == "application/json"
    body = json.loads(answer.data)
    assert body["success"] is (answer.status_code == 200)
    if answer.status_code != 200:
        assert body["code"]
        assert body["message"]
        assert body["detail"]
    return answer.status_code, body


def kept(inbox: Inbox) -> int:
    return len(inbox.events) + sum(len(batch.adjustments) for batch in inbox.batches)


@checks
@given(path=st.sampled_from([*SINGLE, *BATCH_PATHS, *CAPTURE_PATHS, *COSTS]), value=values)
def test_any_json(client: FlaskClient, path: str, value: Any) -> None:
    post(client, path, json.dumps(value).encode())


@checks
@given(path=st.sampled_from(["/v1/track", "/v1/batch", "/batch/", "/v1/spend", "/v1/adjustments"]), data=st.binary())
def test_any_bytes(client: FlaskClient, path: str, data: bytes) -> None:
    post(client, path, data)


@checks
@given(
    path=st.sampled_from([*BATCH_PATHS, *CAPTURE_PATHS]),
    items=st.lists(objects | values, max_size=6),
    rest=st.dictionaries(st.sampled_from(["sentAt", "sent_at"]), scalars),
)
def test_every_event_of_a_batch_has_one_verdict(
    client: FlaskClient, inbox: Inbox, path: str, items: list[Any], rest: dict[str, Any]
) -> None:
    before, letters = kept(inbox), len(inbox.letters)
    good = {"type": "track", "event": "x", "userId": "u", "distinct_id": "u", "messageId": "good", "uuid": "good"}
    status, body = post(client, path, json.dumps({"batch": [good, *items, good], **rest}).encode())
    assert status == 200
    assert body["accepted"] + len(body["rejected"]) == len(items) + 2
    assert kept(inbox) - before == body["accepted"]
    assert len(inbox.letters) - letters == len(body["rejected"])
    assert [event.message_id for event in inbox.batches[-1].events][:: max(body["accepted"] - 1, 1)][:2] == ["good"] * 2
    assert not [one for one in body["rejected"] if one["code"] == "internal_error"]


@checks
@given(path=st.sampled_from(SINGLE), event=objects)
def test_one_event_has_one_verdict(client: FlaskClient, inbox: Inbox, path: str, event: dict[str, Any]) -> None:
    before, letters = kept(inbox), len(inbox.letters)
    _, body = post(client, path, json.dumps(event).encode())
    if "accepted" in body:
        assert body["accepted"] + len(body["rejected"]) == 1
        assert kept(inbox) - before == body["accepted"]
        assert len(inbox.letters) - letters == len(body["rejected"])
        assert not [one for one in body["rejected"] if one["code"] == "internal_error"]


@checks
@given(path=st.sampled_from(COSTS), rows=st.lists(objects, max_size=6))
def test_every_row_has_one_verdict(client: FlaskClient, inbox: Inbox, path: str, rows: list[Any]) -> None:
    letters = len(inbox.letters)
    status, body = post(client, path, json.dumps(rows).encode())
    assert status == 200
    assert body["accepted"] + len(body["rejected"]) == len(rows)
    assert len(inbox.letters) - letters == len(body["rejected"])
    assert not [one for one in body["rejected"] if one["code"] == "internal_error"]


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", "/batch/", "/v1/spend", "/v1/adjustments"])
def test_depths(client: FlaskClient, path: str) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 50_000, b"[" * 100_000 + b"]" * 100_000, b'{"batch":' + b"[" * 90_000):
        assert post(client, path, body)[0] in (200, 400, 413)
