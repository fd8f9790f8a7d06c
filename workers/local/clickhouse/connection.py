"""What does the server do with one client's packets?

A connection has a thread and a session of the engine. It reads a packet, answers it in full, and reads the next.
Every query is answered by its rows and an end of stream, or by an exception, and then the connection goes on;
only when the place in the stream is lost is it closed, after an exception that says why.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clickhouse_driver.reader import read_binary_str
from clickhouse_driver.varint import read_varint

from workers.local.clickhouse import protocol
from workers.local.clickhouse.blocks import (
    PULL_BYTES,
    Block,
    ReplayReader,
    columns_of,
    read_block,
    split_blocks,
)
from workers.local.clickhouse.compression import BadFrameError, frames, read_frame
from workers.local.clickhouse.engine import Session
from workers.local.clickhouse.errors import BrokenStreamError, Code, ServerError
from workers.local.clickhouse.inserts import EMPTY_HINT, ExternalTables, Spool, insert_spooled, sample_columns
from workers.local.clickhouse.layouts import UnknownLayoutError
from workers.local.clickhouse.protocol import ClientPacket, Query
from workers.local.clickhouse.results import open_result
from workers.local.clickhouse.settings import OF_ONE_INSERT, settings_of
from workers.local.clickhouse.statements import (
    Insert,
    Kind,
    identifier,
    insert_of_packets,
    is_empty,
    is_insert,
    is_several,
    kind_of,
    trimmed,
    without_format,
    without_sync,
)
from workers.local.clickhouse.told import Definitions, Told
from workers.local.clickhouse.watch import Run, Watch

logger = logging.getLogger(__name__)

MORE_FOLLOWS = getattr(socket, "MSG_MORE", 0)
"""Where the system knows it: what is sent waits for what follows at once, 200 ms at most, and is one packet with it."""


@dataclass(frozen=True)
class House:
    """What all connections share."""

    open_session: Callable[[], Session]
    spool_directory: Path
    watch: Watch
    definitions: Definitions
    known_settings: frozenset[str]
    version: tuple[int, int, int]
    timezone: str
    display_name: str


class Connection:
    """One client, from its hello to its end."""

    def __init__(self, sock: socket.socket, house: House) -> None:
        self._sock = sock
        self._house = house
        self._plain = ReplayReader(lambda: sock.recv(PULL_BYTES))
        self._packed = ReplayReader(lambda: read_frame(self._plain.buffer))
        self._session: Session | None = None
        self._told = Told(house.definitions)

    def serve(self) -> None:
        """Serve until the client or the server closes the socket."""
        try:
            self._greet()
            while True:
                self._answer_packet(read_varint(self._plain.buffer))
        except (EOFError, OSError):
            pass  # the client has gone
        except ServerError as error:
            self._try_to_send(protocol.exception(error.code, error.message))
        except Exception as error:
            logger.exception("connection ended by an error of the server")
            self._try_to_send(protocol.exception(Code.LOGICAL_ERROR, f"local server: {error!r}"))
        finally:
            self.hang_up()
            self._sock.close()
            if self._session is not None:
                self._session.close()

    def hang_up(self) -> None:
        """Shut the socket, which ends `serve` wherever it waits for the client. Safe from any thread."""
        with suppress(OSError):  # shut already
            self._sock.shutdown(socket.SHUT_RDWR)

    def _greet(self) -> None:
        packet = read_varint(self._plain.buffer)
        if packet != ClientPacket.HELLO:
            raise BrokenStreamError(
                Code.UNEXPECTED_PACKET_FROM_CLIENT,
                f"expected a hello, got packet {packet}: this port speaks ClickHouse's native protocol only, not HTTP",
            )
        hello = protocol.read_hello(self._plain.buffer)
        if hello.revision < protocol.REVISION:
            message = f"client revision {hello.revision} is too old: this server needs {protocol.REVISION} or later"
            raise BrokenStreamError(Code.NOT_IMPLEMENTED, message)
        self._session = self._house.open_session()
        if hello.database:
            self._session.run(f"USE {identifier(hello.database)}")
        house = self._house
        self._sock.sendall(protocol.hello(house.version, house.timezone, house.display_name))

    def _answer_packet(self, packet: int) -> None:
        match packet:
            case ClientPacket.PING:
                self._sock.sendall(protocol.pong())
            case ClientPacket.QUERY:
                self._answer_query(protocol.read_query(self._plain.buffer))
            case ClientPacket.CANCEL:
                return  # what it meant to cancel has ended
            case ClientPacket.HELLO | ClientPacket.DATA:
                message = f"packet {ClientPacket(packet).name} has no place here: no query is waiting for it"
                raise BrokenStreamError(Code.UNEXPECTED_PACKET_FROM_CLIENT, message)
            case ClientPacket.TABLES_STATUS_REQUEST:
                message = "TABLES_STATUS_REQUEST is for replicas; the local server has none"
                raise BrokenStreamError(Code.NOT_IMPLEMENTED, message)
            case _:
                message = f"unknown packet {packet} from client"
                raise BrokenStreamError(Code.UNKNOWN_PACKET_FROM_CLIENT, message)

    def _answer_query(self, query: Query) -> None:
        run = Run(self._sock, query.query_id)
        tables = ExternalTables(self._house.spool_directory)
        try:
            # Read before anything is judged: they follow every query, and have to be out of the way.
            self._read_tables(tables, run, query.compressed)
            with self._house.watch.running(run):
                self._execute(query, run, tables)
        except BrokenStreamError:
            raise
        except ServerError as error:
            self._answer_error(query, run, error)
        else:
            self._sock.sendall(protocol.end_of_stream())
        finally:
            tables.drop(self._engine)

    def _answer_error(self, query: Query, run: Run, error: ServerError) -> None:
        if run.is_shut_down:
            error = ServerError(Code.QUERY_WAS_CANCELLED, "Query was cancelled: the local server is stopping")
        elif run.is_cancelled and error.code == Code.QUERY_WAS_CANCELLED:
            self._sock.sendall(protocol.end_of_stream())
            return
        named = f"{error.message} (query_id: {query.query_id})" if query.query_id else error.message
        self._sock.sendall(protocol.exception(error.code, named))

    def _execute(self, query: Query, run: Run, tables: ExternalTables) -> None:
        text = trimmed(query.text)
        if is_empty(text):
            raise ServerError(Code.SYNTAX_ERROR, "Empty query. (SYNTAX_ERROR)")
        if is_several(text):
            raise ServerError(Code.SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)")
        tables.create(self._engine, text)
        insert, settings = insert_of_packets(text), settings_of(query, self._house.known_settings)
        if insert is not None:
            # A token is of one INSERT: in its text it costs nothing, as a setting of the session two statements.
            own = {name: settings.pop(name) for name in OF_ONE_INSERT & settings.keys() if name not in insert.settings}
            self._engine.apply(settings)
            self._insert(insert.with_settings(own), run, query.compressed)
            return
        self._engine.apply(settings)
        if is_insert(text):
            with self._in_engine(run):
                self._engine.run(f"INSERT {run.tag}{text.lstrip()[len('INSERT') :]}")
        elif kind_of(text) is Kind.ROWS:
            self._stream(without_format(text), run, query.compressed, tables)
        else:
            self._run(without_format(text), run, query.compressed)

    def _stream(self, text: str, run: Run, compressed: bool, tables: ExternalTables) -> None:
        """Run a SELECT and send its blocks as they come: the engine waits for a client that is slow."""
        rows = blocks = size = 0
        with self._in_engine(run):
            columns, chunks = open_result(self._engine, text, run.tag, self._told, tables.columns)
            self._send_block(protocol.header_block(columns), compressed)
            with closing(chunks):
                for chunk in chunks:
                    if run.is_cancelled:
                        break
                    self._send_block(chunk.data, compressed)
                    rows, blocks, size = rows + chunk.rows, blocks + 1, size + len(chunk.data)
        if run.is_shut_down:
            raise ServerError(Code.QUERY_WAS_CANCELLED, "")
        self._sock.sendall(protocol.profile_info(rows, blocks, size) + protocol.progress(rows, size), MORE_FOLLOWS)

    def _run(self, text: str, run: Run, compressed: bool) -> None:
        """Run a statement whose result, if it has any, is small."""
        kind = kind_of(text)
        with self._in_engine(run):
            try:
                if kind is Kind.SETS:
                    self._engine.set(text)
                    return
                result = self._engine.run(f"{without_sync(text)}\n{run.tag}")
            finally:
                self._house.definitions.change()
        blocks = split_blocks(result)
        if blocks:
            self._send_block(protocol.header_block(columns_of(blocks[0])), compressed)
        elif kind is Kind.TELLS:
            self._send_block(protocol.header_block(self._engine.columns_told_by(text)), compressed)
        for block in blocks:
            self._send_block(block, compressed)

    def _insert(self, insert: Insert, run: Run, compressed: bool) -> None:
        """Send the sample block, take the data, and return when the engine has all of it."""
        columns = self._told.of_insert(
            f"{insert.target} {insert.columns} {insert.structure}", lambda: sample_columns(self._engine, insert)
        )
        self._send_block(protocol.header_block(columns), compressed, flags=0)  # the client waits for it
        spool = Spool(self._house.spool_directory)
        try:
            for _, block in self._read_data(run, compressed):
                spool.add(block)
            with self._in_engine(run):
                insert_spooled(self._engine, insert, columns, spool, run.tag)
        finally:
            spool.close()

    def _read_tables(self, tables: ExternalTables, run: Run, compressed: bool) -> None:
        for name, block in self._read_data(run, compressed):
            tables.add(name, block)

    def _read_data(self, run: Run, compressed: bool) -> Iterator[tuple[str, Block]]:
        """Data packets with their table names, up to the empty block."""
        reader = self._plain.buffer
        hint = ""
        while True:
            packet = read_varint(reader)
            if packet == ClientPacket.CANCEL:
                run.is_cancelled = True
                raise ServerError(Code.QUERY_WAS_CANCELLED, "Query was cancelled before all of its data had come")
            if packet != ClientPacket.DATA:
                message = f"expected a data packet, got packet {packet}{hint}"
                raise BrokenStreamError(Code.UNEXPECTED_PACKET_FROM_CLIENT, message)
            name = read_binary_str(reader)
            block = self._read_block(compressed)
            if compressed and self._packed.unread:
                message = f"a compressed block goes on after its end{hint or EMPTY_HINT}"
                raise BrokenStreamError(Code.UNEXPECTED_PACKET_FROM_CLIENT, message)
            if block.is_end:
                return
            hint = EMPTY_HINT if not block.rows else ""
            yield name, block

    def _read_block(self, compressed: bool) -> Block:
        source = self._packed if compressed else self._plain
        try:
            block = read_block(source)
        except UnknownLayoutError as error:
            raise BrokenStreamError(Code.NOT_IMPLEMENTED, str(error)) from error
        except BadFrameError as error:
            raise BrokenStreamError(Code.CANNOT_DECOMPRESS, str(error)) from error
        return block

    def _send_block(self, block: bytes, compressed: bool, flags: int = MORE_FOLLOWS) -> None:
        data = protocol.BLOCK_INFO + block
        self._sock.sendall(protocol.data_head() + (b"".join(frames(data)) if compressed else data), flags)

    def _try_to_send(self, packet: bytes) -> None:
        with suppress(OSError):  # the client has gone
            self._sock.sendall(packet)

    @contextmanager
    def _in_engine(self, run: Run) -> Iterator[None]:
        with self._house.watch.in_engine(run):
            yield

    @property
    def _engine(self) -> Session:
        assert self._session is not None, "the hello comes first"
        return self._session
