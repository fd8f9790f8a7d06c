"""The commands of `tributary` against a running stack: do they do what they say, and say what is wrong?"""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ledger.keys import conversion_key
from app.storage.redis import make_redis
from tests.running import Up
from workers.edge import Edge

NOW = datetime.now(UTC)
TODAY = NOW.date().isoformat()


def event(number: str, **more: object) -> dict[str, object]:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"cli-{number}",
        "userId": "cli",
        "timestamp": NOW.isoformat(),
        "properties": {"order_id": f"cli-{number}", "revenue": "5.00"},
        **more,
    }


def test_events_are_imported_and_bad_lines_are_told(stack: Up, tmp_path: Path) -> None:
    lines = [json.dumps(event("1")), "{", json.dumps(event("2", type="dance")), json.dumps(event("3"))]
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(lines))
    told = stack.run("import", "events", str(file))
    assert told.returncode == 1
    assert "2 lines imported, 2 not" in told.stdout
    assert "line 2: is not JSON" in told.stderr
    assert "line 3: type is 'dance'. Send one of" in told.stderr
    stack.wait(lambda: "credited" in (out := stack.run("explain", "cli-3").stdout) or "unattributed" in out, 20)


def test_events_are_imported_from_csv(stack: Up, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    head = "type,event,messageId,userId,timestamp,properties.order_id,properties.revenue"
    file.write_text(f"{head}\ntrack,Order Completed,cli-csv,cli,{NOW.isoformat()},cli-csv,7.50\n")
    told = stack.run("import", "events", str(file))
    assert told.returncode == 0, told.stderr
    stack.wait(lambda: "7.50 USD" in stack.run("explain", "cli-csv").stdout, 20)


def test_spend_is_imported(stack: Up, tmp_path: Path) -> None:
    file = tmp_path / "spend.csv"
    file.write_text(f"day,channel,campaign,amount,currency\n{TODAY},email,news,12.50,USD\n{TODAY},email,news,x,USD\n")
    told = stack.run("import", "spend", str(file))
    assert told.returncode == 1
    assert "1 line imported, 1 not" in told.stdout
    assert "line 3: " in told.stderr


def test_a_range_is_attributed_again(stack: Up) -> None:
    tomorrow = (NOW.date() + timedelta(days=1)).isoformat()
    told = stack.run("reattribute", "--from", TODAY, "--to", tomorrow)
    assert told.returncode == 0, told.stderr
    job_id = told.stdout.splitlines()[0]
    assert "done: " in told.stdout
    assert json.loads(stack.run("jobs", "show", job_id).stdout)["state"] == "done"
    assert stack.run("jobs", "list").stdout.splitlines()[1].split()[:3] == [job_id, "reattribute", "done"]


def test_a_dead_letter_is_listed_and_replayed_once_the_rules_allow_it(stack: Up) -> None:
    made = json.loads(stack.run("tenants", "create", "letters", "--json").stdout)
    old = event("old", timestamp=(NOW - timedelta(days=500)).isoformat())
    with Edge(stack.state["url"], write_key=made["write_key"]) as edge:
        answer = edge.send_events([old], NOW.isoformat())
    assert answer["rejected"][0]["code"] == "too_old"
    number = str(made["tenant_id"])
    [letter] = [
        json.loads(line) for line in stack.run("dead-letters", "list", "--tenant", number, "--json").stdout.splitlines()
    ]
    assert letter["reason"] == "too_old"
    told = stack.run("dead-letters", "replay", "--tenant", number)
    assert told.returncode == 1
    assert "0 replayed, 1 still cannot be" in told.stdout
    assert "dead letters tried  1 " in told.stderr
    assert "older than" in told.stderr
    listed = stack.run("dead-letters", "list", "--tenant", "letters").stdout
    assert "too_old" in listed
    assert listed.splitlines()[1].split()[3] == "letters"
    assert "There is no tenant lettres" in stack.run("dead-letters", "list", "--tenant", "lettres").stderr
    of_it = ("--tenant", "letters", "--reason", "too_old")
    assert stack.run("dead-letters", "drop", *of_it).returncode == 1, "it asks first, and nobody answered"
    assert "1 dropped, " in stack.run("dead-letters", "drop", *of_it, "--yes").stdout
    assert "0 shown" in stack.run("dead-letters", "list", "--tenant", "letters").stdout


def test_a_dead_letter_of_a_tenant_that_nothing_knows_stays(stack: Up) -> None:
    redis, letter = make_redis(stack.state["redis_url"]), ("unknown_tenant", "Why.", "Remedy.", Source.DRAIN.value)
    DeadLetters(redis, 1000).add(DeadLetter(4321, *letter, "[4321, 1, 1, 1, []]"))
    redis.close()
    told = stack.run("dead-letters", "replay", "--tenant", "4321")
    assert told.returncode == 1
    assert "0 replayed, 1 still cannot be" in told.stdout
    assert "There is no tenant 4321" in told.stderr


def test_conversions_that_were_given_up_are_replayed(stack: Up, tmp_path: Path) -> None:
    file = tmp_path / "one.ndjson"
    file.write_text(json.dumps(event("buried")))
    assert stack.run("import", "events", str(file)).returncode == 0
    stack.wait(lambda: "unattributed" in stack.run("explain", "cli-buried").stdout, 20)
    [number] = [
        line.split()[1] for line in stack.run("tenants", "list").stdout.splitlines() if line.startswith("demo ")
    ]
    keys = [conversion_key("Order Completed", "cli-buried")]
    body = json.dumps({"tenant_id": int(number), "conversion_keys": keys})
    redis = make_redis(stack.state["redis_url"])
    DeadLetters(redis, 1000).add(DeadLetter(int(number), "not_attributed", "Why.", "Remedy.", Source.CHUNK.value, body))
    redis.close()
    assert "! dead letters: " in stack.run("doctor").stdout
    told = stack.run("dead-letters", "replay", "--reason", "not_attributed")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "1 replayed, 0 still cannot be" in told.stdout
    assert "0 shown" in stack.run("dead-letters", "list", "--reason", "not_attributed").stdout


def test_tenants_are_made_and_their_keys_replaced(stack: Up) -> None:
    made = json.loads(stack.run("tenants", "create", "second", "--timezone", "Europe/Berlin", "--json").stdout)
    assert "second" in stack.run("tenants", "list").stdout
    again = stack.run("tenants", "create", "second")
    assert again.returncode == 1
    assert "Choose another slug" in again.stderr
    key = stack.run("tenants", "rotate-key", "second", "--which", "write").stdout.strip()
    with Edge(stack.state["url"], write_key=key) as edge:
        assert edge.send_events([event("second")], NOW.isoformat())["accepted"] == 1
    with Edge(stack.state["url"], secret_key=made["secret_key"]) as edge:
        assert edge.get("/v1/reports/attribution")["timezone"] == "Europe/Berlin"


def test_the_ledger_is_exported(stack: Up, tmp_path: Path) -> None:
    file = tmp_path / "ledger.csv"
    told = stack.run("export", "--output", str(file))
    assert told.returncode == 0
    assert f"bytes exported  {file.stat().st_size:,} " in told.stderr
    assert file.read_text().startswith("conversion_type,order_id,")


def test_an_export_that_fails_leaves_the_file_and_one_that_breaks_off_says_so(stack: Up, tmp_path: Path) -> None:
    file = tmp_path / "ledger.csv"
    file.write_text("older")
    told = stack.run("export", "--output", str(file), "--secret-key", "sk_unknown")
    assert (told.returncode, file.read_text()) == (1, "older")
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_break_off, args=(server,), daemon=True).start()
        told = stack.run("export", "--url", f"http://127.0.0.1:{server.getsockname()[1]}", "--secret-key", "sk_any")
    assert (told.returncode, told.stdout) == (1, "half of it")
    assert told.stderr.splitlines()[-2:] == [
        "tributary: The answer was cut off.",
        "  Ask again; if it stays so, see the web log.",
    ]


