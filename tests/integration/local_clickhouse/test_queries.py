"""Settings, ids, limits, cancelling, errors: does a connection behave as the driver expects, and go on?"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

LONG = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000) SETTINGS max_threads = 1"


def code_of(client: Client, text: str, **options: Any) -> int:
    with pytest.raises(ServerException) as error:
        client.execute(text, **options)
    return int(error.value.code)


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def is_running(client: Client, mark: str) -> bool:
    like = f"%{mark}%"
    rows = client.execute(
        "SELECT count() FROM system.processes WHERE (query LIKE %(like)s OR query_id LIKE %(like)s) "
        "AND query NOT LIKE '%%system.processes%%'", {"like": like},
    )  # fmt: skip
    return bool(rows[0][0])


def test_settings_are_of_one_query(client: Client) -> None:
    ask = "SELECT getSetting('max_block_size'), getSetting('log_comment')"
    before = client.execute(ask)
    given = {"max_block_size": 1000, "log_comment": "tenant's \\ task"}
    assert client.execute(ask, settings=given) == [(1000, "tenant's \\ task")]
    assert client.execute(ask, settings={"log_comment": "x"}) == [(before[0][0], "x")]
    assert client.execute(ask) == before


def test_settings_of_the_session(client: Client) -> None:
    client.execute("SET max_block_size = 500", settings={"log_comment": "a"})
    ask = "SELECT getSetting('max_block_size'), getSetting('log_comment')"
    assert client.execute(ask) == [(500, "")]
    assert client.execute(ask, settings={"max_block_size": 7}) == [(7, "")]
    assert client.execute(ask) == [(500, "")]


def test_settings_that_are_unknown_or_wrong(connect: Any) -> None:
    client = connect()
    assert client.execute("SELECT 1", settings={"no_such_setting": 1}) == [(1,)]
    assert code_of(connect(settings_is_important=True), "SELECT 1", settings={"no_such_setting": 1}) == 115
    assert code_of(client, "SELECT 1", settings={"max_threads": "many", "max_block_size": 5}) in (
        27,
        69,
        72,
        467,
    )
    assert client.execute("SELECT getSetting('max_block_size') > 5") == [(True,)]


def test_readonly(client: Client) -> None:
    assert client.execute("SELECT 1", settings={"readonly": 2}) == [(1,)]
    client.execute("CREATE TABLE written (a Int8) ENGINE = Memory")
    assert code_of(client, "DROP TABLE written", settings={"readonly": 2}) == 164
    client.execute("DROP TABLE written")


def test_a_query_id_is_seen_in_processes_and_errors(connect: Any) -> None:
    client, other = connect(), connect()
    limit = {"max_execution_time": 1}
    thread = threading.Thread(target=lambda: code_of(client, LONG, query_id="my-id", settings=limit))
    thread.start()
    assert wait_until(lambda: is_running(other, "my-id"))
    assert code_of(other, "SELECT 1", query_id="my-id") == 216
    thread.join()
    assert other.execute("SELECT 1", query_id="my-id */ quote'") == [(1,)]


@pytest.mark.usefixtures("local_only")
def test_an_error_names_the_query_id(client: Client) -> None:
    with pytest.raises(ServerException, match=r"\(query_id: attr-7\)"):
        client.execute("SELECT nope", query_id="attr-7")


def test_max_execution_time(client: Client) -> None:
    started = time.monotonic()
    assert code_of(client, LONG, settings={"max_execution_time": 0.3}) == 159
    assert code_of(client, "SELECT sleep(3)", settings={"max_execution_time": 1}) == 159
    assert time.monotonic() - started < 4
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_cancel_while_rows_come(connect: Any, compression: Any) -> None:
    client = connect(compression=compression)
    rows = client.execute_iter("SELECT number FROM numbers(1000000000)")
    next(rows)
    client.cancel()
    assert client.execute("SELECT 1") == [(1,)]


def test_cancel_while_the_engine_works(connect: Any) -> None:
    client, other = connect(), connect()
    client.execute("SELECT 1")
    client.connection.send_query(LONG.replace("SELECT", "SELECT 'cancel-me',"))
    client.connection.send_external_tables([])
    assert wait_until(lambda: is_running(other, "cancel-me"))
    started = time.monotonic()
    client.cancel()
    assert time.monotonic() - started < 2
    assert client.execute("SELECT 1") == [(1,)]
    assert wait_until(lambda: not is_running(other, "cancel-me"))


def test_a_closed_socket_frees_the_engine(connect: Any) -> None:
    client, other = connect(), connect()
    for text in (
        LONG.replace("SELECT", "SELECT 'close-me',"),
        "SELECT 'close-me', number FROM numbers(1000000000000)",
    ):
        client.execute("SELECT 1")
        client.connection.send_query(text)
        client.connection.send_external_tables([])
        assert wait_until(lambda: is_running(other, "close-me"))
        client.disconnect()
        assert wait_until(lambda: not is_running(other, "close-me"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT * FROM no_such_table", 60),
        ("SELEC 1", 62),
        ("SELECT (1", 62),
        ("SELECT 'open", 62),
        ("SELECT no_such_column", 47),
        ("SELECT no_such_function(1)", 46),
        ("SELECT * FROM no_such_database.t", 81),
        ("SELECT throwIf(number = 3) FROM numbers(5) SETTINGS max_block_size = 1", 395),
        ("SELECT number, throwIf(number = 300000) FROM numbers(500000)", 395),
        ("SELECT 1; SELECT 2", 62),
        ("DROP TABLE no_such_table", 60),
        ("INSERT INTO no_such_table SELECT 1", 60),
        ("", 62),
    ],
)
def test_codes_and_the_connection_goes_on(raw: Any, text: str, code: int) -> None:
    error = raw.ask(text)
    assert isinstance(error, ServerException)
    assert error.code == code
    assert "DB::Exception" in error.message
    assert raw.ask("SELECT 'clean'") == "clean"


def test_an_insert_that_cannot_be_goes_on_too(raw: Any) -> None:
    assert raw.ask("INSERT INTO no_such_table VALUES").code == 60
    assert raw.ask("SELECT 1") == 1


def test_ping_and_unknown_database(connect: Any) -> None:
    client = connect()
    client.execute("SELECT 1")
    assert client.connection.ping()
    assert code_of(connect(database="no_such_database"), "SELECT 1") == 81


def test_use_changes_the_database(client: Client) -> None:
    client.execute("USE system")
    assert client.execute("SELECT currentDatabase(), count() FROM one") == [("system", 1)]


@pytest.mark.usefixtures("local_only")
@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (b"\x05", 48),
        (b"\x63", 99),
        (b"\x00", 101),
        (b"\x02\x00\x00\x00", 101),
    ],
)
def test_a_wrong_packet_is_answered(raw: Any, packet: bytes, code: int) -> None:
    raw.connection.socket.sendall(packet)
    assert raw.answer().code == code
    with pytest.raises(EOFError):
        raw.answer()


@pytest.mark.usefixtures("local_only")
def test_http_is_answered(url: str) -> None:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as sock:
        sock.sendall(b"GET /ping HTTP/1.1\r\n\r\n")
        answer = sock.makefile("rb").read()
    assert struct.unpack("<i", answer[1:5]) == (101,)
    assert b"not HTTP" in answer


def test_the_server_says_who_it_is(client: Client) -> None:
    client.execute("SELECT 1")
    info = client.connection.server_info
    assert info.name == "ClickHouse"
    assert info.version_tuple()[0] >= 25


def test_no_warnings_from_the_driver(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="clickhouse_driver"):
        for _ in range(3):
            client.execute("SELECT 1")
    assert caplog.records == []
