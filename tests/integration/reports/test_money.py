"""Spend, refunds on their own day, reports as of a day, exchange: to the unit, and still summing."""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta
from typing import Any

import pytest

from app.attribution.names import FIVE_MODELS
from app.errors import BadInput
from app.reports.amounts import Amounts
from tests.integration.reports.asking import ask, require_proof, require_sums, said, total
from tests.integration.reports.conftest import MakeWorld
from tests.integration.reports.world import HOUR, World, at
from tests.integration.rollups import require_rollups

NOON = at("2025-03-10T12:00:00+00:00")
DAY = 24 * HOUR
MAX = 10**15


def rows_of(report: Any, model: str = "linear") -> dict[tuple[str, ...], dict[str, Any]]:
    answer = said(report)
    return {
        (*(row[str(by)] for by in report.query.by), row["currency"]): row
        for row in answer["rows"]
        if row["model"] == model
    }


@pytest.fixture
def shop(make_world: MakeWorld) -> World:
    """Two touches and 100.01 (restated twice, one of them in April), and 20.00 that is taken back and restored."""
    world = make_world()
    world.touch("u:1", NOON - 2 * HOUR, "search", "t1", campaign="brand", source="google")
    world.touch("u:1", NOON - HOUR, "email", "t2", source="crm")
    world.conversion("u:1", NOON, "o1", 10_001)
    world.adjust("a1", "restate", "o1", at("2025-03-20T12:00:00+00:00"), "50.00")
    world.adjust("a2", "restate", "o1", at("2025-04-02T12:00:00+00:00"), "33.33")
    world.touch("u:2", NOON - HOUR, "email", "t3", source="crm")
    world.conversion("u:2", NOON, "o2", 2_000)
    world.adjust("a3", "retract", "o2", at("2025-03-12T00:00:00+00:00"))
    world.adjust("a4", "restate", "o2", at("2025-03-14T00:00:00+00:00"), "20.00")
    world.conversion("u:3", NOON, "o3", 500)
    world.adjust("a5", "retract", "o3", at("2025-04-03T00:00:00+00:00"))
    world.attribute()
    return world


