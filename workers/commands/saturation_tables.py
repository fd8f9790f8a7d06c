"""How do statuses and plans look as text tables?"""

from __future__ import annotations

from typing import Any

from app.saturation.names import percent_sure
from workers.commands.table import table

Answer = dict[str, Any]


def status_table(answer: Answer) -> str:
    """A line per channel, then a sentence for each, then how the judge did."""
    rows = [_status_row(one) for one in answer["channels"]]
    head = [
        "channel",
        "status",
        "sure",
        "elasticity",
        "mROAS",
        "spend a day",
        "decision",
        answer["compared_with"] or "",
    ]
    parts = [
        f"saturation at {answer['as_of']}, {answer['model']}, {answer['currency']}, margin {answer['margin']:g}",
        table(head, rows, left=2) if rows else "no channel with spend",
        "",
        *(f"- {one['message']}" for one in answer["channels"]),
        _of_judge(answer["judge"]),
        *_of_failures(answer),
    ]
    return "\n".join(part for part in parts if part is not None)


def plan_table(plan: Answer) -> str:
    """A line per channel, then what the plan is worth, then the reasons."""
    rows = [
        [one["channel"], f"{one['today']:,.2f}", f"{one['spend']:,.2f}", f"{one['change']:+,.2f}"]
        for one in plan["channels"]
    ]
    profit = plan["net_profit"]
    worth = (
        f"net profit a day: {profit['median']:,.2f} (90 %: {profit['low']:,.2f} to {profit['high']:,.2f}), "
        f"{percent_sure(plan['probability_of_gain'])} sure to gain; {plan['state']}"
    )
    total = ["total", *(f"{sum(one[name] for one in plan['channels']):,.2f}" for name in ("today", "spend"))]
    return "\n".join(
        [
            f"plan {plan['plan_id']} from {plan['start']}, {plan['currency']} a day, margin {plan['margin']:g}, "
            f"budget {plan['budget']:,.2f}",
            table(["channel", "today", "plan", "change"], [*rows, [*total, ""]]),
            worth if any(one["change"] for one in plan["channels"]) else "no move is sure enough to gain",
            "",
            *(f"- {one['channel']}: {one['reason']}" for one in plan["channels"]),
            *_of_failures(plan),
        ]
    )


def _status_row(one: Answer) -> list[str]:
    sure = max(one["probabilities"].values())
    spend = one["spend_a_day"]
    compared = one.get("compared")
    return [
        one["channel"],
        one["status"].replace("_", " "),
        "" if one["status"] == "insufficient_evidence" else percent_sure(sure),
        _between(one["elasticity"]),
        _between(one["mroas"]),
        "" if spend is None else f"{spend:,.2f}",
        one["decision"],
        "" if compared is None else ("agrees" if compared["agrees"] else compared["status"].replace("_", " ")),
    ]


def _between(estimate: Answer | None) -> str:
    if estimate is None:
        return ""
    return f"{estimate['median']:.2f} ({estimate['low']:.2f} to {estimate['high']:.2f})"


def _of_failures(answer: Answer) -> list[str]:
    return [f"the last refit failed: {one['message']} {one['detail']}" for one in answer["failures"]]


def _of_judge(check: Answer | None) -> str | None:
    if check is None:
        return None
    verdict = "keeps its gates" if check["holds"] else "BREAKS A GATE"
    return f"judge {check['version']} {verdict}, checked {check['checked_at'][:10]}"
