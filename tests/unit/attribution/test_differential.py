"""Random tenants: everything that the arrays say, against the plain reference, touch for touch."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.attribution.credit import Conversions, Credit, credit
from app.attribution.journeys import NO_PREVIOUS_MS, Fate, JourneyRules, Reuse
from app.attribution.models import ModelParams
from app.attribution.names import FIVE_MODELS, Model, TouchKind
from tests.unit.attribution import reference
from tests.unit.attribution.build import touches_of
from tests.unit.attribution.reference import PlainConversion, PlainTouch

# Few distinct times, so that equal times and window edges are common; conversions among and after the touches.
TIMES_MS = st.integers(0, 14)
CONVERTED_MS = st.integers(5, 16)
VALUES_MINOR = st.one_of(st.integers(0, 12), st.integers(0, 10**6))
CHANNELS = st.sampled_from(["direct", "email", "search", "social"])

RULES = st.builds(
    JourneyRules,
    click_window_ms=st.sampled_from([14, 9, 4, 0]),
    view_window_ms=st.sampled_from([9, 12, 3, 0]),
    cap=st.sampled_from([9, 4, 3, 2]),
    skip_direct=st.booleans(),
    excluded_channels=st.frozensets(CHANNELS, max_size=3),
    collapse_repeats=st.booleans(),
    reuse=st.sampled_from(Reuse),
    channel_windows=st.sampled_from([(), (("email", 3, 0),), (("direct", 0, 9), ("search", 14, 2)), (("tv", 1, 1),)]),
    clicks_win_ties=st.booleans(),
)
POSITIONS = [
    *((0.4, 0.2, 0.4), (0.3, 0.3, 0.4), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.125, 0.75, 0.125)),
    *((0.3, 0.1, 0.3, 0.3), (0.0, 0.0, 0.0, 1.0), (0.125, 0.5, 0.25, 0.125)),  # with milestones
]
PARAMS = st.builds(
    lambda half_life_ms, position: ModelParams(half_life_ms, *position), st.integers(1, 30), st.sampled_from(POSITIONS)
)
MILESTONES = (0, 1)
"""The conversion types that are milestones on the way to the others."""


@st.composite
def tenants(draw: st.DrawFn) -> tuple[list[PlainConversion], dict[int, list[PlainTouch]]]:
    persons = range(draw(st.integers(1, 3)))
    conversions = draw(
        st.lists(
            st.builds(
                PlainConversion,
                person=st.sampled_from(persons),
                type=st.integers(0, 1),
                time_ms=CONVERTED_MS,
                key=st.integers(0, 2**64 - 1),
                value_minor=VALUES_MINOR,
                net_minor=VALUES_MINOR,
                retracted=st.booleans(),
            ),
            min_size=1,
            max_size=6,
            unique_by=lambda conversion: conversion.key,
        )
    )
    touch = st.builds(
        PlainTouch,
        time_ms=TIMES_MS,
        key=st.integers(0, 2**64 - 1),
        channel=CHANNELS,
        kind=st.sampled_from(TouchKind),
    )
    one_person = st.one_of(
        st.lists(touch, min_size=8, max_size=16, unique_by=lambda touch: touch.key), st.lists(touch, max_size=2)
    ).filter(lambda touches: len({touch.key for touch in touches}) == len(touches))
    return conversions, {person: draw(one_person) for person in persons}


def previous_of(conversion: PlainConversion, conversions: list[PlainConversion]) -> int:
    """When its person converted before, with the same type."""
    same = [c for c in conversions if (c.person, c.type) == (conversion.person, conversion.type)]
    earlier = [c.time_ms for c in same if (c.time_ms, c.key) < (conversion.time_ms, conversion.key)]
    return max(earlier, default=NO_PREVIOUS_MS)


def credited(
    conversions: list[PlainConversion],
    touches: dict[int, list[PlainTouch]],
    rules: JourneyRules,
    params: ModelParams,
) -> Credit:
    time_ms = np.array([c.time_ms for c in conversions], np.int64)
    key = np.array([c.key for c in conversions], np.uint64)
    previous_ms = np.array([previous_of(c, conversions) for c in conversions], np.int64)
    reached = [[milestone_ms(c, conversions, type) for c in conversions] for type in MILESTONES]
    rows = touches_of(
        (i, touch.time_ms, touch.key, touch.channel, touch.kind)
        for i, conversion in enumerate(conversions)
        for touch in touches[conversion.person]
    )
    return credit(
        rows,
        Conversions(
            time_ms,
            key,
            np.array([c.value_minor for c in conversions], np.int64),
            np.array([c.net_minor for c in conversions], np.int64),
            np.array([c.retracted for c in conversions], np.bool_),
            previous_ms,
            np.array(reached, np.int64),
        ),
        rules,
        params,
    )


def milestone_ms(conversion: PlainConversion, conversions: list[PlainConversion], type: int) -> int:
    found = reference.milestone_of(conversion, conversions, type) if type != conversion.type else None
    return NO_PREVIOUS_MS if found is None else found.time_ms


def weights_of(
    conversion: PlainConversion, conversions: list[PlainConversion], kept: list[PlainTouch], params: ModelParams
) -> dict[str, list[Fraction]]:
    weights = reference.model_weights([conversion.time_ms - touch.time_ms for touch in kept], params)
    if params.milestone:
        reached = [milestone_ms(conversion, conversions, type) for type in MILESTONES]
        led = [[place for place, touch in enumerate(kept) if touch.time_ms <= at] for at in reached]
        weights["position_based"] = reference.milestone_weights(
            len(kept), [places[-1] for places in led if places], params
        )
    return weights


@settings(max_examples=200, deadline=None)
@given(tenants(), RULES, PARAMS)
def test_a_tenant_is_credited_as_the_rules_say(
    tenant: tuple[list[PlainConversion], dict[int, list[PlainTouch]]],
    rules: JourneyRules,
    params: ModelParams,
) -> None:
    conversions, touches = tenant
    result = credited(conversions, touches, rules, params)
    offsets = result.journeys.offsets
    fates = iter(result.journeys.fate)
    for i, conversion in enumerate(conversions):
        mine = touches[conversion.person]
        expected = reference.journey(conversion, conversions, mine, rules)
        in_order = sorted(mine, key=lambda touch: (touch.time_ms, touch.key))
        assert [Fate(next(fates)) for _ in in_order] == [expected.fates[touch.key] for touch in in_order]

        journey = slice(offsets[i], offsets[i + 1])
        ages_ms = [conversion.time_ms - touch.time_ms for touch in expected.kept]
        assert result.journeys.age_ms[journey].tolist() == ages_ms
        assert result.journeys.left_out[i] == expected.left_out
        assert result.unattributed[i] == (not ages_ms)
        if not ages_ms:
            continue
        keys = [touch.key for touch in expected.kept]
        for row, (model, weights) in enumerate(weights_of(conversion, conversions, expected.kept, params).items()):
            assert model == FIVE_MODELS[row]
            assert result.weights[row, journey].tolist() == pytest.approx([float(w) for w in weights], rel=1e-14)
            net = 0 if conversion.retracted else conversion.net_minor
            gross, net_shared, counted = (
                reference.share(value, weights, conversion.key, model, keys)
                for value in (conversion.value_minor, net, 1_000_000)
            )
            assert result.gross_minor[row, journey].tolist() == gross
            assert result.net_minor[row, journey].tolist() == net_shared
            assert result.conversions_micro[row, journey].tolist() == counted
            assert result.net_conversions_micro[row, journey].tolist() == [
                0 if conversion.retracted else count for count in counted
            ]


W_PARAMS = st.sampled_from(
    [
        ModelParams(first=0.3, middle=0.1, last=0.3, milestone=0.3),
        ModelParams(first=0.0, middle=0.0, last=0.0, milestone=1.0),
        ModelParams(first=0.125, middle=0.5, last=0.25, milestone=0.125),
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 12), max_size=9),
            st.lists(st.one_of(st.none(), st.integers(0, 14)), min_size=3, max_size=3),
            VALUES_MINOR,
        ),
        min_size=1,
        max_size=6,
    ),
    W_PARAMS,
)
def test_milestones_earn_as_the_rules_say(
    journeys: list[tuple[list[int], list[int | None], int]], params: ModelParams
) -> None:
    conversion_ms = 20
    rows = touches_of(
        (i, time_ms, 100 * i + place, "a", TouchKind.CLICK)
        for i, (touch_times, _, _) in enumerate(journeys)
        for place, time_ms in enumerate(sorted(touch_times))
    )
    n = len(journeys)
    milestone_ms = np.array(
        [[NO_PREVIOUS_MS if reached[k] is None else reached[k] for _, reached, _ in journeys] for k in range(3)],
        np.int64,
    )
    value_minor = np.array([value for _, _, value in journeys], np.int64)
    key = np.arange(n, dtype=np.uint64)
    conversions = Conversions(
        np.full(n, conversion_ms), key, value_minor, value_minor, np.zeros(n, np.bool_), milestone_ms=milestone_ms
    )
    result = credit(rows, conversions, JourneyRules(), params)
    row = FIVE_MODELS.index(Model.POSITION_BASED)
    for i, (touch_times, reached, value) in enumerate(journeys):
        ordered = sorted(touch_times)
        if not ordered:
            continue
        before = [[place for place, time_ms in enumerate(ordered) if time_ms <= at] for at in reached if at is not None]
        weights = reference.milestone_weights(len(ordered), [places[-1] for places in before if places], params)
        journey = slice(result.journeys.offsets[i], result.journeys.offsets[i + 1])
        keys = [100 * i + place for place in range(len(ordered))]
        assert result.weights[row, journey].tolist() == pytest.approx([float(w) for w in weights], rel=1e-14)
        assert result.gross_minor[row, journey].tolist() == reference.share(value, weights, i, "position_based", keys)
