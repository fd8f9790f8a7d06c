"""A refit from the request to the answer: right, repeatable, resumable, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

import tasks.saturation
from app.advice import nightly, refit
from app.advice.judge_check import check_judge
from app.advice.refits import Reason, Refits, RefitState
from app.errors import TributaryError
from app.ledger.stale import StaleDays
from app.storage import keys
from app.storage.statements import Rollup
from config.queues import ROUTES, Queue
from tests.integration.saturation.conftest import EASY, Shop
from workers.commands.saturation_tables import plan_table, status_table


@pytest.fixture(scope="module")
def trained(settings):
    shop = Shop(settings)
    shop.truth = shop.fill(replace(EASY, elasticity=0.1), replace(EASY, elasticity=0.85))
    shop.job_id = shop.train()
    return shop


def test_the_statuses_are_those_of_the_simulated_curves(trained):
    answer = trained.get("/v1/saturation")
    assert (answer["as_of"], answer["job_id"]) == (trained.until.isoformat(), trained.job_id)
    assert (answer["model"], answer["compared_with"]) == ("position_based", "linear")
    for said, one in zip(answer["channels"], trained.truth.channels, strict=True):
        assert said["status"] == one.truth.status
        assert said["elasticity"]["low"] - 0.05 <= one.truth.elasticity <= said["elasticity"]["high"] + 0.05
        assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert said["compared"]["agrees"] is True
        assert said["channel"] in said["message"]
        assert {guard["name"] for guard in said["guards"]} > {"days", "conversions"}
        assert said["versions"]["data"] == trained.until.isoformat()


def test_a_channel_shows_its_curve_its_days_and_its_history(trained):
    answer = trained.get("/v1/saturation/a")
    curve, truth = answer["curve"], trained.truth.channels[0].truth
    assert len(curve["points"]) == 200
    assert curve["operating_point"]["spend"] == pytest.approx(truth.x0, rel=0.01)
    assert curve["operating_point"]["revenue"] == pytest.approx(truth.level, rel=0.2)
    assert curve["pays_until"] < truth.x0  # the next unit earns less than it costs at a margin of 1
    assert all(low <= mid for low, mid in zip(curve["revenue"]["low"], curve["revenue"]["median"], strict=True))
    assert [one["as_of"] for one in answer["history"]] == [trained.until.isoformat()]


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_picture_of_a_curve_is_the_same_bytes_each_time(trained, kind, begins):
    first, second = (trained.ask("GET", "/v1/saturation/a", format=kind) for _ in range(2))
    assert first.status_code == 200
    assert first.data == second.data
    assert first.data.startswith(begins)
    assert first.content_type.startswith("image/")


def test_another_refit_of_the_same_days_says_the_same_and_counts_once(trained):
    before, job = trained.get("/v1/saturation"), trained.get(f"/v1/jobs/{trained.job_id}")
    assert (job["state"], job["progress"], job["channels"]["total"], job["failures"]) == ("done", 1.0, 4, [])
    trained.job_id = trained.train()
    assert trained.get("/v1/jobs")["jobs"] == [trained.get(f"/v1/jobs/{trained.job_id}"), job]
    after = trained.get("/v1/saturation")
    assert after["channels"] == before["channels"]
    assert after["job_id"] == trained.job_id
    assert len(trained.get("/v1/saturation/a")["history"]) == 1
    assert trained.work(trained.job_id)["outcome"] == "closed before"


def test_new_spend_is_scored_without_a_refit(trained, monkeypatch):
    monkeypatch.setattr(tasks.saturation, "context", trained.context)
    assert trained.get("/v1/saturation/b")["now"] is None
    x0 = trained.truth.channels[1].truth.x0
    day = trained.until + timedelta(days=1)
    trained.spend("b", [day], [3 * x0])
    trained.spend("a", [day], [0.0])
    whose = {"tenant_id": trained.tenant.tenant_id, "tenant": trained.tenant.slug}
    for _ in range(2):
        assert tasks.saturation.score_tenant(**whose) == {"tenant": trained.tenant.slug, "channels": 2}
    answer = trained.get("/v1/saturation/b")
    assert answer["now"]["days"] == 1
    assert answer["now"]["adstock"] > x0
    assert answer["now"]["elasticity"]["median"] < answer["elasticity"]["median"]
    assert answer["status"] == "unsaturated"  # the status waits for the refit


def test_spend_that_cannot_be_scored_fails_its_tenants_task_alone(shop, monkeypatch, caplog):
    monkeypatch.setattr(tasks.saturation, "context", shop.context)
    shop.fill(EASY, days=50)
    shop.train()
    shop.spend("a", [shop.until + timedelta(days=1)], [5.0], currency="EUR")  # without a rate
    with pytest.raises(TributaryError, match="EUR"):
        tasks.saturation.score_tenant(tenant_id=shop.tenant.tenant_id, tenant=shop.tenant.slug)
    assert f"the new spend of {shop.tenant.slug} was not scored" in caplog.text


def test_nobody_else_sees_any_of_it(trained, settings):
    other = Shop(settings)
    for path in ("/v1/saturation", "/v1/saturation/a", f"/v1/jobs/{trained.job_id}"):
        assert other.ask("GET", path).status_code == 404
    assert other.ask("POST", "/v1/saturation/plan", {}).json["code"] == "not_trained"
    assert other.get("/v1/saturation/plans") == {"plans": []}
    assert other.get("/v1/experiments") == {"experiments": []}
    trained.post(
        "/v1/experiments",
        {"channel": "a", "kind": "geo", "start": "2020-01-01", "end": "2020-01-28", "experiment_id": "mine"}
        | {"lift": {"low": 0.1, "median": 0.2, "high": 0.3}},
    )
    assert other.ask("DELETE", "/v1/experiments/mine").status_code == 404
    assert trained.ask("DELETE", "/v1/experiments/mine").status_code == 200


def test_what_comes_of_an_older_refit_says_why_the_last_one_failed(trained):
    assert trained.get("/v1/saturation")["failures"] == []
    failed = trained.post("/v1/saturation/train")["job_id"]
    failure = {"code": "missing_rate", "message": "No rate of EUR.", "detail": "POST /v1/fx."}
    trained.refits.fail(failed, *failure.values())
    said = [trained.get("/v1/saturation"), trained.get("/v1/saturation/a"), trained.post("/v1/saturation/plan", {})]
    for answer in said:
        assert (answer["as_of"], answer["failures"]) == (trained.until.isoformat(), [failure])
    for table in (status_table(said[0]), plan_table(said[2])):
        assert table.endswith("the last refit failed: No rate of EUR. POST /v1/fx.")


def leave_stale(shop, *days):
    """As the close of a block's run does."""
    marks = {day.isoformat(): "1.000001" for day in days}
    shop.context.redis.hset(keys.stale_days(Rollup.CREDIT, shop.tenant.tenant_id), mapping=marks)


