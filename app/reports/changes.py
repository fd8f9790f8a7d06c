"""How is a change of credit told? Both sides, and what moved between the channels."""

from __future__ import annotations

from typing import Any

from app.attribution.currency import to_decimal_string
from app.attribution.names import FIVE_MODELS
from app.reports.amounts import micro_string
from app.reports.days import rfc3339
from app.storage.changes import ChangeRow


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
