"""Is the arithmetic of sizes right, and does it say what it lacks?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from config.settings import Settings
from load.capacity import EDGE_PROCESSES, NEEDED, CapacityError, Costs, Load, Store, costs_in, sizes_for
from load.figures import FigureError

COSTS = Costs(
    edge_events=10_000,
    drain_events=8_000,
    credit_events=24_000,
    chunk_conversions=5_000,
    web_mb=80,
    worker_mb=250,
)

LOAD = Load(events_per_month=2_592_000_000, conversions_share=0.01, peak=4, busy=0.5, months=10, tenants=100)
STORE = Store(event_bytes=100, conversion_bytes=200, key_bytes=0.05, inbox_bytes=400, server_gb=1_000, filled=0.5)


def test_a_thousand_events_a_second_on_average():
    found = sizes_for(LOAD, COSTS, STORE)
    assert (found.mean_rate, found.peak_rate, found.tenant_peak_rate) == (1_000, 4_000, 40)
    # 0.4 of a process's time at the edge; 0.5 to store and 0.167 to credit: at half busy 0.8, and 1.33 processes.
    assert (found.web_processes, found.worker_processes, found.streams) == (1, 2, 4)
    assert found.redis_gb == pytest.approx(4_000 * 1_800 * 400 / 1e9)
    assert found.disk_gb == pytest.approx((2_592 * 100 + 25.92 * 200) / 1_000 * 10)
    assert (found.shards, found.servers) == (6, 12)
    assert found.backfill_hours_of_a_month == pytest.approx(25_920_000 / 5_000 / 3_600)


def test_ten_times_the_load_takes_ten_times_the_processes():
    found = sizes_for(replace(LOAD, events_per_month=25_920_000_000), COSTS, STORE)
    assert (found.web_processes, found.worker_processes, found.streams) == (8, 14, 10)


def lines(**values):
    given = dict(zip(NEEDED, (20_000, 8_000, 6_000, 5_000, 80, 250), strict=True)) | values
    return ["not a figure", *(json.dumps({"name": name, "value": value}) for name, value in given.items())]


def test_costs_come_from_the_lines_of_the_benchmarks():
    assert costs_in(lines()) == replace(COSTS, credit_events=pytest.approx(24_000))


def test_the_edge_is_measured_with_as_many_processes_as_it_is_divided_by():
    assert Settings().edge_workers == EDGE_PROCESSES


def test_a_missing_figure_is_named_with_the_command():
    with pytest.raises(CapacityError, match=r"No figure drain, drain_and_credit, .*load\.bench --only"):
        costs_in(lines()[:2])


def test_lines_of_other_benchmarks_may_stand_among_them():
    others = ['{"name": "load", "stages": []}', '{"name": "start", "value": null}', '{"benchmark": "another"}']
    assert costs_in([*lines(), *others]) == costs_in(lines())


def test_a_line_that_was_cut_off_is_named():
    with pytest.raises(FigureError, match="Line 3 is no figure"):
        costs_in([*lines()[:2], '{"name": "dra'])


def test_rough_figures_are_not_used():
    with pytest.raises(CapacityError, match="measure again"):
        costs_in(lines(drain_and_credit=9_000))


@pytest.mark.parametrize("field", ["busy", "peak", "tenants"])
def test_nothing_is_sized_for_nothing(field):
    with pytest.raises(CapacityError, match=f"{field} is 0"):
        sizes_for(replace(LOAD, **{field: 0}), COSTS, STORE)
