"""How is a tenant kept apart from every other? Statements are objects, and the guard is in how they are made.

A statement over a tenant's table is a `TenantStatement`: each of its SELECTs that reads such a table begins its
WHERE with the marker ``{tenant}``, which `TenantStatement.for_tenant` alone replaces. A statement that forgot its
marker cannot be made, and one without a tenant cannot be run. A `TenantsStatement` may be run for several tenants at
once: each of its SELECTs gives `tenant_id`, so that no row can be taken for another tenant's. Values stand as
``%(name)s``; a percent sign of SQL's own is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

ROLLUPS = ("attribution_daily", "channels_daily", "journeys_daily", "journey_parts_daily")
"""Sums of the ledger that reports read. Each has a twin `<name>_shadow`, of what the shadow rule set credits."""


class Rollup(StrEnum):
    """Which of them are summed up together, alone: two each. The names stand in Redis."""

    CREDIT = "credit"
    JOURNEYS = "journeys"


TENANT_TABLES = frozenset(
    {
        "events",
        "touchpoints",
        "conversions",
        "conversions_by_user",
        "conversions_by_order",
        "adjustments",
        "spend",
        "identity_aliases",
        "ledger",
        "ledger_shadow",
        *ROLLUPS,
        *(f"{name}_shadow" for name in ROLLUPS),
        "fx_rates",
        "ledger_changes",
        "identity_cuts",
        "erased_ids",
        "erased_messages",
        "erasures",
        "webhooks",
        "channel_models",
        "unconverted_paths",
        "saturation_settings",
        "saturation_runs",
        "saturation_assessments",
        "saturation_draws",
        "saturation_scores",
        "saturation_plans",
        "saturation_experiments",
    }
)
"""Tables of tenants' data. Not among them, since the service reads them whole: tenants, rules, shadow_rules, runs;
and saturation_judge_checks, which is about no tenant."""

MARKER = "{tenant}"

_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_READS = re.compile(r"\b(?:FROM|JOIN|IN|TABLE)\s+([A-Za-z_][\w.]*)(\s*\()?", re.IGNORECASE)
_QUOTED_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|IN)\s+[`\"]", re.IGNORECASE)
_ARRAY_JOIN = re.compile(r"\b(?:LEFT\s+)?ARRAY\s+JOIN\b", re.IGNORECASE)
_FROM_CLAUSE = re.compile(
    r"\bFROM\b(.*?)(?=\b(?:WHERE|PREWHERE|ARRAYJOIN|GROUP|ORDER|LIMIT|HAVING|WINDOW|SETTINGS)\b|$)",
    re.IGNORECASE | re.DOTALL,
)
_TABLE_FUNCTIONS = frozenset({"numbers", "values", "trim", "extract"})
_SET_OPERATIONS = re.compile(r"\b(?:UNION\s+(?:ALL|DISTINCT)|UNION|EXCEPT|INTERSECT)\b", re.IGNORECASE)
_GUARDED = re.compile(
    r"\bWHERE\s+\{tenant\}(?:\s+(?:AND|GROUP|ORDER|LIMIT|HAVING|SETTINGS|WINDOW)\b|\s*$)", re.IGNORECASE
)
_GIVES_TENANT = re.compile(r"\bSELECT\b(?:(?!\bFROM\b).)*\btenant_id\b", re.IGNORECASE | re.DOTALL)
# (tenant_id, what, …) IN (SELECT tenant_id, …, and what may hold parentheses in parentheses.
_SET_OF_TENANTS = re.compile(
    r"\(tenant_id, ((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*)(\)\s+IN\s+\(SELECT )tenant_id, "
)
_OR = re.compile(r"\bOR\b", re.IGNORECASE)


class UnsafeStatement(ValueError):
    """A statement that could reach another tenant's rows; the message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL over tables that belong to no tenant; `name` is what metrics and query ids call it."""

    name: str
    sql: str

    def __post_init__(self) -> None:
        for scope in _scopes(self.name, self.sql):
            if scope.tenant_tables:
                raise UnsafeStatement(
                    f"{self.name} reads {scope.tenant_tables[0]}: make it a TenantStatement with {MARKER}."
                )


@dataclass(frozen=True, slots=True)
class TenantStatement:
    """SQL over one tenant's rows, with ``{tenant}`` first in the WHERE of every SELECT that reads its tables."""

    name: str
    sql: str
    _tables: frozenset[str] = field(init=False, repr=False, default=frozenset())
    _of_one: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        scopes = _scopes(self.name, self.sql)
        for scope in scopes:
            scope.check(self.name)
        object.__setattr__(self, "_tables", frozenset(table for scope in scopes for table in scope.tenant_tables))
        if not self._tables:
            raise UnsafeStatement(f"{self.name} reads no tenant's table: make it a Statement.")
        object.__setattr__(self, "_of_one", self.sql)

    def for_tenant(self, tenant_id: int) -> str:
        """The SQL for one tenant. The only place where a tenant gets into a statement.

        Raises
        ------
        UnsafeStatement : `tenant_id` is no tenant's number.
        """
        if not _is_tenant(tenant_id):
            raise UnsafeStatement(f"{self.name} was run for the tenant {tenant_id!r}: give its number.")
        return self._of_one.replace(MARKER, f"tenant_id = {tenant_id}")


