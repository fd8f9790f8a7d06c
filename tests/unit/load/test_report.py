"""Does the report of a load say what was seen, and is a run good only where nothing is amiss?"""

from __future__ import annotations

import json
from dataclasses import replace

from load.account import Account
from load.credit_time import Credited
from load.open_loop import Posted
from load.pace import Stage
from load.report import Report
from load.report_time import Reported

WHOLE = Account(40, 40, 0, 0, 0, 2, 2, 0, 0, 0, 0.5)
GOOD = Report(
    stages=[Stage("sustained", 20, 1.0), Stage("burst", 40, 0.5)],
    batch=20,
    posted=[Posted("sustained", "200", 10.0), Posted("burst", "200", 30.0), Posted("again", "200", 900.0)],
    account=WHOLE,
    credited=[Credited("sustained", 0.1, 0.4), Credited("burst", 0.2, 0.6)],
    asked=1,
    reported=[Reported(80.0, 1, True), Reported(120.0, 2, False)],
    failure="",
)


def test_the_table_and_the_object_hold_the_same_figures():
    told = json.loads(GOOD.json())
    assert [stage["p95_ms"] for stage in told["stages"]] == [10.0, 30.0]
    assert (told["credited"], told["stored"]["p50_s"]) == (
        {"orders": 2, "p50_s": 0.4, "p95_s": 0.6, "p99_s": 0.6},
        0.1,
    )
    assert told["reports"] == {"asked": 2, "reconciled": 1, "p50_ms": 80.0, "p95_ms": 120.0, "p99_ms": 120.0}
    assert [stage["credited"]["p50_s"] for stage in told["stages"]] == [0.4, 0.6]
    assert told["good"]
    assert told["amiss"] == 0
    text = "\n".join(GOOD.lines())
    assert "sustained           20       1     10.0" in text
    assert "posted a second time: 1" in text
    assert "every five seconds: p50 80 ms, p95 120 ms, p99 120 ms (2 reports)" in text
    assert "of these 1 reconcile" in text
    assert "burst, from when an order was due until its credit was readable: p50 0.60 s, p95 0.60 s" in text


def test_orders_whose_time_is_not_known_are_told():
    assert "not known" not in "\n".join(GOOD.lines())
    partly = replace(GOOD, credited=GOOD.credited[:1])
    assert "of 1 more it is not known" in "\n".join(partly.lines())
    assert json.loads(partly.json())["unseen"] == 1


def test_a_run_with_anything_amiss_is_not_good():
    assert GOOD.is_good
    for amiss in (
        replace(GOOD, account=replace(WHOLE, lost=1)),
        replace(GOOD, posted=[*GOOD.posted, Posted("burst", "429", 5.0)]),
        replace(GOOD, posted=[Posted("sustained", "200", 201.0), Posted("burst", "200", 1.0)]),
        replace(GOOD, posted=GOOD.posted[:1]),
        replace(GOOD, failure="o-1: not found"),
    ):
        assert not amiss.is_good
