"""How is an explanation said? The same sentences for the API and the CLI."""

from __future__ import annotations

from typing import Any

from app.attribution.currency import to_decimal_string
from app.attribution.names import FIVE_MODELS
from app.channels.hosts import host_of
from app.reports.amounts import MICRO, Amounts
from app.reports.applied import AppliedAdjustment
from app.reports.days import day_of, rfc3339
from app.reports.explain import ConversionEvent, ExplainedTouch, Explanation
from app.reports.fates import Reason
from app.reports.formulas import formulas
from app.reports.proof import UNMATCHED_TEXTS

_SECOND_MS, _MINUTE_MS, _HOUR_MS, _DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


def shown(found: Explanation) -> dict[str, Any]:
    """As the API answers."""
    event = found.conversion
    click_ms, view_ms = found.rules.windows(event.conversion_type)
    return {
        "conversion": _event(event) | {"day": day_of(event.ts_ms, found.timezone).isoformat()},
        "state": state(found),
        "amounts": amounts(found).shown(event.currency) if found.ledger else None,
        "person": {
            "id": found.ledger.person if found.ledger else None,
            "ids": [
                {"id": alias.id, "from": _bound(alias.from_ms), "until": _bound(alias.until_ms)}
                for alias in found.aliases
            ],
        },
        "window": {
            "click_ms": click_ms,
            "click_from": rfc3339(event.ts_ms - click_ms),
            "view_ms": view_ms,
            "view_from": rfc3339(event.ts_ms - view_ms),
            "until": rfc3339(event.ts_ms),
        },
        "rules_version": found.rules.version,
        "formulas": _formulas(found),
        "touches": [_touch(item, found) for item in found.touches],
        "touches_truncated": found.touches_truncated,
        "touches_left_out": found.ledger.touches_left_out if found.ledger else 0,
        "adjustments": [_adjustment(item, event.currency) for item in found.adjustments],
        "duplicates": [_event(item) for item in found.duplicates],
        "cancelled": [_event(item) for item in found.cancelled],
        "other_conversion_types": found.other_types,
        "run_id": found.ledger.run_id if found.ledger else None,
        "as_of": rfc3339(found.ledger.version // 1000) if found.ledger else None,
    }


def _formulas(found: Explanation) -> dict[str, str]:
    kept = [item.touch.ts_ms for item in found.touches if item.place is not None]
    types = set(found.rules.milestone_types) - {found.conversion.conversion_type}
    reached = [ts_ms for name, ts_ms in found.earlier.items() if name in types and kept and min(kept) <= ts_ms]
    return formulas(found.rules, len(kept), len(reached))


def state(found: Explanation) -> str:
    """One word for where the conversion stands: pending, retracted, unattributed or credited."""
    if found.ledger is None:
        return "pending"
    if found.ledger.retracted:
        return "retracted"
    return "credited" if found.ledger.touch_keys else "unattributed"


def amounts(found: Explanation) -> Amounts:
    """What the conversion counts for, gross and net."""
    ledger = found.ledger
    if ledger is None:
        return Amounts()
    return Amounts(
        MICRO,
        0 if ledger.retracted else MICRO,
        ledger.gross_minor,
        0 if ledger.retracted else ledger.net_minor,
    )


def credits(item: ExplainedTouch, found: Explanation) -> dict[str, dict[str, Any]]:
    """What each model gives a touch; nothing where the touch is out."""
    ledger = found.ledger
    if ledger is None or item.place is None:
        return {}
    touches = len(ledger.touch_keys)
    given = {}
    for number, model in enumerate(FIVE_MODELS):
        at = number * touches + item.place
        micro, gross = ledger.micros[at], ledger.gross[at]
        net = ledger.net[at] if ledger.net else gross
        counted = Amounts(micro, 0 if ledger.retracted else micro, gross, net)
        given[str(model)] = {"weight": ledger.weights[at]} | counted.shown(ledger.currency)
    return given


def why(item: ExplainedTouch, found: Explanation) -> str:
    """One sentence: what became of the touch, and by which rule."""
    age_ms = found.conversion.ts_ms - item.touch.ts_ms
    name = found.conversion.conversion_type
    window_ms = found.rules.window_of(name, item.touch.channel, is_view=item.touch.kind == "view")
    match item.reason:
        case Reason.CREDITED:
            return f"in the journey, {duration(age_ms)} before the conversion"
        case Reason.AFTER_CONVERSION:
            return f"{duration(-age_ms)} after the conversion"
        case Reason.OUTSIDE_WINDOW:
            return (
                f"{duration(age_ms)} before the conversion: {duration(age_ms - window_ms)} outside the "
                f"{item.touch.kind} window of {duration(window_ms)}"
            )
        case Reason.EXCLUDED_REFERRER:
            return f"the rules exclude the referrer {host_of(item.touch.referrer)!r}: it is no touch"
        case Reason.TAKEN_BY_EARLIER_CONVERSION:
            before_ms = found.conversion.ts_ms - found.earlier.get(name, found.conversion.ts_ms)
            return f"it served the conversion {duration(before_ms)} before this one, and the rules of {name!r} reset"
        case Reason.LOST_TIE:
            return "a view at the very time of a click, and by the rules clicks win ties"
        case Reason.FILTERED_CHANNEL:
            return f"the rules exclude the channel {item.touch.channel!r}, and the journey has others"
        case Reason.FILTERED_DIRECT:
            return "the rules skip direct, and the journey has other channels"
        case Reason.COLLAPSED:
            return f"the rules count repeats of {item.touch.channel!r} in a row once, at the newest"
        case Reason.OVER_CAP:
            return f"the journey has more than {found.rules.touch_cap} touches: the first and the newest are kept"
        case Reason.SENT_AGAIN:
            return "the same event (messageId) was sent again and counts once, at the earliest of its times"
        case Reason.NOT_CREDITED_YET:
            return "inside the window, but not in the ledger yet: the conversion is about to be credited"
        case Reason.OTHER_PERSON:
            return f"at that time {item.touch.user_id} was another person's"


def effect(item: AppliedAdjustment, currency: str) -> str:
    """One sentence: what an adjustment does."""
    if item.problem is not None:
        return f"changes nothing: {UNMATCHED_TEXTS[item.problem]}"
    if not item.stands:
        return "replaced by a later adjustment"
    if item.action == "retract":
        return "takes count and value away, net; gross stays"
    return f"makes the net value {item.value} {currency}, shared by the original weights"


def duration(span_ms: int) -> str:
    """A length of time in the two largest units that say it.

    Examples
    --------
    >>> duration(90_061_000), duration(1), duration(0), duration(3_600_000)
    ('1 d 1 h', '1 ms', '0 ms', '1 h')
    """
    parts = []
    for name, unit_ms in (("d", _DAY_MS), ("h", _HOUR_MS), ("min", _MINUTE_MS), ("s", _SECOND_MS), ("ms", 1)):
        count, span_ms = divmod(span_ms, unit_ms)
        if count:
            parts.append(f"{count} {name}")
        if len(parts) == 2 or (parts and not count):
            break
    return " ".join(parts) or "0 ms"


def _touch(item: ExplainedTouch, found: Explanation) -> dict[str, Any]:
    touch = item.touch
    return {
        "touch_id": str(touch.key),
        "message_id": touch.message_id,
        "time": rfc3339(touch.ts_ms),
        "age_ms": found.conversion.ts_ms - touch.ts_ms,
        "kind": touch.kind,
        "channel": touch.channel,
        "campaign": touch.campaign,
        "source": touch.source,
        "medium": touch.medium,
        "url": touch.url,
        "referrer": touch.referrer,
        "id": touch.user_id,
        "in": item.reason is Reason.CREDITED,
        "reason": str(item.reason),
        "explanation": why(item, found),
        "credits": credits(item, found),
    }


def _event(event: ConversionEvent) -> dict[str, Any]:
    return {
        "conversion_type": event.conversion_type,
        "order_id": event.order_id,
        "message_id": event.message_id,
        "time": rfc3339(event.ts_ms),
        "received_at": rfc3339(event.received_ms),
        "user_id": event.user_id,
        "anonymous_id": event.anonymous_id,
        "value": to_decimal_string(event.value_minor, event.currency),
        "value_minor": event.value_minor,
        "currency": event.currency,
    }


def _adjustment(item: AppliedAdjustment, currency: str) -> dict[str, Any]:
    return {
        "adjustment_id": item.adjustment_id,
        "type": item.action,
        "value": item.value or None,
        "currency": item.currency or None,
        "at": rfc3339(item.at_ms),
        "applied": item.stands,
        "problem": str(item.problem) if item.problem else None,
        "effect": effect(item, currency),
    }


def _bound(time_ms: int) -> str | None:
    """A bound of an id's time; None where there is none."""
    return rfc3339(time_ms) if 0 <= time_ms < 1 << 50 else None
