"""Does the client still want the answer?

While the engine works on a statement its connection's thread cannot read the socket. One thread looks at the
sockets of all such statements instead: a cancel packet or a closed socket makes it ask the engine to stop.
It sleeps while there are none, and does not wake for each: most have ended before its next look.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from workers.local.clickhouse.engine import Session, kill
from workers.local.clickhouse.errors import Code, ServerError
from workers.local.clickhouse.protocol import ClientPacket

logger = logging.getLogger(__name__)

TICK_S = 0.02
_numbers = count(1)


@dataclass(eq=False)
class Run:
    """One statement on its way: from its query packet to its last answer."""

    sock: socket.socket
    query_id: str
    number: int = field(default_factory=lambda: next(_numbers))
    in_engine: bool = False
    is_pipelined: bool = False
    """The client has sent its next packet ahead, so its socket tells nothing more."""
    is_cancelled: bool = False
    is_shut_down: bool = False
    """Cancelled by the server's end, not by the client."""

    @property
    def mark(self) -> str:
        """What is found in the text of this statement and of no other."""
        return f"run: {self.number} */"

    @property
    def tag(self) -> str:
        """A comment that makes the statement known by in `system.processes`."""
        safe = self.query_id.replace("*/", "* /").replace("/*", "/ *")
        return f"/* query_id: {safe} {self.mark}"


class Watch:
    """All statements on their way, and the thread that looks after them."""

    def __init__(self, control: Session) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._runs: set[Run] = set()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    @contextmanager
    def running(self, run: Run) -> Iterator[None]:
        """Keep `run` in the list; its query id is taken for as long."""
        with self._lock:
            if run.query_id and any(other.query_id == run.query_id for other in self._runs):
                message = f"Query with id = {run.query_id} is already running."
                raise ServerError(Code.QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, message)
            self._runs.add(run)
        try:
            yield
        finally:
            with self._lock:
                self._runs.discard(run)

    @contextmanager
    def in_engine(self, run: Run) -> Iterator[None]:
        """Look at the client's socket while the engine works."""
        run.in_engine = True
        if not self._wake.is_set():
            self._wake.set()
        try:
            yield
        finally:
            run.in_engine = False

    def count(self) -> int:
        """How many statements are on their way."""
        with self._lock:
            return len(self._runs)

    def cancel_all(self) -> None:
        """Stop everything that runs."""
        with self._lock:
            for run in self._runs:
                run.is_shut_down = run.is_cancelled = True
        self._wake.set()

    def close(self) -> None:
        """End the thread."""
        self._stopped = True
        self._wake.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopped:
            self._wake.wait()
            self._wake.clear()
            time.sleep(TICK_S)
            while runs := self._in_engine():
                self._listen_to_clients(runs)
                for run in runs:
                    self._stop_if_cancelled(run)
                time.sleep(TICK_S)

    def _in_engine(self) -> list[Run]:
        with self._lock:
            return [run for run in self._runs if run.in_engine]

    def _listen_to_clients(self, runs: list[Run]) -> None:
        poll = select.poll()
        watched = {}
        for run in runs:
            if not run.is_pipelined and not run.is_cancelled and run.sock.fileno() >= 0:
                watched[run.sock.fileno()] = run
                poll.register(run.sock.fileno(), select.POLLIN)
        for number, _ in poll.poll(0):
            self._judge(watched[number])

    def _judge(self, run: Run) -> None:
        try:
            first = run.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            first = b""
        if not run.in_engine:
            return  # it has just ended: what came is the client's next packet
        if first in (b"", bytes([ClientPacket.CANCEL])):
            run.is_cancelled = True
        else:
            run.is_pipelined = True

    def _stop_if_cancelled(self, run: Run) -> None:
        # Asked again at each tick: the engine may not have taken the statement up yet when it was cancelled.
        if run.is_cancelled and run.in_engine:
            try:
                kill(self._control, run.mark)
            except ServerError:
                logger.exception("could not stop statement %s", run.mark)
