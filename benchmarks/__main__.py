"""Run every measure on a cluster of its own: ``python -m benchmarks --leads 100000``."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from benchmarks.figures import Figure

ROWS = ("buying", "contention", "exporting", "sweeping", "importing", "browsing", "ledger", "statement")


def main() -> int:
    asked = _asked()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as state:
        _start(Path(state))
        try:
            return _measure(asked.leads, set(asked.rows))
        finally:
            _end()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000, help="leads on the shelf (from 1,000)")
    parser.add_argument("rows", nargs="*", help=f"only these of: {', '.join(ROWS)}", default=ROWS)
    asked = parser.parse_args()
    if asked.leads < 1000 or set(asked.rows) - set(ROWS):
        parser.error(f"wants at least 1,000 leads, and rows among {', '.join(ROWS)}")
    return asked


def _start(state: Path) -> None:
    """Settings for a market of our own, durable like a real one, whatever the environment configures."""
    state.chmod(0o711)  # the server's own user passes through
    os.environ.pop("DATABASE_URL", None)
    os.environ |= {"MODE": "demo", "VAR_DIR": str(state), "LOG_LEVEL": "ERROR"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "marketplace.settings"
    django.setup()


def _end() -> None:
    from django.conf import settings

    if settings.EMBEDDED_CLUSTER:
        settings.EMBEDDED_CLUSTER.destroy()


def _measure(leads: int, rows: set[str]) -> int:
    started = time.monotonic()
    held = True
    for figure in _figures(leads, rows):
        print(figure.as_json(), flush=True)
        held &= figure.holds is not False
    print(f"load {os.getloadavg()[0]:.1f}, {time.monotonic() - started:.0f} s in all", file=sys.stderr)
    return 0 if held else 1


def _figures(leads: int, rows: set[str]) -> Iterator["Figure"]:
    """The sweep is measured first with a tenth of the stock; files and orders come before what they would swell."""
    from django.core.management import call_command

    from benchmarks import browsing, buying, contention, exporting, importing, ledger, statement, sweeping
    from benchmarks.figures import settle, telling
    from benchmarks.stock import fill, open_market

    with telling("migrating"):
        call_command("migrate", interactive=False, verbosity=0)
        market = open_market()
    mortgage = market.vertical("mortgage")
    with telling(f"filling {leads // 10:,} leads"):
        fill(market, mortgage, leads // 10)
        settle()
    sweep = sweeping.Sweeping(market, leads)
    if "sweeping" in rows:
        with telling("sweeping the small stock"):
            small = sweep.once()
    with telling(f"filling {leads - leads // 10:,} more"):
        fill(market, mortgage, leads - leads // 10)
        settle()
    if "sweeping" in rows:
        with telling("sweeping the full stock"):
            yield from sweeping.figures(sweep, small, sweep.once())
    measures: tuple[tuple[str, Callable[..., Iterator[Figure]]], ...] = (
        ("browsing", browsing.measure),
        ("buying", buying.measure),
        ("contention", contention.measure),
        ("ledger", ledger.measure),
        ("exporting", exporting.measure),
        ("importing", importing.measure),
        ("statement", statement.measure),
    )
    for name, measure in measures:
        if name in rows:
            with telling(name):
                yield from measure(market, leads)


if __name__ == "__main__":
    sys.exit(main())
