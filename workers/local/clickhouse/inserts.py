"""How do the blocks that a client sends get into the engine?

They are laid into an unnamed file as they come, and the engine reads that file in one INSERT when the last one
is there. So a client that dies half-way leaves nothing behind, memory does not grow with the INSERT, and the
engine sees one INSERT however many packets it took: its token covers the whole. A single small block goes into
the text of the INSERT instead: to read a file costs the engine as much as the whole of a small table.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import IO

from workers.local.clickhouse.blocks import Block
from workers.local.clickhouse.engine import Session
from workers.local.clickhouse.errors import Code, ServerError
from workers.local.clickhouse.statements import Insert, identifier, quoted, tokens

AS_IT_CAME = (
    "min_insert_block_size_rows = 4294967295, min_insert_block_size_bytes = 0, "
    "input_format_defaults_for_omitted_fields = 0"
)
"""All blocks become one before they are written, so that a partition gets all of its rows or none. They have all of the
columns that the sample block asked for, so the engine need not prepare to find one missing: a tenth of a small INSERT.
Columns that the INSERT does not name get their defaults all the same."""

EMPTY_HINT = (
    "; clickhouse-driver writes a table of no rows wrongly if it has a LowCardinality column, and no ClickHouse server "
    "can read it: declare the column as String, or leave the query out"
)
"""The likely reason for bytes that are no packet."""

INLINE_BYTES = 1 << 16

Columns = list[tuple[str, str]]
_PLAIN = re.compile(r"[A-Za-z_]\w*")


class Spool:
    """Native blocks: a single small one in memory, others in an unnamed file that is gone as soon as it is closed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._small = b""
        self.rows = 0

    def add(self, block: Block) -> None:
        """Lay down a block."""
        self.rows += block.rows
        if self._file is None and not self._small and sum(map(len, block.chunks)) <= INLINE_BYTES:
            self._small = b"".join(block.chunks)
        else:
            self._opened().writelines(block.chunks)

    @property
    def inline(self) -> bytes | None:
        """The block, where it is the only one and may stand in an INSERT's text, whose data ends at an empty line."""
        may_stand = self._file is None and self._small and b"\n\n" not in b"\n" + self._small
        return self._small if may_stand else None

    def path(self) -> str:
        """Where the engine reads what was laid down, from its beginning."""
        file = self._opened()
        file.flush()
        file.seek(0)
        return f"/dev/fd/{file.fileno()}"

    def close(self) -> None:
        """Let go of the blocks."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - closed by `close`
            self._file.write(self._small)
        return self._file


class ExternalTables:
    """The tables that came with a query: temporary tables of the session for as long as it runs.

    A connection asks the same few questions again and again, so a table stays, emptied, for the next query that
    brings one of its name and columns. One that a query names and does not bring is dropped before it runs.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._arrived: dict[str, tuple[Columns, Spool]] = {}

    def add(self, name: str, block: Block) -> None:
        """Take a block of a table; more blocks under one name are one table."""
        if name not in self._arrived:
            self._arrived[name] = (list(block.columns), Spool(self._directory))
        self._arrived[name][1].add(block)

    @property
    def columns(self) -> dict[str, Columns]:
        """The columns of each table."""
        return {name: columns for name, (columns, _) in self._arrived.items()}

    def create(self, session: Session, text: str) -> None:
        """Make the tables, so that the query `text` sees them under their names."""
        for name in session.temporary.keys() - self._arrived.keys():
            if not _PLAIN.fullmatch(name) or re.search(rf"\b{name}\b", text, re.IGNORECASE):
                self._drop(session, name)
        if self._arrived:
            session.lift_limits()  # the limits of a query are not meant for its tables
        for name, (columns, spool) in self._arrived.items():
            made = structure(columns)
            if session.temporary.get(name) != made:
                self._drop(session, name)
                session.run(f"CREATE TEMPORARY TABLE {identifier(name)} ({made}) ENGINE = Memory")
                session.temporary[name] = made
            if spool.rows:
                into = f"INSERT INTO {identifier(name)}"
                if not _run_inline(session, f"{into} FORMAT Native", spool):
                    session.run(f"{into} FROM INFILE {quoted(spool.path())} FORMAT Native")

    def drop(self, session: Session) -> None:
        """Empty the tables, and let go of the blocks."""
        for _, spool in self._arrived.values():
            spool.close()
        if self._arrived:
            session.lift_limits()  # under `readonly` nothing can be emptied
        for name in self._arrived.keys() & session.temporary.keys():
            session.run(f"TRUNCATE TEMPORARY TABLE {identifier(name)}")

    def _drop(self, session: Session, name: str) -> None:
        if session.temporary.pop(name, None) is not None:
            session.lift_limits()
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
    settings = f"{insert.settings}, {AS_IT_CAME}" if insert.settings else AS_IT_CAME
    into = f"INSERT {tag} INTO {insert.target} {insert.columns}"
    if insert.source is None:
        if not _run_inline(session, f"{into} SETTINGS {settings} FORMAT Native", spool):
            session.run(f"{into} FROM INFILE {quoted(spool.path())} SETTINGS {settings} FORMAT Native")
        return
    before, after = insert.source
    rows = f"file({quoted(spool.path())}, 'Native', {quoted(structure(columns))})"
    session.run(f"{into} SETTINGS {settings} {before}{rows}{after}")


def _run_inline(session: Session, insert: str, spool: Spool) -> bool:
    """Run an INSERT with its block in its text. False where that cannot be, and nothing was inserted.

    A block says how many rows it has: should the engine see its data end early, it says so and takes none.
    """
    data = spool.inline
    if data is None:
        return False
    try:
        session.run_with(insert, data)
    except ServerError as error:
        if error.code not in (Code.CANNOT_READ_ALL_DATA, Code.LOGICAL_ERROR):
            raise
        return False
    return True
