"""What does the storage refuse before it sends anything, and what does it not import?"""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.storage.client import Storage
from app.storage.statements import Statement, TenantStatement, UnsafeStatement
from config.settings import Settings

EVENTS = TenantStatement("x", "SELECT 1 FROM events WHERE {tenant}")


def test_a_tenants_statement_needs_its_tenant() -> None:
    storage = Storage(Settings())
    with pytest.raises(UnsafeStatement, match="without a tenant"):
        storage.rows(EVENTS)
    with pytest.raises(UnsafeStatement, match="without a tenant"):
        next(storage.stream(EVENTS))


def test_rows_of_a_tenant_need_its_id() -> None:
    with pytest.raises(UnsafeStatement, match="tenant_id"):
        Storage(Settings()).insert("events", {"message_id": ["m"]})


def test_no_rows_are_no_insert() -> None:
    assert Storage(Settings()).insert("events", {"tenant_id": [], "message_id": []}) == 0
    assert Storage(Settings()).insert("tenants", {}) == 0


def test_columns_need_numpy() -> None:
    with pytest.raises(TypeError, match="numpy=True"):
        Storage(Settings()).columns(Statement("x", "SELECT 1"))


def test_without_numpy_nothing_of_it_is_imported() -> None:
    """The web processes are many and small."""
    code = """
import sys
import app.storage.touches, app.storage.events, app.storage.conversions, app.storage.ledger, app.storage.migrations
import app.storage.adjustments, app.storage.identity, app.storage.connections, app.tenants.registry
from config.settings import Settings
app.storage.connections.get_storage(settings=Settings())
assert not {"numpy", "pandas"} & set(sys.modules), sorted(m for m in sys.modules if m.startswith("num"))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
