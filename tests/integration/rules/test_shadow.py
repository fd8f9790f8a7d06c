"""A second rule set beside the first: does it credit as if it were in force, and leave the first alone?"""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from app.ledger.erase import request_erasure
from app.ledger.erasing import Erasing
from app.ledger.rules_change import drop_shadow
from app.storage.erasures import erasure
from app.storage.shadow import of_shadow
from app.storage.statements import TenantStatement
from app.storage.touches import touches_of
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant
from tests.integration.pipeline.conftest import DAILY, DAY, LEDGER, Pipeline, order, touch
from tests.integration.rollups import require_rollups
from tests.integration.rules.test_http import TODAY, Caller, caller, month

__all__ = ["caller"]

OTHER: dict[str, Any] = {
    "skip_direct": True,
    "position_preset": "j",
    "click_window_ms": 5 * DAY,
    "conversions": [{"event": "Order Completed", "reset": True}],
}
PERSONS = TenantStatement(
    "test_persons", "SELECT DISTINCT person FROM ledger_shadow WHERE {tenant} AND person != '' ORDER BY person"
)
RUNS = TenantStatement("test_versions", "SELECT max(version), count() FROM ledger WHERE {tenant}")


def ledger(pipeline: Pipeline, tenant: Tenant) -> list[tuple[Any, ...]]:
    return pipeline.context.storage.rows(LEDGER, tenant_id=tenant.tenant_id)


def shadow_ledger(pipeline: Pipeline, tenant: Tenant) -> list[tuple[Any, ...]]:
    return pipeline.context.storage.rows(of_shadow(LEDGER), tenant_id=tenant.tenant_id)


def shadow_daily(pipeline: Pipeline, tenant: Tenant) -> list[tuple[Any, ...]]:
    if pipeline.context.registry.fresh(tenant.tenant_id).shadow is not None:
        require_rollups(pipeline.context.storage, tenant, shadow=True)
    return pipeline.context.storage.rows(of_shadow(DAILY), tenant_id=tenant.tenant_id)


def put(caller: Caller, rules: dict[str, Any], apply: Any = "history") -> dict[str, Any]:
    status, found = caller.call("PUT", "/v1/rules/shadow", {"rules": rules, "apply": apply})
    assert status == 200, found
    for job_id in found["job_ids"]:
        caller.pipeline.finish(job_id)
    return dict(found)


def fresh_start(caller: Caller, *events: Any) -> Tenant:
    """Another tenant, with the shadow's rules as its own, to whom the same happened at once."""
    shadow = caller.pipeline.context.registry.fresh(caller.tenant.tenant_id).shadow
    assert shadow is not None
    tenant = caller.pipeline.tenant(rules=shadow.rules)
    caller.pipeline.send(tenant, *events)
    caller.pipeline.settle()
    return tenant


def test_the_shadow_is_what_the_rules_would_give_and_the_ledger_stays(caller: Caller) -> None:
    pipeline, tenant, events = caller.pipeline, caller.tenant, month(5)
    caller.send(*events[::2])
    before, versions = ledger(pipeline, tenant), pipeline.context.storage.rows(RUNS, tenant_id=tenant.tenant_id)
    found = put(caller, OTHER)
    assert (found["version"], found["changed"], found["applies_from"]) == (1, True, None)
    assert found["conversions"] == len(before)
    assert ledger(pipeline, tenant) == before
    assert pipeline.context.storage.rows(RUNS, tenant_id=tenant.tenant_id) == versions, "no row was written again"
    # What comes now, late touches and orders of every day among it, is credited under both.
    caller.send(*events[1::2])
    fresh = fresh_start(caller, *events)
    assert shadow_ledger(pipeline, tenant) == ledger(pipeline, fresh)
    assert shadow_daily(pipeline, tenant) == pipeline.daily(fresh)
    plain = pipeline.tenant()
    pipeline.send(plain, *events)
    pipeline.settle()
    assert ledger(pipeline, tenant) == ledger(pipeline, plain)
    assert pipeline.daily(tenant) == pipeline.daily(plain)
    assert shadow_daily(pipeline, tenant) != pipeline.daily(tenant)


