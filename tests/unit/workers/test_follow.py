"""Does who follows a job see it move, under the name of what it counts, and how it ended?"""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import TributaryError
from workers.commands import follow


class Edge:
    """Answers in turn."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/v1/jobs/j1"
        return self.answers.pop(0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "ASK_EVERY_S", 0)


@pytest.mark.parametrize("unit", follow.COUNTED)
def test_the_bar_names_what_is_counted(unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    job = {unit: {"total": 3, "done": 1}, "state": "open", "closed_at": None, "failures": []}
    ended = job | {unit: {"total": 3, "done": 3}, "state": "done", "closed_at": "now"}
    follow.follow(Edge(job, job, ended), "j1")  # type: ignore[arg-type]
    told = capsys.readouterr()
    assert f"{unit}  3 of 3 (100%" in told.err
    assert told.out == "done\n"


def test_one_that_failed_stops_where_it_was_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    failure = {"code": "not_fitted", "message": "Too slow.", "detail": "Again."}
    job = {"channels": {"total": 3, "done": 1}, "state": "failed", "closed_at": "now", "failures": [failure]}
    with pytest.raises(TributaryError, match="Too slow"):
        follow.follow(Edge(job), "j1")  # type: ignore[arg-type]
    assert "channels  1 of 3 (33%" in capsys.readouterr().err
