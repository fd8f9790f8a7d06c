"""How long did each statement take while something ran? Storage's own observers say so."""

from __future__ import annotations

from collections import defaultdict
from types import TracebackType
from typing import Self

from app.storage.client import QueryRecord, observers


class Spent:
    """Seconds by statement (or, for an insert, by table) of this process, within a ``with``."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def __enter__(self) -> Self:
        observers.append(self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        observers.remove(self._note)

    def of(self, *names: str) -> float:
        return sum(self.seconds[name] for name in names)

    def all_but(self, *names: str) -> float:
        return sum(taken for name, taken in self.seconds.items() if name not in names)

    def _note(self, record: QueryRecord) -> None:
        self.seconds[record.name] += record.seconds
