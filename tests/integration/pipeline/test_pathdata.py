"""88,387 journeys, 19,785 of which convert, through storage, the chunk path and the rollup: SEMANTICS 6."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest

from app.ledger.channel_models import compute
from app.ledger.cut import make_chunks
from app.ledger.keys import conversion_key
from app.ledger.runs import RunKind
from app.reports.channels import Question
from app.reports.days import Period
from tests.integration.pipeline.conftest import NOON

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[4] / "shared" / "data"
PATHS = Path(os.environ.get("TRIBUTARY_DATA", BESIDE_THE_CHECKOUT)) / "pathdata.csv.gz"
HOUR = 3_600_000

if not PATHS.exists():
    pytest.skip("pathdata.csv.gz is not here; set TRIBUTARY_DATA to its folder", allow_module_level=True)


def journeys():
    """(channels, value in mills or None): one for each conversion and each null of a path."""
    with gzip.open(PATHS, "rt") as file:
        for row in csv.DictReader(file):
            channels, count = row["path"].split(" > "), int(row["total_conversions"])
            mills = round(float(row["total_conversion_value"]) * 1000)
            for number in range(count):
                yield channels, mills // count + (number < mills % count)
            for _ in range(int(row["total_null"])):
                yield channels, None


@pytest.fixture(scope="module")
def tenant(pipeline):
    return pipeline.tenant(currency="KWD")


@pytest.fixture(scope="module")
def replayed(pipeline, tenant):
    """After one run over all conversions; channel -> model -> conversions from the rollup."""
    touches, conversions, expected = [], [], defaultdict(Counter)
    for number, (channels, mills) in enumerate(journeys()):
        start = NOON - len(channels) * HOUR
        for place, channel in enumerate(channels):
            touches.append((f"u:{number}", start + place * HOUR, f"{number}-{place}", channel))
        if mills is not None:
            key = conversion_key("Order Completed", str(number))
            conversions.append((str(number), key, NOON - HOUR, f"c{number}", f"u:{number}", mills))
            expected["first_touch"][channels[0]] += 1
            expected["last_touch"][channels[-1]] += 1
            expected["value, first_touch"][channels[0]] += mills
    store(pipeline.context.storage, tenant.tenant_id, touches, conversions)
    runs = pipeline.context.runs
    chunks = make_chunks({tenant.tenant_id: [row[1] for row in conversions]}, 5_000)
    runs.create("pathdata", RunKind.REATTRIBUTE, tenant.tenant_id, chunks)
    outcome = pipeline.finish("pathdata")
    found = defaultdict(dict)
    for model, channel, micros, gross, _ in pipeline.daily(tenant):
        found[model][channel] = micros / 1_000_000
        found[f"value, {model}"][channel] = gross
    return outcome, expected, found


def store(storage, tenant_id, touches, conversions):
    for start in range(0, len(touches), 100_000):
        user, ts, message, channel = zip(*touches[start : start + 100_000], strict=True)
        n = len(user)
        columns = {"tenant_id": [tenant_id] * n, "user_id": user, "ts": ts, "message_id": message, "channel": channel}
        storage.insert("touchpoints", columns | {"kind": [0] * n, "retention_days": [4000] * n})
    order, key, ts, message, user, value = zip(*conversions, strict=True)
    n = len(order)
    columns = {"tenant_id": [tenant_id] * n, "conversion_type": ["Order Completed"] * n, "order_id": order}
    columns |= {"conversion_key": key, "ts": ts, "message_id": message, "user_id": user, "value_minor": value}
    storage.insert("conversions", columns | {"currency": ["KWD"] * n, "retention_days": [4000] * n})


def test_all_of_it_is_replayed(replayed):
    outcome, _, found = replayed
    assert (outcome["outcome"], outcome["conversions"], outcome["chunks"]) == ("done", 19_785, 4)
    for model in ("first_touch", "last_touch", "linear", "time_decay", "position_based"):
        assert sum(found[model].values()) == pytest.approx(19_785, abs=1e-6)
        assert sum(found[f"value, {model}"].values()) == pytest.approx(74_802_970, abs=10)


def test_first_and_last_are_what_counting_gives(replayed):
    _, expected, found = replayed
    for model in ("first_touch", "last_touch", "value, first_touch"):
        assert {name: value for name, value in found[model].items() if value} == dict(expected[model])


def test_linear_and_position_based_are_those_of_the_oracle(replayed):
    _, _, found = replayed
    linear = {"alpha": 7574.7186, "beta": 2083.5001, "eta": 3539.9512, "iota": 3857.0962}
    position = {"alpha": 7444.8238, "iota": 3944.9482}
    # A journey's credits are whole millionths: 19,785 of them are at most a few thousandths away.
    assert {name: found["linear"][name] for name in linear} == pytest.approx(linear, abs=0.005)
    assert {name: found["position_based"][name] for name in position} == pytest.approx(position, abs=0.005)


def test_markov_and_shapley_are_those_of_the_oracle(pipeline, tenant, replayed):
    answer = compute(pipeline.context.storage, tenant, Question(Period(date(2026, 8, 1), date(2026, 10, 1), "UTC")))
    (journeys,) = answer["journeys"]
    assert (journeys["converting"], journeys["non_converting"], answer["reconciled"]) == (19_785, 68_602, True)
    found = defaultdict(dict)
    for row in answer["rows"]:
        found[row["model"]][row["channel"]] = row["conversions_micro"] / 1_000_000
    markov = {"alpha": 5344.9477, "iota": 3884.6147, "eta": 3340.8474}
    assert {name: found["markov"][name] for name in markov} == pytest.approx(markov, abs=0.0001)
    assert found["shapley"]["alpha"] == pytest.approx(7627.9440, abs=0.0001)
    for total in answer["totals"]:
        assert total["conversions_micro"] == 19_785_000_000
        assert total["value_minor"] == pytest.approx(74_802_970, abs=10)
