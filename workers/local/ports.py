"""Which port is free, and stays ours while its program is down?"""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

LOWEST, HIGHEST = 15_000, 31_999
"""Below the range that the kernel gives to outgoing connections (32768 and up): one of those could take the port of a
program that is just being restarted."""

HOST = "127.0.0.1"


def free_port(taken: Collection[int] = ()) -> int:
    """A port of this machine that nothing listens on.

    Raises
    ------
    OSError : none of a hundred was free.
    """
    for _ in range(100):
        port = random.randint(LOWEST, HIGHEST)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port found between {LOWEST} and {HIGHEST}")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def answers_ping(port: int) -> bool:
    """Whether a Redis on the port has read its log and takes commands."""
    try:
        with socket.create_connection((HOST, port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def accepts(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
