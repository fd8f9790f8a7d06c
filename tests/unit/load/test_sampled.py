"""To which part does a stack belong?"""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from load.sampled import part_of


def frame_in(path: str) -> FrameType:
    found: dict[str, FrameType] = {}
    exec(compile("frame = here()", path, "exec"), {"here": lambda: sys._getframe(1)}, found)
    return found["frame"]


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/env/site-packages/kombu/transport/redis.py", "celery"),
        ("/env/site-packages/redis/connection.py", "redis"),
        ("/env/site-packages/clickhouse_driver/client.py", "driver"),
        ("/here/app/ingest/inbox.py", "serialisation"),
        ("/here/app/ingest/drain.py", "ingest"),
        ("/here/app/ledger/attribute.py", "app"),
    ],
)
def test_the_innermost_file_that_is_named_counts(path, part):
    assert part_of(frame_in(path)) == part


def test_a_stack_without_any_of_them_is_other():
    assert part_of(None) == "other"
