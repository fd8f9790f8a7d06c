"""How do the CLI and the demo speak to a running edge? As any client would: HTTP, kept alive, tried again."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from app.errors import TributaryError

TRIES = 6


class Edge:
    """One connection to one edge, for one thread.

    Parameters
    ----------
    url : such as ``http://127.0.0.1:8000``.
    write_key, secret_key : what the calls made need.
    """

    def __init__(self, url: str, *, write_key: str = "", secret_key: str = "", timeout_s: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self._write_key = write_key
        self._secret_key = secret_key
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.close()

    def send_events(self, events: list[dict[str, Any]], sent_at: str) -> dict[str, Any]:
        """POST a batch of events; the answer."""
        token = base64.b64encode(f"{self._write_key}:".encode()).decode()
        return self._call("POST", "/v1/batch", {"batch": events, "sentAt": sent_at}, f"Basic {token}")

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self._call("POST", path, body, f"Bearer {self._secret_key}")

    def put(self, path: str, body: Any) -> dict[str, Any]:
        return self._call("PUT", path, body, f"Bearer {self._secret_key}")

    def delete(self, path: str) -> dict[str, Any]:
        return self._call("DELETE", path, None, f"Bearer {self._secret_key}")

    def get(self, path: str, query: Mapping[str, str | None] | None = None) -> dict[str, Any]:
        return self._call("GET", _with_query(path, query), None, f"Bearer {self._secret_key}")

    def pieces(self, path: str, query: Mapping[str, str | None]) -> Iterator[bytes]:
        """A long answer, piece by piece."""
        try:
            answer = self._answer("GET", _with_query(path, query), None, f"Bearer {self._secret_key}")
            if answer.status != 200:
                raise _error_of(answer, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        try:
            while piece := answer.read1(1 << 16):
                yield piece
            is_whole = not answer.length
        except (OSError, http.client.HTTPException):
            is_whole = False
        if not is_whole:
            raise TributaryError("cut_off", "The answer was cut off.", "Ask again; if it stays so, see the web log.")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, method: str, path: str, body: Any, authorization: str) -> dict[str, Any]:
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        for attempt in range(TRIES):
            try:
                answer = self._answer(method, path, data, authorization)
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if attempt == TRIES - 1:
                    raise self._unreachable(error) from error
                time.sleep(min(0.1 * 2**attempt, 2.0))
                continue
            if answer.status in (429, 503) and attempt < TRIES - 1:
                time.sleep(_retry_after_s(answer))
                continue
            if answer.status != 200:
                raise _error_of(answer, content)
            return dict(json.loads(content))
        raise AssertionError("unreachable")

    def _unreachable(self, error: Exception) -> TributaryError:
        remedy = "Start the stack with `tributary up`, or say where it is: --url."
        return TributaryError("edge_unreachable", f"{self.url} does not answer ({error}).", remedy)

    def _answer(self, method: str, path: str, data: bytes | None, authorization: str) -> http.client.HTTPResponse:
        parts = urlsplit(self.url)
        if self._connection is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(parts.netloc, timeout=self._timeout_s)
        headers = {"Authorization": authorization, "User-Agent": "tributary-cli"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(method, parts.path + path, data, headers)
        return self._connection.getresponse()


def _with_query(path: str, query: Mapping[str, str | None] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def _retry_after_s(answer: http.client.HTTPResponse) -> float:
    text = answer.getheader("Retry-After") or ""
    return min(float(text), 10.0) if text.isdigit() else 1.0


def _error_of(answer: http.client.HTTPResponse, content: bytes) -> TributaryError:
    """The error that the edge has answered, in its own words."""
    try:
        words = json.loads(content)
        return TributaryError(
            str(words["code"]), str(words["message"]), str(words.get("detail") or ""), status=answer.status
        )
    except (ValueError, KeyError, TypeError):
        return TributaryError(
            "unexpected_answer", f"The edge answered {answer.status} {answer.reason}.", "See the web log."
        )
