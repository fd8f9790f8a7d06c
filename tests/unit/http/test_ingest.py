"""Does each endpoint take what its SDK sends, and answer each event with a verdict?"""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.errors import Unavailable
from app.http.ingest import BATCH_PATHS, CAPTURE_PATHS, EVENT_PATHS
from app.ingest.inbox import TooMany
from tests.unit.http.conftest import SECRET, WRITE, Inbox

BASIC = (WRITE, "")
GOOD = {"type": "track", "event": "x", "userId": "u", "messageId": "m"}
BAD = {"type": "track", "event": "x", "messageId": "bad"}


@pytest.mark.parametrize("event_type", EVENT_PATHS)
def test_each_event_endpoint(client: FlaskClient, inbox: Inbox, event_type: str) -> None:
    for path in EVENT_PATHS[event_type]:
        event = {"userId": "u", "previousId": "p", "event": "x", "messageId": path}
        answer = client.post(path, json=event, auth=BASIC)
        assert (answer.status_code, answer.json) == (200, {"success": True, "accepted": 1, "rejected": []})
        assert (inbox.events[-1].event_type, inbox.events[-1].message_id) == (event_type, path)


@pytest.mark.parametrize("path", [*BATCH_PATHS, "/v1/batch/"])
def test_batches(client: FlaskClient, inbox: Inbox, path: str) -> None:
    answer = client.post(path, json={"batch": [GOOD, BAD, 3], "writeKey": WRITE})
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["success"], answer.json["accepted"]) == (True, 1)
    assert [(one["index"], one["messageId"], one["code"]) for one in answer.json["rejected"]] == [
        (1, "bad", "missing_id"),
        (2, None, "bad_type"),
    ]
    assert [event.message_id for event in inbox.events] == ["m"]
    assert [letter.reason for letter in inbox.letters] == ["missing_id", "bad_type"]
    assert inbox.calls == 1


@pytest.mark.parametrize("path", [*CAPTURE_PATHS, *(f"{path}/" for path in CAPTURE_PATHS)])
def test_posthog(client: FlaskClient, inbox: Inbox, path: str) -> None:
    event = {"event": "$pageview", "distinct_id": "u", "uuid": "m"}
    bodies: list[Any] = [
        {"api_key": WRITE, "batch": [event], "sent_at": "2026-01-01T00:00:00Z"},
        {"api_key": WRITE, **event},
        {**event, "properties": {"token": WRITE}},
        [{**event, "properties": {"token": WRITE}}],
    ]
    for body in bodies:
        answer = client.post(f"{path}?ip=0", json=body)
        assert (answer.status_code, answer.json) == (200, {"success": True, "accepted": 1, "rejected": []})
        assert inbox.events[-1].touch is not None


def test_an_event_alone_that_is_refused(client: FlaskClient, inbox: Inbox) -> None:
    answer = client.post("/v1/track", json=BAD, auth=BASIC)
    assert answer.status_code == 400
    assert answer.json is not None
    assert (answer.json["success"], answer.json["code"], answer.json["accepted"]) == (False, "missing_id", 0)
    assert "userId" in answer.json["message"]
    assert [one["index"] for one in answer.json["rejected"]] == [0]
    assert [letter.reason for letter in inbox.letters] == ["missing_id"]
    too_large = {**GOOD, "properties": {"a": "x" * 40_000}}
    assert client.post("/v1/track", json=too_large, auth=BASIC).status_code == 413


def test_an_empty_batch_is_no_event(client: FlaskClient, inbox: Inbox) -> None:
    assert client.post("/v1/batch", json={"batch": []}, auth=BASIC).json == {
        "success": True,
        "accepted": 0,
        "rejected": [],
    }
    assert inbox.calls == 0


