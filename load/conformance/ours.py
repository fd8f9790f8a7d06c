"""What do we say about these journeys? Every measure that any peer has, by channel, from `app.attribution`."""

from __future__ import annotations

import numpy as np

from app.attribution.credit import Conversions, credit
from app.attribution.journeys import JourneyRules
from app.attribution.markov import markov, removal_effects
from app.attribution.names import FIVE_MODELS
from app.attribution.paths import Count, PathCounts, count_paths
from app.attribution.shapley import shapley
from app.attribution.totals import ChannelCredit
from app.attribution.touches import Touches
from load.conformance.journeys import JourneySet, Row

HOUR_MS = 3_600_000
CONVERTED_AT_MS = 10**13
_WIDE = JourneyRules(click_window_ms=CONVERTED_AT_MS, cap=100_000)

ByChannel = dict[str, float]


def measures(journeys: JourneySet) -> dict[str, ByChannel]:
    """By measure and channel: conversions, value in units of currency, removal effects."""
    rows = journeys.rows
    names = sorted({channel for row in rows for channel in row.path})
    found = _five_models(rows, names, journeys.minor_per_unit)
    paths = paths_of(rows, names)
    effects = removal_effects(paths)
    found["markov removal effect"] = dict(zip(effects.channels, effects.effect.tolist(), strict=True))
    conversions, value = (int(paths.credited()[count]) for count in (Count.CONVERSIONS, Count.GROSS_MINOR))
    by_markov, by_shapley = markov(paths, effects), shapley(paths)
    found["markov conversions"] = _times(by_markov, conversions)
    found["markov value"] = _times(by_markov, value / journeys.minor_per_unit)
    found["shapley conversions"] = _times(by_shapley, conversions)
    return found


def paths_of(rows: tuple[Row, ...], names: list[str]) -> PathCounts:
    """The rows as path counts, nothing refunded."""
    place = {name: code for code, name in enumerate(names)}
    codes = np.array([place[channel] for row in rows for channel in row.path], np.int32)
    counts = [[row.conversions, row.conversions, row.nulls, row.value_minor, row.value_minor] for row in rows]
    return count_paths(np.cumsum([0, *(len(row.path) for row in rows)]), codes, names, np.array(counts, np.int64))


def arrays_of(rows: tuple[Row, ...], names: list[str]) -> tuple[Touches, Conversions]:
    """Each conversion by itself, its touches before it, its part of the value to the unit."""
    each = [row for row in rows for _ in range(row.conversions)]
    lengths = np.array([len(row.path) for row in each])
    index = np.repeat(np.arange(len(each)), lengths)
    ages_ms = np.array([round(age * HOUR_MS) for row in each for age in row.ages_hours], np.int64)
    place = {name: code for code, name in enumerate(names)}
    codes = np.array([place[channel] for row in each for channel in row.path], np.int32)
    touches = Touches(
        conversion_index=index,
        time_ms=CONVERTED_AT_MS - ages_ms,
        key=np.arange(len(index), dtype=np.uint64),
        channel=codes,
        kind=np.zeros(len(index), np.int8),
        campaign=np.zeros(len(index), np.int32),
        channel_names=names,
    )
    values = [
        row.value_minor // row.conversions + (place < row.value_minor % row.conversions)
        for row in rows
        for place in range(row.conversions)
    ]
    return touches, Conversions.unadjusted(
        np.full(len(each), CONVERTED_AT_MS), np.arange(len(each), dtype=np.uint64), np.array(values, np.int64)
    )


def _five_models(rows: tuple[Row, ...], names: list[str], minor_per_unit: int) -> dict[str, ByChannel]:
    """The weights times what they are weights of: whole units, which are within one of them, would only add noise."""
    touches, conversions = arrays_of(rows, names)
    credited = credit(touches, conversions, _WIDE)
    channel = touches.channel[credited.journeys.index]
    value = np.repeat(conversions.gross_minor / minor_per_unit, np.diff(credited.journeys.offsets))
    found: dict[str, ByChannel] = {}
    for model, weight in zip(FIVE_MODELS, credited.weights, strict=True):
        for amount, earned in (("conversions", weight), ("value", weight * value)):
            found[f"{model} {amount}"] = dict(
                zip(names, np.bincount(channel, earned, minlength=len(names)).tolist(), strict=True)
            )
    return found


def _times(credited: ChannelCredit, total: float) -> ByChannel:
    return dict(zip(credited.channels, (credited.share * total).tolist(), strict=True))
