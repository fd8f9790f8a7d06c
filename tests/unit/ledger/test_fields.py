"""On which days of a tenant do times lie, where its clock changes too?"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.ledger.fields import days_of

YEAR_2011_MS = 1_293_840_000_000
"""The year in which Samoa left out a day, and Newfoundland last changed its clocks a minute after midnight."""


@pytest.mark.parametrize("name", ["UTC", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"])
def test_days_are_those_of_each_time_by_itself(name: str) -> None:
    zone, chance = ZoneInfo(name), np.random.default_rng(7)
    for span_days in (2, 400):
        times_ms = YEAR_2011_MS + (chance.uniform(0, span_days, 2_000) * 86_400_000).astype(np.int64)
        assert days_of(times_ms, zone) == tuple(
            sorted({datetime.fromtimestamp(one // 1_000, zone).date() for one in times_ms.tolist()})
        )
    assert days_of(times_ms[:0], zone) == ()
