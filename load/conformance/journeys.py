"""Which journeys is everybody asked about? The ten paths of SEMANTICS 6, the public path data, and random ones."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "data"
PATHDATA = Path(os.environ.get("TRIBUTARY_DATA", _BESIDE_THE_CHECKOUT)) / "pathdata.csv.gz"
CENTS, MILLS = 100, 1000
RANDOM_SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Row:
    """One distinct journey, with the value of all its conversions in minor units."""

    path: tuple[str, ...]
    conversions: int
    nulls: int
    value_minor: int
    ages_hours: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class JourneySet:
    """Journeys by a name; `minor_per_unit` minor units are one of their currency."""

    name: str
    rows: tuple[Row, ...]
    minor_per_unit: int = CENTS

    def as_request(self) -> list[list[object]]:
        """Rows as `peers.protocol.Row` has them."""
        return [
            [row.path, row.conversions, row.nulls, row.value_minor / self.minor_per_unit, row.ages_hours]
            for row in self.rows
        ]


TEN_PATHS = JourneySet(
    "ten paths",
    (
        Row(("A",), 1, 0, 10000, (0,)),
        Row(("A", "B"), 1, 0, 10000, (168, 0)),
        Row(("A", "B", "C"), 1, 0, 9000, (336, 168, 0)),
        Row(("A", "B", "C", "D"), 1, 0, 1001, (504, 336, 168, 24)),
        Row(("A", "A"), 1, 0, 5000, (168, 24)),
        Row(("A", "B", "A"), 1, 0, 3000, (240, 120, 12)),
        Row(("D", "D", "C"), 2, 0, 6000, (72, 48, 24)),
        Row(("B", "C"), 0, 3, 0, (48, 24)),
        Row(("C",), 0, 5, 0, (24,)),
        Row(("D", "A", "B", "A", "C"), 1, 1, 0, (400, 300, 200, 100, 50)),
    ),
)


def journey_sets() -> Iterator[JourneySet]:
    """All sets; without the path data where its file is missing."""
    yield TEN_PATHS
    if PATHDATA.exists():
        yield pathdata()
    for seed in RANDOM_SEEDS:
        yield random_journeys(seed)


def pathdata() -> JourneySet:
    """10,000 paths of 12 channels; their touches are put an hour apart, as the data have no times."""
    with gzip.open(PATHDATA, "rt", encoding="utf-8") as file:
        rows = [_row(line) for line in csv.DictReader(file)]
    return JourneySet("pathdata", tuple(row for row in rows if row.conversions + row.nulls), MILLS)


def random_journeys(seed: int, distinct: int = 200) -> JourneySet:
    """Journeys of 1 to 7 touches of 5 channels within 60 days; some convert, some do not, some do both."""
    dice = np.random.default_rng(seed)
    rows = {}
    for length in dice.integers(1, 8, distinct).tolist():
        path = tuple("ABCDE"[code] for code in dice.integers(0, 5, length))
        conversions = int(dice.integers(0, 4))
        nulls = int(dice.integers(not conversions, 9))
        ages = sorted(dice.uniform(0, 60 * 24, length).round(2).tolist(), reverse=True)
        rows[path] = Row(path, conversions, nulls, conversions * int(dice.integers(0, 30_000)), tuple(ages))
    return JourneySet(f"random {seed}", tuple(rows.values()))


def _row(line: dict[str, str]) -> Row:
    path = tuple(line["path"].split(" > "))
    value_minor = round(float(line["total_conversion_value"]) * MILLS)
    ages = tuple(float(len(path) - 1 - place) for place in range(len(path)))
    return Row(path, int(line["total_conversions"]), int(line["total_null"]), value_minor, ages)
