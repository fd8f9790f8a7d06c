"""How do the blocks that a client sends get into the engine?

They are laid into an unnamed file as they come, and the engine reads that file in one INSERT when the last one
is there. So a client that dies half-way leaves nothing behind, memory does not grow with the INSERT, and the
engine sees one INSERT however many packets it took: its token covers the whole.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from workers.local.clickhouse.blocks import Block
from workers.local.clickhouse.engine import Session, identifier, quoted
from workers.local.clickhouse.statements import Insert, tokens

ONE_BLOCK = "min_insert_block_size_rows = 4294967295, min_insert_block_size_bytes = 0"
"""All blocks become one before they are written, so that a partition gets all of its rows or none."""

EMPTY_HINT = (
    "; clickhouse-driver writes a table of no rows wrongly if it has a LowCardinality column, and no ClickHouse server "
    "can read it: declare the column as String, or leave the query out"
)
"""The likely reason for bytes that are no packet."""

Columns = list[tuple[str, str]]


class Spool:
    """An unnamed file of Native blocks, which is gone as soon as it is closed."""

    def __init__(self, directory: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed by `close`
        self.rows = 0

    def add(self, block: Block) -> None:
        """Lay down a block."""
        self._file.writelines(block.chunks)
        self.rows += block.rows

    def path(self) -> str:
        """Where the engine reads what was laid down, from its beginning."""
        self._file.flush()
        self._file.seek(0)
        return f"/dev/fd/{self._file.fileno()}"

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class ExternalTables:
    """The tables that came with a query: temporary tables of the session for as long as it runs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._arrived: dict[str, tuple[Columns, Spool]] = {}
        self._created: list[str] = []

    def add(self, name: str, block: Block) -> None:
        """Take a block of a table; more blocks under one name are one table."""
        if name not in self._arrived:
            self._arrived[name] = (list(block.columns), Spool(self._directory))
        self._arrived[name][1].add(block)

    @property
    def columns(self) -> dict[str, Columns]:
        """The columns of each table."""
        return {name: columns for name, (columns, _) in self._arrived.items()}

    def create(self, session: Session) -> None:
        """Make the tables, so that the query sees them under their names."""
        if self._arrived:
            session.apply({})  # the limits of a query are not meant for its tables
        for name, (columns, spool) in self._arrived.items():
            session.run(f"CREATE TEMPORARY TABLE {identifier(name)} ({structure(columns)}) ENGINE = Memory")
            self._created.append(name)
            if spool.rows:
                session.run(f"INSERT INTO {identifier(name)} FROM INFILE {quoted(spool.path())} FORMAT Native")

    def drop(self, session: Session) -> None:
        """Drop the tables that were made, and let go of the blocks."""
        for _, spool in self._arrived.values():
            spool.close()
        if self._created:
            session.apply({})  # under `readonly` nothing can be dropped
        for name in self._created:
            session.run(f"DROP TEMPORARY TABLE IF EXISTS {identifier(name)}")


def structure(columns: Columns) -> str:
    """Columns as in CREATE TABLE."""
    return ", ".join(f"{identifier(name)} {kind}" for name, kind in columns)


def sample_columns(session: Session, insert: Insert) -> Columns:
    """The columns that the client has to send, in their order."""
    if insert.source is not None:
        return _plain(session.columns_of_table(f"null({insert.structure})"))
    target = insert.target.removeprefix("FUNCTION ")
    insertable = session.columns_of_table(target)
    if not insert.columns:
        return [(name, kind) for name, kind, default in insertable if default in ("", "DEFAULT")]
    names = _plain_names(insert.columns)
    kinds = {name: kind for name, kind, _ in insertable}
    if names is not None and all(name in kinds for name in names):
        return [(name, kinds[name]) for name in names]
    return session.columns_of(f"SELECT {insert.columns[1:-1]} FROM {target}")


def _plain(columns: list[tuple[str, str, str]]) -> Columns:
    return [(name, kind) for name, kind, _ in columns]


def _plain_names(columns: str) -> list[str] | None:
    """The names in `(a, `b`)`; None if there is more than names, as in `(* EXCEPT a)`."""
    words = [token.text for token in tokens(columns)][1:-1]
    names, commas = words[::2], words[1::2]
    if any(comma != "," for comma in commas) or not all(_is_name(name) for name in names):
        return None
    return [_unquoted(name) for name in names]


def _is_name(text: str) -> bool:
    return text[0] in '`"' or text[0].isalpha() or text[0] == "_"


def _unquoted(name: str) -> str:
    return name[1:-1].replace("\\`", "`").replace("\\\\", "\\") if name[0] in '`"' else name


def insert_spooled(session: Session, insert: Insert, columns: Columns, spool: Spool, tag: str) -> None:
    """Run the INSERT over the blocks that came, as one."""
    if not spool.rows:
        return
    settings = f"{insert.settings}, {ONE_BLOCK}" if insert.settings else ONE_BLOCK
    into = f"INSERT {tag} INTO {insert.target} {insert.columns}"
    if insert.source is None:
        session.run(f"{into} FROM INFILE {quoted(spool.path())} SETTINGS {settings} FORMAT Native")
        return
    before, after = insert.source
    rows = f"file({quoted(spool.path())}, 'Native', {quoted(structure(columns))})"
    session.run(f"{into} SETTINGS {settings} {before}{rows}{after}")
