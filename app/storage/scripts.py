"""Which verbs change the state in Redis? One Lua script each, in lua/; its head names every key that it touches."""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files
from typing import Any

from redis.commands.core import Script

_NEEDS_RUNS = frozenset({"acknowledge", "create_run"})


@cache
def source(name: str) -> str:
    """The text of a script, with what it shares with others in front."""
    folder = files("app.storage") / "lua"
    text = (folder / f"{name}.lua").read_text(encoding="utf-8")
    if name in _NEEDS_RUNS:
        text = (folder / "prelude_runs.lua").read_text(encoding="utf-8") + text
    return text


def script(redis: Any, name: str) -> Any:
    """A callable script: sent by its hash, loaded again where Redis has forgotten it."""
    return partial(_hashed(name), client=redis)


@cache
def _hashed(name: str) -> Script:
    return Script(None, source(name).encode())  # type: ignore[arg-type]  # each call names its client
