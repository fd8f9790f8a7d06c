"""Do the reasons of an explanation equal those of the credit, on random journeys?"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.attribution.journeys import Fate, JourneyRules, select
from app.attribution.touches import Touches
from app.reports.fates import Candidate, Reason, fates
from app.tenants.rules import Rules

CHANNELS = ("direct", "email", "search", "brand")
CONVERSION_MS = 1_000

touches_of_a_journey = st.lists(
    st.tuples(st.integers(CONVERSION_MS - 30, CONVERSION_MS + 5), st.integers(0, 1), st.integers(0, len(CHANNELS) - 1)),
    max_size=14,
)
rules_of_a_tenant = st.builds(
    Rules,
    click_window_ms=st.integers(0, 25),
    view_window_ms=st.integers(0, 25),
    touch_cap=st.integers(2, 6),
    skip_direct=st.booleans(),
    excluded_channels=st.sampled_from([(), ("brand",), ("brand", "email"), ("direct", "search")]),
    collapse_repeats=st.booleans(),
)


@given(touches_of_a_journey, rules_of_a_tenant)
def test_reasons_equal_the_fates_of_the_pure_room(drawn: list[tuple[int, int, int]], rules: Rules) -> None:
    ordered = sorted((time_ms, key, kind, channel) for key, (time_ms, kind, channel) in enumerate(drawn))
    found = fates(
        [Candidate(time_ms, key, kind, CHANNELS[channel]) for time_ms, key, kind, channel in ordered],
        CONVERSION_MS,
        "Order Completed",
        rules,
    )
    columns = list(zip(*ordered, strict=True)) or [(), (), (), ()]
    touches = Touches(
        conversion_index=np.zeros(len(ordered), np.int64),
        time_ms=np.array(columns[0], np.int64),
        key=np.array(columns[1], np.uint64),
        kind=np.array(columns[2], np.int8),
        channel=np.array(columns[3], np.int32),
        campaign=np.zeros(len(ordered), np.int32),
        channel_names=CHANNELS,
    )
    journey_rules = JourneyRules(
        click_window_ms=rules.click_window_ms,
        view_window_ms=rules.view_window_ms,
        cap=rules.touch_cap,
        skip_direct=rules.skip_direct,
        excluded_channels=frozenset(rules.excluded_channels),
        collapse_repeats=rules.collapse_repeats,
    )
    expected = select(touches, np.array([CONVERSION_MS]), journey_rules).fate
    assert [str(reason) for reason in found] == [Fate(fate).label for fate in expected]


def test_every_fate_has_a_word_but_that_of_a_rule_that_no_tenant_can_set() -> None:
    words = {fate.label for fate in Fate} - {"taken_by_earlier_conversion"}
    assert words <= {str(reason) for reason in Reason}
