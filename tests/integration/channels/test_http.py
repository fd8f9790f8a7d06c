"""Lint and reclassification over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

from app.http import create_app
from app.storage.connections import close_all
from tests.integration.channels.test_reclassify import PARTNERS, visit
from tests.integration.pipeline.conftest import NOON, Pipeline, order

RANGE = {"from": "2026-09-01", "to": "2026-10-01"}


def test_broken_parameters_are_listed_and_mended(pipeline: Pipeline) -> None:
    client = create_app(pipeline.context.settings).test_client()
    tenant, _, key = pipeline.context.registry.create(f"t-{uuid.uuid4().hex[:12]}", "Test")

    def call(method: str, path: str, **more: Any) -> Any:
        return client.open(path, method=method, headers={"Authorization": f"Bearer {key}"}, **more).get_json()

    sent = [visit(NOON - n, "p-7", "affiliat", "spring", channel="unassigned") for n in (1, 2)]
    pipeline.send(tenant, *sent, visit(NOON - 3, "google", "cpc", "x", channel="paid_search"), order("u:1", NOON, "1"))
    pipeline.settle()
    found = call("GET", "/v1/channels/lint", query_string=RANGE)
    (row,) = found["rows"]
    assert (row["source"], row["touches"], found["combinations"]) == ("p-7", 2, 2)
    assert [problem["code"] for problem in row["problems"]] == ["unknown_medium"]

    pipeline.context.registry.set_rules(tenant.tenant_id, PARTNERS)
    done = call("POST", "/v1/channels/reclassify", json=RANGE)
    assert (done["touches"], done["touches_changed"], done["conversions"]) == (3, 2, 1)
    pipeline.finish(done["job_id"])
    assert pipeline.ledger(tenant)[0]["channels"] == ["paid_search", "partners", "partners"]
    again = call("POST", "/v1/channels/reclassify", json=RANGE)
    assert again["touches_changed"] == 0

    bad = call("POST", "/v1/channels/reclassify", json={"from": "2026-09-01"})
    assert (bad["code"], bool(bad["detail"])) == ("bad_body", True)
    close_all()


RENAMED = {
    "source_aliases": [{"how": "exact", "value": "fb", "name": "facebook"}],
    "campaign_aliases": [{"how": "prefix", "value": "brand", "name": "brand"}],
    "channel_rules": [{"channel": "partners", "when": [{"field": "campaign", "how": "prefix", "value": "aff-"}]}],
}


def test_spend_gets_the_names_of_its_touches_and_keeps_them(pipeline: Pipeline) -> None:
    client = create_app(pipeline.context.settings).test_client()
    tenant, _, key = pipeline.context.registry.create(f"t-{uuid.uuid4().hex[:12]}", "Test", currency="USD")

    def call(method: str, path: str, **more: Any) -> Any:
        return client.open(path, method=method, headers={"Authorization": f"Bearer {key}"}, **more).get_json()

    def put(rules: dict[str, Any]) -> None:
        for job_id in call("PUT", "/v1/rules", json={"rules": rules})["job_ids"]:
            pipeline.finish(job_id)

    def classify_again() -> Any:
        done = call("POST", "/v1/channels/reclassify", json=RANGE)
        if done["job_id"]:
            pipeline.finish(done["job_id"])
        return done

    def spent() -> Any:
        report = call(
            "GET", "/v1/reports/attribution", query_string={**RANGE, "by": "channel,campaign", "models": "linear"}
        )
        rows = {(row["channel"], row["campaign"]): row["spend_minor"] for row in report["rows"]}
        unmatched = report["spend"]["unmatched"]
        return rows, [(line["channel"], line["campaign"]) for line in (*unmatched["spend"], *unmatched["credit"])]

    def spend(*rows: dict[str, Any]) -> None:
        sent = [{"day": "2026-09-20", "currency": "USD"} | row for row in rows]
        assert call("POST", "/v1/spend", json={"rows": sent})["accepted"] == len(rows)
        pipeline.settle()

    fb = {"source": "fb", "medium": "cpc", "campaign": "Brand_US"}
    pipeline.send(
        tenant,
        visit(NOON - 2, "fb", "cpc", "Brand_US", channel="paid_social"),
        visit(NOON - 1, "google", "cpc", "aff-1", channel="paid_search"),
        order("u:1", NOON, "1"),
    )
    # Two campaigns that will be one are two rows: neither replaces the other, and a newer amount replaces its own.
    spend(fb | {"amount": 5}, fb | {"campaign": "brand_de", "amount": 7}, fb | {"amount": 3})
    spend({"source": "google", "medium": "cpc", "campaign": "aff-1", "amount": 2}, fb | {"amount": 4})
    before = {("paid_social", "Brand_US"): 400, ("paid_search", "aff-1"): 200}
    assert spent() == (before, [("paid_social", "brand_de")])

    put(RENAMED)
    assert spent()[0] == before, "rules of today, the past as it was"
    done = classify_again()
    assert (done["touches_changed"], done["spend"], done["spend_changed"]) == (2, 3, 3)
    assert spent() == ({("paid_social", "brand"): 1_100, ("partners", "aff-1"): 200}, [])
    assert classify_again()["spend_changed"] == 0
    # What comes now is named at once; the same row again replaces the one that was named again.
    spend(fb | {"campaign": "brand_at", "amount": 1}, fb | {"amount": 6})
    assert spent() == ({("paid_social", "brand"): 1_400, ("partners", "aff-1"): 200}, [])

    put({})
    assert classify_again()["spend_changed"] == 4
    rows, unmatched = spent()
    assert rows == before | {("paid_social", "Brand_US"): 600}
    assert unmatched == [("paid_social", "brand_at"), ("paid_social", "brand_de")]
    close_all()
