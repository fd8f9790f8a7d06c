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
from functools import partial
from urllib.parse import urlsplit, urlunsplit

PIECE = 1 << 16


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
    server = await asyncio.start_server(partial(_join, host, port, delay_s), listen, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _join(
    host: str, port: int, delay_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    far_reader, far_writer = await asyncio.open_connection(host, port)
    await asyncio.gather(_carry(reader, far_writer, delay_s), _carry(far_reader, writer, delay_s))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Bytes on their way do not hold up those behind them: a delay, not a narrow pipe."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE):
            loop.call_later(delay_s, writer.write, piece)
    loop.call_later(delay_s, writer.close)


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
