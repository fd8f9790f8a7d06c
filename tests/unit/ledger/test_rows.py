"""Rows of the ledger as arrays: what each says, and when two say the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.attribution.credit import Conversions, credit
from app.attribution.journeys import JourneyRules
from app.attribution.models import ModelParams
from app.attribution.touches import Touches
from app.identity.resolve import Identities
from app.ledger.conversions import Order
from app.ledger.fields import fields_of
from app.ledger.rows import DAY_MS, Group, LedgerRows, ledger_rows
from app.ledger.terms import Terms
from app.storage.conversion_history import ConversionEvent
from app.storage.touches import TouchColumns
from tests.unit.attribution.build import random_chunk, taken

TERMS = Terms(JourneyRules(cap=5), ModelParams(), (), 30 * DAY_MS)


def group_of(touches: Touches, conversions: Conversions) -> Group:
    orders = []
    for number, key in enumerate(conversions.key.tolist()):
        ts_ms, gross_minor = int(conversions.time_ms[number]), int(conversions.gross_minor[number])
        event = ConversionEvent(1, key, ts_ms, f"m{key}", "Order", f"o{key}", f"u:{key}", gross_minor, "EUR", 0)
        retracted = bool(conversions.retracted[number])
        net_minor = 0 if retracted else int(conversions.net_minor[number])
        orders.append(Order(1, key, event, number % 3, (ts_ms,), net_minor, retracted))
    columns = TouchColumns(
        conversion_index=touches.conversion_index,
        time_ms=touches.time_ms,
        key=touches.key,
        kind=touches.kind.astype(np.int8),
        channel=touches.channel,
        channel_names=list(touches.channel_names),
        campaign=touches.campaign,
        campaign_names=["spring"],
        source=touches.key.astype(np.int32) % 2,
        source_names=["google", "bing"],
    )
    earned = credit(touches, conversions, TERMS.journeys)
    return Group(fields_of(orders), [3] * len(orders), TERMS, columns, earned)


def rows_of(*groups: Group) -> LedgerRows:
    return ledger_rows([], groups, {1: Identities(10)})  # none of them left another day


def test_each_row_says_what_its_conversion_earned() -> None:
    group = group_of(*random_chunk(300, seed=1))
    rows, journeys = rows_of(group), group.credit.journeys
    assert rows.is_deleted.sum() == 0
    for number, retracted in enumerate(group.fields.retracted.tolist()):
        one = slice(journeys.offsets[number], journeys.offsets[number + 1])
        said = rows.credit(number)
        assert said.touch_keys == group.columns.key[journeys.index[one]].tolist()
        assert said.micros == group.credit.conversions_micro[:, one].ravel().tolist()
        assert said.gross == group.credit.gross_minor[:, one].ravel().tolist()
        assert (said.net or said.gross) == group.credit.net_minor[:, one].ravel().tolist()
        assert bool(said.net) == bool(said.touch_keys and (retracted or said.net_minor != said.gross_minor))
        assert (said.ts_ms, said.currency, said.rules_version) == (group.fields.ts_ms[number], "EUR", 3)
        models = slice(5 * rows.offsets[number], 5 * rows.offsets[number + 1])
        assert rows.weights[models].tolist() == group.credit.weights[:, one].ravel().tolist()


def test_groups_and_order_change_nothing() -> None:
    touches, conversions = random_chunk(200, seed=2)
    whole = rows_of(group_of(touches, conversions))
    shuffled = np.random.default_rng(2).permutation(200)
    parts = [group_of(*taken(touches, conversions, part)[:2]) for part in (shuffled[:50], shuffled[50:])]
    joined = rows_of(*parts)
    for place, number in enumerate(shuffled.tolist()):
        assert joined.credit(place) == whole.credit(number)
        assert joined.content[place] == whole.content[number]


def test_a_key_without_an_event_and_an_older_day_are_deleted() -> None:
    event = ConversionEvent(1, 7, 5 * DAY_MS, "m", "Order", "o", "u:a", 100, "EUR", 0)
    moved = Order(1, 7, event, 0, (3 * DAY_MS, 5 * DAY_MS), 100, False)
    rows = ledger_rows([moved, Order(1, 8, None, 0, (4 * DAY_MS,), 0, False)], [], {})
    assert list(zip(rows.key.tolist(), rows.day.tolist(), strict=True)) == [(7, 3), (8, 4)]
    assert rows.is_deleted.tolist() == [1, 1]


@pytest.mark.parametrize("name", ["gross_minor", "net_minor"])
def test_another_amount_is_another_content(name: str) -> None:
    touches, conversions = random_chunk(100, seed=3)
    one = rows_of(group_of(touches, conversions))
    other = rows_of(group_of(touches, replace(conversions, **{name: getattr(conversions, name) + 1})))
    kept = conversions.retracted if name == "net_minor" else np.zeros(100, np.bool_)
    assert ((one.content == other.content) == kept).all()


def test_another_channel_is_another_content() -> None:
    touches, conversions = random_chunk(100, seed=4)
    one = rows_of(group_of(touches, conversions))
    other = rows_of(group_of(replace(touches, channel_names=["a", "b", "c", "d"]), conversions))
    has_touches = np.diff(one.offsets) > 0
    assert has_touches.any()
    assert ((one.content != other.content) == has_touches).all()
    assert len(set(one.content.tolist())) == 100
    assert (one.content > 0).all()
