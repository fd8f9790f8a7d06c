"""`make demo`: does all of it hold, and does the printed table add up?"""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODELS = ("first_touch", "last_touch", "linear", "time_decay", "position_based")


def test_the_demo_holds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(re.findall(r"^(\S+) +USD +(.+)$", done.stdout.partition("\nSpend,")[0], re.MULTILINE))
    totals = [Decimal(text.replace(",", "")) for text in rows.pop("total").split()]
    figures = [[Decimal(text.replace(",", "")) for text in cells.split()] for cells in rows.values()]
    assert len(rows) == 7  # five channels, direct, and what nothing led to
    for column, total in enumerate(totals):
        exact = column % 2 == 1  # money is printed to the cent, conversions are rounded to two places
        assert abs(sum(line[column] for line in figures) - total) <= (0 if exact else Decimal("0.05"))
    assert set(totals[::2]) == {Decimal(2000)}
    for model in MODELS:
        assert re.search(rf"^{model} +USD .* 0\.00  holds$", done.stdout, re.MULTILINE)
    for channel in ("display", "email", "paid_search", "paid_social"):
        assert re.search(rf"^{channel} +insufficient evidence ", done.stdout, re.MULTILINE)
        assert re.search(rf"^- {channel}: not enough evidence .* 42 are needed", done.stdout, re.MULTILINE)
    assert "p95" in done.stdout
    assert "All of it held." in done.stdout
