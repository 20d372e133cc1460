"""Run several programs as one: started together, printed together, restarted if they die, stopped in order."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

COLORS = (36, 33, 35, 32, 34)
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK_SECONDS = 0.1
READY_EVERY_TICKS = 5  # each check is a request that the web program must answer


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 2.5


@dataclass(frozen=True)
class Backoff:
    """How long to wait before the n-th restart in a row, in seconds; after ``settled_after`` the count starts over."""

    first: float = 0.5
    longest: float = 30.0
    settled_after: float = 30.0

    def delay(self, failures: int) -> float:
        return float(min(self.longest, self.first * 2 ** min(failures, 10)))


class Printer:
    """Prints whole lines from many threads, each with its program's name; colored only on a terminal."""

    def __init__(self, out: TextIO, names: Sequence[str]) -> None:
        self.out = out
        self.width = max(map(len, names), default=0)
        self.color = dict(zip(names, COLORS * len(names), strict=False)) if out.isatty() else {}
        self.lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        label = f"{name:<{self.width}} | "
        if name in self.color:
            label = f"\033[{self.color[name]}m{label}\033[0m"
        with self.lock, contextlib.suppress(BrokenPipeError):
            self.out.write(f"{label}{text}\n")
            self.out.flush()


class Child:
    """One program and its current process."""

    def __init__(self, program: Program, printer: Printer, backoff: Backoff) -> None:
        self.program = program
        self.printer = printer
        self.backoff = backoff
        self.process: subprocess.Popen[str] | None = None
        self.failures = 0
        self.started_at = 0.0
        self.start_again_at = 0.0
        self.asked_at = 0.0
        self.reader: threading.Thread | None = None

    def start(self) -> None:
        # Its own session: the terminal's Ctrl-C reaches only the supervisor, which then stops programs in order.
        self.process = subprocess.Popen(
            self.program.command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.program.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.started_at = time.monotonic()
        self.reader = threading.Thread(target=self._copy_output, args=(self.process,), daemon=True)
        self.reader.start()

    def tend(self) -> None:
        """Notice when the process dies, and restart it when it is due."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_again_at:
                self.start()
        elif self.process.poll() is not None:
            self._clear_group(self.process)
            self.failures = 0 if now - self.started_at > self.backoff.settled_after else self.failures
            delay = self.backoff.delay(self.failures)
            self.printer.line(self.program.name, f"ended ({_ending(self.process.returncode)}), restarts in {delay:g} s")
            self.failures += 1
            self.process, self.start_again_at = None, now + delay

    def ask_to_stop(self) -> None:
        self.asked_at = time.monotonic()
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def see_stopped(self) -> None:
        """Wait, then kill; afterwards nothing in its process group is left."""
        if (process := self.process) is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0, self.asked_at + self.program.stop_seconds - time.monotonic()))
        self._clear_group(process)
        process.wait()
        if self.reader:
            self.reader.join(timeout=1)
        self.process = None

    def kill(self) -> None:
        if self.process:
            self._clear_group(self.process)

    def _copy_output(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # it was opened as a pipe
        with process.stdout as lines:
            for line in lines:
                if text := line.rstrip():
                    self.printer.line(self.program.name, text)

    @staticmethod
    def _clear_group(process: subprocess.Popen[str]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class Supervisor:
    """Runs ``programs`` until told to stop, then stops them by name in ``stop_order``."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        stop_order: Sequence[str],
        out: TextIO = sys.stdout,
        backoff: Backoff | None = None,
        is_ready: Callable[[], bool] = lambda: True,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        self.printer = Printer(out, [program.name for program in programs])
        self.children = {program.name: Child(program, self.printer, backoff or Backoff()) for program in programs}
        self.stop_order = stop_order
        self.is_ready = is_ready
        self.announce = announce
        self.stopping = threading.Event()

    def run(self) -> None:
        with self._listening():
            try:
                for child in self.children.values():
                    child.start()
                self._watch()
            finally:
                self._stop_all()

    def _watch(self) -> None:
        announced = False
        for tick in itertools.count(1):
            if self.stopping.wait(TICK_SECONDS):
                return
            for child in self.children.values():
                child.tend()
            if not announced and tick % READY_EVERY_TICKS == 0 and self.is_ready():
                announced = True
                self.announce()

    def _stop_all(self) -> None:
        for name in self.stop_order:
            self.children[name].ask_to_stop()
        for name in self.stop_order:
            self.children[name].see_stopped()
            self.printer.line(name, "stopped")

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        before = {name: signal.signal(name, self._heard) for name in STOP_SIGNALS}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)

    def _heard(self, *_: object) -> None:
        if self.stopping.is_set():  # second request: stop waiting
            for child in self.children.values():
                child.kill()
        self.stopping.set()


def _ending(returncode: int) -> str:
    return f"signal {-returncode}" if returncode < 0 else f"exit {returncode}"
