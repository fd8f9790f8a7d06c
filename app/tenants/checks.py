"""Can a tenant or its rules be used as they are given? Every refusal names the field and the remedy."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from app.attribution.currency import AmountError, CurrencyError, exponent, to_minor
from app.attribution.names import UNATTRIBUTED
from app.channels.book import EXCLUDED
from app.errors import BadInput, TributaryError
from app.tenants.rules import DAY_MS, AliasRule, Rules, ValueRule

LONGEST_MS = 365 * DAY_MS
NAME_BYTES = 512
CHANNEL_BYTES = 128
MOST = {
    "click_events": 100,
    "view_events": 100,
    "conversions": 100,
    "channel_windows": 200,
    "milestones": 8,
    "excluded_channels": 100,
    "excluded_referrers": 500,
    "channel_rules": 200,
    "source_aliases": 1000,
    "campaign_aliases": 1000,
}
MOST_CONDITIONS = 10
MOST_FACTOR = Decimal(1000)
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?", re.IGNORECASE)
_UNKNOWN = re.compile(r"unknown field `(.*)`")
_PATH = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)


def check_tenant(slug: str, timezone: str, currency: str, retention_days: int) -> None:
    if not _SLUG.fullmatch(slug):
        raise BadInput(
            "bad_slug", f"The slug is {slug!r}.", "Use 1 to 63 of a-z, 0-9 and '-', a letter or digit first."
        )
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            "bad_timezone", f"There is no timezone {timezone!r}.", "Use an IANA name: Europe/Berlin."
        ) from None
    try:
        exponent(currency)
    except (TributaryError, ValueError, KeyError):
        raise BadInput("bad_currency", f"There is no currency {currency!r}.", "Use an ISO 4217 code: EUR.") from None
    check_retention(retention_days)


def check_retention(days: int) -> None:
    if not 1 <= days <= 3650:
        raise BadInput("bad_retention", f"retention_days is {days}.", "Set it between 1 and 3650.")


def read_rules(text: bytes | msgspec.Raw) -> Rules:
    """Rules from JSON, checked. What is left out has its default.

    Raises
    ------
    BadInput : names the field and the remedy.
    """
    try:
        rules = msgspec.json.decode(text, type=Rules)
    except msgspec.ValidationError as error:
        raise _malformed(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("malformed_json", f"The rules are not JSON: {error}.", "Send an object of rules.") from None
    return check_rules(rules)


def check_rules(rules: Rules) -> Rules:
    """The same rules, if they can be used.

    Raises
    ------
    BadInput : names the field and the remedy.
    """
    for field, most in MOST.items():
        if len(getattr(rules, field)) > most:
            raise _bad(f"{field} has {len(getattr(rules, field))} entries.", f"Give at most {most}.")
    if not rules.conversions:
        raise _bad(
            "conversions is empty: no event would be a conversion.",
            "Name the track events that are, or leave it out for the default.",
        )
    _check_windows(rules)
    if not 1 <= rules.half_life_ms <= LONGEST_MS:
        raise _bad(f"half_life_ms is {rules.half_life_ms}.", f"Set it between 1 and {LONGEST_MS}.")
    _check_weights(rules)
    if not 2 <= rules.touch_cap <= 10_000:
        raise _bad(f"touch_cap is {rules.touch_cap}.", "Set it between 2 and 10000.")
    _check_events(rules)
    for number, name in enumerate(rules.excluded_channels):
        _check_channel(f"excluded_channels[{number}]", name)
    _check_channels(rules)
    return rules


def _check_windows(rules: Rules) -> None:
    windows: dict[str, int | None] = {
        "click_window_ms": rules.click_window_ms,
        "view_window_ms": rules.view_window_ms,
    }
    types = {rule.type_name for rule in rules.conversions}
    seen: set[tuple[str, str]] = set()
    for number, rule in enumerate(rules.conversions):
        windows[f"conversions[{number}].click_window_ms"] = rule.click_window_ms
        windows[f"conversions[{number}].view_window_ms"] = rule.view_window_ms
    for number, item in enumerate(rules.channel_windows):
        where = f"channel_windows[{number}]"
        windows[f"{where}.click_window_ms"] = item.click_window_ms
        windows[f"{where}.view_window_ms"] = item.view_window_ms
        _check_channel(f"{where}.channel", item.channel)
        if item.conversion_type and item.conversion_type not in types:
            remedy = f"Name one of {', '.join(sorted(types))}, or leave it out."
            raise _bad(f"{where}.conversion_type {item.conversion_type!r} is no conversion type.", remedy)
        if (item.channel, item.conversion_type) in seen:
            raise _bad(f"{where} names {item.channel!r} again.", "Give each channel and conversion type one window.")
        seen.add((item.channel, item.conversion_type))
        if item.click_window_ms is None and item.view_window_ms is None:
            raise _bad(f"{where} sets no window.", "Give click_window_ms, view_window_ms or both.")
    for name, window in windows.items():
        if window is not None and not 0 <= window <= LONGEST_MS:
            raise _bad(f"{name} is {window}.", f"Set it between 0 and {LONGEST_MS} (365 days).")


def _check_weights(rules: Rules) -> None:
    weights = (rules.first_weight, rules.middle_weight, rules.last_weight, rules.milestone_weight)
    fields = "first_weight, middle_weight, last_weight and milestone_weight"
    if not all(math.isfinite(weight) for weight in weights) or min(weights) < 0 or abs(sum(weights) - 1) > 1e-9:
        raise _bad(f"{fields} are {weights}.", "Give four numbers from 0 to 1 that add up to 1.")
    types = {rule.type_name for rule in rules.conversions}
    for number, name in enumerate(rules.milestones):
        if name not in types:
            remedy = f"Name a conversion type of `conversions`: {', '.join(sorted(types))}."
            raise _bad(f"milestones[{number}] {name!r} is no conversion type.", remedy)
    if len(set(rules.milestones)) < len(rules.milestones):
        raise _bad("milestones names a type twice.", "Name each once.")
    if rules.position_weights[3] > 0 and not rules.milestones:
        remedy = "Name in `milestones` the conversion types that are milestones, such as a lead's creation."
        raise _bad("The position weights have a share for milestones, and there is none.", remedy)


def _check_events(rules: Rules) -> None:
    for field in ("click_events", "view_events"):
        for number, name in enumerate(getattr(rules, field)):
            _check_name(f"{field}[{number}]", name, NAME_BYTES)
    twice = set(rules.click_events) & set(rules.view_events)
    if twice:
        raise _bad(f"{sorted(twice)} are in click_events and view_events.", "Name an event in one list only.")
    both = (set(rules.click_events) | set(rules.view_events)) & {rule.event for rule in rules.conversions}
    if both:
        raise _bad(f"{sorted(both)} are both touch and conversion.", "Name an event in one list only.")
    events: set[str] = set()
    by_type: dict[str, tuple[int | None, int | None, bool]] = {}
    for number, rule in enumerate(rules.conversions):
        where = f"conversions[{number}]"
        _check_name(f"{where}.event", rule.event, NAME_BYTES)
        if rule.event in events:
            raise _bad(f"{where}.event {rule.event!r} stands there twice.", "Give each event one conversion type.")
        events.add(rule.event)
        if rule.conversion_type:
            _check_name(f"{where}.conversion_type", rule.conversion_type, NAME_BYTES)
        how = (rule.click_window_ms, rule.view_window_ms, rule.reset)
        if by_type.setdefault(rule.type_name, how) != how:
            remedy = "Events of one conversion type share its windows and its `reset`."
            raise _bad(f"{where} has other windows or another `reset` than its type {rule.type_name!r}.", remedy)
        _check_value(f"{where}.value", rule.value)


def _check_value(where: str, value: ValueRule) -> None:
    if value.property and value.fixed:
        raise _bad(f"{where} has both property and fixed.", "Read a property, or say one fixed value.")
    if value.currency and not value.fixed:
        raise _bad(f"{where}.currency is given without fixed.", "The currency of other values comes with the event.")
    if value.property:
        _check_name(f"{where}.property", value.property, 128)
    try:
        if value.fixed:
            to_minor(value.fixed, value.currency or "USD")
    except (AmountError, CurrencyError) as error:
        raise _bad(f"{where}.fixed: {error.problem}.", f"{error.remedy[:1].upper()}{error.remedy[1:]}.") from None
    if value.factor:
        try:
            factor = Decimal(value.factor)
        except InvalidOperation:
            factor = Decimal("NaN")
        if not (factor.is_finite() and 0 <= factor <= MOST_FACTOR and len(value.factor) <= 20):
            remedy = f'Write a decimal between 0 and {MOST_FACTOR} in quotes, such as "0.35".'
            raise _bad(f"{where}.factor is {value.factor[:40]!r}.", remedy)


def _check_channels(rules: Rules) -> None:
    for number, host in enumerate(rules.excluded_referrers):
        if not _HOST.fullmatch(host.strip()) or len(host) > 253:
            remedy = "Write a host such as pay.example.com, without https:// and path."
            raise _bad(f"excluded_referrers[{number}] {host[:80]!r} is no host.", remedy)
    for number, rule in enumerate(rules.channel_rules):
        where = f"channel_rules[{number}]"
        _check_name(f"{where}.channel", rule.channel, CHANNEL_BYTES)
        if rule.channel.strip().lower() in (UNATTRIBUTED, EXCLUDED):
            raise _bad(f"{where}.channel is {rule.channel!r}, a reserved name.", "Choose another name.")
        if not 1 <= len(rule.when) <= MOST_CONDITIONS:
            raise _bad(f"{where}.when has {len(rule.when)} conditions.", f"Give 1 to {MOST_CONDITIONS}.")
        for place, match in enumerate(rule.when):
            if match.how != "exact" or match.value:
                _check_name(f"{where}.when[{place}].value", match.value, NAME_BYTES)
    _check_aliases("source_aliases", rules.source_aliases)
    _check_aliases("campaign_aliases", rules.campaign_aliases)


def _check_aliases(field: str, aliases: Iterable[AliasRule]) -> None:
    for number, alias in enumerate(aliases):
        _check_name(f"{field}[{number}].value", alias.value, NAME_BYTES)
        _check_name(f"{field}[{number}].name", alias.name, NAME_BYTES)


def _check_channel(field: str, name: str) -> None:
    """A channel that touches have: theirs are in lower case, and another way to write it would match none."""
    _check_name(field, name, CHANNEL_BYTES)
    if name != name.strip().lower():
        raise _bad(f"{field} is {name!r}.", "Write channels in lower case, without blanks around.")


def _check_name(field: str, name: str, most: int) -> None:
    if not name.strip():
        raise _bad(f"{field} is empty.", "Give a name, or leave the entry out.")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise _bad(f"{field} is not UTF-8.", "Send text encoded as UTF-8.") from None
    if size > most:
        raise _bad(f"{field} has {size} bytes.", f"Give at most {most}.")


def _malformed(error: str) -> BadInput:
    """msgspec's words with the field in front: ``Expected `int`, got `str` - at `$.touch_cap```."""
    path = _PATH.search(error)
    what, where = (error[: path.start()], path[1]) if path else (error, "")
    unknown = _UNKNOWN.search(what)
    if unknown:
        field = f"{where}.{unknown[1]}" if where else unknown[1]
        known = ", ".join(_fields_at(where))
        return _bad(f"There is no field {field!r}.", f"`{where or 'rules'}` has {known}; GET /v1/rules shows them.")
    return _bad(f"{where or 'rules'}: {what}.".replace("`", ""), "Send what is expected, or leave the field out.")


def _fields_at(where: str) -> tuple[str, ...]:
    """The fields that stand at a place of the rules, such as ``channel_rules[0].when[1]``; '' is the rules."""
    form: Any = Rules
    for name in re.findall(r"[a-z_]+", where):
        kind = get_type_hints(form)[name]
        form = next((inner for inner in (kind, *get_args(kind)) if hasattr(inner, "__struct_fields__")), Rules)
    fields: tuple[str, ...] = form.__struct_fields__
    return fields


def _bad(message: str, remedy: str) -> BadInput:
    return BadInput("bad_rules", message, remedy)
