"""Are rules checked with the field's name and a remedy, and do their parts say what they should?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.errors import BadInput
from app.tenants.checks import check_rules, read_rules
from app.tenants.rules import DAY_MS, PRESETS, ChannelWindow, ConversionRule, Rules, channel_book
from app.tenants.tenant import Tenant, with_rules
from app.tenants.timeline import RulesFrom, put


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"touch_cap": "many"}, "touch_cap"),
        ({"touch_cap": 1}, "touch_cap"),
        ({"windw": 1}, "windw"),
        ({"conversions": [{"event": "A", "nonsense": 1}]}, "conversions"),
        ({"click_window_ms": -1}, "click_window_ms"),
        ({"conversions": [{"event": "A", "view_window_ms": -5}]}, "conversions[0].view_window_ms"),
        ({"first_weight": 0.9}, "first_weight"),
        ({"first_weight": 1e999}, "first_weight"),
        ({"position_preset": "z"}, "position_preset"),
        ({"position_preset": "w"}, "milestones"),
        ({"position_preset": "w", "milestones": ["Nothing"]}, "milestones[0]"),
        ({"conversions": []}, "conversions"),
        ({"conversions": [{"event": "A"}, {"event": "A"}]}, "conversions[1].event"),
        ({"conversions": [{"event": "Touchpoint"}]}, "Touchpoint"),
        ({"click_events": ["X"], "view_events": ["X"]}, "click_events"),
        (
            {
                "conversions": [
                    {"event": "A", "conversion_type": "T"},
                    {"event": "B", "conversion_type": "T", "reset": True},
                ]
            },
            "conversions[1]",
        ),
        ({"conversions": [{"event": "A", "value": {"property": "x", "fixed": "1"}}]}, "conversions[0].value"),
        ({"conversions": [{"event": "A", "value": {"fixed": "lots"}}]}, "conversions[0].value.fixed"),
        ({"conversions": [{"event": "A", "value": {"factor": "-1"}}]}, "conversions[0].value.factor"),
        ({"excluded_channels": ["email", "Direct"]}, "excluded_channels[1]"),
        ({"channel_windows": [{"channel": "email"}]}, "channel_windows[0]"),
        ({"channel_windows": [{"channel": "Email", "click_window_ms": 1}]}, "channel_windows[0].channel"),
        (
            {"channel_windows": [{"channel": "email", "conversion_type": "No", "click_window_ms": 1}]},
            "channel_windows[0].conversion_type",
        ),
        ({"excluded_referrers": ["https://paypal.com/x"]}, "excluded_referrers[0]"),
        ({"channel_rules": [{"channel": "x", "when": []}]}, "channel_rules[0].when"),
        ({"channel_rules": [{"channel": "(excluded)", "when": [{"field": "url", "value": "x"}]}]}, "channel_rules[0]"),
        ({"channel_rules": [{"channel": "x", "when": [{"field": "host", "value": "x"}]}]}, "channel_rules"),
        ({"source_aliases": [{"value": "", "name": "x"}]}, "source_aliases[0].value"),
    ],
)
def test_a_refusal_names_the_field_and_a_remedy(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_rules(msgspec.json.encode(body).replace(b'"first_weight":null', b'"first_weight":1e999'))
    assert field in refused.value.message
    assert refused.value.detail


def test_what_is_printed_is_read_again() -> None:
    rules = Rules(
        position_preset="j", conversions=(ConversionRule("A", reset=True),), excluded_referrers=("pay.example",)
    )
    assert read_rules(msgspec.json.encode(rules)) == rules


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_sum_to_one(name: str) -> None:
    rules = msgspec.structs.replace(Rules(milestones=("Order Completed",)), position_preset=name)
    assert sum(check_rules(rules).position_weights) == pytest.approx(1)


def test_the_most_specific_window_counts() -> None:
    rules = Rules(
        conversions=(ConversionRule("A", click_window_ms=50), ConversionRule("B")),
        click_window_ms=40,
        view_window_ms=4,
        channel_windows=(
            ChannelWindow("email", "A", click_window_ms=70),
            ChannelWindow("email", view_window_ms=7),
        ),
    )

    def windows(kind: str, channel: str) -> tuple[int, int]:
        return rules.window_of(kind, channel, is_view=False), rules.window_of(kind, channel, is_view=True)

    assert windows("A", "email") == (70, 7)
    assert windows("B", "email") == (40, 7)
    assert windows("A", "search") == (50, 4)
    assert windows("C", "search") == (40, 4)
    assert (rules.widest_of("A"), rules.widest_of("B"), rules.widest_window_ms) == (70, 40, 70)


def test_the_version_in_force_follows_the_conversions_time() -> None:
    first, second, third = (Rules(version=n, touch_cap=n + 10) for n in (1, 2, 3))
    line = put(put(put((), 0, first), 100, second), 50, third)
    tenant = with_rules(Tenant(1, "t", "T"), line)
    assert [tenant.rules_at(ts).version for ts in (-5, 0, 49, 50, 100, 10**15)] == [1, 1, 1, 3, 3, 3]
    assert put(line, 60, msgspec.structs.replace(third, version=9)) == line
    assert put(line, 50, msgspec.structs.replace(third, version=9)) == line
    assert put(line, 0, third) == (RulesFrom(0, third),)


def test_the_widest_window_is_that_of_any_version_in_force() -> None:
    line = put(put((), 0, Rules(click_window_ms=90 * DAY_MS)), 100, Rules(version=2, click_window_ms=DAY_MS))
    assert with_rules(Tenant(1, "t", "T"), line).widest_window_ms == 90 * DAY_MS


def test_payment_providers_are_a_preset() -> None:
    assert "paypal.com" in channel_book(Rules(exclude_payment_providers=True)).excluded_hosts
    assert channel_book(Rules(excluded_referrers=("www.Pay.example",))).excluded_hosts == {"pay.example"}


@pytest.mark.parametrize(
    ("text", "field", "known"),
    [
        (b'{"nope": 1}', "'nope'", "`rules` has version, click_events"),
        (b'{"conversions": [{"event": "x", "value": {"fctr": "1"}}]}', "conversions[0].value.fctr", "property, fixed"),
        (
            b'{"channel_rules": [{"channel": "x", "when": [{"fild": "source"}]}]}',
            "'channel_rules[0].when[0].fild'",
            "`channel_rules[0].when[0]` has field, value, how;",
        ),
    ],
)
def test_an_unknown_field_is_answered_with_those_of_its_place(text: bytes, field: str, known: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_rules(text)
    assert field in refused.value.message
    assert known in refused.value.detail
