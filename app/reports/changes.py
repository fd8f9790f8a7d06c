"""How is a change of credit told, and what did all changes of some days do? Both sides, and what moved."""

from __future__ import annotations

from typing import Any

from app.attribution.currency import to_decimal_string
from app.attribution.names import FIVE_MODELS
from app.errors import BadInput
from app.reports.amounts import exact, micro_string
from app.reports.days import Period, rfc3339
from app.storage.changes import (
    NEWEST,
    ChangeRow,
    Moved,
    Place,
    changes_between,
    moved_between,
    reasons_between,
)
from app.storage.client import Storage
from app.storage.conversion_history import conversion_history
from app.tenants.tenant import Tenant


def changes(storage: Storage, tenant: Tenant, period: Period, *, reason: str, after: str, limit: int) -> dict[str, Any]:
    """Every change of credit that was made on some days, newest first, and what they moved together.

    Parameters
    ----------
    period : days of the change, not of the conversion.
    reason : a kind of run, or '' for every one.
    after : the `next` of the part before, or ''.
    limit : changes in this part; `moved` and `reasons` are of all parts.
    """
    asked = (storage, tenant.tenant_id, period.from_ms, period.to_ms, reason)
    rows = changes_between(*asked, _place(after), limit + 1)
    listed = rows[:limit]
    names: dict[int, tuple[str, str]] = {}
    for event in conversion_history(storage, tenant.tenant_id, sorted({row.conversion_key for row in listed})):
        names[event.conversion_key] = (event.conversion_type, event.order_id)
    return {
        "from": period.first.isoformat(),
        "to": period.end.isoformat(),
        "timezone": period.timezone,
        "models": [str(model) for model in FIVE_MODELS],
        "reasons": [
            {"reason": why, "changes": many, "conversions": conversions}
            for why, many, conversions in reasons_between(*asked)
        ],
        "moved": [_shown_moved(item) for item in moved_between(*asked)],
        "changes": [{**_named(names.get(row.conversion_key)), **shown(row)} for row in listed],
        "next": _cursor(listed[-1]) if len(rows) > limit else None,
    }


def _named(name: tuple[str, str] | None) -> dict[str, Any]:
    """Null where the conversion was erased or its retention has ended."""
    conversion_type, order_id = name or (None, None)
    return {"order_id": order_id, "conversion_type": conversion_type}


def _shown_moved(item: Moved) -> dict[str, Any]:
    amount = exact(item.amount, item.about)
    return {
        "reason": item.reason,
        "currency": item.currency,
        "model": item.model,
        "channel": item.channel,
        "conversions": micro_string(item.micros),
        "value": to_decimal_string(amount, item.currency),
        "value_minor": amount,
    }


def _cursor(row: ChangeRow) -> str:
    return f"{row.version:016x}-{row.conversion_key:016x}-{row.digest_before:016x}"


def _place(after: str) -> Place:
    if not after:
        return NEWEST
    parts = after.split("-")
    if [len(part) for part in parts] != [16] * 3 or not set(after) <= set("0123456789abcdef-"):
        raise BadInput("bad_cursor", f"after is {after[:60]!r}.", "Give the `next` of the part before, as it was.")
    return Place(*(int(part, 16) for part in parts))


def shown(row: ChangeRow) -> dict[str, Any]:
    """A change as an answer holds it; `before` or `after` is null where no credit stood. Amounts are net."""
    return {
        "run_id": row.run_id,
        "reason": row.reason,
        "at": rfc3339(row.changed_ms),
        "version": row.version,
        "before": _side(row, "before"),
        "after": _side(row, "after"),
    }


def _side(row: ChangeRow, side: str) -> dict[str, Any] | None:
    def of(name: str) -> Any:
        return getattr(row, f"{name}_{side}")

    if not of("digest"):
        return None
    channels, currency = of("channels"), of("currency")
    credit = [
        {
            "model": str(model),
            "channel": channel,
            "conversions": micro_string(of("micros")[number * len(channels) + place]),
            "value": to_decimal_string(of("credit")[number * len(channels) + place], currency),
            "value_minor": of("credit")[number * len(channels) + place],
        }
        for number, model in enumerate(FIVE_MODELS)
        for place, channel in enumerate(channels)
    ]
    return {
        "digest": f"{of('digest'):016x}",
        "conversion_time": rfc3339(of("time")),
        "rules_version": of("rules"),
        "currency": currency,
        "gross_minor": of("gross"),
        "net_minor": of("net"),
        "retracted": bool(of("retracted")),
        "touches": of("touches"),
        "credit": credit,
    }
