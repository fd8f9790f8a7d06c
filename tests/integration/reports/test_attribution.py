"""Does the attribution report say what the ledger holds, for the right days and tenant, to the unit?"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from app.errors import BadInput
from app.reports.attribution import AttributionReport, attribution
from app.reports.days import read_period
from app.reports.query import read_query
from tests.integration.reports.asking import said
from tests.integration.reports.conftest import MakeWorld
from tests.integration.reports.world import HOUR, World, at

NOW_MS = at("2025-04-15T00:00:00+00:00")


def ask(world: World, first: str = "2025-03-01", end: str = "2025-04-01", **words: str) -> AttributionReport:
    period = read_period(first, end, world.tenant.timezone, NOW_MS)
    return attribution(world.storage, world.tenant, read_query(period, **words), now_ms=NOW_MS)


def values(report: AttributionReport, model: str) -> dict[tuple[str, ...], int]:
    """Of the rows in dollars."""
    rows = [row for row in report.rows if row.model == model and row.currency == "USD"]
    return {row.group: row.amounts.value_minor for row in rows}


def require_sums(report: AttributionReport) -> None:
    """Rows sum to totals, in every figure."""
    sums: dict[Any, Any] = {}
    for row in report.rows:
        key = (row.currency, row.model)
        sums[key] = sums[key] + row.amounts if key in sums else row.amounts
    assert sums == {(row.currency, row.model): row.amounts for row in report.totals}


@pytest.fixture
def shop(make_world: MakeWorld) -> World:
    """Two touches and 100.01, no touch and 9.99, one touch and 5 yen; the first is half refunded."""
    world = make_world()
    noon = at("2025-03-10T12:00:00+00:00")
    world.touch("u:1", noon - 2 * HOUR, "search", "t1", campaign="brand")
    world.touch("u:1", noon - HOUR, "email", "t2")
    world.conversion("u:1", noon, "o1", 10_001)
    world.conversion("u:2", noon + 48 * HOUR, "o2", 999)
    world.touch("u:3", noon - HOUR, "email", "t3", kind="view")
    world.conversion("u:3", noon, "o3", 5, currency="JPY")
    world.adjust("a1", "restate", "o1", noon + HOUR, "50.00")
    world.adjust("a2", "retract", "o3", noon + HOUR)
    world.attribute()
    return world


def test_rows_sum_to_totals_and_money_is_exact(shop: World) -> None:
    report = ask(shop)
    require_sums(report)
    assert report.reconciled
    assert values(report, "first_touch") == {
        ("search",): 10_001,
        ("email",): 0,
        ("(unattributed)",): 999,
    }
    usd = {row.group: row for row in report.rows if row.currency == "USD" and row.model == "linear"}
    assert usd[("search",)].amounts.conversions_micro == 500_000
    assert usd[("search",)].amounts.value_minor + usd[("email",)].amounts.value_minor == 10_001
    assert usd[("search",)].amounts.net_value_minor == 2_500


def test_answer_has_exact_strings_beside_integers(shop: World) -> None:
    answer = said(ask(shop, models="last_touch", by="channel,day"))
    assert [row["currency"] for row in answer["totals"]] == ["JPY", "USD"]
    yen, dollars = answer["totals"]
    assert (yen["value"], yen["value_minor"], yen["net_value"], yen["net_conversions"]) == ("5", 5, "0", "0")
    assert (dollars["value"], dollars["net_value"], dollars["conversions"]) == ("110.00", "59.99", "2")
    assert answer["unattributed"][1]["value"] == "9.99"
    assert {row["day"] for row in answer["rows"]} == {"2025-03-10", "2025-03-12"}
    assert answer["from"] == "2025-03-01"
    assert answer["to"] == "2025-04-01"
    assert answer["rules_version"] == 1
    assert answer["as_of"].startswith("2025-")


def test_a_channel_that_one_model_credits_is_shown_under_all(shop: World) -> None:
    report = ask(shop)
    email = {
        str(row.model): row.amounts.value_minor
        for row in report.rows
        if row.group == ("email",) and row.currency == "USD"
    }
    assert email["first_touch"] == 0
    assert email["last_touch"] == 10_001


@pytest.mark.parametrize(
    "by", ["campaign", "week", "month", "conversion_type", "day,channel,campaign", "month,channel"]
)
def test_every_breakdown_sums(shop: World, by: str) -> None:
    report = ask(shop, by=by)
    require_sums(report)
    assert report.reconciled


def test_breakdowns_are_named(shop: World) -> None:
    assert set(values(ask(shop, by="week"), "linear")) == {("2025-03-10",)}
    assert set(values(ask(shop, by="month"), "linear")) == {("2025-03",)}
    assert set(values(ask(shop, by="campaign"), "linear")) == {("brand",), ("",), ("(unattributed)",)}


def test_pages_are_the_whole_report_and_each_has_its_totals(shop: World) -> None:
    for day, channel, currency in ((9, "email", "USD"), (10, "tv", "JPY"), (11, "a", "EUR"), (31, "zz", "USD")):
        shop.spend(date(2025, 3, day), channel, 100 + day, currency=currency)
    shop.flush()
    by = "channel,day"
    whole = said(ask(shop, by=by))
    assert (whole["next"], len(whole["spend"]["unmatched"]["spend"])) == (None, 4)
    parts = [said(ask(shop, by=by, limit="2"))]
    while parts[-1]["next"]:
        parts.append(said(ask(shop, by=by, limit="2", after=parts[-1]["next"])))
    assert len(parts) == -(-len(whole["rows"]) // 10) > 1
    assert [row for part in parts for row in part["rows"]] == whole["rows"]
    for name, items in whole["spend"]["unmatched"].items():
        assert [item for part in parts for item in part["spend"]["unmatched"][name]] == items
    for part in parts:
        assert (part["totals"], part["unattributed"]) == (whole["totals"], whole["unattributed"])
        assert part["spend"]["totals"] == whole["spend"]["totals"]


def test_conversion_type_filters(shop: World) -> None:
    assert ask(shop, conversion_type="Lead").rows == []
    assert ask(shop, conversion_type="Order Completed").totals == ask(shop).totals


@pytest.mark.parametrize(
    ("day", "first", "last", "after"),
    [
        # 23 and 25 hours long
        ("2025-03-30", "2025-03-30T00:00:00+01:00", "2025-03-30T23:59:59.999+02:00", "2025-03-31T00:00:00+02:00"),
        ("2025-10-26", "2025-10-26T00:00:00+02:00", "2025-10-26T23:59:59.999+01:00", "2025-10-27T00:00:00+01:00"),
    ],
)
def test_days_are_the_tenants_on_clock_changes_too(
    make_world: MakeWorld, day: str, first: str, last: str, after: str
) -> None:
    world = make_world(timezone="Europe/Berlin")
    world.conversion("u:1", at(first) - 1, "before", 1)
    world.conversion("u:1", at(first), "first", 10)
    world.conversion("u:1", at(last), "last", 100)
    world.conversion("u:1", at(after), "after", 1000)
    world.attribute()
    end = after[:10]
    report = ask(world, day, end)
    assert {row.amounts.value_minor for row in report.totals} == {110}
    assert report.reconciled


def test_a_midnight_that_the_clock_skips(make_world: MakeWorld) -> None:
    """In Cairo 25 April 2025 began at 01:00."""
    world = make_world(timezone="Africa/Cairo")
    world.conversion("u:1", at("2025-04-24T21:59:59.999+00:00"), "before", 1)
    world.conversion("u:1", at("2025-04-24T22:00:00+00:00"), "first", 10)
    world.attribute()
    report = ask(world, "2025-04-25", "2025-04-26")
    assert {row.amounts.value_minor for row in report.totals} == {10}
    assert report.reconciled
    assert report.query.period.from_ms == at("2025-04-24T22:00:00+00:00")


def test_tenants_do_not_see_each_other(shop: World, make_world: MakeWorld) -> None:
    other = make_world()
    other.conversion("u:1", at("2025-03-10T12:00:00+00:00"), "o1", 77)
    other.attribute()
    assert {row.amounts.value_minor for row in ask(other).totals} == {77}
    assert ask(make_world()).rows == []


def test_a_rollup_that_lags_is_not_reconciled(shop: World) -> None:
    shop.conversion("u:9", at("2025-03-11T00:00:00+00:00"), "late", 1)
    shop.attribute(refresh=False)
    assert not ask(shop).reconciled


def test_one_currency_needs_a_rate_for_each_day_and_pair(shop: World) -> None:
    with pytest.raises(BadInput) as raised:
        ask(shop, currency="USD")
    assert raised.value.code == "missing_rate"
    assert "2025-03-10 from JPY into USD" in raised.value.message


def test_one_currency_without_others_needs_no_rate(make_world: MakeWorld) -> None:
    world = make_world()
    world.conversion("u:1", at("2025-03-10T00:00:00+00:00"), "o1", 100)
    world.attribute()
    assert ask(world, currency="usd").totals == ask(world).totals


def test_conversion_of_currencies_rounds_once_and_still_sums(shop: World) -> None:
    shop.rate(date(2025, 3, 10), "USD", "JPY", "149.5")
    shop.rate(date(2025, 3, 12), "USD", "JPY", "150")
    shop.flush()
    report = ask(shop, currency="JPY")
    require_sums(report)
    assert {row.currency for row in report.rows} == {"JPY"}
    # 100.01 * 149.5 = 14951.495, 9.99 * 150 = 1498.5 (to even), and 5 that are yen already
    assert {row.amounts.value_minor for row in report.totals} == {14_951 + 1_498 + 5}
    # 50.00 * 149.5, the same 9.99, and nothing of what was taken back
    assert {row.amounts.net_value_minor for row in report.totals} == {7_475 + 1_498}
    assert report.reconciled
