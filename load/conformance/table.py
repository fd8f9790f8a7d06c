"""How does it read? Measures down, sets of journeys across, reasons below."""

from __future__ import annotations

from load.conformance.verdicts import Comparison, Verdict

_MARKS = {Verdict.AGREES: "=", Verdict.SIMULATED: "~", Verdict.DIFFERS: "≠", Verdict.FAILED: "failed"}


def rendered(comparisons: list[Comparison]) -> str:
    """The whole report. `=` agrees, `~ x %` within its simulation, `≠ x %` differs: the largest of any channel."""
    blocks = [_block(name, comparisons) for name in dict.fromkeys(each.peer for each in comparisons)]
    return "\n\n".join(blocks)


def _block(peer: str, comparisons: list[Comparison]) -> str:
    mine = [each for each in comparisons if each.peer == peer]
    sets = list(dict.fromkeys(each.journeys for each in mine))
    rows = [[peer, *sets]]
    for measure in dict.fromkeys(each.measure for each in mine):
        cells = {each.journeys: _cell(each) for each in mine if each.measure == measure}
        rows.append([measure, *(cells.get(name, "not asked") for name in sets)])
    reasons = {each.reason: each.measure for each in mine if each.reason}
    notes = [
        f"  {', '.join(dict.fromkeys(each.measure for each in mine if each.reason == reason))}: {reason}"
        for reason in reasons
    ]
    return "\n".join([*_aligned(rows), *notes])


def _cell(comparison: Comparison) -> str:
    if comparison.verdict is Verdict.AGREES or comparison.difference is None:
        return _MARKS[comparison.verdict]
    return f"{_MARKS.get(comparison.verdict, 'WRONG')} {100 * comparison.difference:.2g} %"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
