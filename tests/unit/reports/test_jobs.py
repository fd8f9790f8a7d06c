"""What is said about a job, and to whom?"""

from __future__ import annotations

import pytest

from app.errors import NotFound
from app.ledger.runs import RunRecord
from app.reports.jobs import job, shown
from app.tenants.tenant import Tenant

RECORD = RunRecord(
    run_id="r1",
    kind="reattribute",
    state="open",
    version=1,
    created_ms=0,
    closed_ms=None,
    chunks=4,
    chunks_done=2,
    chunks_failed=1,
    conversions=20_000,
    attributed=10_000,
    touches=30_000,
    attempts=0,
    tenant_ids=(7,),
    note="",
)


class Kept:
    """Runs that hold one record."""

    def __init__(self, record: RunRecord | None) -> None:
        self.record = record

    def get(self, run_id: str) -> RunRecord | None:
        return self.record


def tenant(number: int) -> Tenant:
    return Tenant(tenant_id=number, slug="t", name="T")


def test_progress_and_failures_are_told() -> None:
    answer = job(Kept(RECORD), tenant(7), "r1")  # type: ignore[arg-type]
    assert answer["progress"] == 0.75
    assert answer["chunks"] == {"total": 4, "done": 2, "failed": 1}
    assert answer["created_at"] == "1970-01-01T00:00:00.000Z"
    assert answer["closed_at"] is None
    assert "replay" in answer["failures"][0]["detail"]


@pytest.mark.parametrize("number", [6, 8])
def test_another_tenants_job_is_unknown(number: int) -> None:
    with pytest.raises(NotFound):
        job(Kept(RECORD), tenant(number), "r1")  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        job(Kept(None), tenant(7), "r1")  # type: ignore[arg-type]


def test_a_run_of_several_tenants_is_nobodys_job() -> None:
    shared = {name: getattr(RECORD, name) for name in RunRecord.__slots__} | {"tenant_ids": (7, 8)}
    with pytest.raises(NotFound):
        job(Kept(RunRecord(**shared)), tenant(7), "r1")  # type: ignore[arg-type]


def test_an_empty_job_is_done_when_it_is_closed() -> None:
    empty = {name: getattr(RECORD, name) for name in RunRecord.__slots__}
    empty |= {"chunks": 0, "chunks_done": 0, "chunks_failed": 0}
    assert shown(RunRecord(**empty))["progress"] == 0
    assert shown(RunRecord(**empty | {"closed_ms": 5}))["progress"] == 1
