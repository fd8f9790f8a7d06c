"""10,000 real-looking paths, 19,785 conversions: the totals of SEMANTICS 6, through the whole room."""

import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from app.attribution.journeys import JourneyRules, select
from app.attribution.models import weigh
from app.attribution.money import MICRO, share
from app.attribution.names import FIVE_MODELS
from app.attribution.touches import Touches

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[4] / "shared" / "data"
PATHS = Path(os.environ.get("TRIBUTARY_DATA", BESIDE_THE_CHECKOUT)) / "pathdata.csv.gz"
STEP_MS = 3_600_000
FIRST, LAST, LINEAR, POSITION = 0, 1, 2, 4

if not PATHS.exists():
    pytest.skip("pathdata.csv.gz is not here; set TRIBUTARY_DATA to its folder", allow_module_level=True)


class Replay:
    """One conversion for each that a path counts, its touches an hour apart, its value in mills."""

    def __init__(self) -> None:
        self.paths: list[list[str]] = []
        self.value_minor: list[int] = []
        with gzip.open(PATHS, "rt") as file:
            for row in csv.DictReader(file):
                count = int(row["total_conversions"])
                mills = round(float(row["total_conversion_value"]) * 1000)
                self.paths += [row["path"].split(" > ")] * count
                self.value_minor += [mills // count + (i < mills % count) for i in range(count)] if count else []
        self.names = sorted({channel for path in self.paths for channel in path})
        code = {name: i for i, name in enumerate(self.names)}
        lengths = np.array([len(path) for path in self.paths])
        m = int(lengths.sum())
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        time_ms = (np.arange(m) - starts) * STEP_MS
        self.conversion_time_ms = (lengths - 1) * STEP_MS
        self.touches = Touches(
            conversion_index=np.repeat(np.arange(len(self.paths)), lengths),
            time_ms=time_ms,
            key=np.arange(m, dtype=np.uint64),
            channel=np.array([code[channel] for path in self.paths for channel in path], np.int32),
            kind=np.zeros(m, np.int8),
            campaign=np.zeros(m, np.int32),
            channel_names=self.names,
        )
        wide = JourneyRules(click_window_ms=int(lengths.max()) * STEP_MS)
        self.journeys = select(self.touches, self.conversion_time_ms, wide)
        self.weighed = weigh(self.journeys.offsets, self.journeys.age_ms)

    def shared(self, value_minor: np.ndarray) -> np.ndarray:
        conversion_key = np.arange(len(self.paths), dtype=np.uint64)
        return share(value_minor, self.weighed.part, self.journeys.offsets, conversion_key, self.touches.key)

    def by_channel(self, row: np.ndarray) -> dict[str, float]:
        return dict(zip(self.names, np.bincount(self.touches.channel, row).tolist(), strict=True))


@pytest.fixture(scope="module")
def replay() -> Replay:
    return Replay()


def test_the_data_are_those_of_the_oracle(replay: Replay) -> None:
    assert len(replay.paths) == 19_785
    assert len(replay.names) == 12
    assert sum(replay.value_minor) / 1000 == pytest.approx(74_802.97, abs=0.01)
    assert replay.journeys.left_out.sum() == 0


def test_conversions_agree_with_the_oracle(replay: Replay) -> None:
    linear = replay.by_channel(replay.weighed.fraction[LINEAR])
    oracle = {"alpha": 7574.7186, "beta": 2083.5001, "eta": 3539.9512, "iota": 3857.0962}
    assert {name: linear[name] for name in oracle} == pytest.approx(oracle, abs=5e-5)
    position = replay.by_channel(replay.weighed.fraction[POSITION])
    assert (position["alpha"], position["iota"]) == pytest.approx((7444.8238, 3944.9482), abs=5e-5)

    counted = replay.shared(np.full(len(replay.paths), MICRO))
    assert replay.by_channel(counted[LINEAR] / MICRO)["alpha"] == pytest.approx(7574.7186, abs=1e-3)
    assert counted.sum(axis=1).tolist() == [19_785 * MICRO] * len(FIVE_MODELS)


def test_first_and_last_are_plain_counts(replay: Replay) -> None:
    counted = replay.shared(np.full(len(replay.paths), MICRO))
    for row, place in ((FIRST, 0), (LAST, -1)):
        expected = Counter(path[place] for path in replay.paths)
        assert {name: micro // MICRO for name, micro in replay.by_channel(counted[row]).items()} == expected


def test_value_is_credited_to_the_unit(replay: Replay) -> None:
    value_minor = np.array(replay.value_minor)
    shared = replay.shared(value_minor)
    assert shared.sum(axis=1).tolist() == [value_minor.sum()] * len(FIVE_MODELS)
    expected: Counter[str] = Counter()
    for path, value in zip(replay.paths, replay.value_minor, strict=True):
        expected[path[0]] += value
    assert replay.by_channel(shared[FIRST]) == {name: expected[name] for name in replay.names}
    starts = replay.journeys.offsets[:-1]
    assert np.array_equal(np.add.reduceat(shared, starts, axis=1), np.tile(value_minor, (len(FIVE_MODELS), 1)))
