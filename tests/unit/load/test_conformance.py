"""The conformance suite without the peers: our side of it, and how it judges."""

from __future__ import annotations

import pytest

from load.conformance.environments import PEERS
from load.conformance.journeys import TEN_PATHS, random_journeys
from load.conformance.ours import measures
from load.conformance.table import rendered
from load.conformance.verdicts import REASONS, Verdict, compared

ORACLE = {  # SEMANTICS 6: A, B, C, D
    "first_touch conversions": [6, 0, 0, 3],
    "last_touch value": [180, 100, 150, 10.01],
    "linear conversions": [4.15, 1.616667, 1.45, 1.783333],
    "position_based value": [264.004, 75.001, 61.001, 40.004],
    "time_decay value": [217.432179, 103.247241, 76.249021, 43.081559],
    "markov removal effect": [0.590414, 0.398297, 0.484774, 0.302763],
    "markov conversions": [2.991545, 2.018117, 2.456280, 1.534058],
    "shapley conversions": [3.833333, 1.833333, 1.833333, 1.5],
}


@pytest.mark.parametrize("measure", ORACLE)
def test_our_side_of_the_ten_paths_is_the_oracle(measure: str) -> None:
    ours = measures(TEN_PATHS)[measure]
    assert [ours[channel] for channel in "ABCD"] == pytest.approx(ORACLE[measure], abs=6e-7)


def test_random_journeys_are_the_same_again() -> None:
    assert random_journeys(3) == random_journeys(3)
    assert random_journeys(3) != random_journeys(4)


def test_a_difference_without_a_reason_is_shown_as_wrong() -> None:
    ours = {name: {"A": 6.0, "B": 4.0} for name in ("linear value", "time_decay value")}
    answer = {
        "linear value": {"A": 6.0 + 1e-12, "B": 4.0},
        "time_decay value": {"A": 6.5, "B": 3.5},
        "linear value, its defaults": {"A": 10.0},
        "linear value, again": "ValueError: no",
    }
    found = list(compared("some", "mam", "mam_1", ours, answer))
    expected = [Verdict.AGREES, Verdict.DIFFERS, Verdict.UNEXPLAINED, Verdict.FAILED]
    assert [each.verdict for each in found] == expected
    assert found[1].difference == pytest.approx(0.05)
    shown = rendered(found)
    assert "WRONG 40 %" in shown
    assert "whole weeks" in shown


def test_every_peer_is_pinned_and_has_its_reasons() -> None:
    for peer in PEERS:
        pins = peer.pins.read_text().split()
        assert all("==" in pin for pin in pins)
        name, version = peer.name.rsplit(" ", 1)
        assert f"{name.lower().replace('-', '_')}=={version}" in [pin.lower().replace("-", "_") for pin in pins]
        assert peer.script in REASONS
