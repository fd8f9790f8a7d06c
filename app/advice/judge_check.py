"""Does the judge still keep its gates? A small proof on simulated channels, with other seeds every week.

The full proof is `make bench-saturation`. This one is short, so it only says that a gate is broken where the whole 95 %
interval of a figure lies beyond it: a library that was updated, a damaged artefact, another processor.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from app.reports.days import rfc3339
from app.storage.client import Storage
from app.storage.saturation import LAST_CHECK, store

if TYPE_CHECKING:
    from app.saturation.proof import Row

TENANTS = 20
LEAST_RIGHT, MOST_FALSELY_SATURATED = 0.90, 0.02
COVERAGE = (0.85, 0.95)
log = logging.getLogger(__name__)


def check_judge(storage: Storage, today: date, tenants: int = TENANTS) -> dict[str, Any]:
    """Assess this week's simulated tenants and keep how the judge did."""
    from app.saturation.assessment import assess
    from app.saturation.judge import shipped
    from app.saturation.proof import PROOF_MARGIN, collect
    from app.saturation.simulator.suites import Suite
    from app.saturation.simulator.suites import tenants as simulated

    year, week, _ = today.isocalendar()
    seed = 1_000_000 + 100 * year + week
    evidence = collect(
        simulated(Suite.MIXED, tenants, seed),
        lambda one: assess(one.series, margin=PROOF_MARGIN, context=one.context, seed=seed),
    )
    figures = judged(evidence.rows)
    holds = all(figure["holds"] for figure in figures)
    row = {
        "judge_version": shipped().version,
        "checked_at": time.time_ns() // 1_000_000,
        "holds": int(holds),
        "figures": msgspec.json.encode(figures).decode(),
    }
    store(storage, "saturation_judge_checks", [row])
    if not holds:
        log.error("The saturation judge %s breaks a gate: %s", row["judge_version"], row["figures"])
    return {"holds": holds, "seed": seed, "channels": len(evidence.rows), "judge": row["judge_version"]}


def judged(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each figure with its 95 % interval, its limits and whether the interval reaches them."""
    from app.saturation.gates import reported

    decided = [row for row in rows if row.is_decided]
    fitted = [row for row in rows if row.said_elasticity is not None]
    found = []
    for name, measure, some, low, high in (
        ("right where a status was given", _right, decided, LEAST_RIGHT, 1.0),
        ("falsely called saturated", _falsely_saturated, list(rows), 0.0, MOST_FALSELY_SATURATED),
        ("90 % interval of the elasticity covers", _covers, fitted, *COVERAGE),
    ):
        gate = reported(name, measure, some)
        figures = {"figure": gate.figure, "low": gate.low, "high": gate.high}
        found.append(
            {"name": name, "n": gate.n, **{key: round(value, 4) for key, value in figures.items()}}
            | {"limits": [low, high], "holds": gate.n == 0 or (gate.high >= low and gate.low <= high)}
        )
    return found


def _right(rows: Sequence[Row]) -> float:
    return _share(row.given is row.truth for row in rows)


def _falsely_saturated(rows: Sequence[Row]) -> float:
    return _share(row.given == "saturated" != row.truth for row in rows)


def _covers(rows: Sequence[Row]) -> float:
    said = [(row.said_elasticity, row.elasticity) for row in rows]
    return _share(one is not None and one.low <= true <= one.high for one, true in said)


def _share(facts: Iterable[bool]) -> float:
    told = list(facts)
    return sum(told) / len(told)


def last_check(storage: Storage) -> dict[str, Any] | None:
    """The newest check; None before the first."""
    rows = storage.rows(LAST_CHECK, task="saturation")
    if not rows:
        return None
    version, checked_ms, holds, figures = rows[0]
    checked = {"version": version, "checked_at": rfc3339(checked_ms), "holds": bool(holds)}
    return checked | {"figures": msgspec.json.decode(figures)}
