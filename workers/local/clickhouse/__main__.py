"""Start the local ClickHouse server: `python -m workers.local.clickhouse --path DIR [--port N]`."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import sys
from pathlib import Path


def main() -> int:
    """Serve until SIGTERM; 0 after a clean end, 1 if the directory is taken, 2 for arguments that cannot be."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s local-clickhouse %(message)s")
    if not _is_loopback(arguments.host):
        logging.error("will not listen on %s: loopback only; in production run clickhouse-server", arguments.host)
        return 2
    os.environ["TZ"] = "UTC"  # before the engine is loaded: times are UTC wherever the laptop is

    from workers.local.clickhouse.lock import DirectoryTakenError
    from workers.local.clickhouse.server import Server

    try:
        server = Server(arguments.path, arguments.host, arguments.port)
    except (DirectoryTakenError, OSError) as error:
        logging.error("%s", error)
        return 1
    logging.info("serving %s on %s:%d", arguments.path, arguments.host, server.port)
    if arguments.port_file is not None:
        _announce(arguments.port_file, server.port)
    server.serve()
    logging.info("stopped")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.local.clickhouse", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="the directory that holds the data")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=9000, help="0 for a free one")
    parser.add_argument("--port-file", type=Path, help="gets the port once the server accepts")
    return parser.parse_args()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _announce(file: Path, port: int) -> None:
    """Write the port in one step, so that a reader never sees half of it."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="utf-8")
    draft.replace(file)


if __name__ == "__main__":
    sys.exit(main())
