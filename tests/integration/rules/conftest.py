"""The pipeline's fixture, for tests of rules."""

from __future__ import annotations

import pytest

from config.celery_app import make_celery
from config.settings import Settings
from tests.integration.pipeline.conftest import pipeline

__all__ = ["pipeline"]


@pytest.fixture(autouse=True)
def _own_broker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process-wide Celery app speaks to the Redis of the environment; these tests have their own."""
    monkeypatch.setattr("app.ingest.wake.celery", make_celery(settings))
