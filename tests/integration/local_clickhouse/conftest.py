"""One server process for the whole folder, and clients that are the unmodified clickhouse-driver.

With TRIBUTARY_CLICKHOUSE_URL set the same tests run against that server, save those that kill or restart it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest
from clickhouse_driver import Client
from clickhouse_driver.protocol import ServerPacketTypes

from workers.local.clickhouse.launch import LocalClickHouse

Connect = Callable[..., Client]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server under test is."""
    given = os.environ.get("TRIBUTARY_CLICKHOUSE_URL")
    if given:
        yield given
        return
    with LocalClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server.url


@pytest.fixture
def local_only() -> None:
    """For tests of the local server's own process and of what it says."""
    if os.environ.get("TRIBUTARY_CLICKHOUSE_URL"):
        pytest.skip("TRIBUTARY_CLICKHOUSE_URL is set: this test is about the local server's own process")


@pytest.fixture(scope="session")
def database(url: str) -> Iterator[str]:
    """A database of its own for this run."""
    name = f"local_{uuid.uuid4().hex[:12]}"
    with client_of(url) as client:
        client.execute(f"CREATE DATABASE {name}")
        yield name
        client.execute(f"DROP DATABASE {name}")


@pytest.fixture
def connect(url: str, database: str) -> Iterator[Connect]:
    """Make clients in the run's database; they are closed after the test."""
    clients: list[Client] = []

    def make(**options: Any) -> Client:
        clients.append(client_of(url, **{"database": database, **options}))
        return clients[-1]

    yield make
    for client in clients:
        client.disconnect()


@pytest.fixture
def client(connect: Connect) -> Client:
    """A client with the driver's defaults."""
    return connect()


@pytest.fixture
def table(client: Client) -> Iterator[Callable[[str], str]]:
    """Create a table with the columns and engine that are given; it is dropped after the test."""
    names: list[str] = []

    def make(definition: str) -> str:
        names.append(f"t_{uuid.uuid4().hex[:12]}")
        client.execute(f"CREATE TABLE {names[-1]} {definition}")
        return names[-1]

    yield make
    client.disconnect()
    for name in names:
        client.execute(f"DROP TABLE IF EXISTS {name} SYNC")


class RawQueries:
    """Queries over one TCP connection that is kept after an exception; the driver's client drops it then."""

    def __init__(self, client: Client) -> None:
        client.execute("SELECT 1")
        self.client = client
        self.connection = client.connection

    def ask(self, text: str, tables: Sequence[dict[str, Any]] = ()) -> Any:
        """The first value of the last row that comes, or the exception."""
        self.connection.send_query(text)
        self.connection.send_external_tables(tables)
        return self.answer()

    def answer(self) -> Any:
        """Read packets up to the last one of a query."""
        value = None
        while True:
            packet = self.connection.receive_packet()
            if packet.exception is not None:
                return packet.exception
            if packet.type == ServerPacketTypes.END_OF_STREAM:
                return value
            if packet.block is not None and packet.block.num_rows:
                value = packet.block.get_rows()[-1][0]


@pytest.fixture
def raw(client: Client) -> RawQueries:
    """Queries over one TCP connection."""
    return RawQueries(client)


def client_of(url: str, **options: Any) -> Client:
    """A client of the server at `url`."""
    parts = urlsplit(url)
    defaults = {
        "host": parts.hostname,
        "port": parts.port or 9000,
        "user": parts.username or "default",
        "password": parts.password or "",
        "database": parts.path.strip("/"),
        "send_receive_timeout": 30,
    }
    return Client(**{**defaults, **options})