class TestSpend:
    def test_cost_and_return_of_each_line(self, shop: World) -> None:
        shop.spend(date(2025, 3, 10), "search", 1_000, campaign="brand")
        shop.spend(date(2025, 3, 11), "search", 500, campaign="other")
        shop.spend(date(2025, 3, 10), "tv", 700)
        shop.spend(date(2025, 2, 28), "tv", 99_999)
        shop.flush()
        report = ask(shop)
        require_sums(report)
        lines = rows_of(report, "first_touch")
        search = lines["search", "USD"]
        assert (search["spend"], search["cpa"], search["roas"]) == ("15.00", "15.00", "6.6673")
        assert search["net_roas"] == "2.2220"
        half = rows_of(report, "linear")["search", "USD"]
        assert (half["conversions"], half["cpa"], half["net_cpa"]) == ("0.5", "30.00", "30.00")
        assert lines["email", "USD"]["spend"] is None
        nothing = rows_of(report, "last_touch")["search", "USD"]
        assert (nothing["spend"], nothing["cpa"], nothing["roas"]) == ("15.00", None, "0.0000")
        answer = said(report)
        unmatched = answer["spend"]["unmatched"]
        assert [(line["channel"], line["spend"]) for line in unmatched["spend"]] == [("tv", "7.00")]
        assert {line["channel"] for line in unmatched["credit"]} == {"email"}
        assert answer["spend"]["totals"] == [{"currency": "USD", "spend": "22.00", "spend_minor": 2_200}]
        assert {row["spend_minor"] for row in answer["totals"]} == {2_200}

    def test_by_campaign_and_day(self, shop: World) -> None:
        shop.spend(date(2025, 3, 10), "search", 1_000, campaign="brand")
        shop.spend(date(2025, 3, 11), "search", 500, campaign="brand")
        shop.flush()
        report = ask(shop, by="channel,campaign,day")
        require_sums(report)
        assert rows_of(report)["search", "brand", "2025-03-10", "USD"]["spend_minor"] == 1_000
        (alone,) = said(report)["spend"]["unmatched"]["spend"]
        assert (alone["day"], alone["campaign"], alone["spend_minor"]) == ("2025-03-11", "brand", 500)

    @pytest.mark.parametrize("by", ["day", "week", "month", "campaign", "channel,month"])
    def test_every_breakdown_sums(self, shop: World, by: str) -> None:
        for number in range(60):
            day = date(2025, 2, 15) + timedelta(days=number)
            currency = ("USD", "JPY")[number % 2]
            shop.spend(day, "abc"[number % 3], 100 + number, campaign="xy"[number % 2], currency=currency)
        shop.flush()
        report = ask(shop, by=by)
        require_sums(report)
        assert report.reconciled

    def test_where_spend_has_no_such_column_only_the_total_is_known(self, shop: World) -> None:
        shop.spend(date(2025, 3, 10), "search", 1_000)
        shop.flush()
        answer = said(ask(shop, by="channel,conversion_type"))
        assert answer["spend"]["by_line"] is False
        assert {row["spend"] for row in answer["rows"]} == {None}
        assert {row["spend"] for row in answer["totals"]} == {"10.00"}
        assert answer["spend"]["unmatched"] == {"spend": [], "credit": []}

    def test_the_newest_row_counts(self, shop: World) -> None:
        shop.spend(date(2025, 3, 10), "search", 1_000)
        shop.spend(date(2025, 3, 10), "search", 700, version=2)
        shop.flush()
        assert ask(shop).spend.totals == {"USD": 700}

    def test_it_is_converted_at_the_rate_of_its_own_day(self, shop: World) -> None:
        for number, rate in enumerate(("0.5", "0.25")):
            shop.rate(date(2025, 3, 10 + number), "EUR", "USD", rate)
            shop.spend(date(2025, 3, 10 + number), "search", 101, currency="EUR")
        shop.spend(date(2025, 3, 12), "search", 10)
        shop.flush()
        # 50.5 and 25.25 round to even and down
        assert ask(shop, currency="USD").spend.totals == {"USD": 50 + 25 + 10}
        shop.spend(date(2025, 3, 20), "search", 101, currency="EUR")
        shop.flush()
        with pytest.raises(BadInput) as raised:
            ask(shop, currency="USD")
        assert "2025-03-20 from EUR into USD" in raised.value.message
        assert "spend" in raised.value.message

    def test_tenants_do_not_see_each_other(self, shop: World, make_world: MakeWorld) -> None:
        shop.spend(date(2025, 3, 10), "search", 1_000)
        shop.flush()
        assert ask(make_world()).spend.totals == {}