def stale_days(shop):
    return list(StaleDays(shop.context.redis, Rollup.CREDIT).marks([shop.tenant.tenant_id])[shop.tenant.tenant_id])


def test_a_killed_worker_costs_its_group_only(shop):
    shop.ask("PUT", "/v1/saturation/settings", {"compared_with": ""})
    shop.fill(EASY, EASY, days=60)
    job_id = shop.post("/v1/saturation/train")["job_id"]
    assert shop.post("/v1/saturation/train")["job_id"] == job_id
    leave_stale(shop, shop.until, beyond := shop.until + timedelta(days=1))
    numbers = refit.begin(shop.context, job_id, 1)
    assert numbers == [0, 1]
    assert stale_days(shop) == [beyond], "what it reads is summed up first"
    leave_stale(shop, shop.until)
    refit.fit(shop.context, job_id, 0)
    assert stale_days(shop) == [beyond]
    # The worker of group 1 is killed; the message of the body comes all the same, and nothing is published.
    assert refit.publish(shop.context, job_id)["outcome"] == "waits"
    assert shop.ask("GET", "/v1/saturation").status_code == 404
    job = shop.get(f"/v1/jobs/{job_id}")
    assert (job["state"], job["progress"]) == ("open", 0.5)
    shop.context.redis.zadd(keys.REFITS_DUE, {job_id: 1})
    assert job_id in nightly.sweep_overdue(shop.refits, 5)
    assert refit.begin(shop.context, job_id, 1) == [1]
    assert refit.fit(shop.context, job_id, 0)["outcome"] == "done before"
    refit.fit(shop.context, job_id, 1)
    assert refit.publish(shop.context, job_id)["outcome"] == "published"
    assert [one["channel"] for one in shop.get("/v1/saturation")["channels"]] == ["a", "b"]


