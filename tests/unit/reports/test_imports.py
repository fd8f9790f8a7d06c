"""Does the web process stay light with the reports in it?"""

from __future__ import annotations

import subprocess
import sys


def test_reports_load_no_numpy() -> None:
    heavy = "{'numpy', 'pandas', 'scipy', 'lightgbm'}"
    code = f"import sys, app.http.reports, app.http.jobs; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
