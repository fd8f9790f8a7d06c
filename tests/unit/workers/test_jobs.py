"""Does a table of jobs show each, and why one failed?"""

from __future__ import annotations

from workers.commands.jobs import jobs_table

DONE = {"job_id": "r1", "kind": "reattribute", "state": "done", "progress": 1.0, "failures": []}
FAILURE = {"code": "missing_rate", "message": "No rate.\x1b[2J", "detail": "POST /v1/fx."}
FAILED = {"job_id": "s1", "kind": "saturation", "state": "failed", "progress": 0.25, "failures": [FAILURE]}


def test_a_line_for_each_and_what_to_do_about_failures() -> None:
    times = {"created_at": "2026-01-01T00:00:00.000Z", "closed_at": None}
    lines = jobs_table([FAILED | times, DONE | times | {"closed_at": "2026-01-02T00:00:00.000Z"}]).splitlines()
    assert [line.split() for line in lines[1:3]] == [
        ["s1", "saturation", "failed", "2026-01-01T00:00:00.000Z", "25%"],
        ["r1", "reattribute", "done", "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z", "100%"],
    ]
    assert lines[3:] == ["- s1: No rate.?[2J POST /v1/fx."]


def test_that_there_is_none_is_said() -> None:
    assert jobs_table([]) == "no jobs; finished ones are kept 7 days"