class TestKeys:
    def test_each_place(self, client: FlaskClient) -> None:
        body = {"batch": [GOOD]}
        assert client.post("/v1/batch", json=body, auth=BASIC).status_code == 200
        assert client.post("/v1/batch", json=body, headers={"X-Write-Key": WRITE}).status_code == 200
        assert client.post("/v1/batch", json=body | {"writeKey": WRITE}).status_code == 200
        assert client.post("/v1/batch", json=body, headers={"Authorization": f"Bearer {WRITE}"}).status_code == 200

    @pytest.mark.parametrize(
        ("headers", "key", "code"),
        [
            ({}, None, "missing_key"),
            ({}, "nope", "unknown_key"),
            ({}, 3, "missing_key"),
            ({"X-Write-Key": "nope"}, WRITE, "unknown_key"),
            ({"X-Write-Key": SECRET}, None, "wrong_key"),
            ({"X-Write-Key": "x" * 5000}, None, "unknown_key"),
            ({"Authorization": "Basic !!!"}, None, "missing_key"),
            ({"Authorization": "Digest x=y"}, None, "missing_key"),
        ],
    )
    def test_others_are_401(
        self, client: FlaskClient, inbox: Inbox, headers: dict[str, str], key: Any, code: str
    ) -> None:
        answer = client.post("/v1/batch", json={"batch": [GOOD], "writeKey": key}, headers=headers)
        assert answer.status_code == 401
        assert answer.json is not None
        assert (answer.json["success"], answer.json["code"]) == (False, code)
        assert answer.json["detail"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), "a browser opens a window of its own on Basic"
        assert inbox.calls == 0

    def test_a_write_key_reads_nothing(self, client: FlaskClient) -> None:
        for path in ("/v1/spend", "/v1/adjustments"):
            answer = client.post(path, json=[], headers={"Authorization": f"Bearer {WRITE}"})
            assert answer.status_code == 401
            assert answer.json is not None
            assert answer.json["code"] == "wrong_key"
            assert client.post(path, json=[]).status_code == 401


