"""What are a tenant's rules: what is a touch, what is a conversion, how far does a window reach?"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from app.channels.book import Alias, ChannelBook, Condition, CustomRule
from app.channels.tables import PAYMENT_PROVIDERS

DAY_MS = 86_400_000

CLICK_EVENTS = (
    "Touchpoint",
    "Ad Clicked",
    "Email Link Clicked",
    "Deep Link Opened",
    "Install Attributed",
)
VIEW_EVENTS = ("Ad Viewed", "Email Opened")

PRESETS: dict[str, tuple[float, float, float, float]] = {
    "u": (0.4, 0.2, 0.4, 0.0),
    "j": (0.2, 0.2, 0.6, 0.0),
    "inverse_j": (0.6, 0.2, 0.2, 0.0),
    "w": (0.3, 0.1, 0.3, 0.3),
}
"""Position weights by name: first, middle, last, milestones."""

Preset = Literal["", "u", "j", "inverse_j", "w"]
How = Literal["exact", "prefix", "contains", "glob"]


class ValueRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a conversion of a type is worth, decided when its event arrives.

    `property` is read instead of revenue, value and total; `fixed` is a decimal string that every conversion is worth,
    in `currency` (the tenant's where empty); `factor` multiplies, rounded half even to the minor unit.
    """

    property: str = ""
    fixed: str = ""
    currency: str = ""
    factor: str = ""


class ConversionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`track` events named `event` are conversions of type `conversion_type` (the event's name where empty).

    `reset`: a touch serves only the next conversion of the type, not every one whose window it is in (SEMANTICS 2.5).
    """

    event: str
    conversion_type: str = ""
    click_window_ms: int | None = None
    view_window_ms: int | None = None
    reset: bool = False
    value: ValueRule = ValueRule()

    @property
    def type_name(self) -> str:
        return self.conversion_type or self.event


class ChannelWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The window of a channel's touches, for one conversion type or (where empty) every one."""

    channel: str
    conversion_type: str = ""
    click_window_ms: int | None = None
    view_window_ms: int | None = None


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One condition on a touch; case and outer blanks do not count. `glob` knows ``*``, ``?`` and ``[abc]``."""

    field: Literal["source", "medium", "campaign", "referrer_host", "url"]
    value: str
    how: How = "exact"


class ChannelRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Touches for which all of `when` holds come from `channel`; of several rules the first decides."""

    channel: str
    when: tuple[Match, ...]


class AliasRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A source or campaign that matches `value` is called `name`; of several aliases the first decides."""

    value: str
    name: str
    how: How = "exact"


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules in force. Windows and half-life in milliseconds; weights as in SEMANTICS section 3.

    Parameters
    ----------
    position_preset : a name of `PRESETS`, in place of the four weights.
    milestone_weight : of position_based: for the touches that led to a milestone, shared equally among those.
    milestones : conversion types that are milestones on the way to other types.
    clicks_win_ties : a view at the very millisecond of a click in the journey earns nothing.
    excluded_referrers : hosts; a page reached from one (or below one), without campaign or click id, is no touch.
    """

    version: int = 1
    click_events: tuple[str, ...] = CLICK_EVENTS
    view_events: tuple[str, ...] = VIEW_EVENTS
    conversions: tuple[ConversionRule, ...] = (ConversionRule("Order Completed"),)
    click_window_ms: int = 30 * DAY_MS
    view_window_ms: int = DAY_MS
    channel_windows: tuple[ChannelWindow, ...] = ()
    clicks_win_ties: bool = False
    half_life_ms: int = 7 * DAY_MS
    position_preset: Preset = ""
    first_weight: float = 0.4
    middle_weight: float = 0.2
    last_weight: float = 0.4
    milestone_weight: float = 0.0
    milestones: tuple[str, ...] = ()
    touch_cap: int = 500
    skip_direct: bool = False
    excluded_channels: tuple[str, ...] = ()
    collapse_repeats: bool = False
    excluded_referrers: tuple[str, ...] = ()
    exclude_payment_providers: bool = False
    channel_rules: tuple[ChannelRule, ...] = ()
    source_aliases: tuple[AliasRule, ...] = ()
    campaign_aliases: tuple[AliasRule, ...] = ()

    def windows(self, conversion_type: str) -> tuple[int, int]:
        """Click and view window (ms) of a conversion type, where its touch's channel has none of its own."""
        rule = self.rule_of(conversion_type)
        if rule is None:
            return self.click_window_ms, self.view_window_ms
        click = self.click_window_ms if rule.click_window_ms is None else rule.click_window_ms
        view = self.view_window_ms if rule.view_window_ms is None else rule.view_window_ms
        return click, view

    def windows_of_channels(self, conversion_type: str) -> tuple[tuple[str, int, int], ...]:
        """(channel, click window, view window) of the channels that have their own, for a conversion type.

        The most specific counts: channel and type, channel, type, tenant; click and view each by itself.
        """
        own = self.windows(conversion_type)
        found: dict[str, list[int]] = {}
        for wanted in ("", conversion_type):
            for item in self.channel_windows:
                if item.conversion_type == wanted:
                    both = found.setdefault(item.channel, list(own))
                    both[0] = both[0] if item.click_window_ms is None else item.click_window_ms
                    both[1] = both[1] if item.view_window_ms is None else item.view_window_ms
        return tuple(sorted((channel, click, view) for channel, (click, view) in found.items()))

    def window_of(self, conversion_type: str, channel: str, *, is_view: bool) -> int:
        """The window (ms) that a touch has to lie in."""
        for name, click, view in self.windows_of_channels(conversion_type):
            if name == channel:
                return view if is_view else click
        return self.windows(conversion_type)[1 if is_view else 0]

    def widest_of(self, conversion_type: str) -> int:
        """The longest window (ms) of a conversion type."""
        of_channels = [max(click, view) for _, click, view in self.windows_of_channels(conversion_type)]
        return max(*self.windows(conversion_type), *of_channels)

    def rule_of(self, conversion_type: str) -> ConversionRule | None:
        for rule in self.conversions:
            if rule.type_name == conversion_type:
                return rule
        return None

    def resets(self, conversion_type: str) -> bool:
        """Whether a touch serves only the next conversion of the type."""
        rule = self.rule_of(conversion_type)
        return rule is not None and rule.reset

    @property
    def looks_back(self) -> bool:
        """Whether a conversion's credit depends on earlier conversions of its person."""
        return bool(self.milestone_types) or any(rule.reset for rule in self.conversions)

    @property
    def milestone_types(self) -> tuple[str, ...]:
        """The milestones that have a weight."""
        return self.milestones if self.position_weights[3] > 0 else ()

    @property
    def position_weights(self) -> tuple[float, float, float, float]:
        """First, middle, last and milestones."""
        if self.position_preset:
            return PRESETS[self.position_preset]
        return self.first_weight, self.middle_weight, self.last_weight, self.milestone_weight

    @property
    def widest_window_ms(self) -> int:
        """The longest window of any conversion type, channel and touch kind."""
        types = {rule.type_name for rule in self.conversions} | {item.conversion_type for item in self.channel_windows}
        return max(self.widest_of(name) for name in types | {""})

    def same_as(self, other: Rules) -> bool:
        """Whether both say the same, whatever their versions."""
        return msgspec.structs.replace(self, version=0) == msgspec.structs.replace(other, version=0)


@lru_cache(maxsize=1024)
def channel_book(rules: Rules) -> ChannelBook:
    """The tenant's channel rules as the classifier uses them."""
    hosts = {host.strip().lower().removeprefix("www.") for host in rules.excluded_referrers}
    if rules.exclude_payment_providers:
        hosts |= PAYMENT_PROVIDERS
    return ChannelBook(
        rules=tuple(
            CustomRule(rule.channel.strip().lower(), tuple(Condition(m.field, m.how, m.value) for m in rule.when))
            for rule in rules.channel_rules
        ),
        source_aliases=tuple(Alias(item.how, item.value, item.name) for item in rules.source_aliases),
        campaign_aliases=tuple(Alias(item.how, item.value, item.name) for item in rules.campaign_aliases),
        excluded_hosts=frozenset(hosts),
    )