class TestRefundsByTheirOwnDay:
    def test_net_moves_to_the_day_of_the_adjustment(self, shop: World) -> None:
        by_conversion = ask(shop)
        assert total(by_conversion) == Amounts(3_000_000, 2_000_000, 12_501, 5_333)
        march = ask(shop, adjusted="adjustment_day")
        # in March: 100.01 down to 50.00; 20.00 taken back and restored; 5.00 still there
        assert total(march) == Amounts(3_000_000, 3_000_000, 12_501, 7_500)
        april = ask(shop, "2025-04-01", "2025-05-01", adjusted="adjustment_day")
        assert total(april) == Amounts(0, -1_000_000, 0, 3_333 - 5_000 - 500)
        for report in (by_conversion, march, april):
            require_sums(report)
            assert report.reconciled
        assert total(march) + total(april) == total(by_conversion)
        require_proof(shop)

    def test_days_of_the_entries(self, shop: World) -> None:
        report = ask(shop, by="day", adjusted="adjustment_day")
        require_sums(report)
        days = {key[0]: (row["net_conversions"], row["net_value"]) for key, row in rows_of(report).items()}
        assert days == {
            "2025-03-10": ("3", "125.01"),
            "2025-03-12": ("-1", "-20.00"),
            "2025-03-14": ("1", "20.00"),
            "2025-03-20": ("0", "-50.01"),
        }

    def test_nothing_is_divided_by_conversions_that_are_not_there(self, shop: World) -> None:
        shop.spend(date(2025, 4, 2), "email", 100)
        shop.flush()
        report = ask(shop, "2025-04-01", "2025-05-01", adjusted="adjustment_day")
        row = rows_of(report)["email", "USD"]
        assert (row["cpa"], row["net_cpa"]) == (None, None)
        assert float(row["net_roas"]) < 0

    def test_in_another_currency_a_refund_has_the_rate_of_its_conversion(self, shop: World) -> None:
        shop.rate(date(2025, 3, 10), "USD", "JPY", "149.5")
        shop.flush()
        whole = ask(shop, "2025-03-01", "2025-05-01", currency="JPY", adjusted="adjustment_day")
        require_sums(whole)
        usual = ask(shop, "2025-03-01", "2025-05-01", currency="JPY")
        require_sums(usual)
        assert whole.totals == usual.totals
        # 33.33 * 149.5 = 4982.835, and 2990; nothing of what was taken back
        assert total(usual, "JPY").net_value_minor == 4_983 + 2_990
        april = ask(shop, "2025-04-01", "2025-05-01", currency="JPY", adjusted="adjustment_day")
        assert total(april, "JPY").net_value_minor == (4_983 - 7_475) - 748


class TestAsOf:
    def test_adjustments_received_later_are_left_out(self, shop: World) -> None:
        assert total(ask(shop, as_of="2025-03-10")) == Amounts(3_000_000, 3_000_000, 12_501, 12_501)
        assert total(ask(shop, as_of="2025-03-12")) == Amounts(3_000_000, 2_000_000, 12_501, 10_501)
        assert total(ask(shop, as_of="2025-03-20")) == Amounts(3_000_000, 3_000_000, 12_501, 7_500)
        assert total(ask(shop, as_of="2025-04-14")) == total(ask(shop))
        for day in ("2025-03-10", "2025-03-20", "2025-04-02"):
            require_sums(ask(shop, as_of=day, by="day,channel,campaign"))
        assert said(ask(shop, as_of="2025-03-10"))["as_of"] == "2025-03-11T00:00:00.000Z"

    def test_what_counts_is_when_it_was_received_not_when_it_was(self, shop: World) -> None:
        shop.adjust("a9", "retract", "o1", NOON + HOUR, received_ms=at("2025-05-01T00:00:00+00:00"))
        shop.conversion("u:1", NOON, "late", 7, received_ms=at("2025-05-01T00:00:00+00:00"))
        shop.attribute()
        assert total(ask(shop)).conversions_micro == 4_000_000
        assert total(ask(shop, as_of="2025-04-30")) == Amounts(3_000_000, 2_000_000, 12_501, 5_333)
        assert total(ask(shop, as_of="2025-05-01")) == total(ask(shop))
        require_proof(shop)

    def test_the_end_of_the_day_is_the_tenants(self, make_world: MakeWorld) -> None:
        world = make_world(timezone="Pacific/Auckland")
        world.conversion("u:1", at("2025-04-06T01:00:00+13:00"), "o1", 100)
        # the day of 25 hours: it ends at 12:00 UTC
        world.adjust("a1", "retract", "o1", at("2025-04-06T11:59:59.999+00:00"))
        world.adjust("a2", "restate", "o1", at("2025-04-06T12:00:00+00:00"), "1")
        world.attribute()
        assert total(ask(world, "2025-04-06", "2025-04-07", as_of="2025-04-06")).net_value_minor == 0
        assert total(ask(world, "2025-04-06", "2025-04-07")).net_value_minor == 100
        moved = ask(world, "2025-04-07", "2025-04-08", adjusted="adjustment_day")
        assert total(moved).net_value_minor == 100

    def test_converted_it_leaves_the_same_out(self, shop: World) -> None:
        shop.conversion("u:1", NOON, "late", 7, received_ms=at("2025-05-01T00:00:00+00:00"))
        shop.attribute()
        shop.rate(date(2025, 3, 10), "USD", "EUR", "1")
        shop.flush()
        for words in ({"as_of": "2025-03-12"}, {"as_of": "2025-03-20", "adjusted": "adjustment_day"}):
            report = ask(shop, currency="EUR", **words)
            require_sums(report)
            assert total(report, "EUR") == total(ask(shop, **words))


