"""The snapshot that every web process starts from: building it, and loading it in a separate process."""

import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.figures import Figure, Goal, seconds, settle
from benchmarks.stock import Market
from marketplace.inventory import builder


def measure(market: Market, leads: int) -> Iterator[Figure]:
    settle()
    built = seconds(builder.build)
    yield Figure("build the snapshot", built, "s", goal=Goal("value", at_most=90))
    child = subprocess.run([sys.executable, "-m", "benchmarks.loading"], check=True, capture_output=True, text=True)
    loaded = json.loads(child.stdout)
    yield Figure("load the snapshot", loaded["seconds"], "s", goal=Goal("value", at_most=2))
    held = "memory of its own that a process takes to have loaded it and answered of every vertical"
    yield Figure(held, loaded["own_megabytes"], "MB", goal=Goal("value", at_most=200))
    shared = "the same with the file's pages, which all processes share"
    yield Figure(shared, loaded["megabytes"], "MB")
