"""How is a connection of clickhouse-driver opened, closed, and left to a parent process?"""

from __future__ import annotations

import contextlib
import select
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from clickhouse_driver import Client

from config.settings import Settings


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
    client = Client.from_url(urlunsplit(url._replace(query=urlencode(options))))
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
