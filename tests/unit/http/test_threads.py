"""Can what waits for ClickHouse keep events from being taken?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient

from app.http import create_app, threads
from app.http.parts import parts
from config.settings import Settings
from tests.unit.http.conftest import WRITE

EVENT = {"userId": "ada", "event": "Looked", "messageId": "m1"}


@pytest.fixture
def slow(app: Flask, monkeypatch: pytest.MonkeyPatch) -> tuple[FlaskClient, threading.Event, threading.Event]:
    """An app of two threads, one of them for events. `/slow` says that it has begun, and waits; `/stream` streams."""
    monkeypatch.setattr(threads, "WAIT_S", 0.01)
    with app.app_context():
        given = parts()
    made = create_app(replace(Settings(), edge_threads=2), given)
    begun, ends, bp = threading.Event(), threading.Event(), Blueprint("slow", __name__)

    @bp.get("/slow")
    def slow() -> Response:
        begun.set()
        ends.wait(10)
        return Response("done")

    @bp.get("/stream")
    def stream() -> Response:
        return Response(iter([b"a", b"b"]))

    @bp.get("/wrong")
    def wrong() -> Response:
        raise ValueError("on purpose")

    made.register_blueprint(bp)
    return made.test_client(), begun, ends


def _takes_events(client: FlaskClient) -> bool:
    return client.post("/v1/track", json=EVENT, headers={"X-Write-Key": WRITE}).status_code == 200


def test_one_that_waits_leaves_a_thread_for_events(slow: tuple[FlaskClient, threading.Event, threading.Event]) -> None:
    client, begun, ends = slow
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(client.get("/slow").status_code))
    waiting.start()
    assert begun.wait(10)
    refused = client.get("/stream")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert refused.json is not None
    assert refused.json["code"] == "busy"
    assert "/readyz" in refused.json["detail"]
    assert _takes_events(client)
    ends.set()
    waiting.join()
    assert answers == [200]
    assert client.get("/slow").status_code == 200


def test_many_that_wait_leave_a_thread_too(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two kept threads one may be waited in: the next is refused at once, though the wait would be long."""
    monkeypatch.setattr(threads, "ONE_IN", 2)
    monkeypatch.setattr(threads, "WAIT_S", 30)
    with app.app_context():
        given = parts()
    made = create_app(replace(Settings(), edge_threads=4), given)
    begun, ends, bp = threading.Semaphore(0), threading.Event(), Blueprint("slow", __name__)

    @bp.get("/slow")
    def slow() -> Response:
        begun.release()
        ends.wait(30)
        return Response("done")

    made.register_blueprint(bp)
    client = made.test_client()
    answers: list[int] = []

    def ask() -> None:
        answers.append(made.test_client().get("/slow").status_code)

    two = [threading.Thread(target=ask) for _ in range(2)]
    for one in two:
        one.start()
    assert all(begun.acquire(timeout=10) for _ in two)
    rest = [threading.Thread(target=ask) for _ in range(2)]  # one waits, and the other is refused
    for one in rest:
        one.start()
    for _ in range(1_000):
        if not answers:
            ends.wait(0.01)
    assert answers == [503]
    assert _takes_events(client)
    ends.set()
    for one in two + rest:
        one.join()
    assert sorted(answers) == [200, 200, 200, 503]


def test_a_streamed_answer_holds_its_thread_to_its_end(
    slow: tuple[FlaskClient, threading.Event, threading.Event],
) -> None:
    client, _, _ = slow
    for is_read in (True, False):
        answer = client.get("/stream")
        assert client.get("/stream").status_code == 503
        assert _takes_events(client)
        if is_read:
            assert answer.data == b"ab"
        else:
            answer.close()
    head: Iterator[bytes] = client.head("/stream", buffered=True).iter_encoded()
    assert list(head) == []
    assert client.get("/stream", buffered=True).data == b"ab"


def test_one_that_fails_lets_go_of_its_thread(slow: tuple[FlaskClient, threading.Event, threading.Event]) -> None:
    client, _, _ = slow
    for _ in range(3):
        assert client.get("/wrong").json["code"] == "internal_error"  # type: ignore[index]
