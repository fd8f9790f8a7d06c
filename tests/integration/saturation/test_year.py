"""A year of a shop through HTTP: its statuses, a shift in month 10, a plan that is followed, and what it brought."""

from __future__ import annotations

import base64
from datetime import date, timedelta

import pytest

from app.errors import Unavailable
from load.year import SHIFT_DAY, YEAR_DAYS, Channel, Year
from tests.integration.saturation.conftest import Shop

SEARCH = Channel("search", 900.0, 2.5, 0.12)
SOCIAL = Channel("social", 500.0, 6.0, 0.85, shift=0.6)
MARGIN = 0.5
BATCH = 1_500


@pytest.fixture(scope="module")
def told(settings, pipeline):
    """The year, and what the API said of it on the way."""
    shop = Shop(settings)
    shop.ask("PUT", "/v1/saturation/settings", {"compared_with": "", "margin": MARGIN})
    year = Year(shop.until, channels=(SEARCH, SOCIAL), orders_a_day=31, visitors_a_day=40, seed=5)
    post(shop, pipeline, year, 0, YEAR_DAYS)
    said = {}
    for name, number in (("before", SHIFT_DAY - 1), ("after", SHIFT_DAY + 21), ("end", YEAR_DAYS - 1)):
        shop.train(year.day(number))
        said[name] = {one["channel"]: one for one in shop.get("/v1/saturation")["channels"]}
        assert shop.get("/v1/saturation")["as_of"] == year.day(number).isoformat()
    start = year.day(YEAR_DAYS).isoformat()
    said["plan"] = shop.post("/v1/saturation/plan", {"start": start})
    year.follow({one["channel"]: one["spend"] for one in said["plan"]["channels"]})
    post(shop, pipeline, year, YEAR_DAYS, year.days)
    shop.train()
    (said["verified"],) = shop.get("/v1/saturation/plans")["plans"]
    said["history"] = shop.get("/v1/saturation/social")["history"]
    return shop, year, said


def post(shop, pipeline, year, first, end):
    events = list(year.events(first, end))
    token = base64.b64encode(f"{shop.write_key}:".encode()).decode()
    for start in range(0, len(events), BATCH):
        answer = shop.client.post(
            "/v1/batch", json={"batch": events[start : start + BATCH]}, headers={"Authorization": f"Basic {token}"}
        )
        assert (answer.status_code, answer.json["rejected"]) == (200, []), answer.text
    assert shop.post("/v1/spend", {"rows": year.spend_rows(first, end)})["rejected"] == []
    if first == 0:
        drain_without_credit(shop, pipeline, year)
    pipeline.settle()


def drain_without_credit(shop, pipeline, year):
    """A refit that is begun while conversions wait for their credit waits too: their days would look like failures."""
    drained = pipeline.drain(shop.tenant.tenant_id % shop.settings.shards)
    assert drained.run_id
    job_id = shop.post("/v1/saturation/train", {"until": year.day(50).isoformat()})["job_id"]
    with pytest.raises(Unavailable, match="not credited yet"):
        shop.work(job_id)
    assert shop.get(f"/v1/jobs/{job_id}")["state"] == "open"
    pipeline.finish(drained.run_id)


def test_the_statuses_are_those_of_the_curves(told):
    for when in ("before", "after", "end"):
        for channel in (SEARCH, SOCIAL):
            one = told[2][when][channel.name]
            assert one["status"] == channel.status_at(one["spend_a_day"]), (when, one["message"])


def test_the_shift_of_month_ten_is_reported_within_three_weeks(told):
    _, year, said = told
    assert said["before"]["social"]["changed_on"] is None
    assert said["after"]["search"]["changed_on"] is None
    changed = date.fromisoformat(said["after"]["social"]["changed_on"])
    assert abs(changed - year.day(SHIFT_DAY)) <= timedelta(days=7)
    assert [one["as_of"] for one in said["history"]][1:] == [
        year.day(number).isoformat() for number in (YEAR_DAYS - 1, SHIFT_DAY + 21, SHIFT_DAY - 1)
    ]


def test_the_plan_that_was_followed_brought_about_what_it_claimed(told):
    _, year, said = told
    plan, verified = said["plan"], said["verified"]
    change = {one["channel"]: one["change"] for one in plan["channels"]}
    assert change["search"] < 0
    assert plan["saving"] == plan["net_profit"]
    today, spend = ({one["channel"]: one[name] for one in plan["channels"]} for name in ("today", "spend"))
    true_gain = year.true_gain(spend, today, MARGIN)
    assert true_gain > 0
    assert plan["net_profit"]["median"] == pytest.approx(true_gain, rel=0.5)
    realised = verified["realised"]
    assert (realised["days"], realised["claimed"]) == (28, plan["net_profit"]["median"])
    assert verified["state"] in ("verified", "not_verified")
    assert realised["net_profit"]["low"] <= true_gain <= realised["net_profit"]["high"]
