"""Are the promises kept? Each gate of SATURATION 3 with its figure, its interval and a verdict.

Intervals are 95 %, by resampling tenants, since channels of one tenant share days and demand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from app.saturation.proof import Evidence, PlanRow, Row
from app.saturation.series import CLASSES, Estimate, Floats, Status
from app.saturation.simulator.suites import Suite

RESAMPLES = 500
BINS = 10

Item = TypeVar("Item", Row, PlanRow)


@dataclass(frozen=True, slots=True)
class Gate:
    """One line of the proof.

    Parameters
    ----------
    name : str
    figure, low, high : float
        The measure and its 95 % interval; ``nan`` where nothing could be measured.
    limit : str
        In words; '' of a figure that is reported without a limit.
    passed : bool or None
        None where there is no limit.
    n : int
        Channels or tenants that it is computed over.
    """

    name: str
    figure: float
    low: float
    high: float
    limit: str
    passed: bool | None
    n: int

    def line(self) -> str:
        """The gate as a line of a table."""
        verdict = {True: "pass", False: "FAIL", None: "  - "}[self.passed]
        return (
            f"{verdict}  {self.name:<52} {self.figure:8.3f}  [{self.low:7.3f}, {self.high:7.3f}]"
            f"  n={self.n:<5} {self.limit}"
        )


def suite_gates(suite: Suite, evidence: Evidence) -> list[Gate]:
    """The gates of the clean or the mixed suite."""
    is_clean = suite is Suite.CLEAN
    least_right, least_given = (0.95, 0.75) if is_clean else (0.90, 0.45)
    rows, plans = evidence.rows, evidence.plans
    decided = [row for row in rows if row.is_decided]
    driven = [row for row in rows if row.spend_driven_given is not Status.INSUFFICIENT_EVIDENCE]
    with_probabilities = [row for row in rows if row.probabilities]
    fitted = [row for row in rows if row.said_elasticity is not None]
    with_money = [row for row in rows if row.said_mroas is not None]
    forecast = [row for row in decided if np.isfinite(row.errors[0])]
    gates = [
        at_least("right where a status was given (lower bound)", _right, decided, least_right, by_low=True),
        at_least("share with a status", _is_decided, rows, least_given),
        at_least("spend-driven: right where given (lower bound)", _driven_right, driven, 0.90, by_low=True),
        reported("spend-driven: share given", _driven_given, rows),
        at_most("falsely saturated, of all channels", _falsely_saturated, rows, 0.02, limited=not is_clean),
        at_most("calibration error of the class probabilities", calibration_error, with_probabilities, 0.05),
        at_most("elasticity, mean absolute error", _elasticity_error, fitted, 0.06, limited=is_clean),
        at_most("mROAS, median relative error", _mroas_error, with_money, 0.20, limited=is_clean),
        within("90 % interval of e covers", _covers_elasticity, fitted, 0.85, 0.95),
        within("90 % interval of mROAS covers", _covers_mroas, with_money, 0.85, 0.95),
        reported("width of the 90 % interval of e", _elasticity_width, fitted),
        at_most("forecast error over seasonal-naive's", _against_naive, forecast, 1.0),
        at_most("forecast error over linear's", _against_linear, forecast, 1.0),
        at_least("plan: share of the possible gain", _share_of_gain, plans, 0.75 if is_clean else 0.5),
        reported("plan: most with undecided channels frozen", _most_decided, plans),
        reported("plan: most with only those moved that have a status", _most_with_status, plans),
        at_least("plan: worst tenant, share of spend", _worst, plans, -0.02),
        within("plan: realised over claimed", _realised_over_claimed, plans, 0.8, 1.2),
        at_most("processor seconds a channel, mean", _seconds, rows, 1.0),
    ]
    return gates + baseline_figures(rows)


def cell_gates(cell: str, evidence: Evidence) -> list[Gate]:
    """The gates of a stress cell: right where given or almost never given; rarely falsely saturated."""
    decided = [row for row in evidence.rows if row.is_decided]
    right = at_least(f"{cell}: right where given", _right, decided, 0.80)
    share = reported(f"{cell}: share given", _is_decided, evidence.rows)
    kept = bool(right.passed) or share.figure <= 0.10
    limit = ">= 0.80, or <= 10 % given"
    return [
        Gate(right.name, right.figure, right.low, right.high, limit, kept, right.n),
        share,
        at_most(f"{cell}: falsely saturated", _falsely_saturated, evidence.rows, 0.05),
        at_least(f"{cell}: plan, worst tenant, share of spend", _worst, evidence.plans, -0.02),
    ]


def baseline_figures(rows: Sequence[Row]) -> list[Gate]:
    """How often the naive fits are right, always giving a status, over the same channels."""
    return [
        reported("naive Hill: right, of all channels", lambda some: _baseline(some, "naive_hill"), rows),
        reported("log-log: right, of all channels", lambda some: _baseline(some, "log_log"), rows),
        reported("naive Hill: falsely saturated", lambda some: _baseline_false(some, "naive_hill"), rows),
        reported("log-log: falsely saturated", lambda some: _baseline_false(some, "log_log"), rows),
    ]


def interval(measure: Callable[[Sequence[Item]], float], items: Sequence[Item]) -> tuple[float, float]:
    """95 % of a measure over resampled tenants; seeded, so that a table can be repeated."""
    of_tenant: dict[int, list[Item]] = {}
    for item in items:
        of_tenant.setdefault(item.tenant, []).append(item)
    groups = list(of_tenant.values())
    rng = np.random.default_rng(0)
    measured = [
        measure([item for pick in rng.integers(0, len(groups), len(groups)) for item in groups[pick]])
        for _ in range(RESAMPLES)
    ]
    low, high = np.nanquantile(measured, (0.025, 0.975))
    return float(low), float(high)


def reported(name: str, measure: Callable[[Sequence[Item]], float], items: Sequence[Item]) -> Gate:
    """A figure without a limit."""
    if not items:
        return Gate(name, float("nan"), float("nan"), float("nan"), "", None, 0)
    return Gate(name, measure(items), *interval(measure, items), "", None, len(items))


def at_least(
    name: str,
    measure: Callable[[Sequence[Item]], float],
    items: Sequence[Item],
    limit: float,
    *,
    by_low: bool = False,
) -> Gate:
    """A figure, or its lower bound, that must reach a limit; nothing measured fails it."""
    seen = reported(name, measure, items)
    return _judged(seen, f">= {limit:g}", (seen.low if by_low else seen.figure) >= limit)


def at_most(
    name: str,
    measure: Callable[[Sequence[Item]], float],
    items: Sequence[Item],
    limit: float,
    *,
    limited: bool = True,
) -> Gate:
    """A figure that must not exceed a limit; only reported where it is not limited."""
    seen = reported(name, measure, items)
    return _judged(seen, f"<= {limit:g}", seen.figure <= limit) if limited else seen


def within(
    name: str, measure: Callable[[Sequence[Item]], float], items: Sequence[Item], low: float, high: float
) -> Gate:
    """A figure between two limits."""
    seen = reported(name, measure, items)
    return _judged(seen, f"{low:g} to {high:g}", low <= seen.figure <= high)


def calibration_error(rows: Sequence[Row]) -> float:
    """Expected calibration error over all three classes: |share that is so - probability|, in ten bins."""
    said = np.array([row.probabilities for row in rows]).ravel()
    is_so = np.array([[row.truth is one for one in CLASSES] for row in rows], np.float64).ravel()
    part = np.minimum((said * BINS).astype(np.intp), BINS - 1)
    gap = np.bincount(part, weights=is_so - said, minlength=BINS)
    return float(np.abs(gap).sum() / len(said))


def reliability(rows: Sequence[Row]) -> Floats:
    """For the diagram: mean probability, share that is so and count of each of ten bins, float64 (3, bins)."""
    said = np.array([row.probabilities for row in rows if row.probabilities]).ravel()
    is_so = np.array([[row.truth is one for one in CLASSES] for row in rows if row.probabilities], np.float64).ravel()
    part = np.minimum((said * BINS).astype(np.intp), BINS - 1)
    count = np.bincount(part, minlength=BINS)
    sums = (np.bincount(part, weights=what, minlength=BINS) for what in (said, is_so))
    with np.errstate(invalid="ignore"):
        return np.stack([*(one / count for one in sums), count.astype(np.float64)])


def _judged(seen: Gate, limit: str, passed: bool) -> Gate:
    return Gate(seen.name, seen.figure, seen.low, seen.high, limit, passed, seen.n)


def _right(rows: Sequence[Row]) -> float:
    return float(np.mean([row.given is row.truth for row in rows]))


def _is_decided(rows: Sequence[Row]) -> float:
    return float(np.mean([row.is_decided for row in rows]))


def _driven_right(rows: Sequence[Row]) -> float:
    return float(np.mean([row.spend_driven_given is row.spend_driven_truth for row in rows]))


def _driven_given(rows: Sequence[Row]) -> float:
    return float(np.mean([row.spend_driven_given is not Status.INSUFFICIENT_EVIDENCE for row in rows]))


def _falsely_saturated(rows: Sequence[Row]) -> float:
    return float(np.mean([row.given is Status.SATURATED and row.truth is not Status.SATURATED for row in rows]))


def _elasticity(row: Row) -> Estimate:
    assert row.said_elasticity is not None
    return row.said_elasticity


def _mroas(row: Row) -> Estimate:
    assert row.said_mroas is not None
    return row.said_mroas


def _elasticity_error(rows: Sequence[Row]) -> float:
    return float(np.mean([abs(_elasticity(row).median - row.elasticity) for row in rows]))


def _mroas_error(rows: Sequence[Row]) -> float:
    """Channels without effect have no relative error."""
    return float(np.median([abs(_mroas(row).median / row.mroas - 1) for row in rows if row.mroas > 0] or [np.nan]))


def _covers_elasticity(rows: Sequence[Row]) -> float:
    return float(np.mean([_elasticity(row).low <= row.elasticity <= _elasticity(row).high for row in rows]))


def _covers_mroas(rows: Sequence[Row]) -> float:
    return float(np.mean([_mroas(row).low <= row.mroas <= _mroas(row).high for row in rows]))


def _elasticity_width(rows: Sequence[Row]) -> float:
    return float(np.mean([_elasticity(row).high - _elasticity(row).low for row in rows]))


def _against_naive(rows: Sequence[Row]) -> float:
    return float(np.mean([row.errors[0] for row in rows]) / np.mean([row.errors[1] for row in rows]))


def _against_linear(rows: Sequence[Row]) -> float:
    return float(np.mean([row.errors[0] for row in rows]) / np.mean([row.errors[2] for row in rows]))


def _share_of_gain(plans: Sequence[PlanRow]) -> float:
    return _ratio(sum(one.realised for one in plans), sum(one.possible for one in plans))


def _most_decided(plans: Sequence[PlanRow]) -> float:
    """What an oracle that knows every curve would reach."""
    return _ratio(sum(one.possible_decided for one in plans), sum(one.possible for one in plans))


def _most_with_status(plans: Sequence[PlanRow]) -> float:
    return _ratio(sum(one.possible_with_status for one in plans), sum(one.possible for one in plans))


def _realised_over_claimed(plans: Sequence[PlanRow]) -> float:
    return _ratio(sum(one.realised for one in plans), sum(one.claimed for one in plans))


def _worst(plans: Sequence[PlanRow]) -> float:
    return min(one.realised for one in plans)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _seconds(rows: Sequence[Row]) -> float:
    return float(np.mean([row.seconds for row in rows]))


def _baseline(rows: Sequence[Row], which: str) -> float:
    return float(np.mean([getattr(row, which) is row.truth for row in rows]))


def _baseline_false(rows: Sequence[Row], which: str) -> float:
    return float(
        np.mean([getattr(row, which) is Status.SATURATED and row.truth is not Status.SATURATED for row in rows])
    )
