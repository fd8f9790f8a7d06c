"""An app over two stand-ins that say what they were asked: tenants by key, and an inbox that can refuse.

What the real ones do is tested in tests/integration/http.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.errors import TributaryError
from app.http import create_app
from app.http.parts import Parts
from app.ingest.blocks import flatten
from app.ingest.dead_letters import DeadLetter
from app.ingest.events import Batch, Event, decode_batch
from app.tenants.tenant import Tenant
from config.settings import Settings

WRITE, SECRET = "wk_test", "sk_test"


class Tenants:
    """One tenant."""

    def __init__(self) -> None:
        self.tenant = Tenant(7, "demo", "Demo")

    def by_write_key(self, key: str) -> Tenant | None:
        return self.tenant if key == WRITE else None

    def by_secret_key(self, key: str) -> Tenant | None:
        return self.tenant if key == SECRET else None


class Inbox:
    """Keeps what it is given, one entry a call, or raises `failure`."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.letters: list[DeadLetter] = []
        self.calls = 0
        self.failure: Exception | None = None

    def accept(self, tenant_id: int, entry: bytes, events: int, dead: Sequence[DeadLetter]) -> None:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        assert tenant_id == 7
        self.letters.extend(dead)
        if events:
            batch = decode_batch(entry)
            assert events == len(batch.events) + len(batch.spend) + len(batch.adjustments)
            self.batches.append(batch)

    @property
    def events(self) -> list[Event]:
        return flatten(self.batches).events()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def app(inbox: Inbox) -> Flask:
    def away() -> None:
        raise TributaryError("away", "It is away.")

    return create_app(Settings(), Parts(Settings(), Tenants(), inbox, lambda: True, away))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
