"""Unit tests reach no network, not by accident either."""

from __future__ import annotations

import socket
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way to connect a socket fails with the remedy. Socket pairs stay: event loops need them."""

    def refuse(self: socket.socket, address: Any) -> None:
        raise AssertionError(f"a unit test connects to {address!r}: put it into tests/integration")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
