"""Which stack does a command speak to? The environment says so, else the one that runs over `--dir`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from app.errors import TributaryError
from config.settings import get_settings
from workers.edge import Edge
from workers.local.folder import DEFAULT, Folder

F = TypeVar("F", bound=Callable[..., Any])


def stack_option(function: F) -> F:
    """``--dir``: the folder of a stack started with `tributary up`."""
    return click.option(
        "--dir",
        "path",
        type=click.Path(path_type=Path),
        default=DEFAULT,
        show_default=True,
        help="Folder of a local stack; used where the environment names no other.",
    )(function)


def edge_options(function: F) -> F:
    """``--url``, ``--secret-key`` and ``--write-key``, or their variables, or the local stack's."""
    for option in (
        click.option("--url", envvar="TRIBUTARY_URL", help="The edge, such as https://events.example.com."),
        click.option("--secret-key", envvar="TRIBUTARY_SECRET_KEY", help="For reports, spend and adjustments."),
        click.option("--write-key", envvar="TRIBUTARY_WRITE_KEY", help="For events."),
        stack_option,
    ):
        function = option(function)
    return function


def rules_option(function: F) -> F:
    """``--rules``: under which rules a report is read."""
    return click.option(
        "--rules",
        type=click.Choice(["in_force", "shadow"]),
        help="Those in force, or the shadow beside them; in force by default.",
    )(function)


def edge_of(path: Path, url: str | None, secret_key: str | None, write_key: str | None) -> Edge:
    """The edge that these options mean.

    Raises
    ------
    TributaryError : none is meant, or the address or a key cannot be one.
    """
    stack = {} if url else Folder(path).read("stack.json")
    found = url or stack.get("url")
    if not found:
        raise TributaryError(
            "no_stack",
            f"No stack runs over {path}, and no other is named.",
            "Start one with `tributary up`, or give --url (TRIBUTARY_URL) and a key.",
        )
    if not _is_address(found):
        raise TributaryError("bad_url", f"{found!r} is no address of an edge.", "Write it as https://events.example.com.")
    for name, key in (("secret", secret_key), ("write", write_key)):
        if not (key or "").isascii() or not (key or " ").isprintable():
            remedy = "Copy it whole, as `tributary up` or `tributary tenants create` printed it."
            raise TributaryError("bad_key", f"The {name} key holds letters that no key has.", remedy)
    return Edge(
        found,
        secret_key=secret_key or stack.get("secret_key", ""),
        write_key=write_key or stack.get("write_key", ""),
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, brackets that do not close
        return False


def use_engines(path: Path) -> None:
    """Settings of this process: Redis and ClickHouse of the environment, else of the stack over `path`."""
    stack = Folder(path).read("stack.json")
    for name, key in (("TRIBUTARY_REDIS_URL", "redis_url"), ("TRIBUTARY_CLICKHOUSE_URL", "clickhouse_url")):
        if name not in os.environ and stack.get(key):
            os.environ[name] = stack[key]
    get_settings.cache_clear()