class TestSource:
    def test_the_source_of_each_touch(self, shop: World) -> None:
        report = ask(shop, by="source")
        require_sums(report)
        assert {key[0]: row["conversions"] for key, row in rows_of(report).items()} == {
            "google": "0.5",
            "crm": "1.5",
            "(unattributed)": "1",
        }
        assert ask(shop, by="source,channel").totals == ask(shop).totals

    @pytest.mark.parametrize(
        "words", [{}, {"currency": "EUR"}, {"as_of": "2025-03-12"}, {"adjusted": "adjustment_day"}]
    )
    def test_with_everything(self, shop: World, words: dict[str, str]) -> None:
        """Each channel of this shop has one source: its lines are those of the channels under other names."""
        shop.rate(date(2025, 3, 10), "USD", "EUR", "0.9")
        shop.flush()
        names = {"search": "google", "email": "crm", "(unattributed)": "(unattributed)"}
        expected = {
            (code, (names[channel],)): [*figures]
            for (code, (channel,)), figures in ask(shop, **words).figures.lines.items()
        }
        report = ask(shop, by="source", **words)
        require_sums(report)
        assert {line: [*figures] for line, figures in report.figures.lines.items()} == expected

    def test_what_was_credited_without_sources_says_so(self, shop: World) -> None:
        """Until its days are attributed again. `reconciled` all the while: nothing is missing but a name."""
        before = said(ask(shop, by="source,channel"))
        shop.forget_sources(date(2025, 3, 10))
        for words in ({}, {"as_of": "2025-05-01"}):
            answer = said(ask(shop, by="source,channel", **words))
            assert {row["source"] for row in answer["rows"]} == {"(unknown)", "(unattributed)"}
            assert (answer["totals"], answer["reconciled"]) == (before["totals"], True)
        shop.attribute()
        assert said(ask(shop, by="source,channel"))["rows"] == before["rows"]


class TestRollupAndLedger:
    """The rollup's report and the same read from the ledger, row by row."""

    def named(self, rng: random.Random) -> dict[str, str]:
        return {"campaign": rng.choice(("", "x", "ÿ🎈")), "source": rng.choice(("", "google", "ÿ🎈"))}

    def both(self, world: World, by: str) -> tuple[list[Any], list[Any]]:
        rollup, ledger = ask(world, by=by), ask(world, by=by, as_of="2025-06-30")
        return rollup.rows, ledger.rows

    @pytest.mark.parametrize("seed", [1, 2])
    def test_agree_after_every_change(self, make_world: MakeWorld, seed: int) -> None:
        rng = random.Random(seed)
        world = make_world(timezone="America/New_York")
        numbers = itertools.count()
        currencies = {"USD": 100, "JPY": 1, "KWD": 1000}
        for step in range(4):
            for _ in range(25):
                user, ts = f"u:{rng.randrange(8)}", NOON + rng.randrange(-12, 12) * DAY + rng.randrange(DAY)
                kind, number = rng.choice("tttcca"), next(numbers)
                if kind == "t":
                    world.touch(user, ts, rng.choice("abcd"), f"t{number}", **self.named(rng))
                elif kind == "c":
                    world.conversion(
                        user,
                        ts,
                        f"o{rng.randrange(20)}",
                        rng.choice((0, 1, rng.randrange(99_999), MAX)),
                        currency=rng.choice(list(currencies)),
                        message_id=f"c{number}",
                    )
                else:
                    action = rng.choice(("restate", "retract"))
                    world.adjust(f"r{number}", action, f"o{rng.randrange(20)}", ts, str(rng.randrange(500)))
            world.attribute()
            require_proof(world)
            require_rollups(world.storage, world.tenant)
            for by in ("channel", "day,campaign,conversion_type", "source,day,campaign"):
                rollup, ledger = self.both(world, by)
                assert rollup == ledger, step
            whole = ask(world, "2025-01-01", "2025-06-01")
            moved = ask(world, "2025-01-01", "2025-06-01", adjusted="adjustment_day")
            assert whole.totals == moved.totals
            for report in (whole, moved, ask(world, adjusted="adjustment_day", by="channel,day")):
                require_sums(report)
                assert report.reconciled


