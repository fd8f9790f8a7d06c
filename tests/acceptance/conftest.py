"""The real command with real processes, over a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Up


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One running stack for all tests that can share it; they use people and orders of their own.

    Not for the session: it would go on beside all tests that come after.
    """
    up = Up(tmp_path_factory.mktemp("stack"))
    try:
        yield up.start()
    finally:
        up.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Up]:
    """A stack of the test's own, not started yet."""
    up = Up(tmp_path / "stack")
    yield up
    if up.process is not None and up.process.poll() is None:
        up.stop()
