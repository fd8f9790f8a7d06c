"""Against which stack? The one that `make up` keeps running, as its `.tributary/stack.json` says."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from app.errors import TributaryError
from config.settings import Settings, get_settings
from workers.local.folder import DEFAULT, Folder


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: its edge, the demo tenant's keys, and where its engines are."""

    url: str
    write_key: str
    secret_key: str
    settings: Settings


def running_stack(path: Path = DEFAULT) -> Stack:
    """The stack over a folder.

    Raises
    ------
    TributaryError : none runs there.
    """
    found = Folder(path).read("stack.json")
    if not found.get("ready"):
        raise TributaryError("no_stack", f"No stack runs over {path}.", "Start one with `make up`.")
    engines = {"redis_url": found["redis_url"], "clickhouse_url": found["clickhouse_url"]}
    settings = dataclasses.replace(get_settings(), **engines)
    return Stack(found["url"], found["write_key"], found["secret_key"], settings)
