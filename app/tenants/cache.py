"""What does this process still believe? Values with a time after which they are asked for again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")

MOST_VALUES = 50_000
"""A flood of made-up keys must not fill the memory."""


class Cache(Generic[V]):
    """Values that are believed until a time. Single dict operations: safe for threads without a lock."""

    def __init__(self) -> None:
        self._values: dict[str | int, tuple[float, V]] = {}
        self._loading: dict[str | int, threading.Lock] = {}

    def look_up(self, key: str | int) -> tuple[V | None, bool]:
        """The value, and whether there is one: None may be a value."""
        found = self._values.get(key)
        if found is None or found[0] <= time.monotonic():
            return None, False
        return found[1], True

    def load(self, key: str | int, make: Callable[[], V], life_s: Callable[[V], float]) -> V:
        """The value, made where there is none: by one thread, while the others that ask for this key wait for it.

        Parameters
        ----------
        life_s : for how long a value that was made is believed.

        What `make` raises is raised to its own caller; the next one that waited tries again.
        """
        value, is_known = self.look_up(key)
        if is_known:
            return value  # type: ignore[return-value]
        with self._loading.setdefault(key, threading.Lock()):
            value, is_known = self.look_up(key)
            if is_known:
                return value  # type: ignore[return-value]
            try:
                made = make()
                self.put(key, made, life_s(made))
            finally:
                self._loading.pop(key, None)
        return made

    def get(self, key: str | int) -> V | None:
        """The value, or None."""
        return self.look_up(key)[0]

    def put(self, key: str | int, value: V, life_s: float) -> None:
        """Believe `value` for `life_s` seconds; 0 is not at all."""
        if len(self._values) >= MOST_VALUES:
            self._values.clear()
        self._values[key] = (time.monotonic() + life_s, value)

    def clear(self) -> None:
        """Believe nothing."""
        self._values.clear()
