"""Random tenants: everything that the arrays say, against the plain reference, touch for touch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.attribution.credit import Conversions, Credit, credit
from app.attribution.journeys import Fate, JourneyRules, Reuse, previous_conversions
from app.attribution.models import ModelParams
from app.attribution.names import FIVE_MODELS, TouchKind
from tests.unit.attribution import reference
from tests.unit.attribution.build import touches_of
from tests.unit.attribution.reference import PlainConversion, PlainTouch

# Few distinct times, so that equal times and window edges are common.
TIMES_MS = st.integers(0, 14)
VALUES_MINOR = st.one_of(st.integers(0, 12), st.integers(0, 10**6))
CHANNELS = st.sampled_from(["direct", "email", "search", "social"])

RULES = st.builds(
    JourneyRules,
    click_window_ms=st.integers(0, 15),
    view_window_ms=st.integers(0, 6),
    cap=st.integers(2, 9),
    skip_direct=st.booleans(),
    excluded_channels=st.frozensets(CHANNELS, max_size=3),
    collapse_repeats=st.booleans(),
    reuse=st.sampled_from(Reuse),
)
PARAMS = st.builds(
    lambda half_life_ms, position: ModelParams(half_life_ms, *position),
    st.integers(1, 30),
    st.sampled_from([(0.4, 0.2, 0.4), (0.3, 0.3, 0.4), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.125, 0.75, 0.125)]),
)


@st.composite
def tenants(draw: st.DrawFn) -> tuple[list[PlainConversion], dict[int, list[PlainTouch]]]:
    persons = range(draw(st.integers(1, 3)))
    conversions = draw(
        st.lists(
            st.builds(
                PlainConversion,
                person=st.sampled_from(persons),
                type=st.integers(0, 1),
                time_ms=TIMES_MS,
                key=st.integers(0, 2**64 - 1),
                value_minor=VALUES_MINOR,
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
    one_person = st.lists(touch, max_size=16, unique_by=lambda touch: touch.key)
    return conversions, {person: draw(one_person) for person in persons}


def credited(
    conversions: list[PlainConversion],
    touches: dict[int, list[PlainTouch]],
    rules: JourneyRules,
    params: ModelParams,
) -> Credit:
    time_ms = np.array([c.time_ms for c in conversions], np.int64)
    key = np.array([c.key for c in conversions], np.uint64)
    previous_ms = previous_conversions(
        np.array([c.person for c in conversions], np.int64),
        np.array([c.type for c in conversions], np.int32),
        time_ms,
        key,
    )
    value_minor = np.array([c.value_minor for c in conversions], np.int64)
    rows = touches_of(
        (i, touch.time_ms, touch.key, touch.channel, touch.kind)
        for i, conversion in enumerate(conversions)
        for touch in touches[conversion.person]
    )
    return credit(rows, Conversions.unadjusted(time_ms, key, value_minor, previous_ms), rules, params)


@settings(max_examples=300, deadline=None)
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
        for row, (model, weights) in enumerate(reference.model_weights(ages_ms, params).items()):
            assert model == FIVE_MODELS[row]
            assert result.weights[row, journey].tolist() == pytest.approx([float(w) for w in weights], rel=1e-14)
            shared = reference.share(conversion.value_minor, weights, conversion.key, model, keys)
            assert result.gross_minor[row, journey].tolist() == shared
            counted = reference.share(1_000_000, weights, conversion.key, model, keys)
            assert result.conversions_micro[row, journey].tolist() == counted