def test_a_refit_that_never_ends_fails_with_a_remedy(shop):
    shop.fill(EASY, days=50)
    job_id = shop.post("/v1/saturation/train")["job_id"]
    for _ in range(4):
        shop.context.redis.zadd(keys.REFITS_DUE, {job_id: 1})
        again = nightly.sweep_overdue(shop.refits, 3)
    assert job_id not in again
    job = shop.get(f"/v1/jobs/{job_id}")
    assert (job["state"], job["progress"]) == ("failed", 0.0), "it has not been begun"
    assert "queue `saturation`" in job["failures"][0]["detail"]


def test_the_night_asks_once_for_each_tenant_and_day(shop):
    shop.spend("a", [shop.until], [10.0])
    refits = Refits(shop.context.redis, 300, wake=lambda job_id: None)
    services = _Services(shop, refits)
    night = datetime.now(UTC).replace(hour=4, minute=0)
    before = night.replace(hour=2)
    assert shop.tenant.slug not in nightly.due(services, 3, int(before.timestamp() * 1000))
    assert shop.tenant.slug in nightly.due(services, 3, int(night.timestamp() * 1000))
    assert shop.tenant.slug not in nightly.due(services, 3, int(night.timestamp() * 1000))
    asked = refits.ask(shop.tenant.tenant_id, _until(shop, night), Reason.ASKED)
    assert (asked.reason, asked.state) == ("nightly", RefitState.OPEN)


class _Services:
    def __init__(self, shop, refits):
        self.storage, self.registry, self.refits = shop.context.storage, shop.context.registry, refits


def _until(shop, night) -> date:
    return min(shop.until, (night - timedelta(days=3)).date())


def test_attribution_never_waits_for_a_fit():
    assert {name for name, queue in ROUTES.items() if queue is Queue.SATURATION} == {
        name for name in ROUTES if name.startswith("saturation.")
    }


def test_the_judge_is_checked_on_channels_of_the_week(settings, trained):
    done = check_judge(trained.context.storage, date(2026, 3, 2), tenants=1)
    assert done["channels"] >= 1
    judge = trained.get("/v1/saturation")["judge"]
    assert (judge["version"], judge["holds"]) == (done["judge"], done["holds"])
    assert [figure["limits"] for figure in judge["figures"]] == [[0.9, 1.0], [0.0, 0.02], [0.85, 0.95]]


def test_tests_and_changes_of_rules_enter_the_next_refit(shop):
    shop.ask("PUT", "/v1/saturation/settings", {"compared_with": ""})
    shop.fill(replace(EASY, elasticity=0.5), days=100)

    def trained():
        shop.train()
        return shop.get("/v1/saturation")["channels"][0]

    before = trained()
    start = shop.until - timedelta(days=20)
    result = {"channel": "A ", "kind": "go_dark", "start": start.isoformat(), "end": shop.until.isoformat()}
    kept = shop.post("/v1/experiments", result | {"lift": {"low": 0.02, "median": 0.05, "high": 0.08}})["experiment"]
    assert shop.get("/v1/experiments") == {"experiments": [kept]}
    tested = trained()
    assert tested["elasticity"] != before["elasticity"]
    assert shop.ask("DELETE", f"/v1/experiments/{kept['experiment_id']}").status_code == 200
    assert trained()["elasticity"] == before["elasticity"]
    rules = shop.get("/v1/rules")["rules"]
    shop.ask("PUT", "/v1/rules", {"rules": rules | {"touch_cap": 9}, "apply": {"from": start.isoformat()}})
    changed = trained()
    assert changed["status"] == "insufficient_evidence"
    assert "since attribution rules changed" in changed["message"], changed["message"]
