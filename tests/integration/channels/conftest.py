"""The pipeline's fixtures, for tests of channels."""

from __future__ import annotations

from tests.integration.pipeline.conftest import own_broker, pipeline

__all__ = ["own_broker", "pipeline"]
