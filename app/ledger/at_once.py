"""How is a run of one chunk credited and closed at one go, and small ones that wait along with it?"""

from __future__ import annotations

from typing import Any

from app.ledger.chunks import Services, attribute_together
from app.ledger.close import close, finish_and_close
from app.ledger.cut import FEW


def is_small(services: Services, conversions: int) -> bool:
    """Whether a block's run of so many conversions, one chunk, is not worth a task of its own."""
    return conversions <= services.settings.chunk_conversions // FEW


def credit_at_once(services: Services, run_id: str, number: int = 0) -> dict[str, Any] | None:
    """Attribute a chunk of a run and close the run, if that was the last one; with a block's run small ones that wait.

    What a small run costs is its statements, and they are the same for many. A process that dies in the midst leaves
    the runs recorded and open: the sweep sends them again.

    Returns
    -------
    What support reads; None where the run is closed, or somebody else is at it.

    Raises
    ------
    Unavailable : a part does not answer; the runs stay open, for whoever comes next.
    """
    claims = services.claims.take_along(run_id, number, services.settings.chunk_conversions // FEW)
    if not claims:
        return None
    storage, runs, registry = services.storage, services.runs, services.registry
    try:
        told, ended = attribute_together(services, claims)
        closed = {one.claim.record.run_id: finish_and_close(storage, runs, registry, one) for one in ended}
        for claim in claims:
            if claim.chunk is None:  # somebody had done it, and died before the close
                closed[claim.record.run_id] = close(storage, runs, registry, claim.record.run_id)
    except BaseException:
        services.claims.let_go([claim.record.run_id for claim in claims])
        raise
    return {"run_id": run_id, "along": len(claims) - 1, **told, "closed": closed[run_id]}
