"""Markov and Shapley from posted events to the answer, with the journeys that did not convert (SEMANTICS 2.11, 6)."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from app.attribution.paths import Count
from app.http import create_app
from app.ingest.events import Adjustment
from app.ledger.channel_models import compute, compute_job
from app.ledger.model_jobs import ModelJobs
from app.ledger.path_counts import count_period
from app.ledger.unconverted import filtered, unconverted
from app.reports import channels as asking
from app.reports.channels import Question, channels, inputs_of
from app.reports.days import Period
from app.reports.non_converting import non_converting
from app.storage import keys
from app.storage.connections import close_all
from app.storage.statements import TenantStatement
from app.tenants.rules import Rules
from tests.integration.pipeline.conftest import DAY, NOON, join, order, touch
from tests.unit.attribution.walks import walks_of

RECOUNTED = TenantStatement(
    "test_recounted", "SELECT count() FROM unconverted_paths FINAL WHERE {tenant} AND version >= %(since)s"
)
HOUR = 3_600_000
SEPTEMBER = Question(Period(date(2026, 8, 20), date(2026, 9, 22), "UTC"))
ORACLE = [
    # path, values of its conversions in cents, journeys that did not convert, ages in hours (SEMANTICS 6)
    ("A", [10_000], 0, [0]),
    ("A B", [10_000], 0, [168, 0]),
    ("A B C", [9_000], 0, [336, 168, 0]),
    ("A B C D", [1_001], 0, [504, 336, 168, 24]),
    ("A A", [5_000], 0, [168, 24]),
    ("A B A", [3_000], 0, [240, 120, 12]),
    ("D D C", [3_000, 3_000], 0, [72, 48, 24]),
    ("B C", [], 3, [20, 10]),
    ("C", [], 5, [10]),
    ("D A B A C", [0], 1, [400, 300, 200, 100, 50]),
]
assert datetime.fromtimestamp(NOON / 1000, UTC).date() == date(2026, 9, 21)


def oracle_events():
    """One person for each journey."""
    people = itertools.count()
    for path, values, nulls, ages in ORACLE:
        for value in [*values, *[None] * nulls]:
            user = f"u:oracle{next(people)}"
            for channel, age in zip(path.split(), ages, strict=True):
                yield touch(user, NOON - age * HOUR, channel.lower())
            if value is not None:
                yield order(user, NOON, f"o-{user}", value)


class Asker:
    """Asks as the web process does, and does what its wake-ups ask for when told to."""

    def __init__(self, pipeline) -> None:
        self.context = pipeline.context
        self.woken = []
        self.jobs = ModelJobs(self.context.redis, wake=self.woken.append)

    def ask(self, tenant, question=SEPTEMBER, **words):
        return channels(self.context.storage, self.jobs, tenant, question, **words)

    def work(self):
        done, self.woken[:] = [compute_job(self.context, self.jobs, job_id) for job_id in self.woken], []
        return done

    def answer(self, tenant, question=SEPTEMBER):
        """Ask until it is there: twice."""
        first = self.ask(tenant, question)
        if first["state"] == "ready":
            return first
        self.work()
        second = self.ask(tenant, question)
        assert (second["state"], second["current"]) == ("ready", True)
        require_sums(second)
        return second


@pytest.fixture
def asker(pipeline):
    return Asker(pipeline)


def require_sums(answer):
    """Channels and unattributed sum to the total of model, type and currency, in every figure."""
    assert answer["reconciled"]
    figures = ("conversions_micro", "net_conversions_micro", "value_minor", "net_value_minor")
    sums = Counter()
    for row in answer["rows"] + answer["unattributed"]:
        for figure in figures:
            sums[row["model"], row["conversion_type"], row["currency"], figure] += row[figure]
    for row in answer["totals"]:
        for figure in figures:
            assert sums.pop((row["model"], row["conversion_type"], row["currency"], figure)) == row[figure]
    assert not sums


def amounts(answer, model, figure="conversions_micro"):
    return {row["channel"]: row[figure] for row in answer["rows"] if row["model"] == model}


def effects(answer):
    return {row["channel"]: row["removal_effect"] for row in answer["channels"]}


def test_the_ten_paths_of_the_oracle(pipeline, asker):
    tenant = pipeline.tenant()
    pipeline.send(tenant, *oracle_events())
    pipeline.settle()
    answer = asker.answer(tenant)
    assert answer["journeys"] == [
        {
            "conversion_type": "Order Completed",
            "converting": 9,
            "non_converting": 9,
            "unattributed": 0,
            "conversion_rate": 0.5,
        }
    ]
    removal = {"a": 0.590414, "b": 0.398297, "c": 0.484774, "d": 0.302763}
    assert effects(answer) == pytest.approx(removal, abs=1e-6)
    markov = {"a": 2_991_545, "b": 2_018_117, "c": 2_456_280, "d": 1_534_058}
    assert amounts(answer, "markov") == pytest.approx(markov, abs=1)
    shapley = {"a": 3_833_333, "b": 1_833_333, "c": 1_833_333, "d": 1_500_000}
    assert amounts(answer, "shapley") == pytest.approx(shapley, abs=1)
    assert sum(amounts(answer, "markov", "value_minor").values()) == 44_001


def test_a_repeated_question_shares_one_job_and_is_answered_at_once_afterwards(pipeline, asker):
    tenant = pipeline.tenant()
    pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1"))
    pipeline.settle()
    first, second = asker.ask(tenant), asker.ask(tenant)
    assert (first["state"], first["job_id"]) == ("computing", second["job_id"])
    assert len(asker.woken) == 1
    asker.woken *= 2
    assert [done["outcome"] for done in asker.work()] == ["computed", "done or under way"]
    answer = asker.ask(tenant)
    assert (answer["state"], "job_id" in answer) == ("ready", False)
    only = asker.ask(tenant, models=asking.read_models("shapley"))
    assert {row["model"] for row in only["rows"] + only["totals"] + only["unattributed"]} == {"shapley"}


def test_a_job_whose_wake_up_was_lost_is_woken_again(pipeline, asker):
    tenant = pipeline.tenant()
    job_id = asker.ask(tenant)["job_id"]
    asker.woken.clear()
    pipeline.context.redis.hset(keys.model_job(job_id), "beat_ms", "0")
    assert asker.ask(tenant)["job_id"] == job_id
    assert asker.woken == [job_id]


def test_late_touches_merges_and_refunds_change_the_answer_to_that_of_a_fresh_start(pipeline, asker):
    first = [*oracle_events(), touch("u:x", NOON - 9, "a"), touch("u:y", NOON - 5, "b")]
    late = [
        [touch("u:oracle0", NOON - 3, "d")],  # of a conversion
        [touch("u:z", NOON - 3, "e")],  # of nobody who converted
        [join("u:x", "u:y", NOON - 1)],  # two journeys become one
        [order("u:y", NOON + 1, "late", 777)],  # and that one converts
        [order("u:w", NOON, "bare", 5)],
    ]
    grown, fresh = pipeline.tenant(), pipeline.tenant()
    pipeline.send(grown, *first)
    pipeline.settle()
    lost = [asker.answer(grown)["journeys"][0]["non_converting"]]
    for events in late:
        pipeline.send(grown, *events)
        pipeline.settle()
        assert asker.ask(grown)["current"] is False
        lost.append(asker.answer(grown)["journeys"][0]["non_converting"])
        assert lost[-1] == count(pipeline, grown)
    assert lost == [11, 11, 12, 11, 10, 10]
    adjustment = Adjustment("r1", "retract", "o-u:oracle1", "", "", NOON)
    pipeline.send(grown, adjustments=[adjustment])
    pipeline.settle()
    pipeline.send(fresh, *first, *itertools.chain(*late), adjustments=[adjustment])
    pipeline.settle()
    after, expected = asker.answer(grown), asker.answer(fresh)
    assert after["channels"] == expected["channels"]
    assert after["journeys"] == expected["journeys"]
    assert after["unattributed"] == expected["unattributed"]
    assert after["totals"] == expected["totals"]
    assert after["totals"][0]["net_value_minor"] == after["totals"][0]["value_minor"] - 10_000
    for figure in ("conversions_micro", "value_minor", "net_value_minor"):
        for model in ("markov", "shapley"):  # equal remainders go by a hash of the tenant
            assert amounts(after, model, figure) == pytest.approx(amounts(expected, model, figure), abs=1)


def test_tenants_do_not_meet(pipeline, asker):
    one, other = pipeline.tenant(), pipeline.tenant()
    pipeline.send(one, *oracle_events())
    pipeline.settle()
    before = asker.answer(one)
    pipeline.send(other, touch("u:oracle0", NOON - 3, "other"), order("u:oracle0", NOON, "1", 1))
    pipeline.settle()
    assert asker.ask(one) == before
    assert list(effects(asker.answer(other))) == ["other"]


def test_types_and_currencies_stand_apart_and_share_the_journeys_that_came_to_nothing(pipeline, asker):
    tenant = pipeline.tenant()
    pipeline.send(
        tenant,
        *(touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1", 700), order("u:1", NOON + 1, "2", 900, currency="JPY")),
        *(touch("u:2", NOON - 5, "b"), order("u:2", NOON, "3", 50, type="Signed Up")),
        touch("u:3", NOON - 5, "c"),
        order("u:4", NOON, "4", 11, currency="JPY"),
    )
    pipeline.settle()
    answer = asker.answer(tenant)
    assert [(line["conversion_type"], line["non_converting"]) for line in answer["journeys"]] == [
        ("Order Completed", 1),
        ("Signed Up", 1),
    ]
    markov = [row for row in answer["rows"] if row["model"] == "markov"]
    assert [(r["conversion_type"], r["currency"], r["channel"], r["value"]) for r in markov] == [
        ("Order Completed", "JPY", "a", "900"),
        ("Order Completed", "USD", "a", "7.00"),
        ("Signed Up", "USD", "b", "0.50"),
    ]
    unattributed = [r["value_minor"] for r in answer["unattributed"] if r["model"] == "markov"]
    assert unattributed == [11, 0, 0]
    signed_up = asker.answer(tenant, Question(SEPTEMBER.period, "Signed Up"))
    assert {row["conversion_type"] for row in signed_up["totals"]} == {"Signed Up"}


def test_intervals_hold_the_estimate_and_are_the_same_again(pipeline, asker):
    tenant = pipeline.tenant()
    pipeline.send(tenant, *oracle_events())
    pipeline.settle()
    question = Question(SEPTEMBER.period, intervals=True)
    answer = asker.answer(tenant, question)
    assert answer["journeys"][0]["intervals"] == {"level": 0.95, "replicates": 1000}
    for line in answer["channels"]:
        for figure in ("removal_effect", "markov_share", "shapley_share"):
            low, high = line[f"{figure}_interval"]
            assert low <= line[figure] <= high
    again = compute(pipeline.context.storage, tenant, question)
    assert again["channels"] == answer["channels"]
    assert amounts(asker.answer(tenant), "markov") == amounts(answer, "markov")


def count(pipeline, tenant, question=SEPTEMBER):
    """The journeys that did not convert by kept buckets, after they were found to be what the report reads at once."""
    storage = pipeline.context.storage
    kept = unconverted(storage, tenant, question, inputs_of(storage, tenant, question), lambda done, lots: None)
    anew = non_converting(storage, tenant, question.period)
    assert walks_of(kept) == walks_of(filtered(anew.paths, asking.rules_of(tenant, question)))
    return int(kept.column(Count.NULLS).sum())


def test_persons_counted_in_lots_add_up_to_the_same(pipeline, monkeypatch):
    monkeypatch.setattr("app.ledger.unconverted.TOUCHES_AT_ONCE", 20)
    monkeypatch.setattr("app.ledger.unconverted.TOUCHES_A_BUCKET", 3)
    monkeypatch.setattr("app.ledger.path_counts.DAYS_AT_ONCE", 2)
    tenant = pipeline.tenant()
    pipeline.send(tenant, *oracle_events(), *(touch(f"u:{n}", NOON - n, "abc"[n % 3]) for n in range(1, 40)))
    pipeline.settle()
    storage, steps = pipeline.context.storage, []
    inputs = inputs_of(storage, tenant, SEPTEMBER)
    counted = count_period(storage, tenant, SEPTEMBER, inputs, lambda done, total: steps.append((done, total)))
    assert int(counted.lost.counts.sum()) == count(pipeline, tenant) == 9 + 39
    assert len(steps) > 18
    assert steps == sorted(steps)
    assert steps[-1] == (100, 100)


def test_a_change_counts_the_persons_beside_it_again_and_nobody_else(pipeline, monkeypatch):
    monkeypatch.setattr("app.ledger.unconverted.bits_for", lambda touches: 10)
    tenant = pipeline.tenant()
    pipeline.send(tenant, *oracle_events(), *(touch(f"u:{n}", NOON - n, "abc"[n % 3]) for n in range(200)))
    pipeline.settle()
    assert count(pipeline, tenant) == 9 + 200

    def again(most, *events):
        since = time.time_ns() // 1_000
        pipeline.send(tenant, *events)
        pipeline.settle()
        journeys = count(pipeline, tenant)
        [(many,)] = pipeline.context.storage.rows(RECOUNTED, tenant_id=tenant.tenant_id, params={"since": since})
        assert many <= most
        return journeys, many

    assert again(0) == (209, 0)
    assert again(1, touch("u:7", NOON - 2, "late")) == (209, 1)
    assert again(1, order("u:7", NOON, "seven")) == (208, 1)
    assert again(2, join("u:8", "u:9", NOON)) == (207, 1)  # the other's bucket has nobody left
    assert again(0, order("u:stranger", NOON, "bare")) == (207, 0)
    again(0, touch("u:7", NOON - 90 * DAY, "before the period"))


def test_a_filtered_channel_is_in_no_journey_that_has_another():
    found = [(["direct", "a", "direct"], 3), (["direct"], 2), (["a", "x"], 1)]
    rules = Rules(skip_direct=True, excluded_channels=("x",))
    paths = filtered(found, rules)
    assert paths.channels == ("a", "direct")
    assert paths.counts.sum(axis=1).tolist() == [4, 2]
    assert len(filtered([], rules)) == 0


def test_a_question_that_fails_says_why_and_is_not_computed_over_and_over(pipeline, asker, monkeypatch):
    tenant = pipeline.tenant()
    pipeline.send(tenant, touch("u:1", NOON - 5), order("u:1", NOON, "1", 5))
    pipeline.settle()
    monkeypatch.setattr("app.ledger.path_counts._MOST_MINOR", 2)
    asker.ask(tenant)
    assert [done["outcome"] for done in asker.work()] == ["report_too_large"]
    answer = asker.ask(tenant)
    assert (answer["state"], answer["failures"][0]["code"]) == ("failed", "report_too_large")
    assert asker.woken == []
    monkeypatch.undo()
    pipeline.send(tenant, touch("u:1", NOON - 4))
    pipeline.settle()
    assert asker.answer(tenant)["state"] == "ready"


def test_over_http_with_its_job(pipeline, asker, monkeypatch):
    monkeypatch.setattr("app.http.reports.ModelJobs", lambda redis: asker.jobs)
    context = pipeline.context
    tenant, _, key = context.registry.create(f"h-{NOON}-models", "A tenant")
    _, _, stranger = context.registry.create(f"h-{NOON}-stranger", "Another")
    pipeline.send(tenant, touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1"))
    pipeline.settle()
    client = create_app(context.settings).test_client()

    def get(path, key=key):
        return client.get(path, headers={"Authorization": f"Bearer {key}"})

    address = "/v1/reports/channels?from=2026-09-01&to=2026-09-22&models=markov"
    asked = get(address)
    assert (asked.status_code, asked.json["state"], asked.headers["Retry-After"]) == (200, "computing", "1")
    assert get(asked.json["url"]).json["state"] == "open"
    assert get(asked.json["url"], stranger).status_code == 404
    asker.work()
    assert get(asked.json["url"]).json["state"] == "done"
    answer = get(address)
    assert (answer.json["state"], "Retry-After" in answer.headers) == ("ready", False)
    assert [(row["channel"], row["value"]) for row in answer.json["rows"]] == [("a", "100.00")]
    for wrong in ("models=linear", "intervals=yes", "by=day", "from=2026-10-01&to=2026-09-01"):
        assert get(f"/v1/reports/channels?{wrong}").status_code == 400
    assert get(address, "nobody").status_code == 401
    close_all()


def test_a_touch_outside_of_the_period_or_cancelled_is_no_journey(pipeline, asker):
    tenant = pipeline.tenant()
    pipeline.send(
        tenant,
        *(touch("u:1", NOON - 5, "a"), order("u:1", NOON, "1")),
        *(touch("u:2", NOON - 40 * DAY, "old"), touch("u:3", NOON + 2 * DAY, "new")),
        *(touch("u:4", NOON, "moved", id="moved"), touch("u:5", NOON, "(excluded)")),
    )
    pipeline.settle()
    assert count(pipeline, tenant) == 1
    assert asker.answer(tenant)["journeys"][0]["non_converting"] == 1
    pipeline.send(tenant, touch("u:4", NOON - 60 * DAY, "moved", id="moved"))
    pipeline.settle()
    assert asker.answer(tenant)["journeys"][0]["non_converting"] == 0
