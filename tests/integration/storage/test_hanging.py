"""Is a server that takes connections and says nothing told from one that works long on a query?"""

from __future__ import annotations

import socket

import pytest

from app.storage import driver
from app.storage.client import Storage
from app.storage.failures import StorageTransient
from config.settings import Settings


@pytest.mark.timeout(30)
def test_a_server_that_does_not_greet_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit of its own the greeting would be waited for as long as a query: 70 s."""
    monkeypatch.setattr(driver, "GREETING_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"clickhouse://127.0.0.1:{silent.getsockname()[1]}/any"
        storage = Storage(Settings(clickhouse_url=url), retry_for_s=0)
        with pytest.raises(StorageTransient):
            storage.ping()
        storage.close()
