"""Does every command that reads a report ask for the rules that it is told?"""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from app.errors import BadInput
from workers.commands import explain, export, reconcile, report


class Asked(Exception):
    """What would have been sent."""


class Recorder:
    def get(self, path: str, query: dict[str, Any]) -> None:
        raise Asked(path, query["rules"])

    pieces = get


@pytest.mark.parametrize(
    ("module", "words", "path"),
    [
        (report, [], "/v1/reports/attribution"),
        (report, ["journeys"], "/v1/reports/journeys"),
        (report, ["compare"], "/v1/reports/compare"),
        (explain, ["o1"], "/v1/conversions/o1"),
        (reconcile, [], "/v1/reconcile"),
        (export, [], "/v1/export/ledger"),
    ],
)
def test_the_shadow_is_asked_for(module: Any, words: list[str], path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "edge_of", lambda *_: Recorder())
    command: click.Command = module.command
    for more, rules in (([], None), (["--rules", "shadow"], "shadow")):
        assert CliRunner().invoke(command, [*words, *more]).exception.args == (path, rules)
    assert "in_force" in CliRunner().invoke(command, [*words, "--rules", "other"]).output


def test_models_of_whole_periods_know_no_shadow() -> None:
    told = CliRunner().invoke(report.command, ["--models", "markov", "--rules", "shadow"]).exception
    assert isinstance(told, BadInput)
    assert "--rules does not go with" in told.message
