"""Do the commands that the documents name exist, and say how they are used? Those that run long are run by hand."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

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
