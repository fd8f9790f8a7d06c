"""Does the edge start fast, without the heavy libraries, and describe itself truly?"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.http.openapi import document
from config.settings import Settings
from tests.unit.http.conftest import SECRET

START = """
import json, sys
from app.http import create_app
from app.http.parts import make_parts
from config.settings import Settings
create_app(Settings())
make_parts(Settings())
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_it_starts_without_the_heavy_libraries() -> None:
    """They would cost each web process seconds and memory; how long it takes is `load/start.py`'s question."""
    answer = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    assert not {"numpy", "scipy", "lightgbm", "pandas", "chdb", "tasks"} & set(json.loads(answer.stdout))


def _described(paths: dict[str, Any]) -> set[tuple[str, str]]:
    return {(path, method) for path, item in paths.items() for method in item}


def test_the_description_names_every_route_and_no_other(app: Flask) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert _described(document(Settings())["paths"]) == routes


def test_every_reference_of_the_description_leads_somewhere() -> None:
    made = document(Settings())
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(made)):
        place = made
        for name in reference.split("/"):
            place = place[name]
    operations = [
        item["operationId"] for path in made["paths"].values() for item in path.values() if "operationId" in item
    ]
    assert len(operations) == len(set(operations))


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_need_nothing_from_elsewhere(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_marks_of_the_descriptions_are_set_and_not_shown(client: FlaskClient) -> None:
    text = client.get("/docs").text
    assert "30 days before <code>to</code> where missing" in text
    assert not re.search(r"`|\*\*", text)


def test_health(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"success": True, "status": "alive"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.json is not None
    assert answer.json["message"] == "clickhouse does not answer."
    assert "TRIBUTARY_CLICKHOUSE_URL" in answer.json["detail"]
    assert answer.json["parts"]["redis"]["ok"] is True


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/v1/conversions/", "order_id"),
        ("GET", "/v1/jobs/", "job_id"),
        ("GET", "/v1/saturation/", "channel"),
        ("GET", "/v1/erasures/", "erasure_id"),
        ("DELETE", "/v1/persons/", "id"),
        ("DELETE", "/v1/experiments/", "experiment_id"),
        ("DELETE", "/v1/webhooks/", "webhook_id"),
    ],
)
def test_a_name_that_was_left_empty_is_named(client: FlaskClient, method: str, path: str, field: str) -> None:
    answer = client.open(path, method=method)
    assert answer.json is not None
    assert (answer.status_code, answer.json["message"]) == (404, f"{field} is empty.")
    assert answer.json["detail"] == f"Name one: {method} {path}{{{field}}}."


@pytest.mark.parametrize("id", ["/A-17", "a/b//c", "/", "//", "a/", "line\nbreak", "😀"])
def test_an_id_may_hold_slashes_anywhere(app: Flask, id: str) -> None:
    addresses = app.url_map.bind("")
    assert addresses.match(f"/v1/conversions/{id}", "GET") == ("reports.conversion", {"order_id": id})
    assert addresses.match(f"/v1/conversions/{id}/history", "GET")[1] == {"order_id": id}
    assert addresses.match(f"/v1/persons/{id}", "DELETE") == ("persons.erase", {"id": id})
    assert addresses.match(f"/v1/saturation/{id}", "GET") == ("saturation.channel", {"channel": id})


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/v1/batch", 405, "method_not_allowed"),
        ("DELETE", "/batch/", 405, "method_not_allowed"),
        ("POST", "/v1/reconcile", 405, "method_not_allowed"),
        ("GET", "/v1//batch", 404, "not_found"),
        ("GET", "/v1/reconcile", 401, "missing_key"),
    ],
)
def test_errors_have_one_form(client: FlaskClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["success"] is False
    assert answer.json["code"] == code
    assert answer.json["message"]
    assert answer.json["detail"]
    assert (status == 405) == ("Allow" in answer.headers)


def _secret(*methods: str) -> list[tuple[str, str]]:
    """Every operation of the description that needs the secret key, as (method, path)."""
    return [
        (method, re.sub(r"{\w+}", "x", path))
        for path, item in document(Settings())["paths"].items()
        for method, operation in item.items()
        if method in methods and operation.get("security") == [{"secretKey": []}]
    ]


@pytest.mark.parametrize(("method", "path"), _secret("get"))
def test_a_parameter_that_nobody_reads_is_refused(client: FlaskClient, method: str, path: str) -> None:
    answer = client.get(f"{path}?nonsense=1", headers={"Authorization": f"Bearer {SECRET}"})
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (400, "unknown_parameter")
    assert "'nonsense'" in answer.json["message"]
    assert answer.json["detail"]


def test_a_parameter_given_twice_is_refused(client: FlaskClient) -> None:
    path = "/v1/reports/attribution?by=channel&by=day"
    answer = client.get(path, headers={"Authorization": f"Bearer {SECRET}"})
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (400, "repeated_parameter")
    assert "commas" in answer.json["detail"]


@pytest.mark.parametrize(("method", "path"), _secret("post", "put", "patch"))
def test_every_posted_body_is_read_alike(client: FlaskClient, method: str, path: str) -> None:
    def send(data: bytes, kind: str = "application/json", **headers: str) -> tuple[int, str]:
        headers |= {"Authorization": f"Bearer {SECRET}", "Content-Type": kind}
        answer = client.open(path, method=method, data=data, headers=headers)
        assert answer.json is not None
        assert answer.json["message"]
        assert answer.json["detail"]
        return answer.status_code, answer.json["code"]

    assert send(b"{}", "text/xml") == (415, "unsupported_media_type")
    assert send(b" " * 600_000) == (413, "body_too_large")
    for bad in (b"{", b"[" * 20_000, b'{"x":' * 5_000, b"\xff", b"3"):
        assert send(bad)[0] == 400
    packed = gzip.compress(b'{"nonsense": 1}')
    assert send(packed, **{"Content-Encoding": "gzip"})[0] == send(b'{"nonsense": 1}')[0] == 400
