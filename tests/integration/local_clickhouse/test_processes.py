"""Many clients at once, forked clients, and a server that is stopped, killed and started again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import NetworkError

from workers.local.clickhouse.launch import CHECKOUT, LocalClickHouse, LocalClickHouseError

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


def run_all(works: list[threading.Thread]) -> float:
    started = time.monotonic()
    for work in works:
        work.start()
    for work in works:
        work.join()
    return time.monotonic() - started


def test_ten_clients_at_once_do_not_wait_for_each_other(connect: Any) -> None:
    clients = [connect() for _ in range(10)]
    answers: list[Any] = []
    asleep = "SELECT sleepEachRow(0.1) FROM numbers(5) SETTINGS max_block_size = 1"
    threads = [threading.Thread(target=lambda c=c: answers.append(c.execute(asleep))) for c in clients]
    assert run_all(threads) < 2.5, "ten queries of half a second each"
    assert answers == [[(0,)] * 5] * 10


def test_a_query_that_computes_does_not_hold_up_the_others(connect: Any) -> None:
    busy, other = connect(), connect()
    busy.execute("SELECT 1")
    busy.connection.send_query("SELECT sum(cityHash64(number)) FROM numbers(1000000000000) SETTINGS max_threads = 1")
    busy.connection.send_external_tables([])
    started = time.monotonic()
    for number in range(20):
        assert other.execute("SELECT %(n)s + 1", {"n": number}) == [(number + 1,)]
    assert time.monotonic() - started < 4
    busy.cancel()


def test_inserts_and_selects_side_by_side(connect: Any, table: Any) -> None:
    name = table("(k UInt64, v String) ENGINE = MergeTree ORDER BY k")
    wrong: list[Any] = []

    def work(client: Client, own: int) -> None:
        for turn in range(5):
            client.execute(f"INSERT INTO {name} VALUES", [(own, f"{turn}")] * 200)
            seen = client.execute(f"SELECT count() FROM {name} WHERE k = %(own)s", {"own": own})
            if seen != [(200 * (turn + 1),)]:
                wrong.append(seen)

    run_all([threading.Thread(target=work, args=(connect(), own)) for own in range(8)])
    assert wrong == []


def test_forked_children(url: str, connect: Any) -> None:
    connect().execute("SELECT 1")
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    children = [context.Process(target=_ask, args=(url, number, answers)) for number in range(4)]
    for child in children:
        child.start()
    assert sorted(answers.get(timeout=10) for _ in children) == [0, 1, 2, 3]
    for child in children:
        child.join()
    answers.close()


def _ask(url: str, number: int, answers: Any) -> None:
    parts = urlsplit(url)
    client = Client(parts.hostname, parts.port or 9000, user=parts.username or "default", password=parts.password or "")
    ext = {"name": "ext", "structure": [("n", "Int64")], "data": [(number,)]}
    answers.put(client.execute("SELECT n FROM ext", external_tables=[ext])[0][0])
    client.disconnect()


@pytest.mark.usefixtures("local_only")
def test_idle_is_idle(url: str, connect: Any) -> None:
    connect().execute("SELECT 1")
    port = urlsplit(url).port
    pid = next(c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port)
    server = psutil.Process(pid)
    before = server.cpu_times()
    time.sleep(1.0)
    after = server.cpu_times()
    assert after.user + after.system - before.user - before.system < 0.15


@pytest.mark.usefixtures("local_only")
class TestLife:
    """Each with a server of its own."""

    def test_kill_loses_nothing_that_was_acknowledged(self, tmp_path: Path) -> None:
        with LocalClickHouse(tmp_path / "data [a] {b} *") as server:
            client = Client.from_url(server.url)
            client.execute("CREATE TABLE t (k UInt64) ENGINE = MergeTree ORDER BY k "
                           "SETTINGS non_replicated_deduplication_window = 100000")  # fmt: skip
            acknowledged = _insert_until_killed(server)
            client.disconnect()
            started = time.monotonic()
            server.start()
            assert time.monotonic() - started < 10
            again = Client.from_url(server.url)
            stored = {k for (k,) in again.execute("SELECT k FROM t")}
            assert acknowledged
            assert acknowledged <= stored
            token = {"insert_deduplication_token": "0"}
            again.execute("INSERT INTO t VALUES", [(k,) for k in range(100)], settings=token)
            assert again.execute("SELECT count() = uniqExact(k) FROM t") == [(1,)], "tokens outlive a kill"
            again.disconnect()

    def test_a_clean_stop_and_a_restart(self, tmp_path: Path) -> None:
        server = LocalClickHouse(tmp_path)
        server.start()
        port = server.port
        client = Client.from_url(server.url)
        client.execute("CREATE DATABASE kept")
        client.execute("CREATE TABLE kept.t (k UInt64) ENGINE = MergeTree ORDER BY k")
        client.execute("CREATE TABLE kept.gone (k UInt64) ENGINE = MergeTree ORDER BY k")
        client.execute("INSERT INTO kept.t SELECT number FROM numbers(10)")
        client.execute("INSERT INTO kept.gone SELECT number FROM numbers(10)")
        client.execute("DROP TABLE kept.gone")
        server.restart()
        assert server.port == port
        assert client.execute("SELECT count() FROM kept.t") == [(10,)], "the driver connects again by itself"
        assert list((tmp_path / "engine" / "metadata_dropped").glob("*.sql")) == []
        client.disconnect()
        server.stop()
        server.stop()
        assert not server.is_running()
        assert list((tmp_path / "spool").iterdir()) == []

    def test_sigterm_ends_while_clients_work(self, tmp_path: Path) -> None:
        server = LocalClickHouse(tmp_path)
        server.start()
        errors: list[Exception] = []
        idle = Client.from_url(server.url)
        idle.execute("SELECT 1")
        short = Client.from_url(server.url)
        long = Client.from_url(server.url)
        answers: list[Any] = []
        threads = [
            threading.Thread(target=lambda: answers.append(short.execute("SELECT sleep(1)"))),
            threading.Thread(target=_expect_error, args=(long, errors)),
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.4)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 12
        for thread in threads:
            thread.join()
        assert answers == [[(0,)]], "a query that ends soon is let finish"
        assert len(errors) == 1
        for client in (idle, short, long):
            client.disconnect()

    def test_one_owner(self, tmp_path: Path) -> None:
        with LocalClickHouse(tmp_path) as first, pytest.raises(LocalClickHouseError) as error:
            LocalClickHouse(tmp_path).start()
        assert f"owned by the process with pid {first_pid(error)}" in str(error.value)
        assert "choose another --path" in str(error.value)
        assert not first.is_running()

    def test_a_port_that_is_taken(self, tmp_path: Path) -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as taken,
            pytest.raises(LocalClickHouseError, match="in use"),
        ):
            LocalClickHouse(tmp_path, port=taken.getsockname()[1]).start()

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
    def test_loopback_only(self, tmp_path: Path, host: str) -> None:
        command = [sys.executable, "-m", "workers.local.clickhouse", "--path", str(tmp_path), "--host", host]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 2
        assert "production run clickhouse-server" in done.stderr


def first_pid(error: Any) -> str:
    words = str(error.value).split()
    return words[words.index("pid") + 1].rstrip(":")


def _insert_until_killed(server: LocalClickHouse) -> set[int]:
    """What was acknowledged. Wherever the kill finds the client, in a statement or opening a connection, it is told."""
    client, acknowledged = Client.from_url(server.url), set[int]()
    killer = threading.Timer(1.0, lambda: os.kill(server.pid or 0, signal.SIGKILL))

    def insert() -> None:
        for block in range(100_000):
            keys = range(block * 100, block * 100 + 100)
            token = {"insert_deduplication_token": str(block)}
            client.execute("INSERT INTO t VALUES", [(k,) for k in keys], settings=token)
            acknowledged.update(keys)
            if block == 0:
                killer.start()

    try:
        with pytest.raises((EOFError, OSError, NetworkError)):
            insert()
    finally:
        client.disconnect()
    killer.join()
    server.kill9()
    return acknowledged


def _expect_error(client: Client, errors: list[Exception]) -> None:
    try:
        client.execute("SELECT sum(cityHash64(number)) FROM numbers(1000000000000) SETTINGS max_threads = 1")
    except Exception as error:
        errors.append(error)
