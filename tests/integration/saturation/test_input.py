"""Whatever comes in: a clear answer that names the field and the remedy, and no status that the data do not carry."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.advice.series import read_market
from app.advice.settings import settings_of
from tests.integration.saturation.conftest import EASY, Shop

NO_STATUS = "insufficient_evidence"


def days_until(shop, count):
    return [shop.until - timedelta(days=count - 1 - n) for n in range(count)]


@pytest.fixture(scope="module")
def poor(settings):
    """Channels of which no status can be given, all in one refit, beside a good one."""
    shop = Shop(settings)
    shop.ask("PUT", "/v1/saturation/settings", {"compared_with": "", "margin": 0.5})
    shop.truth = shop.fill(replace(EASY, elasticity=0.08), days=200)
    one = days_until(shop, 1)
    shop.spend("one day", one, [100.0])
    shop.credit("one day", one, [50.0], [1.0])
    long = days_until(shop, 120)
    shop.spend("all zeros", long, [0.0] * 120)
    shop.credit("all zeros", long, [0.0] * 120, [0.0] * 120)
    shop.spend("nothing lately", long[:60], [50.0 + n for n in range(60)])
    shop.spend("no credit", long, [50.0 + n for n in range(120)])
    shop.spend("gaps", long[::7], [70.0] * len(long[::7]))
    shop.credit("gaps", long[::5], [900.0] * len(long[::5]), [9.0] * len(long[::5]))
    shop.spend("constant", long, [80.0] * 120)
    shop.credit("constant", long, [400.0 + n % 7 for n in range(120)], [40.0] * 120)
    shop.spend("refunds", long, [60.0 + n % 9 for n in range(120)])
    shop.credit("refunds", long, [-20.0 if n % 10 == 0 else 30.0 for n in range(120)], [3.0] * 120)
    shop.spend("future", [shop.until + timedelta(days=300)], [1e6])
    shop.spend("a/b $x_1", long, [60.0 + n % 9 for n in range(120)])
    shop.train()
    return shop


def test_a_poor_series_gets_a_reason_instead_of_a_status(poor):
    said = {one["channel"]: one for one in poor.get("/v1/saturation")["channels"]}
    good = said.pop("a")
    assert good["status"] == "saturated", good["message"]
    assert set(said) == {"one day", "nothing lately", "no credit", "gaps", "constant", "refunds", "a/b $x_1"}
    for one in said.values():
        assert one["status"] == NO_STATUS, one["message"]
        assert "not enough evidence" in one["message"]
        assert any(not guard["passed"] for guard in one["guards"]), one["message"]


def test_a_name_may_hold_anything(poor):
    assert poor.get("/v1/saturation/a/b $x_1")["channel"] == "a/b $x_1"
    picture = poor.ask("GET", "/v1/saturation/a/b $x_1", format="svg")
    assert picture.status_code in (200, 404)
    absent = poor.ask("GET", "/v1/saturation/nope")
    assert (absent.status_code, absent.json["code"]) == (404, "unknown_channel")
    assert "one day" in absent.json["detail"]


def test_no_curve_no_picture(poor):
    answer = poor.ask("GET", "/v1/saturation/one day", format="png")
    assert (answer.status_code, answer.json["code"]) == (404, "no_curve")
    assert "42 are needed" in answer.json["message"]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"budget": 1}, "bad_plan", ["budget 1 a day is below", "Raise the budget or lower the bounds."]),
        ({"budget": -5}, "bad_plan", ["Budget must be", "-5"]),
        ({"margin": 0}, "bad_plan", ["Margin must be"]),
        ({"bounds": {"zzz": [1, 2]}}, "bad_plan", ["zzz", "not one of the channels"]),
        ({"bounds": {"a": [9, 2]}}, "bad_plan", ["Bounds of 'a'", "least <= most"]),
        ({"bounds": {"a": [1e7, 2e7]}}, "bad_plan", ["no plan goes beyond", "Lower the bound."]),
        ({"bounds": {"a": [1]}}, "bad_plan", ["bounds", "Send {"]),
        ({"budget": "much"}, "bad_plan", ["budget", "Send {"]),
        ({"bugdet": 5}, "bad_plan", ["bugdet"]),
        ({"start": "soon"}, "bad_date", ["start"]),
        ({"start": "2025-01-01"}, "bad_plan", ["start is 2025-01-01", "as_of"]),
        ({"start": "2126-01-01"}, "bad_plan", ["start is 2126-01-01", "ahead"]),
        ([], "bad_plan", ["object"]),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(poor, body, code, words):
    answer = poor.ask("POST", "/v1/saturation/plan", body)
    assert (answer.status_code, answer.json["code"]) == (400, code), answer.text
    for word in words:
        assert word.lower() in f"{answer.json['message']} {answer.json['detail']}".lower()


def test_a_plan_moves_what_is_known_and_says_why_the_rest_stays(poor):
    made = poor.post("/v1/saturation/plan", {"margin": 0.3})
    channels = {one["channel"]: one for one in made["channels"]}
    assert channels["a"]["change"] < 0
    assert channels["constant"]["change"] == 0
    assert "stays as it is" in channels["constant"]["reason"]
    assert made["state"] == "modelled"
    assert made["saving"] == made["net_profit"]
    assert made["probability_of_gain"] >= 0.8
    assert poor.get("/v1/saturation/plans")["plans"][0] | {"failures": []} == made


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "guess"}, ["kind", "go_dark"]),
        ({"start": "2025-02-30"}, ["start", "YYYY-MM-DD"]),
        ({"end": "2024-01-01"}, ["before its start"]),
        ({"lift": {"low": 0.5, "median": 0.2, "high": 0.6}}, ["lift_low <= lift_median"]),
        ({"spend_ratio": 1}, ["moves no spend"]),
        ({"channel": " "}, ["channel is empty"]),
        ({"lift": 3}, ["lift"]),
        ({"lift": {"low": 10, "median": 20, "high": 30}}, ["lift.median is 20", "0.2 for 20 %"]),
        ({"end": (date.today() + timedelta(days=3)).isoformat()}, ["end is", "once the test has ended"]),
        ({"typo": 1}, ["typo"]),
    ],
)
def test_an_experiment_that_says_nothing_is_refused(poor, change, words):
    good = {"channel": "a", "kind": "go_dark", "start": "2025-02-01", "end": "2025-02-14"}
    answer = poor.ask("POST", "/v1/experiments", good | {"lift": {"low": 0.1, "median": 0.2, "high": 0.3}} | change)
    assert answer.status_code == 400, answer.text
    for word in words:
        assert word in f"{answer.json['message']} {answer.json['detail']}"


def test_an_experiment_on_a_channel_that_nobody_knows_is_kept_with_a_warning(poor):
    result = {"channel": "serach", "kind": "geo", "start": "2025-02-01", "end": "2025-02-28"}
    told = poor.post("/v1/experiments", result | {"lift": {"low": 0.1, "median": 0.2, "high": 0.3}})
    (warning,) = told["warnings"]
    assert (warning["code"], warning["field"]) == ("unknown_channel", "channel")
    assert "'serach', but a, " in warning["detail"]
    again = {**told["experiment"], "channel": "a"}
    assert "warnings" not in poor.post("/v1/experiments", again)
    assert poor.ask("DELETE", f"/v1/experiments/{again['experiment_id']}").status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": "markov"}, "model"),
        ({"compared_with": "position_based"}, "compared_with"),
        ({"currency": "XXQ"}, "currency"),
        ({"margin": 0}, "margin"),
        ({"lag_days": 99}, "lag_days"),
        ({"holidays": ["easter"]}, "holidays[0]"),
        ({"holidays": ["2026-12-25", "20261226"]}, "holidays[1]"),
        ({"holidays": ["2026-W52-5"]}, "holidays[0]"),
        ({"conversion_type": "x" * 513}, "conversion_type"),
        ({"lag": 1}, "lag"),
    ],
)
def test_settings_that_cannot_be_used_are_named(shop, change, field):
    answer = shop.ask("PUT", "/v1/saturation/settings", change)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_settings")
    assert field in answer.json["message"]


def test_a_currency_may_be_written_small(shop):
    assert shop.ask("PUT", "/v1/saturation/settings", {"currency": "eur"}).json["currency"] == "EUR"


def test_without_spend_there_is_nothing_to_train_on(shop):
    answer = shop.ask("POST", "/v1/saturation/train")
    assert (answer.status_code, answer.json["code"]) == (400, "no_spend")
    assert "POST /v1/spend" in answer.json["detail"]
    shop.spend("a", [shop.until], [5.0])
    late = shop.ask("POST", "/v1/saturation/train", {"until": (shop.until + timedelta(days=2)).isoformat()})
    assert (late.status_code, late.json["code"]) == (400, "not_complete")
    for body in ({"until": 5}, {"untill": "2026-01-01"}, []):
        assert shop.ask("POST", "/v1/saturation/train", body).status_code == 400


def test_a_change_of_currency_needs_its_rates_and_then_changes_nothing(shop):
    shop.ask("PUT", "/v1/saturation/settings", {"compared_with": ""})
    days = days_until(shop, 50)
    shop.spend("a", days[:25], [100.0 + n for n in range(25)], currency="EUR")
    shop.spend("a", days[25:], [100.0 + n for n in range(25)])
    job_id = shop.train()
    (failure,) = shop.get(f"/v1/jobs/{job_id}")["failures"]
    assert failure["code"] == "missing_rate"
    assert f"No rate of {days[0]} from EUR into USD" in failure["message"]
    assert "POST /v1/fx" in failure["detail"]
    assert "PUT /v1/saturation/settings" in failure["detail"]
    assert "leave `currency` out" not in failure["detail"]
    for method, path in (("GET", "/v1/saturation"), ("GET", "/v1/saturation/a"), ("POST", "/v1/saturation/plan")):
        untrained = shop.ask(method, path).json
        assert failure["message"] in untrained["message"]
        assert untrained["detail"] == failure["detail"]
    rates = [{"day": day.isoformat(), "currency": "EUR", "into": "USD", "rate": "2"} for day in days[:25]]
    shop.post("/v1/fx", rates)
    (series,) = market_of(shop).series
    assert series.spend.tolist() == [2 * (100.0 + n) for n in range(25)] + [100.0 + n for n in range(25)]


def market_of(shop):
    storage, tenant = shop.context.storage, shop.context.registry.fresh(shop.tenant.tenant_id)
    return read_market(storage, tenant, settings_of(storage, tenant), "linear", shop.until)


def test_spend_has_the_names_that_the_rules_give(shop, pipeline):
    rules = shop.get("/v1/rules")["rules"]
    shop.ask("PUT", "/v1/rules", {"rules": rules | {"source_aliases": [{"value": "fb", "name": "facebook"}]}})
    day = shop.until.isoformat()
    sent = [{"source": "FB", "medium": "paid_social", "amount": 5}, {"channel": "paid_social", "amount": 7}]
    shop.post("/v1/spend", {"rows": [row | {"day": day} for row in sent]})
    pipeline.settle()
    assert [(one.channel, one.spend.tolist()) for one in market_of(shop).series] == [("paid_social", [12.0])]