def _break_off(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nhalf of it")


def test_without_a_stack_the_remedy_is_told(tmp_path: Path) -> None:
    told = Up(tmp_path).run("report")
    assert told.returncode == 1
    assert "tributary up" in told.stderr


def test_migrate_may_be_repeated(stack: Up) -> None:
    told = stack.run("migrate")
    assert told.returncode == 0, told.stderr
    assert "up to date" in told.stdout


def test_saturation_is_trained_told_planned_and_drawn(stack: Up, tmp_path: Path) -> None:
    made = json.loads(stack.run("tenants", "create", "saturated", "--json").stdout)
    key = ("--secret-key", made["secret_key"])
    told = stack.run("saturation", "status", *key)
    assert told.returncode == 1
    assert "POST /v1/saturation/train" in told.stderr
    days = [(NOW.date() - timedelta(days=back)).isoformat() for back in range(60, 2, -1)]
    with Edge(stack.state["url"], secret_key=made["secret_key"]) as edge:
        edge.post("/v1/spend", {"rows": [{"day": day, "channel": "radio", "amount": "20.00"} for day in days]})
    stack.wait(lambda: stack.run("saturation", "train", "--no-wait", *key).returncode == 0, 30)
    told = stack.run("saturation", "train", *key)
    assert told.returncode == 0, told.stderr
    assert "radio    insufficient evidence" in told.stdout
    assert "2 of 2 (100%" in told.stderr
    assert "not enough evidence" in stack.run("saturation", "status", *key).stdout
    planned = stack.run("saturation", "plan", "--margin", "0.4", *key)
    assert "no move is sure enough to gain" in planned.stdout, planned.stderr
    low = stack.run("saturation", "plan", "--budget", "1", "--bound", "radio=10:30", *key)
    assert low.returncode == 1
    assert "Budget 1 a day is below 10" in low.stderr
    assert "Raise the budget or lower the bounds." in low.stderr
    drawn = stack.run("saturation", "curve", "radio", "--out", str(tmp_path / "radio.png"), *key)
    assert drawn.returncode == 1
    assert "no curve of radio" in drawn.stderr
    wrong = stack.run("saturation", "curve", "radio", "--out", str(tmp_path / "radio.gif"), *key)
    assert "End it in .png or .svg." in wrong.stderr
