"""What did the engine say before of the columns of a query or a table?

Planning is nearly all that a small query costs, and to ask for the columns of one that has no rows is to plan it
twice. Most of what a drain looks up is not there yet, and it inserts into the same few tables: so each connection
remembers, until a definition changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workers.local.clickhouse.engine import Session

Columns = list[tuple[str, str]]

MOST_REMEMBERED = 512
_TENANTS = re.compile(r"\b(?:PRE)?WHERE tenant_id (?:= \d+|IN \([\d, ]+\))")
_SETS = re.compile(r"\bIN \((?:\([\d', -]+\)(?:, )?|\d+(?:, )?)+\)")
_LONG_NUMBERS = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|(?<![\w.])\d{11,18}(?![\w.])")


@dataclass(slots=True)
class Definitions:
    """Counts the statements that may have changed a table, a function or a setting, of all connections."""

    version: int = 0

    def change(self) -> None:
        """Called after such a statement: what was told before it, or while it ran, does not hold."""
        self.version += 1


@dataclass(slots=True)
class Told:
    """What one connection's session was told."""

    definitions: Definitions
    _version: int = 0
    _columns: dict[str, Columns] = field(default_factory=dict)

    def of_query(self, session: Session, text: str, tables: Mapping[str, Columns]) -> Columns:
        """The columns of a SELECT that runs beside these external tables."""
        key = f"{_alike(text)}\n{tables}\n{session.settings}"
        return self._remembered(key, lambda: session.columns_of(text))

    def of_insert(self, key: str, ask: Callable[[], Columns]) -> Columns:
        """The columns that an INSERT takes; `key` is its target and the names of its columns."""
        return self._remembered(f"INSERT {key}", ask)

    def _remembered(self, key: str, ask: Callable[[], Columns]) -> Columns:
        version = self.definitions.version
        if version != self._version or len(self._columns) >= MOST_REMEMBERED:
            self._columns, self._version = {}, version
        if key not in self._columns:
            self._columns[key] = ask()
        return self._columns[key]


def _alike(text: str) -> str:
    """Tenants, times and keys change from query to query; numbers of 11 to 18 digits are all of one type."""
    text = _SETS.sub("IN #", _TENANTS.sub("WHERE #", text))
    return _LONG_NUMBERS.sub(lambda match: "#" if match.group()[0].isdigit() else match.group(), text)
