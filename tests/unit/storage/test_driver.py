"""Is an idle connection known to be closed without asking the other side? And what of every query is asked once?"""

from __future__ import annotations

import getpass
import socket
from collections import defaultdict
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from clickhouse_driver.clientinfo import ClientInfo

from app.storage.driver import is_open, new_client
from config.settings import Settings


@dataclass
class Connection:
    socket: socket.socket | None


@pytest.fixture
def pair():
    here, there = socket.socketpair()
    with here, there:
        yield Connection(here), there


def test_silence_is_open(pair):
    connection, _ = pair
    assert is_open(connection)


def test_a_closed_one_is_not(pair):
    connection, there = pair
    there.close()
    assert not is_open(connection)


def test_what_was_not_asked_for_is_no_state_to_go_on_from(pair):
    connection, there = pair
    there.sendall(b"x")
    assert not is_open(connection)


def test_none_is_none():
    assert not is_open(Connection(None))


def test_under_tls_the_drivers_own_ping_stays():
    plain = new_client(Settings(clickhouse_url="clickhouse://h:9000/shop"), numpy=False)
    tls = new_client(Settings(clickhouse_url="clickhouses://h:9440/shop"), numpy=False)
    assert plain.connection.ping.func is is_open
    assert tls.connection.ping.__name__ == "ping"


def test_whose_process_it_is_is_looked_up_once_for_all_queries(monkeypatch):
    context = SimpleNamespace(client_settings=defaultdict(lambda: None, opentelemetry_tracestate=""))
    user = ClientInfo("tributary", context, 54453).os_user
    assert user == getpass.getuser()
    monkeypatch.setattr("getpass.getuser", lambda: "somebody else")
    assert ClientInfo("tributary", context, 54453).os_user == user
