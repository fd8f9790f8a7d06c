"""How is a connection of clickhouse-driver opened, closed, left to a parent process, and given whole arrays?"""

from __future__ import annotations

import contextlib
import select
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.protocol import ClientPacketTypes
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str

from app.storage.native import Native, write_block
from config.settings import Settings


class ArrayClient(Client):  # type: ignore[misc]
    """The driver's client, whose inserts by columns take those of `app.storage.native` as well."""

    def send_data(self, sample_block: Any, data: Any, types_check: bool = False, columnar: bool = False) -> int:
        if not any(isinstance(column, Native) for column in data):
            count: int = super().send_data(sample_block, data, types_check=types_check, columnar=columnar)
            return count
        block = ColumnOrientedBlock(sample_block.columns_with_types, data)  # checks that all are of one length
        connection = self.connection
        write_varint(ClientPacketTypes.DATA, connection.fout)
        write_binary_str("", connection.fout)
        block.info.write(connection.block_out.fout)
        write_block(block.columns_with_types, data, connection.context, connection.block_out.fout)
        connection.block_out.finalize()
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
        "use_numpy": "1" if numpy else "0",
    }
    client = ArrayClient.from_url(urlunsplit(url._replace(query=urlencode(options))))
    if not client.connection.secure_socket:
        client.connection.ping = partial(is_open, client.connection)
    return client


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
