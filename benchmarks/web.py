"""Our own web processes, started for a measurement and stopped after it."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from django.core.management import call_command
from django.db import connections

from benchmarks.memory import megabytes, own_megabytes
from marketplace.ops.run import market_programs, web_answers

START_SECONDS = 300


@dataclass(frozen=True)
class Web:
    port: int
    pid: int

    def worker_megabytes(self) -> float:
        """Return the largest worker's memory; shared pages count by its share."""
        return max(megabytes(worker.pid) for worker in self._workers)

    def own_megabytes(self) -> float:
        """Return the same without the snapshot's pages."""
        return max(own_megabytes(worker.pid) for worker in self._workers)

    @property
    def _workers(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True)


@contextmanager
def web(workers: int) -> Iterator[Web]:
    call_command("collectstatic", interactive=False, verbosity=0)
    connections.close_all()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = market_programs(host="127.0.0.1", port=port, web_workers=workers, concurrency=1)[0]
    server = subprocess.Popen(program.command, env={**os.environ, **program.environment})
    try:
        _wait_for(port)
        assert len(psutil.Process(server.pid).children()) == workers
        yield Web(port, server.pid)
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while not web_answers("127.0.0.1", port):
        assert time.monotonic() < until, "the web server does not answer"
        time.sleep(0.2)
