"""What does a channel's curve look like to the eye? Points, curve and interval; where spend stands and stops paying.

Drawn by matplotlib without a display. The same answer gives the same bytes: no date, no random ids.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.errors import TributaryError
from app.saturation.names import percent_sure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _SOFT, _LINE = "#18202b", "#5d6b7e", "#e3e8ef"
_CURVE, _POINTS, _HERE, _STOP = "#1e6f9f", "#8fa3b8", "#18202b", "#b3261e"
_INCHES, _DPI = (8.0, 4.8), 120
_STYLE = {
    "svg.hashsalt": "tributary",
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.edgecolor": _SOFT,
    "text.parse_math": False,  # a channel may be called $
}
_one_at_a_time = threading.Lock()
"""The style is the process's."""
_WORDS = {
    "unsaturated": "unsaturated",
    "approaching": "approaching saturation",
    "saturated": "saturated",
    "insufficient_evidence": "not enough evidence",
}


def picture(answer: Mapping[str, Any], kind: str) -> bytes:
    """A channel's answer (`app.advice.statuses.one_channel`) as ``png`` or ``svg``.

    Raises
    ------
    TributaryError : matplotlib is not installed (501), or there is no curve to draw (404).
    """
    if answer["curve"] is None:
        raise TributaryError(
            "no_curve",
            f"There is no curve of {answer['channel']} to draw: {answer['message']}",
            "Ask for format=json, which holds the reason; draws are kept for 60 days.",
            status=404,
        )
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise TributaryError(
            "no_matplotlib",
            "Pictures need matplotlib, which is not installed here.",
            "pip install 'tributary[pictures]', or ask for format=json.",
            status=501,
        ) from None
    with _one_at_a_time, mpl.rc_context(_STYLE):
        figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, answer)
        written = io.BytesIO()
        figure.savefig(written, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return written.getvalue()


def _draw(axes: Axes, answer: Mapping[str, Any]) -> None:
    curve, currency = answer["curve"], answer["currency"]
    here = curve["operating_point"]
    _band(axes, curve)
    points = curve["points"]
    axes.scatter(
        [one["spend"] for one in points],
        [one["revenue"] for one in points],
        s=12,
        color=_POINTS,
        alpha=0.55,
        linewidths=0,
        label=f"{len(points)} days",
        zorder=2,
    )
    _line(axes, curve)
    axes.plot(
        here["spend"], here["revenue"], "o", color=_HERE, markersize=9, zorder=6, label=f"today: {here['spend']:,.0f}"
    )
    _where_it_stops_paying(axes, curve)
    _limits(axes, curve)
    probability = max(answer["probabilities"].values())
    sure = f" ({percent_sure(probability)} sure)" if answer["status"] != "insufficient_evidence" else ""
    axes.set_title(
        f"{answer['channel']}: {_WORDS[answer['status']]}{sure}", loc="left", color=_INK, fontweight="bold", pad=38
    )
    axes.text(0, 1.025, _subtitle(answer), transform=axes.transAxes, color=_SOFT, fontsize=9)
    axes.set_xlabel(f"spend a day, {currency}", color=_SOFT)
    axes.set_ylabel(f"attributed revenue a day, {currency}", color=_SOFT)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_SOFT)
    axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor=_LINE, fontsize=8.5, labelcolor=_INK)


def _line(axes: Axes, curve: Mapping[str, Any]) -> None:
    """Whole where spend has been, dashed below and above."""
    seen = (curve["seen_from"], curve["seen_until"])
    edges = [(spend, _at(curve, spend)) for spend in seen]
    pairs = sorted([*zip(curve["spend"], curve["revenue"]["median"], strict=True), *edges])
    inside = [pair for pair in pairs if seen[0] <= pair[0] <= seen[1]]
    below, above = [p for p in pairs if p[0] <= seen[0]], [p for p in pairs if p[0] >= seen[1]]
    axes.plot(*zip(*inside, strict=True), color=_CURVE, linewidth=2, label="revenue at a permanent spend", zorder=4)
    for part, label in ((below, "_"), (above, "beyond the data")):
        axes.plot(*zip(*part, strict=True), "--", color=_CURVE, linewidth=2, label=label, zorder=4)


def _band(axes: Axes, curve: Mapping[str, Any]) -> None:
    low, high = curve["revenue"]["low"], curve["revenue"]["high"]
    axes.fill_between(curve["spend"], low, high, color=_CURVE, alpha=0.16, linewidth=0, label="90 % interval", zorder=1)


def _where_it_stops_paying(axes: Axes, curve: Mapping[str, Any]) -> None:
    stop = curve["pays_until"]
    if stop:
        axes.axvline(stop, color=_STOP, linewidth=1.4, linestyle=":", zorder=3, label=f"stops paying: {stop:,.0f}")


def _limits(axes: Axes, curve: Mapping[str, Any]) -> None:
    """A single day far out must not squeeze the curve."""
    revenue = sorted(one["revenue"] for one in curve["points"])
    usual = revenue[int(0.99 * (len(revenue) - 1))] if revenue else 0.0
    axes.set_xlim(0, max(curve["spend"][-1], curve["operating_point"]["spend"]))
    axes.set_ylim(min(0.0, *revenue[:1]), 1.08 * max(usual, curve["revenue"]["high"][-1], 1e-9))


def _subtitle(answer: Mapping[str, Any]) -> str:
    elasticity, mroas = answer["elasticity"], answer["mroas"]
    parts = []
    if elasticity and mroas:
        rise = f"10 % more spend: {10 * elasticity['median']:+.1f} % revenue"
        parts.append(f"{rise} ({10 * elasticity['low']:.1f} to {10 * elasticity['high']:.1f})")
        earned = answer["margin"] * mroas["median"]
        parts.append(f"one more unit of spend earns {earned:.2f} at a margin of {answer['margin']:g}")
    return "  ·  ".join(parts) + f"\ncurve at the demand of the last four weeks; data until {answer['as_of']}"


def _at(curve: Mapping[str, Any], spend: float) -> float:
    """The median curve at a spend, linear between its points."""
    xs, ys = curve["spend"], curve["revenue"]["median"]
    for left in range(len(xs) - 1):
        if spend <= xs[left + 1]:
            share = (spend - xs[left]) / (xs[left + 1] - xs[left])
            return float(ys[left] + share * (ys[left + 1] - ys[left]))
    return float(ys[-1])
