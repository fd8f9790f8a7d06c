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
