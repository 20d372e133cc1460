"""Our own web processes, started for a measure and ended after it."""

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

from benchmarks.memory import megabytes
from marketplace.running import market_programs, web_answers

START_SECONDS = 300


@dataclass(frozen=True)
class Web:
    port: int
    pid: int

    def worker_megabytes(self) -> float:
        """The largest worker's own memory: what it shares with others counts by its part."""
        workers = psutil.Process(self.pid).children(recursive=True)
        return max(megabytes(worker.pid) for worker in workers)


@contextmanager
def web(workers: int) -> Iterator[Web]:
    call_command("collectstatic", interactive=False, verbosity=0)
    connections.close_all()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = market_programs(host="127.0.0.1", port=port, concurrency=1)[0]
    server = subprocess.Popen(program.command, env={**os.environ, **program.environment, "WEB_WORKERS": str(workers)})
    try:
        _wait_for(port)
        yield Web(port, server.pid)
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while not web_answers("127.0.0.1", port):
        assert time.monotonic() < until, "the web server does not answer"
        time.sleep(0.2)
