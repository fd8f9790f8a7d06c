"""How is a connection of clickhouse-driver opened, closed, and left to a parent process?"""

from __future__ import annotations

import contextlib
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
    return Client.from_url(urlunsplit(url._replace(query=urlencode(options))))


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
