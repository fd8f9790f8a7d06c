"""Does the command wait for Markov and Shapley, and show them?"""

from __future__ import annotations

import pytest

from app.errors import BadInput, TributaryError
from workers.commands import channel_models, follow
from workers.commands.channel_models import asks_for_period_models, channels_table, computed

HEAD = {"conversion_type": "Order Completed", "currency": "USD"}
WORTH = {"conversions": "1.5", "value": "30.00", "net_conversions": "1", "net_value": "20.00"}
READY = {
    "from": "2025-03-01",
    "to": "2025-04-01",
    "timezone": "UTC",
    "models": ["markov"],
    "state": "ready",
    "current": True,
    "computed_at": "2025-04-02T00:00:00Z",
    "rows": [{**HEAD, **WORTH, "model": "markov", "channel": "email"}],
    "unattributed": [{**HEAD, **WORTH, "model": "markov", "channel": "(unattributed)"}],
    "totals": [{**HEAD, **WORTH, "model": "markov"}],
    "journeys": [{"conversion_type": "Order Completed", "converting": 1200, "non_converting": 3}],
    "channels": [
        {
            "conversion_type": "Order Completed",
            "channel": "email",
            "removal_effect": 0.5,
            "removal_effect_interval": [0.4, 0.62],
            "markov_share": 1.0,
            "shapley_share": 1.0,
        }
    ],
    "reconciled": True,
}
JOB = {"steps": {"total": 3, "done": 1}, "state": "open", "closed_at": None}


class Edge:
    """Answers in turn."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def get(self, path, query=None):
        self.asked.append(path)
        return self.answers.pop(0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(follow, "ASK_EVERY_S", 0)


def test_it_waits_for_the_job():
    computing = {"state": "computing", "url": "/v1/jobs/m1", "failures": []}
    edge = Edge(computing, JOB, JOB, {**JOB, "state": "done", "closed_at": "now"}, READY)
    assert computed(edge, {}) is READY
    assert edge.asked == [channel_models.PATH, *["/v1/jobs/m1"] * 3, channel_models.PATH]


def test_what_came_in_meanwhile_does_not_make_it_wait_again():
    computing = {"state": "computing", "url": "/v1/jobs/m1", "failures": []}
    outdated = {**READY, **computing, "current": False}
    edge = Edge(outdated, {**JOB, "state": "done", "closed_at": "now"}, outdated)
    assert computed(edge, {}) is outdated
    assert "the next report counts them" in channels_table(outdated)


def test_a_failure_is_an_error_in_its_own_words():
    failure = {"code": "report_too_large", "message": "Too much.", "detail": "Less."}
    with pytest.raises(TributaryError, match="Too much"):
        computed(Edge({"state": "failed", "failures": [failure]}), {})


def test_the_table():
    text = channels_table(READY)
    assert "1.50         30.00" in text
    assert "50.0 % (40.0 to 62.0)" in text
    assert "1,200 journeys converted, 3 did not" in text
    assert text.endswith("reconciled: every model sums to the conversions")
    assert "1.00         20.00" in channels_table(READY, net=True)


def test_which_models_are_of_periods():
    assert asks_for_period_models("markov, Shapley", {})
    assert not asks_for_period_models("linear", {"currency": "EUR"})
    assert not asks_for_period_models(None, {})
    with pytest.raises(BadInput, match="whole periods"):
        asks_for_period_models("markov,linear", {})
    with pytest.raises(BadInput, match="--currency"):
        asks_for_period_models("markov", {"currency": "EUR"})