def test_reports_read_it_and_it_reconciles(caller: Caller) -> None:
    caller.send(*month(6))
    put(caller, OTHER)
    fresh = caller.call("GET", "/v1/reports/attribution")[1]
    status, shadow = caller.call("GET", "/v1/reports/attribution?rules=shadow")
    assert (status, shadow["rules"], shadow["rules_version"], shadow["reconciled"]) == (200, "shadow", 1, True)
    assert shadow["totals"] == fresh["totals"]
    assert shadow["rows"] != fresh["rows"]
    for more in ("by=source", "as_of=2999-01-01", "adjusted=adjustment_day", "currency=USD"):
        status, found = caller.call("GET", f"/v1/reports/attribution?rules=shadow&{more}")
        if status == 200 and more != "by=source":
            assert found["rows"] == shadow["rows"], more
        assert status == (400 if "2999" in more else 200), found
    proof = caller.call("GET", "/v1/reconcile?rules=shadow")[1]
    assert (proof["rules"], proof["reconciled"], proof["pending"]) == ("shadow", True, 0)
    assert caller.call("GET", "/v1/reports/compare?rules=shadow")[1]["rules"] == "shadow"
    status, found = caller.call("GET", "/v1/reports/attribution?rules=other")
    assert (status, found["code"]) == (400, "bad_rules")


