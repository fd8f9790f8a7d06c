"""Do the reads answer over HTTP, to the right tenant, and say what is wrong with a bad request?"""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from app.storage import keys
from app.storage.redis import make_redis
from config.celery_app import make_celery
from config.settings import Settings
from tests.integration.reports.callers import MARCH, Caller


def test_the_report_is_the_tenants_own(callers: tuple[Caller, Caller]) -> None:
    for caller, value in zip(callers, (10_001, 77), strict=True):
        answer = caller.get(f"/v1/reports/attribution?{MARCH}&models=linear&by=channel,day")
        assert answer.status_code == 200
        body = answer.get_json()
        assert [row["value_minor"] for row in body["totals"]] == [value]
        assert sum(row["value_minor"] for row in body["rows"]) == value
        assert body["reconciled"] is True


def test_reconcile_and_explain(callers: tuple[Caller, Caller]) -> None:
    body = callers[0].get(f"/v1/reconcile?{MARCH}").get_json()
    assert body["reconciled"] is True
    assert {line["total"]["value"] for line in body["models"]} == {"100.01"}
    body = callers[1].get("/v1/conversions/o/1%20%C3%BC?conversion_type=Order%20Completed").get_json()
    assert body["conversion"]["value"] == "0.77"
    assert [touch["reason"] for touch in body["touches"]] == ["credited", "credited"]


def test_the_export_is_csv(callers: tuple[Caller, Caller]) -> None:
    answer = callers[0].get(f"/v1/export/ledger?format=csv&{MARCH}")
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.is_streamed
    lines = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert len(lines) == 10
    assert sum(int(line["gross_minor"]) for line in lines if line["model"] == "time_decay") == 10_001
    assert {line["order_id"] for line in lines} == {"o/1 ü"}


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/v1/reports/attribution?from=yesterday", 400, "from"),
        ("/v1/reports/attribution?to=2025-13-01", 400, "to"),
        ("/v1/reports/attribution?by=colour", 400, "by"),
        ("/v1/reports/attribution?models=best", 400, "models"),
        ("/v1/reports/attribution?currency=nope", 400, "currency"),
        ("/v1/reports/attribution?channel=email", 400, "channel"),
        ("/v1/export/ledger?limit=0", 400, "limit"),
        ("/v1/changes?limit=1001", 400, "limit"),
        (f"/v1/reports/attribution?{MARCH}&currency=EUR", 400, "2025-03-10 from USD into EUR"),
        ("/v1/reconcile?from=2025-03-02&to=2025-03-01", 400, "before"),
        ("/v1/conversions/nowhere", 404, "order_id"),
        (f"/v1/conversions/{'x' * 600}", 400, "order_id"),
        ("/v1/export/ledger?after=x", 400, "after"),
        ("/v1/export/ledger?format=xml", 400, "format"),
        ("/v1/export/ledger?text=loud", 400, "text"),
        ("/v1/export/ledger?format=parquet&header=no", 400, "header"),
        ("/v1/jobs/none", 404, "job"),
    ],
)
def test_bad_requests_are_answered_clearly(callers: tuple[Caller, Caller], path: str, status: int, word: str) -> None:
    answer = callers[0].get(path)
    body = answer.get_json()
    assert (answer.status_code, body["success"]) == (status, False)
    assert word in body["message"]
    assert body["detail"]


@pytest.mark.parametrize(
    "path", ["/v1/reports/attribution", "/v1/reconcile", "/v1/conversions/o1", "/v1/export/ledger", "/v1/jobs/j"]
)
def test_a_secret_key_is_needed(callers: tuple[Caller, Caller], path: str) -> None:
    assert callers[0].client.get(path).status_code == 401
    assert callers[0].client.get(path, headers={"Authorization": "Bearer sk_made_up"}).status_code == 401


