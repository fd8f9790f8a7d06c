"""What are a tenant's rules: what is a touch, what is a conversion, how far does a window reach?"""

from __future__ import annotations

import msgspec

from app.errors import BadInput

DAY_MS = 86_400_000

CLICK_EVENTS = (
    "Touchpoint",
    "Ad Clicked",
    "Email Link Clicked",
    "Deep Link Opened",
    "Install Attributed",
)
VIEW_EVENTS = ("Ad Viewed", "Email Opened")


class ConversionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`track` events named `event` are conversions of type `conversion_type` (the event's name where empty)."""

    event: str
    conversion_type: str = ""
    click_window_ms: int | None = None
    view_window_ms: int | None = None

    @property
    def type_name(self) -> str:
        return self.conversion_type or self.event


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules in force. Windows and half-life in milliseconds; weights as in SEMANTICS section 3."""

    version: int = 1
    click_events: tuple[str, ...] = CLICK_EVENTS
    view_events: tuple[str, ...] = VIEW_EVENTS
    conversions: tuple[ConversionRule, ...] = (ConversionRule("Order Completed"),)
    click_window_ms: int = 30 * DAY_MS
    view_window_ms: int = DAY_MS
    half_life_ms: int = 7 * DAY_MS
    first_weight: float = 0.4
    middle_weight: float = 0.2
    last_weight: float = 0.4
    touch_cap: int = 500
    skip_direct: bool = False
    excluded_channels: tuple[str, ...] = ()
    collapse_repeats: bool = False

    def windows(self, conversion_type: str) -> tuple[int, int]:
        """Click and view window (ms) of a conversion type."""
        for rule in self.conversions:
            if rule.type_name == conversion_type:
                click = self.click_window_ms if rule.click_window_ms is None else rule.click_window_ms
                view = self.view_window_ms if rule.view_window_ms is None else rule.view_window_ms
                return click, view
        return self.click_window_ms, self.view_window_ms

    @property
    def widest_window_ms(self) -> int:
        """The longest window of any conversion type and touch kind."""
        windows = [(self.click_window_ms, self.view_window_ms)]
        windows += [self.windows(rule.type_name) for rule in self.conversions]
        return max(max(pair) for pair in windows)


def check_rules(rules: Rules) -> Rules:
    """The same rules, if they can be used.

    Raises
    ------
    BadInput : names the field and the remedy.
    """
    longest = 365 * DAY_MS
    windows = {"click_window_ms": rules.click_window_ms, "view_window_ms": rules.view_window_ms}
    for number, rule in enumerate(rules.conversions):
        windows[f"conversions[{number}].click_window_ms"] = rule.click_window_ms or 0
        windows[f"conversions[{number}].view_window_ms"] = rule.view_window_ms or 0
    for name, window in windows.items():
        if not 0 <= window <= longest:
            raise BadInput("bad_rules", f"{name} is {window}.", f"Set it between 0 and {longest} (365 days).")
    if not 1 <= rules.half_life_ms <= longest:
        raise BadInput(
            "bad_rules", f"half_life_ms is {rules.half_life_ms}.", f"Set it between 1 and {longest}."
        )
    weights = (rules.first_weight, rules.middle_weight, rules.last_weight)
    if min(weights) < 0 or abs(sum(weights) - 1) > 1e-9:
        raise BadInput("bad_rules", f"The position weights are {weights}.", "Give three that add up to 1.")
    if not 2 <= rules.touch_cap <= 10_000:
        raise BadInput("bad_rules", f"touch_cap is {rules.touch_cap}.", "Set it between 2 and 10000.")
    touches = set(rules.click_events) | set(rules.view_events)
    both = touches & {rule.event for rule in rules.conversions}
    if both:
        raise BadInput(
            "bad_rules", f"{sorted(both)} are both touch and conversion.", "Name an event in one list only."
        )
    return rules
