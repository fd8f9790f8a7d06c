"""How is a connection of clickhouse-driver opened, closed, left to a parent process, and given whole arrays?"""

from __future__ import annotations

import contextlib
import getpass
import select
import socket
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from clickhouse_driver import Client, clientinfo
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.protocol import ClientPacketTypes
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str

from app.storage.native import write_block
from config.settings import Settings

GREETING_S = 10.0
"""So long a server that took a connection has to say who it is."""


class _User:
    """In place of the driver's `getpass`: it looked into /etc/passwd for the process' user before every query."""

    getuser = staticmethod(cache(getpass.getuser))


clientinfo.getpass = _User


class ArrayClient(Client):  # type: ignore[misc]
    """The driver's client, whose inserts are by columns: those of `app.storage.native`."""

    def send_data(self, sample_block: Any, data: Any, types_check: bool = False, columnar: bool = False) -> int:
        connection = self.connection
        _send(connection, sample_block.columns_with_types, data)
        self.receive_profile_events()
        connection.send_data(ColumnOrientedBlock())
        self.receive_profile_events()
        return len(data[0])


def new_client(settings: Settings, numpy: bool) -> Client:
    """A client that has not connected yet. What the URL says about timeouts goes before our defaults."""
    url = urlsplit(settings.clickhouse_url)
    options = {
        "connect_timeout": "3",
        # Per packet: the server's own limit comes first.
        "send_receive_timeout": str(settings.query_limit_s + 10),
        "sync_request_timeout": "3",
        "client_name": "tributary",
        **dict(parse_qsl(url.query)),
    }
    client = ArrayClient.from_url(urlunsplit(url._replace(query=urlencode(options))))
    connection = client.connection
    connection.send_query = partial(_send_query, connection, connection.send_query)
    connection.receive_hello = partial(greeted, connection, connection.receive_hello)
    connection.send_external_tables = partial(send_tables, connection)
    if numpy:
        from app.storage.arrays import ArrayResult

        client.query_result_cls = ArrayResult
        connection.get_block_in_stream = partial(_reader_of_arrays, connection.get_block_in_stream)
    if not connection.secure_socket:
        connection.ping = partial(is_open, connection)
    return client


def _send_query(connection: Any, send: Callable[..., None], *args: Any, **more: Any) -> None:
    """A query is held back until the tables that follow every one: both go out, and come in, as one packet."""
    if not connection.connected:
        connection.connect()
    _hold_back(connection.socket, 1)
    send(*args, **more)


def _hold_back(sock: socket.socket, on: int) -> None:
    if (cork := getattr(socket, "TCP_CORK", None)) is not None:  # Linux has it
        sock.setsockopt(socket.IPPROTO_TCP, cork, on)


def greeted(connection: Any, receive_hello: Callable[[], None]) -> None:
    """In place of the driver's `receive_hello`, which waits as long as for a query: a server that hangs takes
    connections all the same, for its machine does."""
    with connection.timeout_setter(min(GREETING_S, connection.send_receive_timeout)):
        receive_hello()


def send_tables(connection: Any, tables: Sequence[dict[str, Any]] | None, types_check: bool = False) -> None:
    """In place of the driver's `send_external_tables`, which wants rows, or data frames of pandas."""
    for table in tables or ():
        _send(connection, table["structure"], table["data"], table["name"])
    connection.send_data(ColumnOrientedBlock())  # the end of them
    _hold_back(connection.socket, 0)


def _send(connection: Any, types: Sequence[tuple[str, str]], columns: Sequence[Any], table: str = "") -> None:
    """A packet with one block."""
    block = ColumnOrientedBlock(types, columns)  # checks that all are of one length
    write_varint(ClientPacketTypes.DATA, connection.fout)
    write_binary_str(table, connection.fout)
    block.info.write(connection.block_out.fout)
    write_block(block.columns_with_types, columns, connection.context, connection.block_out.fout)
    connection.block_out.finalize()


def _reader_of_arrays(make: Callable[[], Any]) -> Any:
    from app.storage.arrays import read_block

    stream = make()
    stream.read = partial(read_block, stream)
    return stream


def is_open(connection: Any) -> bool:
    """Whether an idle connection still stands, as far as this side knows: the other has neither closed it nor spoken.

    In place of the driver's ping, which costs a round trip before every query. A server that vanished without a word
    is noticed by the query itself, which is tried again like any that lost its connection. Under TLS a record may be
    waiting that means nothing, so there the driver's ping stays.
    """
    if connection.socket is None:
        return False
    poll = select.poll()
    poll.register(connection.socket, select.POLLIN)
    return not poll.poll(0)


def disconnect(client: Client) -> None:
    """Close the connection; the next query of the client opens another."""
    # The other side may have closed it already.
    with contextlib.suppress(OSError):
        client.disconnect()


def forget(client: Client) -> None:
    """In a forked child: close our copy of the socket, and nothing more. A shutdown would end it for the parent too."""
    connection = client.connection
    if connection.socket is not None:
        connection.socket.close()
        connection.reset_state()
