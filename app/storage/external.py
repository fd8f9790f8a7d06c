"""How does a query get rows of ours to join with? As an external table that travels with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from app.storage.native import Flat
from app.storage.statements import UnsafeStatement, Whose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True, slots=True)
class External:
    """Columns of a table that lives as long as its query.

    Parameters
    ----------
    columns : name -> (ClickHouse type, values); all of one length. Times travel as Int64 milliseconds.

    Sets of ids travel this way too: a list in the text of a query ends at `max_query_size`.
    """

    columns: Mapping[str, tuple[str, Values]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))[1])

    @property
    def structure(self) -> list[tuple[str, str]]:
        return [(name, kind) for name, (kind, _) in self.columns.items()]

    def is_all_of(self, tenant_id: int) -> bool:
        """Whether none of its rows says that it is another tenant's."""
        _, whose = self.columns.get("tenant_id", ("", ()))
        return set(whose) <= {tenant_id} if isinstance(whose, Sequence) else bool((whose == tenant_id).all())

    def named(self, name: str) -> dict[str, Any]:
        """The table as the driver takes it: its columns as lists, and arrays of numbers and days whole."""
        data = [_packed(values) for _, values in self.columns.values()]
        return {"name": name, "structure": self.structure, "data": data}


FEW = 100
"""Rows of a set that may stand in the text of a query."""
_NUMBERS = re.compile(r"U?Int\d+|Date")
_SUBQUERY_SET = re.compile(r"\bIN\s+\(\s*SELECT\b", re.IGNORECASE)
# A table alone: no join, no mutation, and not FINAL, since a PREWHERE chooses before the newest of a row is known.
_GUARD_OF_A_TABLE = re.compile(r"((?<!DELETE )\bFROM \w+\s+)WHERE(?= tenant_id (?:=|IN) )")


def stated(sql: str, external: Mapping[str, External], whose: Whose) -> tuple[str, dict[str, External]]:
    """A statement with its small sets of numbers in its text, and the tables that travel with it all the same.

    A table that travels costs the engine several statements. Strings always travel: the text of a query stays behind in
    the server's log, and numbers need no quoting.

    Raises
    ------
    UnsafeStatement : it is of one tenant and so asks sets without its number, and a row of them is another's.
    """
    only = whose if isinstance(whose, int) else whose[0] if whose and len(whose) == 1 else None
    for name, table in external.items():
        if only is not None and not table.is_all_of(only):
            raise UnsafeStatement(f"The statement is of tenant {only}; {name} holds another's rows: name both tenants.")
    travelling = dict(external)
    for name, table in external.items():
        if not 0 < len(table) <= FEW or not all(_NUMBERS.fullmatch(kind) for _, kind in table.structure):
            continue
        told = re.sub(rf"\bIN \(SELECT ([\w, ]+) FROM {name}\)", partial(_listed, table), sql)
        if not re.search(rf"\b(?:FROM|JOIN) {name}\b", told):
            sql = told
            del travelling[name]
    return (sql if travelling or not external else _read_by(sql)), travelling


def _read_by(sql: str) -> str:
    """A look-up whose sets stand in its text, with PREWHERE in place of WHERE: both mean the same.

    The engine moves such conditions there itself, which is an eighth of what a small look-up costs it. A set that is a
    subquery stays in the WHERE: in a PREWHERE it does not choose granules by the primary key (26.5).
    """
    return sql if _SUBQUERY_SET.search(sql) else _GUARD_OF_A_TABLE.sub(r"\1PREWHERE", sql)


def _listed(table: External, found: re.Match[str]) -> str:
    """The rows of the columns that a set is made of, as literals."""
    columns = [_literals(*table.columns[name]) for name in found[1].split(", ")]
    rows = columns[0] if len(columns) == 1 else [f"({', '.join(row)})" for row in zip(*columns, strict=True)]
    return f"IN ({', '.join(rows)})"


def _literals(kind: str, values: Values) -> list[str]:
    return [f"'{value}'" if kind == "Date" else str(int(value)) for value in values]


def one_column(name: str, kind: str, values: Values) -> External:
    """A set: one column."""
    return External({name: (kind, values)})


def of_tenants(name: str, kind: str, values: Mapping[int, Iterable[Any]]) -> External:
    """A set of each of some tenants: the columns tenant_id and `name`."""
    listed = {tenant_id: list(some) for tenant_id, some in values.items()}
    tenant_ids = [tenant_id for tenant_id, some in listed.items() for _ in some]
    return External({"tenant_id": ("UInt32", tenant_ids), name: (kind, [*chain.from_iterable(listed.values())])})


def _packed(values: Any) -> Any:
    if not hasattr(values, "dtype"):
        return list(values)  # the driver writes days over
    return Flat(values) if values.dtype.kind in "iuM" else values.tolist()