def test_a_job_belongs_to_its_tenant(
    fresh_callers: tuple[Caller, Caller], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The process-wide Celery app speaks to the Redis of the environment; this test has its own.
    monkeypatch.setattr("app.ingest.wake.celery", make_celery(settings))
    answer = fresh_callers[0].post("/v1/reattribute", {"from": "2025-03-01", "to": "2025-04-01"})
    assert answer.status_code == 200
    job_id = answer.get_json()["job_id"]
    job = fresh_callers[0].get(f"/v1/jobs/{job_id}").get_json()
    assert job["conversions"]["total"] == 1
    assert job["state"] == "open"
    assert fresh_callers[1].get(f"/v1/jobs/{job_id}").status_code == 404
    again = fresh_callers[0].post("/v1/reattribute", {"from": "2025-03-01", "to": "2025-03-02"}).get_json()["job_id"]
    listed = fresh_callers[0].get("/v1/jobs").get_json()["jobs"]
    assert [one["job_id"] for one in listed] == [again, job_id]
    assert listed[1] == job
    assert fresh_callers[1].get("/v1/jobs").get_json() == {"jobs": []}
    make_redis(settings.redis_url).delete(keys.run(again))  # as 7 days do
    assert fresh_callers[0].get("/v1/jobs").get_json() == {"jobs": [job]}


@pytest.mark.parametrize(
    "body",
    [{}, [], "x", {"from": "2025-03-01"}, {"from": 1, "to": 2}, {"from": "2025-03-01", "to": "2025-04-01", "x": 1}],
)
def test_reattribute_needs_both_days(callers: tuple[Caller, Caller], body: Any) -> None:
    answer = callers[0].post("/v1/reattribute", body)
    assert answer.status_code == 400
    assert answer.get_json()["detail"]


def test_persons_history_and_webhooks_are_the_tenants_own(fresh_callers: tuple[Caller, Caller]) -> None:
    one, other = fresh_callers
    order = "/v1/conversions/o%2F1%20%C3%BC"
    assert one.get(f"{order}/history").get_json()["changes"] == []
    missing = one.get("/v1/conversions/none/history").get_json()
    assert missing == one.get("/v1/conversions/none").get_json(), "whoever asks is told where the order may be"
    assert (missing["code"], "inbox" in missing["detail"]) == ("unknown_order", True)
    assert one.post("/v1/persons/unmerge", {"id": "1", "from": "2"}).status_code == 404
    assert one.post("/v1/persons/unmerge", {"id": "1"}).status_code == 400
    bearer = {"Authorization": f"Bearer {one.key}"}
    assert one.client.delete("/v1/persons/1?conversions=keep", headers=bearer).status_code == 400
    erased = one.client.delete("/v1/persons/1?conversions=remove", headers=bearer)
    assert erased.status_code == 200
    told = erased.get_json()
    assert one.get(told["url"]).get_json()["state"] == "hidden"
    assert other.get(told["url"]).status_code == 404
    assert one.get(f"/v1/jobs/{told['job_id']}").get_json()["kind"] == "erase"
    assert one.client.delete("/v1/persons/9", headers=bearer).status_code == 404
    assert one.post("/v1/webhooks", {"url": "http://127.0.0.1/"}).status_code == 400
    made = one.post("/v1/webhooks", {"url": "https://93.184.216.34/hook", "kinds": ["erase"]}).get_json()
    assert made["secret"].startswith("whsec_")
    assert [hook["url"] for hook in one.get("/v1/webhooks").get_json()["webhooks"]] == ["https://93.184.216.34/hook"]
    assert "secret" not in one.get("/v1/webhooks").get_json()["webhooks"][0]
    assert other.get("/v1/webhooks").get_json()["webhooks"] == []
    address = f"/v1/webhooks/{made['webhook_id']}"
    assert other.client.delete(address, headers={"Authorization": f"Bearer {other.key}"}).status_code == 404
    assert one.client.delete(address, headers=bearer).status_code == 200
    part = other.get(f"/v1/export/ledger?{MARCH}&limit=1")
    assert part.status_code == 200
    assert "Tributary-Next-Cursor" not in part.headers


def test_reports_are_told_without_redis_and_what_needs_it_says_so(
    callers: tuple[Caller, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = callers
    assert one.get(f"/v1/reports/journeys?{MARCH}").status_code == 200
    monkeypatch.setattr("app.http.reports.get_redis", lambda settings: make_redis("redis://127.0.0.1:1/0"))
    for path in ("reports/journeys", "reports/attribution", "reports/compare", "reconcile"):
        answer = one.get(f"/v1/{path}?{MARCH}")
        assert (answer.status_code, answer.get_json()["reconciled"]) == (200, True), path
    answer = one.get(f"/v1/reports/channels?{MARCH}")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "redis_unavailable")
    assert "/readyz" in answer.get_json()["detail"]
    assert answer.headers["Retry-After"] == "2"