def without_own(answer: Any) -> Any:
    """An answer without what is each tenant's own: versions, times of runs, and intervals (seeded by tenant)."""
    own = ("rules", "rules_version", "as_of", "run_id", "conversion", "disagrees")
    if isinstance(answer, list):
        return [without_own(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    return {name: without_own(answer[name]) for name in answer if name not in own and not name.endswith("_interval")}


def test_every_report_of_it_is_that_of_a_tenant_with_its_rules(caller: Caller) -> None:
    events = [
        msgspec.structs.replace(event, touch=msgspec.structs.replace(event.touch, source=f"s{number % 3}"))
        if event.touch
        else event
        for number, event in enumerate(month(9))
    ]
    caller.send(*events)
    put(caller, OTHER)
    fresh = fresh_start(caller, *events)
    key = caller.pipeline.context.registry.rotate_key(fresh.slug, "secret")
    other = Caller(caller.client, caller.pipeline, fresh, key)
    for path in (
        *("/v1/reports/journeys", "/v1/reports/journeys?with=non_converting", "/v1/reports/compare"),
        *("/v1/reports/attribution?by=source", "/v1/reports/attribution?by=campaign,week", "/v1/conversions/o3"),
    ):
        status, shadow = caller.call("GET", f"{path}{'&' if '?' in path else '?'}rules=shadow")
        assert (status, shadow["rules"]) == (200, "shadow"), shadow
        status, plain = other.call("GET", path)
        assert without_own(shadow) == without_own(plain), path
        assert caller.call("GET", path)[1] != plain
    lines = [one.export(path) for one, path in ((caller, "rules=shadow"), (other, ""))]
    assert len(lines[0]) > 100
    assert lines[0] == lines[1]
    assert caller.export("") != lines[0]


def test_an_explanation_names_the_rules_that_made_its_row(caller: Caller) -> None:
    caller.put({"touch_cap": 7}, "history")
    caller.send(touch("u:1", TODAY - 9, "a"), order("u:1", TODAY, "1"), order("u:1", TODAY - 5 * DAY, "0"))
    text = time.strftime("%Y-%m-%d", time.gmtime((TODAY - DAY) // 1000))
    put(caller, {"first_weight": 0.5, "middle_weight": 0, "last_weight": 0.5}, {"from": text})
    # Another shadow whose run is not done yet: the rows are of the one before.
    status, _ = caller.call("PUT", "/v1/rules/shadow", {"rules": {"half_life_ms": 5}, "apply": {"from": text}})
    assert status == 200
    shadow = caller.call("GET", "/v1/conversions/1?rules=shadow")[1]
    assert (shadow["rules_version"], shadow["formulas"]["time_decay"][:15]) == (1, "2^(-age / 60480")
    assert caller.call("GET", "/v1/conversions/0?rules=shadow")[1]["rules_version"] == caller.tenant.rules.version + 1
    assert "rules" not in caller.call("GET", "/v1/conversions/1")[1]


def test_before_its_day_the_rules_in_force_count(caller: Caller) -> None:
    day = TODAY - 5 * DAY
    caller.send(touch("u:1", day - 9, "direct"), touch("u:1", day - 10, "a"), order("u:1", day - 1, "early"))
    caller.send(order("u:1", day, "late"))
    text = time.strftime("%Y-%m-%d", time.gmtime(day // 1000))
    found = put(caller, {"skip_direct": True}, {"from": text})
    assert found["conversions"] == 2
    rows = {row[1]: row[12] for row in shadow_ledger(caller.pipeline, caller.tenant)}
    assert rows == {"early": ["a", "direct"], "late": ["a"]}
    # A change of the rules in force is a change of the shadow's, before its day; versions of both may be equal.
    caller.put({"excluded_channels": ["a"]}, "history")
    rows = {row[1]: row[12] for row in shadow_ledger(caller.pipeline, caller.tenant)}
    assert rows == {"early": ["direct"], "late": ["a"]}
    assert caller.channels() == {"early": ["direct"], "late": ["direct"]}


def test_a_wider_window_of_the_shadow_finds_late_touches(caller: Caller) -> None:
    caller.put({"click_window_ms": DAY}, "history")
    put(caller, {"click_window_ms": 9 * DAY})
    caller.send(order("u:1", TODAY, "1"))
    caller.send(touch("u:1", TODAY - 5 * DAY, "late"))
    assert caller.channels() == {"1": []}
    assert [row[12] for row in shadow_ledger(caller.pipeline, caller.tenant)] == [["late"]]


def test_deleting_it_drops_its_rows(caller: Caller) -> None:
    pipeline, tenant = caller.pipeline, caller.tenant
    assert caller.call("GET", "/v1/rules/shadow")[0] == 404
    assert caller.call("GET", "/v1/reports/attribution?rules=shadow")[1]["code"] == "no_shadow"
    assert caller.call("DELETE", "/v1/rules/shadow")[1] == {"success": True, "deleted": False}
    caller.send(*month(7))
    put(caller, OTHER)
    assert put(caller, OTHER)["changed"] is False
    assert caller.call("GET", "/v1/rules/shadow")[1]["rules"]["skip_direct"] is True
    assert len(shadow_ledger(pipeline, tenant)) == 25
    before = pipeline.daily(tenant)
    assert caller.call("DELETE", "/v1/rules/shadow")[1] == {"success": True, "deleted": True}
    end = time.monotonic() + 10
    while (shadow_ledger(pipeline, tenant) or shadow_daily(pipeline, tenant)) and time.monotonic() < end:
        time.sleep(0.05)
    assert shadow_ledger(pipeline, tenant) == shadow_daily(pipeline, tenant) == []
    assert pipeline.daily(tenant) == before
    caller.send(order("u:9", TODAY, "new"))
    assert shadow_ledger(pipeline, tenant) == []
    assert put(caller, {"touch_cap": 9})["version"] == 3
    assert len(shadow_ledger(pipeline, tenant)) == 26


def test_without_one_nothing_is_done_twice(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(*given: Any) -> Any:
        asked.append(1)
        return touches_of(*given)

    monkeypatch.setattr("app.ledger.attribute.touches_of", counted)
    caller.send(touch("u:1", TODAY - 9, "a"), order("u:1", TODAY, "1"))
    assert len(asked) == 1
    put(caller, {"touch_cap": 9})
    assert len(asked) == 2, "the shadow's own run does not credit under the rules in force"
    caller.send(touch("u:1", TODAY - 8, "a"))
    assert len(asked) == 4


def test_it_outlives_redis_and_is_its_tenants_own(caller: Caller) -> None:
    registry, tenant = caller.pipeline.context.registry, caller.tenant
    caller.send(*month(8))
    other = caller.pipeline.tenant()
    put(caller, OTHER)
    known = registry.fresh(tenant.tenant_id)
    assert registry.rebuild() > 1
    assert registry.fresh(tenant.tenant_id) == known
    assert known.shadow is not None
    assert known.rules == Rules()
    assert registry.fresh(other.tenant_id).shadow is None
    registry.set_shadow(other.tenant_id, Rules(touch_cap=3))
    assert drop_shadow(caller.pipeline.context.storage, registry, other.tenant_id)
    assert len(shadow_ledger(caller.pipeline, tenant)) == 25


def test_an_erased_person_leaves_it_too(caller: Caller) -> None:
    pipeline, tenant = caller.pipeline, caller.tenant
    context = pipeline.context
    caller.send(touch("u:1", TODAY - 9, "a"), order("u:1", TODAY, "1"), order("u:2", TODAY, "2"))
    put(caller, OTHER)
    row = request_erasure(context.redis, context.storage, context.settings, tenant, "1", kind="", mode="remove")
    pipeline.finish(row.run_id)
    assert [row[1] for row in shadow_ledger(pipeline, tenant)] == ["2"]
    erasing = Erasing(context.redis, context.storage, context.settings, context.registry)
    end, found = time.monotonic() + 20, erasure(context.storage, tenant.tenant_id, row.erasure_id)
    while (found is None or found.state != "erased") and time.monotonic() < end:
        erasing.step()
        time.sleep(0.05)
        found = erasure(context.storage, tenant.tenant_id, row.erasure_id)
    assert found is not None
    assert found.state == "erased"
    assert context.storage.rows(PERSONS, tenant_id=tenant.tenant_id) == [("u:2",)]


@pytest.mark.parametrize(
    "body", [{"rules": {"touch_cap": 1}}, {"rules": {}, "apply": "sometime"}, {"rules": {}, "x": 1}]
)
def test_a_bad_one_is_refused(caller: Caller, body: dict[str, Any]) -> None:
    assert caller.call("PUT", "/v1/rules/shadow", body)[0] == 400
    assert caller.call("GET", "/v1/rules/shadow")[0] == 404
