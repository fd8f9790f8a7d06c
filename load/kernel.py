"""How many journeys a second do the five models credit, with and without exact money?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.attribution.credit import Conversions, credit
from app.attribution.journeys import JourneyRules, Journeys, select
from app.attribution.models import weigh
from app.attribution.touches import Touches
from load.figures import Figure, compared, in_turns, of_rates
from load.setting import Setting

JOURNEYS, QUICK_JOURNEYS = 100_000, 2_000
ALONE = 300
"""Journeys that are credited by a call each, to compare with: so few because each takes as long as hundreds."""
DAY_MS = 86_400_000
NOON_MS = 1_790_000_000_000


def measure(setting: Setting) -> Iterator[Figure]:
    n = QUICK_JOURNEYS if setting.is_quick else JOURNEYS
    touches, conversions = journeys_of(n, seed=1)
    few = [journeys_of(1, seed) for seed in range(ALONE)]
    selected = select(touches, conversions.time_ms, JourneyRules())
    weights_s, chosen_s, money_s, alone_s = in_turns(
        [
            lambda: _weights(selected),
            lambda: _weights(select(touches, conversions.time_ms, JourneyRules())),
            lambda: credit(touches, conversions),
            lambda: [credit(*one) for one in few],
        ],
        setting.rounds(7),
    )
    mean = round(len(touches) / n, 2)
    weights = of_rates("kernel_weights", "journeys", [n / taken for taken in weights_s], n, touches_each=mean)
    yield weights
    chosen = of_rates("kernel_journeys_and_weights", "journeys", [n / taken for taken in chosen_s], n)
    yield compared(chosen, "weights only", weights.value)
    money = of_rates("kernel_with_money", "journeys", [n / taken for taken in money_s], n, touches_each=mean)
    yield compared(money, "weights only", weights.value)
    alone = of_rates("kernel_with_money_at_once", "journeys", [n / taken for taken in money_s], n)
    alone_rates = of_rates("", "journeys", [ALONE / taken for taken in alone_s], ALONE)
    yield compared(alone, "the same, a call per journey (sampled)", alone_rates.value)


def journeys_of(n: int, seed: int) -> tuple[Touches, Conversions]:
    """`n` journeys of 1 to 11 touches, 6 on average, as the touchpoint query gives them."""
    dice = np.random.default_rng(seed)
    lengths = dice.integers(1, 12, n)
    index = np.repeat(np.arange(n), lengths)
    m = len(index)
    key = dice.integers(0, 2**63, m).astype(np.uint64)
    time_ms = NOON_MS - dice.integers(0, 30 * DAY_MS, m)
    order = np.lexsort((key, time_ms, index))
    touches = Touches(
        conversion_index=index,
        time_ms=time_ms[order],
        key=key[order],
        channel=dice.integers(0, 7, m).astype(np.int32),
        kind=np.zeros(m, np.int8),
        campaign=np.zeros(m, np.int32),
        channel_names=[f"channel-{number}" for number in range(7)],
    )
    values = dice.integers(0, 50_000, n)
    conversions = Conversions.unadjusted(
        np.full(n, NOON_MS), dice.integers(0, 2**63, n).astype(np.uint64), values.astype(np.int64)
    )
    return touches, conversions


def _weights(journeys: Journeys) -> object:
    return weigh(journeys.offsets, journeys.age_ms)
