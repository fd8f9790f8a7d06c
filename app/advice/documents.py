"""How are answers and draws written down? Answers as JSON that the API shows, draws and days as packed arrays."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.saturation.adstock import Carry
from app.saturation.answers import Assessment, Estimate, Guard, ResponseDraws, Standing
from app.saturation.names import Cause, Decision, Status
from app.saturation.series import ChannelSeries

PICTURED_DAYS = 365
_DIGITS = 6
Answer = dict[str, Any]
Float32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What is kept beside an answer.

    Parameters
    ----------
    response : ResponseDraws
    carry : Carry
        After the last day that the refit saw.
    day : datetime64[D] (n,)
        The last year's days.
    spend, revenue : float32 (n,)
        ``nan`` where not known.
    """

    response: ResponseDraws
    carry: Carry
    day: NDArray[np.datetime64]
    spend: Float32s
    revenue: Float32s


def answer_of(assessment: Assessment) -> Answer:
    """An assessment as the API shows it; numbers rounded, what is not known null."""
    standing = assessment.standing
    return {
        "channel": assessment.channel,
        "status": str(assessment.status),
        "probabilities": {name: _number(value) for name, value in assessment.probabilities.items()},
        "elasticity": _estimate(assessment.elasticity),
        "mroas": _estimate(assessment.mroas),
        "spend_driven_elasticity": _estimate(assessment.spend_driven_elasticity),
        "spend_driven_status": str(assessment.spend_driven_status),
        "cause": None if assessment.cause is None else str(assessment.cause),
        "decision": str(assessment.decision),
        "message": assessment.message,
        "experiment": assessment.experiment,
        "spend_a_day": _number(assessment.x0),
        "changed_on": None if assessment.changed_on is None else str(assessment.changed_on),
        "guards": [_guard(guard) for guard in assessment.guards],
        "windows": list(assessment.windows),
        "versions": dict(assessment.versions),
        "forecast": _forecast(assessment),
        "standing": None
        if standing is None
        else {"status": str(standing.status), "candidate": str(standing.candidate), "runs": standing.runs},
    }


def assessment_of(answer: Mapping[str, Any], drawn: Drawn | None) -> Assessment:
    """What the planner and the next refit need of it again; without the forecast."""
    return Assessment(
        channel=answer["channel"],
        status=Status(answer["status"]),
        probabilities=answer["probabilities"],
        elasticity=_estimate_of(answer["elasticity"]),
        mroas=_estimate_of(answer["mroas"]),
        spend_driven_elasticity=_estimate_of(answer["spend_driven_elasticity"]),
        cause=None if answer["cause"] is None else Cause(answer["cause"]),
        decision=Decision(answer["decision"]),
        guards=tuple(_guard_of(guard) for guard in answer["guards"]),
        windows=tuple(answer["windows"]),
        versions=answer["versions"],
        message=answer["message"],
        response=None if drawn is None else drawn.response,
        standing=standing_of(answer),
        experiment=answer["experiment"],
        spend_driven_status=Status(answer["spend_driven_status"]),
        x0=math.nan if answer["spend_a_day"] is None else answer["spend_a_day"],
        carry=None if drawn is None else drawn.carry,
    )


def standing_of(answer: Mapping[str, Any]) -> Standing | None:
    """What hysteresis remembers."""
    kept = answer["standing"]
    return None if kept is None else Standing(Status(kept["status"]), Status(kept["candidate"]), kept["runs"])


def pack(assessment: Assessment, series: ChannelSeries, until: np.datetime64) -> str:
    """The draws of an assessment and the days behind it, as text; '' where nothing was fitted."""
    response, carry = assessment.response, assessment.carry
    if response is None or carry is None:
        return ""
    seen = series.where(series.day <= until)
    packed = {
        "grid": _bytes(response.spend),
        "draws": _bytes(response.revenue),
        "x0": response.x0,
        "spend_p95": response.spend_p95,
        "rate": carry.rate,
        "remembered": carry.remembered,
        "total": carry.total,
        "first_day": str(seen.day[-PICTURED_DAYS:][0]),
        "spend": _bytes(seen.spend[-PICTURED_DAYS:]),
        "revenue": _bytes(seen.revenue[-PICTURED_DAYS:]),
    }
    return base64.b64encode(msgspec.msgpack.encode(packed)).decode()


def unpack(text: str) -> Drawn | None:
    """What `pack` made; None of ''."""
    if not text:
        return None
    kept = msgspec.msgpack.decode(base64.b64decode(text))
    grid, spend = _floats(kept["grid"]), _floats(kept["spend"])
    return Drawn(
        ResponseDraws(grid, _floats(kept["draws"]).reshape(-1, len(grid)), kept["x0"], kept["spend_p95"]),
        Carry(kept["rate"], tuple(kept["remembered"]), kept["total"]),
        np.datetime64(kept["first_day"]) + np.arange(len(spend)),
        spend,
        _floats(kept["revenue"]),
    )


def _estimate(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    return {"low": _number(estimate.low), "median": _number(estimate.median), "high": _number(estimate.high)}


def _estimate_of(kept: Mapping[str, float] | None) -> Estimate | None:
    return None if kept is None else Estimate(kept["low"], kept["median"], kept["high"])


def _guard(guard: Guard) -> Answer:
    return {
        "name": guard.name,
        "passed": bool(guard.passed),
        "figure": _number(guard.figure),
        "limit": _number(guard.limit),
        "reason": guard.reason,
    }


def _guard_of(kept: Mapping[str, Any]) -> Guard:
    figure, limit = (math.nan if kept[name] is None else kept[name] for name in ("figure", "limit"))
    return Guard(kept["name"], kept["passed"], figure, limit, kept["reason"])


def _forecast(assessment: Assessment) -> Answer | None:
    forecast = assessment.forecast
    if forecast is None:
        return None
    rounded = {name: [_number(v, 2) for v in getattr(forecast, name).tolist()] for name in ("low", "median", "high")}
    return {"from": str(forecast.day[0]), "days": len(forecast.day), **rounded}


def _number(value: float, digits: int = _DIGITS) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _bytes(values: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(values, "<f4").tobytes()


def _floats(packed: bytes) -> Float32s:
    return np.frombuffer(packed, "<f4")
