"""Run many at once, one process each, so that none waits for another's interpreter."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, connections

PATIENCE = 600
# The act by number; returns whether it succeeded.
Act = Callable[[int], bool]


def per_second(acts: Sequence[Act], times: int) -> float:
    """Return how many acts succeed per second if each process repeats its act, all starting at the same time."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(len(acts) + 1, timeout=PATIENCE)
    done = context.Value("i", 0)
    processes = [context.Process(target=_race, args=(act, times, gate, done)) for act in acts]
    for process in processes:
        process.start()
    gate.wait()
    started = time.perf_counter()
    gate.wait()
    taken = time.perf_counter() - started
    for process in processes:
        process.join(PATIENCE)
    return float(done.value) / taken


def _race(act: Act, times: int, gate: Any, done: Any) -> None:
    try:
        connection.ensure_connection()
        gate.wait()
        number = sum(act(number) for number in range(times))
        with done.get_lock():
            done.value += number
        gate.wait()
    except BaseException:
        gate.abort()
        raise
    finally:
        connections.close_all()
