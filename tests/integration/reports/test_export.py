"""Do the lines of the export sum to the report, and can a spreadsheet read them without harm?"""

from __future__ import annotations

import csv
import io
from collections import defaultdict

import pytest

from app.attribution.names import FIVE_MODELS
from app.errors import BadInput, TributaryError
from app.reports import slices
from app.reports.attribution import attribution
from app.reports.days import read_period
from app.reports.export import COLUMNS, ledger_csv, ledger_parquet, plan, require_format
from app.reports.query import read_query
from tests.integration.reports.conftest import MakeWorld
from tests.integration.reports.world import HOUR, World, at

NOON = at("2025-03-10T12:00:00+00:00")


def export(
    world: World, first: str = "2025-03-01", end: str = "2025-04-01", *, raw_text: bool = False
) -> list[dict[str, str]]:
    period = read_period(first, end, world.tenant.timezone, 0)
    text = b"".join(ledger_csv(world.storage, world.tenant, period, raw_text=raw_text)).decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def shop(make_world: MakeWorld) -> World:
    world = make_world(timezone="America/New_York")
    for order in range(12):
        user, time_ms = f"u:{order % 5}", NOON + order * 7 * HOUR
        world.touch(user, time_ms - HOUR, "search", f"s{order}", campaign="=HYPERLINK(1)")
        world.touch(user, time_ms - 30 * HOUR, "email", f"e{order}")
        world.conversion(user, time_ms, f"o{order}", 1_000 + order, currency="USD" if order % 3 else "JPY")
    world.conversion("u:none", NOON, "bare", 500)
    world.adjust("a1", "restate", "o1", NOON, "3.33")
    world.adjust("a2", "retract", "o2", NOON)
    world.adjust("a3", "retract", "bare", NOON)
    world.attribute()
    return world


def test_sums_are_those_of_the_report(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_CONVERSIONS", 2)  # several slices a day
    sums: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in export(shop):
        figures = sums[line["channel"], line["currency"], line["model"]]
        for place, name in enumerate(("conversions_micro", "gross_minor", "net_minor")):
            figures[place] += int(line[name])
    period = read_period("2025-03-01", "2025-04-01", shop.tenant.timezone, 0)
    report = attribution(shop.storage, shop.tenant, read_query(period), now_ms=0)
    expected = {
        (*row.group, row.currency, str(row.model)): [
            row.amounts.conversions_micro,
            row.amounts.value_minor,
            row.amounts.net_value_minor,
        ]
        for row in report.rows
    }
    assert report.reconciled
    assert dict(sums) == expected


def test_a_line_says_where_a_credit_comes_from(shop: World) -> None:
    lines = [line for line in export(shop) if line["order_id"] == "o1" and line["model"] == "last_touch"]
    assert tuple(lines[0]) == COLUMNS
    last = next(line for line in lines if line["weight"] == "1.0")
    assert (last["message_id"], last["channel"], last["gross_minor"], last["net_minor"]) == (
        "s1",
        "search",
        "1001",
        "333",
    )
    assert last["conversion_time"] == "2025-03-10T19:00:00.000Z"
    assert last["touch_time"] == "2025-03-10T18:00:00.000Z"
    assert last["rules_version"] == "1"
    assert len(last["touch_id"]) > 10


def test_conversions_without_touches_have_a_line_per_model(shop: World) -> None:
    lines = [line for line in export(shop) if line["order_id"] == "bare"]
    assert [line["model"] for line in lines] == list(FIVE_MODELS)
    for line in lines:
        assert (line["channel"], line["weight"], line["touch_id"], line["touch_time"]) == (
            "(unattributed)",
            "1",
            "",
            "",
        )
        assert (line["conversions_micro"], line["gross_minor"], line["net_minor"]) == ("1000000", "500", "0")


def test_formulas_are_disarmed_unless_raw_text_is_wanted(shop: World) -> None:
    assert {line["campaign"] for line in export(shop)} == {"", "'=HYPERLINK(1)"}
    assert {line["campaign"] for line in export(shop, raw_text=True)} == {"", "=HYPERLINK(1)"}


def test_no_days_give_a_header_alone(shop: World, make_world: MakeWorld) -> None:
    assert export(shop, "2024-01-01", "2024-02-01") == []
    assert export(make_world()) == []


def test_parts_are_the_whole_wherever_they_are_cut(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_CONVERSIONS", 2)
    period = read_period("2025-03-01", "2025-04-01", shop.tenant.timezone, 0)
    whole = b"".join(ledger_csv(shop.storage, shop.tenant, period))
    pieces, cursor, parts = b"", "", 0
    while True:
        part = plan(shop.storage, shop.tenant, period, after=cursor, limit=3)
        pieces += b"".join(ledger_csv(shop.storage, shop.tenant, period, part=part, header=not cursor))
        parts, cursor = parts + 1, part.next_cursor
        if not cursor:
            break
    assert parts > 3
    assert pieces == whole


@pytest.mark.parametrize("cursor", ["x", "20250301", "20251301-0000000000000000", "20250301-g000000000000000"])
def test_a_cursor_is_one_of_ours(make_world: MakeWorld, cursor: str) -> None:
    world = make_world()
    period = read_period("2025-03-01", "2025-04-01", "UTC", 0)
    with pytest.raises(BadInput, match="after"):
        plan(world.storage, world.tenant, period, after=cursor)


def test_parquet_holds_what_the_csv_holds(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(slices, "SLICE_CONVERSIONS", 2)
    period = read_period("2025-03-01", "2025-04-01", shop.tenant.timezone, 0)
    data = b"".join(ledger_parquet(shop.storage, shop.tenant, period))
    file = pyarrow.ParquetFile(io.BytesIO(data))
    assert file.num_row_groups > 1
    table, lines = file.read(), export(shop, raw_text=True)
    assert table.num_rows == len(lines)
    for name in ("order_id", "model", "channel", "campaign", "gross_minor", "net_minor", "conversions_micro"):
        assert [str(value) for value in table.column(name).to_pylist()] == [line[name] for line in lines]
    keys = [line["touch_id"] for line in lines]
    assert ["" if key is None else str(key) for key in table.column("touch_id").to_pylist()] == keys


def test_parquet_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.reports.parquet.find_spec", lambda name: None)
    with pytest.raises(TributaryError, match=r"tributary\[parquet\]"):
        require_format("parquet")
