"""The 10,000 paths of SEMANTICS 6, as counts."""

import csv
import gzip
import os
from pathlib import Path

import pytest

from app.attribution.paths import PathCounts
from tests.unit.attribution.walks import paths_of

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[4] / "shared" / "data"
PATHS = Path(os.environ.get("TRIBUTARY_DATA", BESIDE_THE_CHECKOUT)) / "pathdata.csv.gz"


@pytest.fixture(scope="session")
def pathdata() -> PathCounts:
    """Value in mills, as the data have it."""
    if not PATHS.exists():
        pytest.skip("pathdata.csv.gz is not here; set TRIBUTARY_DATA to its folder")
    with gzip.open(PATHS, "rt") as file:
        return paths_of(
            [
                (
                    tuple(row["path"].split(" > ")),
                    int(row["total_conversions"]),
                    int(row["total_null"]),
                    round(float(row["total_conversion_value"]) * 1000),
                )
                for row in csv.DictReader(file)
            ]
        )
