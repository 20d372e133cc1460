"""The browse page over HTTP, requested by visitors of every vertical: two web processes, four connections."""

import random
import statistics
from collections.abc import Iterator
from urllib.parse import urlencode

from benchmarks.clients import visit
from benchmarks.figures import Figure, Goal
from benchmarks.stock import TRADES, Market
from benchmarks.web import web
from leads.models import Vertical

WORKERS, CONNECTIONS = 2, 4
WARMING, VISITS = 1000, 4000
PATIENCE = 90  # seconds
STATES = ("CA", "TX", "FL", "NY", "PA", "IL", "OH", "GA", "NC", "MI")


def measure(market: Market, leads: int) -> Iterator[Figure]:
    paths = visited(market, leads)
    with web(WORKERS) as served:
        visit(served.port, paths, connections=CONNECTIONS, visits=WARMING, patience=PATIENCE)
        visits = visit(served.port, paths, connections=CONNECTIONS, visits=VISITS, patience=PATIENCE)
    cuts = statistics.quantiles(visits.milliseconds, n=100, method="inclusive")
    name = f"the browse page over HTTP, {CONNECTIONS} connections"
    yield Figure(f"{name}, p50", cuts[49], "ms", goal=Goal("value", at_most=40))
    yield Figure(f"{name}, p99", cuts[98], "ms", goal=Goal("value", at_most=150))
    yield Figure(f"{name}, on {WORKERS} web processes", visits.a_second, "pages/s", goal=Goal("value", at_least=80))


def visited(market: Market, leads: int) -> Iterator[str]:
    """Yield addresses without end: verticals by their share, with a few filters each."""
    verticals = [vertical for vertical in market.trades if vertical.open_for_resale]
    shares = [TRADES[vertical.slug] for vertical in verticals]
    return _paths(verticals, shares, random.Random(leads))


def _paths(verticals: list[Vertical], shares: list[float], dice: random.Random) -> Iterator[str]:
    while True:
        (vertical,) = dice.choices(verticals, shares)
        yield _path(vertical, dice)


def _path(vertical: Vertical, dice: random.Random) -> str:
    asked: list[tuple[str, object]] = [("state", state) for state in dice.sample(STATES, dice.randint(0, 3))]
    if dice.random() < 0.5:
        asked += [("age_min", dice.choice((0, 15, 30))), ("age_max", dice.choice((90, 180, 365)))]
    if dice.random() < 0.3:
        asked.append(("phone_type", "mobile"))
    if dice.random() < 0.3:
        asked.append(("sort", dice.choice(("newest", "oldest", "cheapest"))))
    return f"/{vertical.slug}/?{urlencode(asked)}"