class TestLimits:
    def test_sums_beyond_64_bits_are_exact(self, make_world: MakeWorld) -> None:
        world = make_world()
        world.touch("u:1", NOON - HOUR, "search", "t1")
        world.touch("u:1", NOON - HOUR, "email", "t2")
        count = 9_400
        for number in range(count):
            world.conversion("u:1", NOON, f"o{number}", MAX - number % 2)
        world.spend(date(2025, 3, 10), "search", MAX)
        world.attribute()
        expected = count * MAX - count // 2
        report = ask(world)
        require_sums(report)
        assert report.reconciled
        assert {row.amounts.value_minor for row in report.totals} == {expected}
        assert rows_of(report, "last_touch")["email", "USD"]["value_minor"] in (0, expected)
        assert rows_of(report, "last_touch")["search", "USD"]["roas"] is not None
        assert ask(world, as_of="2025-04-01").totals == report.totals
        require_proof(world)

    @pytest.mark.parametrize(("currency", "text"), [("JPY", "7"), ("USD", "0.07"), ("KWD", "0.007")])
    def test_currencies_of_every_exponent(self, make_world: MakeWorld, currency: str, text: str) -> None:
        world = make_world()
        world.touch("u:1", NOON - HOUR, "search", "t1")
        world.conversion("u:1", NOON, "o1", 7, currency=currency)
        world.spend(date(2025, 3, 10), "search", 7, currency=currency)
        world.attribute()
        row = rows_of(ask(world))["search", currency]
        assert (row["value"], row["spend"], row["cpa"], row["roas"]) == (text, text, text, "1.0000")

    @pytest.mark.parametrize(
        ("timezone", "days", "first", "end"),
        [
            ("UTC", ["2024-02-28", "2024-02-29", "2024-03-01"], "2024-02-29", "2024-03-01"),
            ("Pacific/Auckland", ["2024-12-31", "2025-01-01"], "2024-12-31", "2025-01-01"),
            ("America/New_York", ["2025-03-09", "2025-03-10"], "2025-03-09", "2025-03-10"),
            ("America/New_York", ["2025-11-02", "2025-11-03"], "2025-11-02", "2025-11-03"),
        ],
    )
    def test_leap_days_year_ends_and_clock_changes(
        self, make_world: MakeWorld, timezone: str, days: list[str], first: str, end: str
    ) -> None:
        from app.reports.days import day_begins_ms

        world = make_world(timezone=timezone)
        for number, day in enumerate(days):
            begins, ends = (day_begins_ms(date.fromisoformat(day) + timedelta(days=n), timezone) for n in (0, 1))
            world.conversion("u:1", begins, f"first-{number}", 10**number)
            world.conversion("u:1", ends - 1, f"last-{number}", 10**number)
            world.spend(date.fromisoformat(day), "x", 10**number)
        world.attribute()
        report = ask(world, first, end, by="day,week,month")
        place = days.index(first)
        assert [row.group[0] for row in report.rows] == [first] * len(FIVE_MODELS)
        assert total(report).value_minor == 2 * 10**place
        assert report.spend.totals == {"USD": 10**place}
        assert report.reconciled
