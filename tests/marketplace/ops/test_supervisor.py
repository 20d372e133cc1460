import io
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from marketplace.ops.supervisor import Backoff, Printer, Program, Supervisor

LONG = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print('child', child.pid, flush=True)
time.sleep(60)
"""


def program(name, code, **more):
    return Program(name, [sys.executable, "-c", code], **more)


def run_until(supervisor, condition, *, seconds=15, then=None):
    """Run in this thread, as signals require; another thread watches and stops it."""

    def watch():
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not condition():
            time.sleep(0.02)
        (then or supervisor.stopping.set)()

    thread = threading.Thread(target=watch)
    thread.start()
    supervisor.run()
    thread.join()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid, seconds=5):
    """Wait a moment for the kernel to remove a killed process."""
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


def test_lines_carry_the_name_of_their_program():
    out = io.StringIO()
    supervisor = Supervisor([program("web", LONG), program("worker", LONG)], stop_order=["web", "worker"], out=out)

    run_until(supervisor, lambda: out.getvalue().count("up") == 2)

    assert sorted(out.getvalue().splitlines()[:2]) == ["web    | up", "worker | up"]
    assert out.getvalue().splitlines()[2:] == ["web    | stopped", "worker | stopped"]


def test_only_a_terminal_gets_colours():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    file, terminal = io.StringIO(), Terminal()

    Printer(file, ["web"]).line("web", "hello")
    Printer(terminal, ["web"]).line("web", "hello")

    assert file.getvalue() == "web | hello\n"
    assert terminal.getvalue() == "\033[36mweb | \033[0mhello\n"


def test_a_program_that_dies_is_started_again_later_each_time():
    out = io.StringIO()
    dying = program("beat", "raise SystemExit(3)")
    supervisor = Supervisor([dying], stop_order=["beat"], out=out, backoff=Backoff(first=0.05))

    run_until(supervisor, lambda: out.getvalue().count("restarts in") >= 3)

    assert out.getvalue().splitlines()[:3] == [
        "beat | ended (exit 3), restarts in 0.05 s",
        "beat | ended (exit 3), restarts in 0.1 s",
        "beat | ended (exit 3), restarts in 0.2 s",
    ]


def test_the_wait_before_a_restart_has_an_end():
    assert [Backoff().delay(failures) for failures in (0, 1, 5, 6, 5000)] == [0.5, 1.0, 16.0, 30.0, 30.0]


def test_a_killed_program_leaves_none_of_its_children_and_comes_back():
    out = io.StringIO()
    supervisor = Supervisor(
        [program("worker", STUBBORN, stop_seconds=0.2)], stop_order=["worker"], out=out, backoff=Backoff(first=0.05)
    )
    killed = []

    def second_start():
        pids = [int(line.split()[-1]) for line in out.getvalue().splitlines() if "child" in line]
        if len(pids) == 1 and not killed:
            killed.append(pids[0])
            os.kill(supervisor.children["worker"].process.pid, signal.SIGKILL)
        return len(pids) == 2

    run_until(supervisor, second_start)

    assert "worker | ended (signal 9), restarts in 0.05 s" in out.getvalue()
    assert not is_alive(killed[0])


def test_a_program_that_ignores_the_request_is_ended_with_its_whole_group():
    out = io.StringIO()
    supervisor = Supervisor([program("worker", STUBBORN, stop_seconds=0.3)], stop_order=["worker"], out=out)

    run_until(supervisor, lambda: "child" in out.getvalue())

    assert ends(int(out.getvalue().splitlines()[0].split()[-1]))
    assert out.getvalue().splitlines()[-1] == "worker | stopped"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_stop_all_in_order(name):
    out = io.StringIO()
    programs = [program(each, LONG) for each in ("web", "worker", "beat")]
    supervisor = Supervisor(programs, stop_order=["beat", "web", "worker"], out=out)
    pids = []

    def all_up():
        pids[:] = [child.process.pid for child in supervisor.children.values() if child.process]
        return out.getvalue().count("up") == 3

    run_until(supervisor, all_up, then=lambda: os.kill(os.getpid(), getattr(signal, name)))

    assert out.getvalue().splitlines()[3:] == ["beat   | stopped", "web    | stopped", "worker | stopped"]
    assert [is_alive(pid) for pid in pids] == [False, False, False]


def test_a_second_request_does_not_wait():
    out = io.StringIO()
    supervisor = Supervisor([program("worker", STUBBORN, stop_seconds=30)], stop_order=["worker"], out=out)

    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    started = time.monotonic()
    run_until(supervisor, lambda: "child" in out.getvalue(), then=twice)

    assert time.monotonic() - started < 15
    assert out.getvalue().splitlines()[-1] == "worker | stopped"


def test_readiness_is_announced_once():
    out, said = io.StringIO(), []
    answers = iter([False, False, True, True, True])
    supervisor = Supervisor(
        [program("web", LONG)],
        stop_order=["web"],
        out=out,
        is_ready=lambda: next(answers),
        announce=lambda: said.append("open"),
    )

    run_until(supervisor, lambda: said, then=lambda: (time.sleep(0.5), supervisor.stopping.set()))

    assert said == ["open"]


def test_a_program_sees_its_own_environment():
    out = io.StringIO()
    code = "import os; print(os.environ['PORT'], flush=True); import time; time.sleep(60)"
    supervisor = Supervisor([program("web", code, environment={"PORT": "9001"})], stop_order=["web"], out=out)

    run_until(supervisor, lambda: "9001" in out.getvalue())

    assert out.getvalue().splitlines()[0] == "web | 9001"
