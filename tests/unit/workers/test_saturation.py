"""Are words that a command of `tributary saturation` cannot use refused before anything is done?"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.errors import BadInput
from workers.commands.saturation import command


def test_a_judge_of_nothing_is_refused(tmp_path: Path) -> None:
    told = CliRunner().invoke(command, ["train-judge", str(tmp_path / "judge.gz"), "--tenants", "2"])
    assert told.exit_code == 2
    assert "2 is not in the range x>=4" in told.output


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["curve", "search", "--out", "curve.gif", "--url", "http://127.0.0.1:1"], "End it in .png or .svg."),
        (["plan", "--bound", "search=much", "--url", "http://127.0.0.1:1"], "search=100:250"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_remedy(words: list[str], remedy: str) -> None:
    told = CliRunner().invoke(command, words).exception
    assert isinstance(told, BadInput)
    assert remedy in told.detail
