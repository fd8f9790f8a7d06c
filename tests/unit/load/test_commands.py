"""Do the commands that the documents name exist, and say how they are used? Those that run long are run by hand."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from load import bench, run
from load.figures import Figure
from load.setting import Setting

CHECKOUT = Path(__file__).resolve().parents[3]
PAGES = [path for where in ("*.md", "Makefile", "docs/*.md", "load/*.py") for path in CHECKOUT.glob(where)]
NAMED = re.compile(r"-m (load\.[a-z_]+)")
MODULES = sorted({name for page in PAGES for name in NAMED.findall(page.read_text(encoding="utf-8"))})
SILENT = {"load.goals", "load.poster"}
"""They take no options."""


@pytest.mark.parametrize("module", sorted(set(MODULES) - SILENT))
def test_a_benchmark_says_how_it_is_used(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, module, raising=False)  # runpy warns of what is there already
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert f"usage: python -m {module}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--rate abc", "--rate: it is 'abc': give a number"),
        ("--rate -5", "--rate"),
        ("--rate nan", "--rate"),
        ("--seconds inf", "--seconds"),
        ("--rate 0", "nothing would be sent"),
        ("--rate 10 --seconds 1", "nothing would be sent"),
        ("--burst 1", "nothing would be sent"),
        ("--batch 0", "--batch is 0"),
        ("--batch 3000", "--batch is 3000"),
    ],
)
def test_a_load_that_cannot_be_sent_is_refused_in_words(
    options: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(options.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_too_few_touches_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--touches", "-5"])
    assert "--touches is -5: give 60,000 at least" in capsys.readouterr().err


def test_a_benchmark_that_fails_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(setting: Setting) -> Iterator[Figure]:
        yield Figure("first", 1.0, "ms", 1, 1, 1.0, 1.0)
        raise RuntimeError("the second")

    def working(setting: Setting) -> Iterator[Figure]:
        yield Figure("touch_query_1000", 1.0, "ms", 1, 1, 1.0, 1.0, "another", 50.0, 50.0)

    monkeypatch.setattr(bench, "BENCHMARKS", {"broken": broken, "working": working})
    assert bench.main([]) == 1
    told = capsys.readouterr()
    assert [json.loads(line)["name"] for line in told.out.splitlines()] == ["first", "touch_query_1000"]
    assert "RuntimeError: the second" in told.err
    assert "at least 40       met" in told.err
    assert told.err.splitlines()[-1] == "Failed, see above: broken."
    assert bench.main(["--quick", "--only", "working"]) == 0
    assert "at least 40" not in capsys.readouterr().err, "a reduced form says nothing of goals"
