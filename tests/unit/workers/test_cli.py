"""Is every error that we know told in two lines, without a traceback?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workers.cli import main


def told(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[object, list[str]]:
    """How the console script ends, and its lines on standard error."""
    monkeypatch.setattr(sys, "argv", ["tributary", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().err.splitlines()


def test_a_folder_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "file").touch()
    code, lines = told(["up", "--dir", str(file)], monkeypatch, capsys)
    assert (code, lines[0]) == (1, f"tributary: {file}: File exists.")
    assert lines[1].startswith("  See that")


def test_a_setting_that_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TRIBUTARY_SHARDS", "many")
    code, lines = told(["doctor"], monkeypatch, capsys)
    assert code == 2
    assert "TRIBUTARY_SHARDS is 'many'" in lines[0]


def test_a_port_that_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = told(["up", "--port", "99999"], monkeypatch, capsys)
    assert (code, "99999" in lines[-1]) == (2, True)
