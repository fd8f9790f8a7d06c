"""Rules over HTTP: versions, previews that come true, and histories that end as a fresh start would."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.http import create_app
from app.ingest.events import Event
from app.ledger.runs import Runs
from app.storage.connections import close_all
from app.tenants.tenant import Tenant
from tests.integration.described import require_described
from tests.integration.pipeline.conftest import DAY, Pipeline, order, touch

TODAY = time.time_ns() // 1_000_000 // DAY * DAY
MODELS = ("first_touch", "last_touch", "linear", "position_based", "time_decay")


@dataclass
class Caller:
    """A tenant, its secret key, and the pipeline that runs its jobs."""

    client: FlaskClient
    pipeline: Pipeline
    tenant: Tenant
    key: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.open(path, method=method, json=body, headers={"Authorization": f"Bearer {self.key}"})
        require_described(method, path, answer)
        return answer.status_code, answer.get_json()

    def put(self, rules: dict[str, Any], apply: Any = "from_now", **more: Any) -> dict[str, Any]:
        status, found = self.call("PUT", "/v1/rules", {"rules": rules, "apply": apply, **more})
        assert status == 200, found
        for job_id in found["job_ids"]:
            self.pipeline.finish(job_id)
        return dict(found)

    def send(self, *events: Event) -> None:
        self.pipeline.send(self.tenant, *events)
        self.pipeline.settle()

    def export(self, words: str) -> list[str]:
        """The lines of the ledger's export but for the versions that they end with."""
        answer = self.client.get(f"/v1/export/ledger?{words}", headers={"Authorization": f"Bearer {self.key}"})
        assert answer.status_code == 200
        return [line.rpartition(",")[0] for line in answer.get_data(as_text=True).splitlines()]

    def channels(self) -> dict[str, list[str]]:
        return {row["order_id"]: row["channels"] for row in self.pipeline.ledger(self.tenant)}

    def credit(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(model, channel) -> conversions in millionths and value, from the rollup."""
        rows = self.pipeline.daily(self.tenant)
        return {(model, channel): (micros, gross) for model, channel, micros, gross, _ in rows}


@pytest.fixture
def caller(pipeline: Pipeline) -> Iterator[Caller]:
    client = create_app(pipeline.context.settings).test_client()
    tenant, _, key = pipeline.context.registry.create(f"t-{uuid.uuid4().hex[:12]}", "Test")
    yield Caller(client, pipeline, tenant, key)
    close_all()


def month(seed: int) -> list[Event]:
    rng = random.Random(seed)
    users = [f"u:{n}" for n in range(5)]
    events = [
        touch(rng.choice(users), TODAY - rng.randrange(25 * 24) * 3_600_000, rng.choice(["direct", "email", "a", "b"]))
        for _ in range(60)
    ]
    return events + [
        order(rng.choice(users), TODAY - rng.randrange(20 * 24) * 3_600_000 - 1, f"o{n}", 1000 + n) for n in range(25)
    ]


def test_the_same_rules_again_change_nothing(caller: Caller) -> None:
    caller.send(*month(1))
    before = caller.call("GET", "/v1/rules")[1]
    assert before["version"] == 1
    rules = before["rules"]
    for apply in ("from_now", "history", {"from": "2020-01-01"}):
        found = caller.put(rules, apply)
        assert (found["version"], found["changed"], found["job_id"]) == (1, False, None)
    changed = caller.put({**rules, "touch_cap": 9}, "history")
    assert (changed["version"], changed["changed"], changed["conversions"]) == (2, True, 25)
    again = caller.put({**rules, "touch_cap": 9}, "history")
    assert (again["version"], again["changed"], again["job_ids"]) == (2, False, [])
    history = caller.call("GET", "/v1/rules")[1]["history"]
    assert [(item["version"], item["rules"]["touch_cap"]) for item in history] == [(2, 9), (1, 500)]


@pytest.mark.parametrize(
    ("seed", "rules"),
    [
        (1, {"skip_direct": True, "position_preset": "j"}),
        (2, {"conversions": [{"event": "Order Completed", "reset": True}], "half_life_ms": DAY}),
        (3, {"channel_windows": [{"channel": "email", "click_window_ms": DAY}], "touch_cap": 2}),
        (4, {"excluded_channels": ["a", "b"], "click_window_ms": 5 * DAY}),
    ],
)
def test_a_preview_equals_what_applying_gives(caller: Caller, seed: int, rules: dict[str, Any]) -> None:
    caller.send(*month(seed))
    stood = caller.credit()
    status, preview = caller.call("POST", "/v1/rules/preview", {"rules": rules, "days": 40})
    assert status == 200, preview
    assert caller.credit() == stood, "a preview stores nothing"

    def side(name: str) -> dict[tuple[str, str], tuple[int, int]]:
        found = {
            (row["model"], row["channel"]): (row[name]["conversions_micro"], row[name]["value_minor"])
            for row in preview["rows"]
        }
        return {key: amounts for key, amounts in found.items() if any(amounts)}

    before = caller.pipeline.ledger(caller.tenant)
    assert side("before") == stood
    assert preview["conversions"] == 25
    caller.put(rules, "history")
    assert side("after") == caller.credit()
    after = caller.pipeline.ledger(caller.tenant)
    names = ("keys", "micros", "gross", "net")
    changed = sum(any(one[name] != other[name] for name in names) for one, other in zip(before, after, strict=True))
    assert preview["conversions_changed"] == changed > 0


def test_rules_from_a_day_leave_what_was_before_it(caller: Caller) -> None:
    day = TODAY - 5 * DAY
    early, late = order("u:1", day - 1, "early"), order("u:1", day, "late")
    caller.send(touch("u:1", day - 9, "direct"), touch("u:1", day - 10, "a"), early, late)
    first_day = datetime.fromtimestamp(day / 1000, UTC).date().isoformat()
    found = caller.put({"skip_direct": True}, {"from": first_day})
    assert found["conversions"] == 1
    assert caller.channels() == {"early": ["a", "direct"], "late": ["a"]}
    caller.send(touch("u:1", day - 2, "direct"))
    assert caller.channels() == {"early": ["a", "direct", "direct"], "late": ["a"]}
    assert [item["version"] for item in found["in_force"]] == [1, 2]


def test_rules_from_now_change_no_past_and_a_day_ahead(caller: Caller) -> None:
    now_ms = time.time_ns() // 1_000_000
    ahead = order("u:1", now_ms + 3_600_000, "ahead")
    caller.send(
        touch("u:1", TODAY - 9, "direct"), touch("u:1", TODAY - 10, "a"), order("u:1", TODAY - 1, "past"), ahead
    )
    assert caller.put({"skip_direct": True})["conversions"] == 1
    assert caller.channels() == {"past": ["a", "direct"], "ahead": ["a"]}


def test_histories_of_rules_end_as_a_fresh_start_would(caller: Caller) -> None:
    events = month(9)
    caller.send(*events[::2])
    for rules in ({"skip_direct": True}, {"position_preset": "inverse_j"}, {"touch_cap": 2, "clicks_win_ties": True}):
        caller.put(rules, "history")
    caller.send(*events[1::2])
    caller.put({"half_life_ms": DAY, "conversions": [{"event": "Order Completed", "reset": True}]}, "history")
    fresh = caller.pipeline.tenant(rules=caller.pipeline.context.registry.fresh(caller.tenant.tenant_id).rules)
    caller.pipeline.send(fresh, *events)
    caller.pipeline.settle()
    assert caller.pipeline.ledger(caller.tenant) == caller.pipeline.ledger(fresh)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"rules": {"touch_cap": 1}}, "bad_rules"),
        ({"rules": {"nothing": 1}}, "bad_rules"),
        ({"rules": {}, "apply": "sometime"}, "bad_apply"),
        ({"rules": {}, "apply": {"from": "2999-01-01"}}, "bad_date"),
        ({"rules": {}, "apply": {"from": "2140-01-01"}}, "bad_apply"),
        ({"rules": {}, "more": 1}, "bad_body"),
        ({}, "bad_body"),
    ],
)
def test_a_bad_change_is_refused_with_a_remedy(caller: Caller, body: dict[str, Any], code: str) -> None:
    status, found = caller.call("PUT", "/v1/rules", body)
    assert (status, found["code"]) == (400, code)
    assert found["detail"]
    assert caller.call("GET", "/v1/rules")[1]["version"] == 1


def test_a_change_on_top_of_another_is_noticed(caller: Caller) -> None:
    caller.put({"touch_cap": 9})
    status, found = caller.call("PUT", "/v1/rules", {"rules": {}, "expected_version": 1})
    assert (status, found["code"]) == (409, "rules_changed")


def test_jobs_are_the_tenants(caller: Caller) -> None:
    caller.send(*month(3))
    found = caller.put({"touch_cap": 3}, "history")
    runs = Runs(caller.pipeline.context.redis, 60)
    record = runs.get(found["job_id"])
    assert record is not None
    assert record.tenant_ids == (caller.tenant.tenant_id,)
    assert caller.call("GET", found["url"])[1]["state"] == "done"


def test_the_reasons_of_an_explanation_name_the_rules(caller: Caller) -> None:
    rules = {
        "conversions": [{"event": "Order Completed", "reset": True}],
        "clicks_win_ties": True,
        "channel_windows": [{"channel": "tv", "click_window_ms": 5}],
    }
    caller.put(rules, "history")
    caller.send(
        touch("u:1", TODAY - 90, "served", id="served"),
        order("u:1", TODAY - 80, "1"),
        touch("u:1", TODAY - 50, "tv", id="tv"),
        touch("u:1", TODAY - 40, "click", id="click"),
        touch("u:1", TODAY - 40, "view", id="view", kind=1),
        touch("u:1", TODAY - 30, "(excluded)", id="excluded"),
        order("u:1", TODAY, "2"),
    )
    assert caller.channels() == {"1": ["served"], "2": ["click"]}
    _, found = caller.call("GET", "/v1/conversions/2")
    assert {item["message_id"]: item["reason"] for item in found["touches"]} == {
        "served": "taken_by_earlier_conversion",
        "tv": "outside_window",
        "click": "credited",
        "view": "lost_tie",
        "excluded": "excluded_referrer",
    }
    assert set(found["formulas"]) == set(MODELS)