@dataclass(frozen=True, slots=True)
class TenantsStatement(TenantStatement):
    """SQL over the rows of one or more tenants: a `TenantStatement` of which each SELECT says whose its rows are.

    A join or a set over several tenants has to hold `tenant_id` among its keys: no check can see that. Of a single
    tenant the sets are asked without it, as to look up a pair costs more: `app.storage.external` refuses a set that
    holds another tenant's row then.
    """

    def __post_init__(self) -> None:
        TenantStatement.__post_init__(self)
        for scope in _scopes(self.name, self.sql):
            if scope.tenant_tables and not _GIVES_TENANT.search(scope.text):
                raise UnsafeStatement(f"{self.name} reads {scope.tenant_tables[0]} and does not give its tenant_id.")
        object.__setattr__(self, "_of_one", _SET_OF_TENANTS.sub(r"(\1\2", self.sql))

    def for_tenants(self, tenant_ids: Sequence[int]) -> str:
        """The SQL for these tenants.

        Raises
        ------
        UnsafeStatement : there is none, or one of them is no tenant's number.
        """
        if len(tenant_ids) == 1:
            return self.for_tenant(tenant_ids[0])
        if not tenant_ids or not all(_is_tenant(tenant_id) for tenant_id in tenant_ids):
            raise UnsafeStatement(f"{self.name} was run for the tenants {tenant_ids!r}: give their numbers.")
        listed = ", ".join(str(tenant_id) for tenant_id in tenant_ids)
        return self.sql.replace(MARKER, f"tenant_id IN ({listed})")


AnyStatement = Statement | TenantStatement
Whose = int | Sequence[int] | None
"""A tenant's number, or, for a `TenantsStatement`, those of several."""


def text_for(statement: AnyStatement, whose: Whose) -> str:
    """The SQL of a statement for its tenants.

    Raises
    ------
    UnsafeStatement : it is of tenants and none is named, or several are and it is not made for them.
    """
    if isinstance(statement, Statement):
        return statement.sql
    if whose is None:
        raise UnsafeStatement(f"{statement.name} was run without a tenant.")
    if isinstance(whose, int):
        return statement.for_tenant(whose)
    if isinstance(statement, TenantsStatement):
        return statement.for_tenants(whose)
    raise UnsafeStatement(f"{statement.name} was run for several tenants: make it a TenantsStatement.")


def _is_tenant(tenant_id: object) -> bool:
    return type(tenant_id) is int and 0 <= tenant_id < 2**32


@dataclass(frozen=True, slots=True)
class _Scope:
    """One SELECT without those inside it."""

    text: str
    tenant_tables: list[str]

    def check(self, name: str) -> None:
        markers = self.text.count(MARKER)
        if len(self.tenant_tables) > 1:
            raise UnsafeStatement(f"{name} reads {self.tenant_tables} in one SELECT: join SELECTs, each with {MARKER}.")
        if not self.tenant_tables:
            if markers:
                raise UnsafeStatement(f"{name} has {MARKER} in a SELECT that reads no tenant's table.")
            return
        table = self.tenant_tables[0]
        if markers != 1 or not _GUARDED.search(self.text):
            raise UnsafeStatement(f"{name} reads {table} without `WHERE {MARKER}` (first in the WHERE, then AND).")
        if _OR.search(self.text[self.text.index(MARKER) :]):
            raise UnsafeStatement(f"{name} has a bare OR beside {MARKER}: put it in parentheses.")


def _scopes(name: str, sql: str) -> list[_Scope]:
    """Every SELECT of a statement, apart from those inside it."""
    text = _ARRAY_JOIN.sub("ARRAYJOIN", _NOISE.sub(" '' ", sql))
    if _QUOTED_TABLE.search(text):
        raise UnsafeStatement(f"{name} quotes a table's name: write it plain.")
    if text.count("(") != text.count(")"):
        raise UnsafeStatement(f"{name} has parentheses that do not close.")
    scopes = []
    for level in _levels(text):
        for select in _SET_OPERATIONS.split(level):
            if any("," in clause for clause in _FROM_CLAUSE.findall(select)):
                raise UnsafeStatement(f"{name} joins tables by a comma: write JOIN.")
            scopes.append(_Scope(select, _tenant_tables(name, select)))
    return scopes


def _levels(text: str) -> list[str]:
    """What stands inside each pair of parentheses, and outside of all, without what is nested deeper."""
    open_levels: list[list[str]] = [[]]
    closed = []
    for piece in re.split(r"([()])", text):
        if piece == "(":
            open_levels[-1].append("(")
            open_levels.append([])
        elif piece == ")":
            if len(open_levels) == 1:
                return [text]
            closed.append("".join(open_levels.pop()))
            open_levels[-1].append(")")
        else:
            open_levels[-1].append(piece)
    return [*closed, *("".join(level) for level in open_levels)]


def _tenant_tables(name: str, select: str) -> list[str]:
    tables = []
    for word, call in _READS.findall(select):
        if call and word.lower() not in _TABLE_FUNCTIONS:
            raise UnsafeStatement(f"{name} reads from {word}(): table functions can reach around the tenant filter.")
        if "." in word and not word.startswith("system."):
            raise UnsafeStatement(f"{name} names {word} with its database: write the table alone.")
        if word in TENANT_TABLES:
            tables.append(word)
    return tables