class TestBodies:
    def post(self, client: FlaskClient, data: bytes, **headers: str) -> tuple[int, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Type", "application/json")
        answer = client.post("/v1/batch", data=data, headers=named, auth=BASIC)
        assert answer.json is not None
        return answer.status_code, answer.json.get("code", "")

    def test_packed(self, client: FlaskClient, inbox: Inbox) -> None:
        body = json.dumps({"batch": [GOOD] * 3}).encode()
        assert self.post(client, gzip.compress(body), Content_Encoding="gzip") == (200, "")
        assert self.post(client, b"\xef\xbb\xbf" + body) == (200, "")
        assert self.post(client, body, Content_Type="text/plain;charset=UTF-8") == (200, "")
        assert len(inbox.events) == 9

    def test_limits(self, client: FlaskClient) -> None:
        assert self.post(client, b'{"batch": []' + b" " * 511_987 + b"}") == (200, "")
        assert self.post(client, b'{"batch": []' + b" " * 511_988 + b"}") == (413, "body_too_large")
        assert self.post(client, b" " * 5_000_000) == (413, "body_too_large")
        bomb = gzip.compress(bytes(100_000_000))
        assert self.post(client, bomb, Content_Encoding="gzip") == (413, "body_too_large")
        assert self.post(client, b'{"batch": [' + b"3," * 10_000 + b"3]}") == (413, "too_many_events")

    def test_kinds(self, client: FlaskClient) -> None:
        assert self.post(client, b"{}", Content_Type="application/xml") == (415, "unsupported_media_type")
        assert self.post(client, b"{}", Content_Type="application/json; charset=latin-1")[0] == 415
        assert self.post(client, b"{}", Content_Type="application/x-www-form-urlencoded")[0] == 415
        assert self.post(client, b"{}", Content_Encoding="br") == (415, "unsupported_encoding")
        assert self.post(client, b"{}", Content_Encoding="gzip") == (400, "bad_encoding")
        assert self.post(client, b"{}") == (400, "missing_batch")
        assert self.post(client, b"{") == (400, "malformed")


class TestBackpressure:
    def test_a_full_inbox(self, client: FlaskClient, inbox: Inbox) -> None:
        inbox.failure = TooMany("inbox_full", "Full.", "Later.", retryable=True, retry_after_s=2)
        answer = client.post("/v1/batch", json={"batch": [GOOD]}, auth=BASIC)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")

    def test_no_redis(self, client: FlaskClient, inbox: Inbox) -> None:
        inbox.failure = Unavailable("inbox_unavailable", "Away.", "Later.", retry_after_s=3)
        answer = client.post("/v1/batch", json={"batch": [GOOD]}, auth=BASIC)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
        assert answer.json == {
            "success": False,
            "code": "inbox_unavailable",
            "message": "Away.",
            "detail": "Later.",
        }

    def test_an_error_of_ours(self, client: FlaskClient, inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
        inbox.failure = ZeroDivisionError("secret words")
        answer = client.post("/v1/batch", json={"batch": [GOOD]}, auth=BASIC)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json is not None
        assert answer.json["code"] == "internal_error"
        assert "secret words" not in answer.text
        error_id = answer.json["message"].split("(")[1].split(")")[0]
        assert error_id in caplog.text
        assert "secret words" in caplog.text


class TestBrowsers:
    @pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/batch/", "/capture", "/i/v0/e/"])
    def test_any_page_may_send(self, client: FlaskClient, path: str) -> None:
        asked = {"Origin": "https://x.example", "Access-Control-Request-Method": "POST"}
        answer = client.options(path, headers=asked)
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        for header in ("Authorization", "Content-Type", "X-Write-Key"):
            assert header in answer.headers["Access-Control-Allow-Headers"]
        assert client.post(path, json={}).headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize("path", ["/v1/spend", "/v1/adjustments", "/v1/reconcile", "/healthz", "/"])
    def test_nothing_else_is_offered(self, client: FlaskClient, path: str) -> None:
        for answer in (client.options(path, headers={"Origin": "https://x.example"}), client.get(path)):
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_its_author_hardly_meant_is_kept_and_told(client: FlaskClient, inbox: Inbox) -> None:
    said = {"type": "track", "userId": "u"}
    misspelt = [{**said, "event": name, "properties": {"revenue": 5}} for name in ("order_completed", "OrderCompleted")]
    unpriced = [{**said, "event": "Order Completed", "properties": {"amount": 5, "order_id": n}} for n in ("1", "2")]
    body = {"batch": [*misspelt, *unpriced, {**said, "event": "Something else"}]}
    answer = client.post("/v1/batch", json=body, headers={"X-Write-Key": WRITE})
    assert answer.json is not None
    assert (answer.json["accepted"], answer.json["rejected"]) == (5, [])
    assert [(one["code"], one["field"], one["count"]) for one in answer.json["warnings"]] == [
        ("similar_event", "order_completed", 1),
        ("similar_event", "OrderCompleted", 1),
        ("no_value", "properties.revenue", 2),
    ]
    assert "Send 'Order Completed'" in answer.json["warnings"][0]["detail"]
    assert "fixed value in the rules" in answer.json["warnings"][2]["detail"]
    assert [event.conversion is not None for event in inbox.batches[-1].events] == [False, False, True, True, False]


def test_costs(client: FlaskClient, inbox: Inbox) -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    row = {"day": "2026-01-01", "channel": "email", "amount": 5}
    answer = client.post("/v1/spend", json=[row, {**row, "amount": -1}, {**row, "amount": 6}], headers=headers)
    assert answer.json is not None
    assert (answer.json["accepted"], [one["code"] for one in answer.json["rejected"]]) == (2, ["bad_amount"])
    assert [spent.amount_minor for spent in inbox.batches[-1].spend] == [600]
    assert client.post("/v1/spend", json={"rows": [row]}, headers=headers).json == {
        "success": True,
        "accepted": 1,
        "rejected": [],
    }
    misspelt = client.post("/v1/spend", json=[row, row | {"curency": "EUR"}], headers=headers)
    assert misspelt.json is not None
    (warning,) = misspelt.json["warnings"]
    assert (warning["code"], warning["field"], warning["count"]) == ("unread_field", "curency", 1)
    assert "amount, currency" in warning["detail"]
    one = {"adjustment_id": "a", "type": "retract", "order_id": "o"}
    assert client.post("/v1/adjustments", json=one, headers=headers).status_code == 200
    assert inbox.batches[-1].adjustments[0].adjustment_id == "a"
    assert client.post("/v1/adjustments", json={**one, "type": "x"}, headers=headers).status_code == 400
    nan = b'[{"adjustment_id": "a", "type": "restate", "order_id": "o", "value": NaN}]'
    answer = client.post("/v1/adjustments", data=nan, content_type="application/json", headers=headers)
    assert answer.json is not None
    assert [(one["messageId"], one["code"]) for one in answer.json["rejected"]] == [(None, "not_finite")]
