"""Run all benchmarks on their own cluster: ``python -m benchmarks --leads 100000``."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import django
import psutil

if TYPE_CHECKING:
    from benchmarks.figures import Figure
    from benchmarks.stock import Market

# In run order: benchmarks that only read come before those that change the stock.
ROWS = (
    "sweeping",
    "snapshot",
    "browsing",
    "serving",
    "growing",
    "standing",
    "buying",
    "contention",
    "ledger",
    "exporting",
    "importing",
    "statement",
)
MOST_LEADS = 10_000_000
MARK = "leads"  # file in a kept directory: how many leads its stock has


def main() -> int:
    asked = _asked()
    if asked.keep:
        return _run(asked, asked.keep.absolute())
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as state:
        return _run(asked, Path(state))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000, help=f"leads in stock, 1,000 to {MOST_LEADS:,}")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="keep the stock there, or reuse the stock there")
    parser.add_argument("--dry", action="store_true", help="do not change docs/benchmarks")
    parser.add_argument("rows", nargs="*", help=f"run only these, among: {', '.join(ROWS)}", default=ROWS)
    asked = parser.parse_args()
    if not 1000 <= asked.leads <= MOST_LEADS or set(asked.rows) - set(ROWS):
        parser.error(f"enter 1,000 to {MOST_LEADS:,} leads, and rows among {', '.join(ROWS)}")
    if asked.keep and asked.keep.exists() and _kept(asked.keep) != asked.leads:
        parser.error(f"{asked.keep} has no stock of {asked.leads:,} leads")
    return asked


def _kept(state: Path) -> int | None:
    """Return how many leads the stock in this directory has; None if none was finished."""
    mark = state / MARK
    return int(mark.read_text()) if mark.exists() else None


def _run(asked: argparse.Namespace, state: Path) -> int:
    _start(state)
    try:
        return _measure(asked, state)
    finally:
        _end(keep=_kept(state) is not None and asked.keep is not None)


def _start(state: Path) -> None:
    """Set up our own market, durable like a real one, whatever the environment configures."""
    state.mkdir(exist_ok=True)
    state.chmod(0o711)  # lets the server's own user pass through
    os.environ.pop("DATABASE_URL", None)
    os.environ |= {"MODE": "demo", "VAR_DIR": str(state), "LOG_LEVEL": "ERROR"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "marketplace.settings"
    django.setup()
    _start_database()
    _live_long()


def _start_database() -> None:
    """Give PostgreSQL a quarter of the memory for its pages, as its manual advises for a server."""
    from django.conf import settings

    settings.EMBEDDED_CLUSTER.options = (f"shared_buffers={psutil.virtual_memory().total // 4 // 2**20}MB",)
    settings.EMBEDDED_CLUSTER.ensure_running()


def _live_long() -> None:
    """Do what the market's web processes and workers do."""
    from marketplace.ops.gc import keep_what_is_loaded

    keep_what_is_loaded()


def _end(*, keep: bool) -> None:
    from django.conf import settings
    from django.db import connections

    connections.close_all()
    if settings.EMBEDDED_CLUSTER:
        settings.EMBEDDED_CLUSTER.stop() if keep else settings.EMBEDDED_CLUSTER.destroy()


def _measure(asked: argparse.Namespace, state: Path) -> int:
    from benchmarks import results
    from benchmarks.machine import machine

    started, lines = time.monotonic(), []
    for figure in _figures(asked.leads, set(asked.rows), state):
        line = results.line_of(figure, asked.leads, machine(), f"{datetime.now(UTC):%Y-%m-%d}")
        print(results.as_json(line), flush=True)
        lines.append(line)
    if not asked.dry:
        results.keep(lines, asked.leads)
    print(f"load {os.getloadavg()[0]:.1f}, {time.monotonic() - started:.0f} s in total", file=sys.stderr)
    return 0 if all(line["holds"] is not False for line in lines) else 1


def _figures(leads: int, rows: set[str], state: Path) -> Iterator["Figure"]:
    from django.core.management import call_command

    from benchmarks.bulk import read_in
    from benchmarks.figures import settle, telling
    from benchmarks.stock import open_market
    from benchmarks.sweeping import Sweeping, figures
    from marketplace.inventory.builder import build_due

    with telling("migrating"):
        call_command("migrate", interactive=False, verbosity=0)
        market = open_market()
    sweep, small = Sweeping(market, leads), None
    if _kept(state) is None:
        _fill(market, leads // 10)
        if "sweeping" in rows:
            with telling("sweeping the small stock"):
                small = sweep.once()
        _fill(market, leads - leads // 10)
        (state / MARK).write_text(str(leads))
    with telling("settling"):
        settle()
        read_in()
    if "sweeping" in rows:
        with telling("sweeping the full stock"):
            yield from figures(sweep, small, sweep.once())
    if "snapshot" not in rows:
        with telling("building the snapshot"):
            build_due()
    for name, measure in _measures().items():
        if name in rows:
            with telling(name):
                yield from measure(market, leads)


def _fill(market: "Market", leads: int) -> None:
    from benchmarks.bulk import fill_shelf
    from benchmarks.figures import telling

    with telling(f"filling {leads:,} leads"):
        fill_shelf(market, leads)


def _measures() -> dict[str, Callable[["Market", int], Iterator["Figure"]]]:
    from benchmarks import (
        browsing,
        buying,
        contention,
        exporting,
        growing,
        importing,
        ledger,
        serving,
        snapshots,
        standing,
        statement,
    )

    return {
        "snapshot": snapshots.measure,
        "browsing": browsing.measure,
        "serving": serving.measure,
        "growing": growing.measure,
        "standing": standing.measure,
        "buying": buying.measure,
        "contention": contention.measure,
        "ledger": ledger.measure,
        "exporting": exporting.measure,
        "importing": importing.measure,
        "statement": statement.measure,
    }


if __name__ == "__main__":
    sys.exit(main())
