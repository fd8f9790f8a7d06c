"""Is a change of retention a change of the rows that are stored, and of no other tenant's?"""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from app.errors import BadInput, NotFound
from app.http import create_app
from app.storage.connections import close_all
from app.storage.statements import TenantStatement
from app.tenants.tenant import Tenant
from tests.integration.pipeline.conftest import NOON, Pipeline, order, pipeline, touch

__all__ = ["pipeline"]

TABLES = ("events", "touchpoints", "conversions", "conversions_by_user")
KEPT = {
    table: TenantStatement(f"test_kept_{table}", f"SELECT DISTINCT retention_days FROM {table} WHERE {{tenant}}")
    for table in TABLES
}


def kept(pipeline: Pipeline, tenant: Tenant) -> dict[str, list[int]]:
    found = {}
    for table, statement in KEPT.items():
        rows = pipeline.context.storage.rows(statement, tenant_id=tenant.tenant_id)
        found[table] = sorted(days for (days,) in rows)
    return found


def within(seconds: float, wanted: dict[str, list[int]], pipeline: Pipeline, tenant: Tenant) -> None:
    """Mutations are not waited for by who begins them."""
    end = time.monotonic() + seconds
    while kept(pipeline, tenant) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    assert kept(pipeline, tenant) == wanted


def test_stored_rows_follow(pipeline: Pipeline) -> None:
    one, other = pipeline.tenant(), pipeline.tenant()
    for tenant in (one, other):
        pipeline.send(tenant, touch("u:1", NOON - 9), order("u:1", NOON, "1"))
    pipeline.settle()
    changed = pipeline.context.registry.set_retention(one.tenant_id, 3650)
    assert changed.retention_days == 3650
    assert pipeline.context.registry.fresh(one.tenant_id) == changed
    within(10, {table: [3650] for table in TABLES}, pipeline, one)
    assert kept(pipeline, other) == {table: [4000] for table in TABLES}
    assert pipeline.context.registry.by_slug(one.slug) == changed


@pytest.mark.parametrize("days", [0, -1, 3651, 70_000])
def test_what_no_column_holds_is_refused(pipeline: Pipeline, days: int) -> None:
    tenant = pipeline.tenant()
    with pytest.raises(BadInput, match="retention_days"):
        pipeline.context.registry.set_retention(tenant.tenant_id, days)
    assert pipeline.context.registry.fresh(tenant.tenant_id) == tenant


def test_nobody_has_no_retention(pipeline: Pipeline) -> None:
    with pytest.raises(NotFound):
        pipeline.context.registry.set_retention(4_000_000, 9)


def test_over_http(pipeline: Pipeline) -> None:
    client = create_app(pipeline.context.settings).test_client()
    tenant, _, key = pipeline.context.registry.create(f"t-{uuid.uuid4().hex[:12]}", "Test")
    headers = {"Authorization": f"Bearer {key}"}

    def patch(body: Any) -> tuple[int, Any]:
        answer = client.patch("/v1/tenant", json=body, headers=headers)
        return answer.status_code, answer.get_json()

    assert client.get("/v1/tenant", headers=headers).get_json()["retention_days"] == 400
    status, found = patch({"retention_days": 730})
    assert (status, found["slug"], found["retention_days"]) == (200, tenant.slug, 730)
    assert client.get("/v1/tenant", headers=headers).get_json()["retention_days"] == 730
    assert patch({"retention_days": 0})[1]["code"] == "bad_retention"
    assert patch({"retention_days": "9"})[1]["code"] == "bad_body"
    assert patch({"timezone": "UTC"})[1]["code"] == "bad_body"
    assert client.patch("/v1/tenant", json={"retention_days": 9}).status_code == 401
    close_all()
