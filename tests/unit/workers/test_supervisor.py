"""Does the supervisor start again what dies, and leave nothing behind?"""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workers.local.output import Output
from workers.local.supervisor import Program, Supervisor


@pytest.fixture
def make(tmp_path):
    supervisors = []

    def make(changed=lambda programs: None):
        supervisor = Supervisor(Output(tmp_path / "logs", io.StringIO()), changed)
        supervisors.append(supervisor)
        return supervisor

    yield make
    for supervisor in supervisors:
        supervisor.stop([])
        supervisor.output.close()


def program(name, script, tmp_path, grace_s=5.0):
    return Program(name, ("/bin/sh", "-c", script), dict(os.environ), tmp_path, grace_s=grace_s)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, limit_s=5):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_what_is_killed_starts_again_and_is_told(make, tmp_path):
    pids = []
    supervisor = make(lambda programs: pids.append([running.pid for running in programs if running.is_up]))
    supervisor.start([program("one", "exec sleep 60", tmp_path)])
    first = supervisor.programs[0].pid
    os.kill(first, signal.SIGKILL)
    assert supervisor.run_until(lambda: supervisor.programs[0].starts == 2, 5)
    second = supervisor.programs[0].pid
    assert pids == [[first], [], [second]] or pids == [[first], [second]]
    assert is_running(second)
    assert not is_running(first)
    assert "one was killed by SIGKILL" in supervisor.output.tail("supervisor")


def test_a_dead_leaders_children_die_before_it_starts_again(make, tmp_path):
    supervisor = make()
    supervisor.start([program("family", "sleep 61 & echo $! > child; wait", tmp_path)])
    wait_for(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
    child = int((tmp_path / "child").read_text())
    os.kill(supervisor.programs[0].pid, signal.SIGKILL)
    assert supervisor.run_until(lambda: supervisor.programs[0].starts == 2, 5)
    wait_for(lambda: not is_running(child))


def test_delays_grow_while_it_keeps_dying(make, tmp_path):
    supervisor = make()
    supervisor.start([program("doomed", "exit 3", tmp_path)])
    supervisor.run_until(lambda: supervisor.programs[0].starts == 3, 5)
    told = supervisor.output.tail("supervisor")
    assert "ended with exit code 3" in told
    assert "again in 0.2 s" in told
    assert "again in 0.4 s" in told


def test_stop_goes_in_order_and_kills_what_does_not_listen(make, tmp_path):
    supervisor = make()
    polite = 'trap "echo polite >> order; exit 0" TERM; while :; do sleep 0.05; done'
    deaf = 'trap "echo deaf >> order" TERM; while :; do sleep 0.05; done'
    supervisor.start([program("last", polite, tmp_path), program("first", deaf, tmp_path, grace_s=0.5)])
    pids = [running.pid for running in supervisor.programs]
    supervisor.run_until(lambda: False, 0.3)
    supervisor.stop([("first",), ("last",)])
    assert (tmp_path / "order").read_text().split() == ["deaf", "polite"]
    assert not any(is_running(pid) for pid in pids)


def test_lines_go_to_the_terminal_with_their_name_and_to_a_file(make, tmp_path):
    supervisor = make()
    supervisor.start([program("talker", "printf 'one\\ntwo'; exec sleep 60", tmp_path)])
    supervisor.run_until(lambda: "one" in supervisor.output.tail("talker"), 5)
    assert "talker     | one\n" in supervisor.output._terminal.getvalue()
    assert "two" not in supervisor.output._terminal.getvalue()  # not a line yet


def test_what_is_not_well_for_long_is_killed_and_starts_again(make, tmp_path, monkeypatch):
    monkeypatch.setattr("workers.local.supervisor.PROBE_EVERY_S", 0.05)
    monkeypatch.setattr("workers.local.supervisor.HUNG_S", 0.3)
    supervisor = make()
    command = ("/bin/sleep", "63")
    healthy = Program("healthy", command, dict(os.environ), tmp_path, probe=lambda: True)
    hung = Program("hung", command, dict(os.environ), tmp_path, probe=lambda: False)
    supervisor.start([healthy, hung])
    assert supervisor.run_until(lambda: supervisor.programs[1].starts == 2, 5)
    assert supervisor.programs[0].starts == 1
    assert "hung has not been well" in supervisor.output.tail("supervisor")


def test_kill_9_of_the_supervisor_leaves_nothing(tmp_path):
    script = f"""
import os, sys
from pathlib import Path
from workers.local.output import Output
from workers.local.supervisor import Program, Supervisor
supervisor = Supervisor(Output(Path({str(tmp_path)!r}) / "logs"))
supervisor.start([Program(str(n), ("/bin/sleep", "62"), dict(os.environ), Path("/")) for n in range(2)])
print(*[running.pid for running in supervisor.programs], flush=True)
supervisor.run_until(lambda: False)
"""
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_running(pid) for pid in pids)
        process.kill()
    wait_for(lambda: not any(is_running(pid) for pid in pids))
