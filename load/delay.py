"""What if ClickHouse were further away? A TCP proxy that hands on every byte so many milliseconds later, each way.

``python -m load.delay --port 9000 --one-way-ms 10`` prints the port that it listens on, and stays. It listens on
loopback, unless --listen names another address: for networks of one's own only, since it asks nobody who he is.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit


@contextlib.contextmanager
def further_away(url: str, one_way_ms: float) -> Iterator[str]:
    """The same URL by way of a proxy in a process of its own."""
    parts = urlsplit(url)
    command = [sys.executable, "-m", "load.delay", "--host", parts.hostname or "127.0.0.1", "--port", str(parts.port)]
    command += ["--one-way-ms", str(one_way_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
            yield urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}"))
        finally:
            process.terminate()


async def serve(host: str, port: int, delay_s: float, listen: str) -> None:
    """Listen until cancelled."""
    server = await asyncio.get_running_loop().create_server(lambda: _Near(host, port, delay_s), listen, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class _End(asyncio.Protocol):
    """One end of a connection: what comes in here goes out at the other end so much later.

    Bytes on their way do not hold up those behind them: a delay, not a narrow pipe. There is no task and no stream in
    between, since the proxy takes of the processors that are measured.
    """

    def __init__(self, delay_s: float, other: asyncio.Transport | None = None) -> None:
        self.other = other
        self._delay_s = delay_s
        self._call_later = asyncio.get_running_loop().call_later

    def data_received(self, data: bytes) -> None:
        assert self.other is not None, "nothing is read before both ends stand"
        self._call_later(self._delay_s, self.other.write, data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None:
            self._call_later(self._delay_s, self.other.close)


class _Near(_End):
    """The client's end, which opens the one to the server."""

    def __init__(self, host: str, port: int, delay_s: float) -> None:
        super().__init__(delay_s)
        self._server = host, port
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self._opening = asyncio.get_running_loop().create_task(self._open(transport))

    async def _open(self, near: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            self.other, _ = await loop.create_connection(lambda: _End(self._delay_s, near), *self._server)
        except OSError:
            near.close()
        else:
            near.resume_reading()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m load.delay", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="of the server")
    parser.add_argument("--one-way-ms", type=float, default=10.0, help="half of what a round trip takes longer")
    parser.add_argument("--listen", default="127.0.0.1", help="address to listen on")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.host, options.port, options.one_way_ms / 1000, options.listen))


if __name__ == "__main__":
    main()
