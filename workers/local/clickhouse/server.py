"""How does the server start, take clients, and end?

The main thread accepts; each client has a thread. On SIGTERM or SIGINT the server takes no more clients, lets
running statements finish for a while, stops the rest, closes the engine and returns.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

from workers.local.clickhouse import dropped, lock
from workers.local.clickhouse.connection import Connection, House
from workers.local.clickhouse.engine import Session, known_settings
from workers.local.clickhouse.told import Definitions
from workers.local.clickhouse.watch import Watch

logger = logging.getLogger(__name__)

BACKLOG = 512
DRAIN_SECONDS = 2.0
"""How long running statements may go on after SIGTERM before they are cancelled."""
HANG_UP_SECONDS = 2.0
"""How long clients have to take the last answer."""


class Server:
    """Owns a directory and serves it on one address."""

    def __init__(self, path: Path, host: str, port: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._lock_file = lock.take(path)
        self._listener = _listen(host, port)
        self._engine_directory = path / "engine"
        dropped.clear(self._engine_directory)
        self._control = Session(self._engine_directory)
        self._watch = Watch(self._control)
        self._house = self._furnish(path)
        self._connections: dict[threading.Thread, Connection] = {}
        self._bell, self._bell_push = socket.socketpair()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Take clients until a signal says to end; then end cleanly."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ring)
        selector = selectors.DefaultSelector()
        selector.register(self._listener, selectors.EVENT_READ, self._accept)
        selector.register(self._bell, selectors.EVENT_READ, None)
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    self._close()
                    return
                key.data()

    def _furnish(self, path: Path) -> House:
        spool = path / "spool"
        spool.mkdir(exist_ok=True)
        version = self._control.run("SELECT version()", "RawBLOB").decode().split(".")
        major, minor, patch = (int(part) for part in version[:3])
        return House(
            open_session=lambda: Session(self._engine_directory),
            spool_directory=spool,
            watch=self._watch,
            definitions=Definitions(),
            known_settings=known_settings(self._control),
            version=(major, minor, patch),
            timezone=self._control.run("SELECT timezone()", "RawBLOB").decode(),
            display_name=f"local {os.getpid()}",
        )

    def _ring(self, number: int, frame: Any) -> None:
        self._bell_push.send(b"!")

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # it went away before it was taken
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = Connection(sock, self._house)
        thread = threading.Thread(target=self._serve, args=(connection,), name="client", daemon=True)
        self._connections[thread] = connection
        thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            self._connections.pop(threading.current_thread(), None)

    def _close(self) -> None:
        self._listener.close()
        logger.info("stopping: %d statements on their way", self._watch.count())
        self._wait_for_statements(DRAIN_SECONDS)
        self._watch.cancel_all()
        self._wait_for_statements(HANG_UP_SECONDS)
        for thread, connection in list(self._connections.items()):
            connection.hang_up()
            thread.join(HANG_UP_SECONDS)
        self._watch.close()
        self._control.close()
        self._lock_file.close()

    def _wait_for_statements(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._watch.count() and time.monotonic() < end:
            time.sleep(0.01)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener
