"""Does `tributary channels reclassify` say what the edge says, and halve what is too large?"""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from app.errors import BadInput
from workers.commands import channels


class Refusing:
    """An edge that takes ranges of so many days."""

    def __init__(self, most_days: int) -> None:
        self.most_days = most_days
        self.asked: list[tuple[str, str]] = []

    def post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        days = int(body["to"][-2:]) - int(body["from"][-2:])
        if body["from"] == "2026-13-01":
            raise BadInput("bad_date", "from is '2026-13-01'.", "Write days as YYYY-MM-DD.")
        if days > self.most_days:
            raise BadInput("range_too_large", "Too many touches.", "Take fewer days.")
        self.asked.append((body["from"], body["to"]))
        return {"touches": 0, "touches_changed": 0, "spend": 0, "spend_changed": 0, "job_id": None}


def reclassified(monkeypatch: pytest.MonkeyPatch, edge: Refusing, first: str, end: str) -> Any:
    monkeypatch.setattr(channels, "edge_of", lambda *_: edge)
    return CliRunner().invoke(channels.command, ["reclassify", "--from", first, "--to", end])


def test_a_day_that_is_none_is_told_as_the_edge_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = reclassified(monkeypatch, Refusing(9), "2026-13-01", "2026-10-01").exception
    assert isinstance(told, BadInput)
    assert told.code == "bad_date"


def test_a_range_too_large_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = Refusing(3)
    assert reclassified(monkeypatch, edge, "2026-10-01", "2026-10-09").exit_code == 0
    assert edge.asked == [(f"2026-10-0{day}", f"2026-10-0{day + 2}") for day in (1, 3, 5, 7)]
    assert isinstance(reclassified(monkeypatch, Refusing(0), "2026-10-01", "2026-10-02").exception, BadInput)
