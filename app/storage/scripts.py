"""Which verbs change the state in Redis? One Lua script each, in lua/; its head names every key that it touches."""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files
from typing import Any

from redis.commands.core import Script

_PRELUDES = {
    "acknowledge": "prelude_runs",
    "create_run": "prelude_runs",
    "finish_chunk": "prelude_ends",
    "close_run": "prelude_ends",
    "finish_run": "prelude_ends",
}


@cache
def source(name: str) -> str:
    """The text of a script, with what it shares with others in front."""
    folder = files("app.storage") / "lua"
    parts = [_PRELUDES[name], name] if name in _PRELUDES else [name]
    return "".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in parts)


def script(redis: Any, name: str) -> Any:
    """A callable script: sent by its hash, loaded again where Redis has forgotten it."""
    return partial(_hashed(name), client=redis)


@cache
def _hashed(name: str) -> Script:
    return Script(None, source(name).encode())  # type: ignore[arg-type]  # each call names its client
