"""How does ``tributary report --models markov,shapley`` get its answer, and how does that look?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.errors import BadInput, TributaryError
from app.reports.words import counted, grouped
from workers.commands.follow import watch
from workers.commands.table import printable, table
from workers.edge import Edge

Answer = dict[str, Any]
MODELS = frozenset({"markov", "shapley"})
PATH = "/v1/reports/channels"


def asks_for_period_models(models: str | None, others: Mapping[str, str | None]) -> bool:
    """Whether these models are computed for whole periods.

    Parameters
    ----------
    others : options that only the models per conversion know, where they were given.

    Raises
    ------
    BadInput : models of both kinds at once, or an option that does not go with these.
    """
    words = {word.strip().lower() for word in (models or "").split(",")}
    if not words & MODELS:
        return False
    if words - MODELS:
        raise BadInput(
            "bad_models",
            "markov and shapley describe whole periods, the other models single conversions.",
            "Ask for the two kinds one after the other.",
        )
    given = sorted(name for name, value in others.items() if value)
    if given:
        raise BadInput("bad_option", f"--{given[0]} does not go with markov and shapley.", "Leave it out.")
    return True


def computed(edge: Edge, query: Mapping[str, str | None]) -> Answer:
    """The answer, once it is there; what happens after it was computed does not make it wait again.

    Raises
    ------
    TributaryError : it could not be computed.
    """
    answer = edge.get(PATH, query)
    if answer["state"] == "computing":
        watch(edge, answer["url"])
        answer = edge.get(PATH, query)
    for failure in answer.get("failures", []):
        raise TributaryError(failure["code"], failure["message"], failure["detail"])
    if "rows" not in answer:
        raise TributaryError("not_computed", "The models were not computed yet.", "Ask again.")
    return answer


def channels_table(report: Answer, *, net: bool = False) -> str:
    """A line per channel and currency, the models side by side; then effects and shares."""
    models = report["models"]
    lines: dict[tuple[str, str, str], dict[str, Answer]] = {}
    for row in [*report["rows"], *report["unattributed"]]:
        lines.setdefault((row["conversion_type"], row["channel"], row["currency"]), {})[row["model"]] = row
    for row in report["totals"]:
        lines.setdefault((row["conversion_type"], "total", row["currency"]), {})[row["model"]] = row
    rows = [[*key, *(_cell(cells.get(model), net) for model in models)] for key, cells in lines.items()]
    kind = "net" if net else "gross"
    parts = [
        f"{report['from']} to {report['to']} ({report['timezone']}), {kind}, computed at {report['computed_at']}",
        table(["conversion type", "channel", "currency", *models], rows, left=3),
        "",
        _effects(report["channels"]),
        *(
            f"{printable(line['conversion_type'])}: {counted(line['converting'], 'journey')} converted, "
            f"{line['non_converting']:,} did not"
            for line in report["journeys"]
        ),
    ]
    if not report["current"]:
        parts.append("events have come in since; the next report counts them")
    parts.append("reconciled: every model sums to the conversions" if report["reconciled"] else "NOT reconciled yet")
    return "\n".join(parts)


def _cell(row: Answer | None, net: bool) -> str:
    if row is None:
        return ""
    conversions, value = (row["net_conversions"], row["net_value"]) if net else (row["conversions"], row["value"])
    return f"{float(conversions):,.2f}  {grouped(value):>12}"


def _effects(lines: list[Answer]) -> str:
    figures = ("removal_effect", "markov_share", "shapley_share")
    rows = [
        [line["conversion_type"], line["channel"], *(_figure(line, figure) for figure in figures)] for line in lines
    ]
    return table(["conversion type", "channel", *(name.replace("_", " ") for name in figures)], rows, left=2)


def _figure(line: Answer, figure: str) -> str:
    ends = line.get(f"{figure}_interval")
    between = f" ({ends[0] * 100:.1f} to {ends[1] * 100:.1f})" if ends else ""
    return f"{line[figure] * 100:.1f} %{between}"
