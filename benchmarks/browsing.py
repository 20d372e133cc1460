"""Count, all facets and the first page, in process: against PostgreSQL and DuckDB on the same rows, and alone."""

import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone

from benchmarks.figures import Figure, Goal, seconds, settle
from benchmarks.peers import Peers
from benchmarks.stock import TRADES, Market
from leads.criteria.criteria import read_criteria
from leads.models import Vertical
from leads.schema.fields import Field, FieldType
from marketplace.inventory.facets import Counts, count
from marketplace.inventory.live import one_reading
from marketplace.inventory.pages import page
from marketplace.inventory.query import Sort, StockQuery
from marketplace.prices.catalogue import read_catalogue

ROUNDS = 3
ASKED_IN_A_ROW = 3  # so that none pays for what the one before pushed out of the caches
WARMING, LOOKS = 1600, 400
PATIENCE = 120  # seconds for each
MOST_FILTERS = 4
# The goal is set for ten million leads: with few leads all three answer instantly.
MOST_LEADS = 10_000_000
TIMES_QUICKER = {"PostgreSQL": 200, "DuckDB": 20}
LARGEST = "mortgage"
STATES = ("CA", "TX", "FL", "NY", "PA", "IL", "OH", "GA", "NC", "MI")
Clauses = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Same:
    """One query in our language and in SQL: the condition on each facet."""

    name: str
    clauses: Clauses
    wanted: dict[str, str]


def measure(market: Market, leads: int) -> Iterator[Figure]:
    vertical = market.vertical(LARGEST)
    now = timezone.now().replace(microsecond=0)
    peers = Peers(vertical, now)
    settle()
    for question in _questions(peers):
        yield from _beside_peers(vertical, question, peers, now, leads)
    yield from _by_itself(market, leads)


def _questions(peers: Peers) -> tuple[Same, ...]:
    state: dict[str, Any] = {"field": "state", "in": ["CA", "TX"]}
    age: dict[str, Any] = {"field": "age_days", "min": 30, "max": 400}
    credit: dict[str, Any] = {"field": "credit", "in": ["excellent", "good"]}
    value: dict[str, Any] = {"field": "property_value", "min": 200_000}
    in_sql = {"state": "state IN ('CA', 'TX')", "age_days": peers.asked_between(30, 400)}
    more = {"credit": "credit IN ('excellent', 'good')", "property_value": "property_value >= 200000"}
    return (
        Same("no filter", [], {}),
        Same("two filters", [state, age], in_sql),
        Same("four filters", [state, age, credit, value], in_sql | more),
    )


def _beside_peers(vertical: Vertical, question: Same, peers: Peers, now: datetime, leads: int) -> Iterator[Figure]:
    assert query(vertical, question.clauses, now).matching == peers.matching(question.wanted), "not the same rows"
    taken: dict[str, list[float]] = {"ours": [], "PostgreSQL": [], "DuckDB": []}
    for _ in range(ROUNDS):
        taken["ours"] += _in_a_row(partial(query, vertical, question.clauses))
        taken["PostgreSQL"] += _in_a_row(partial(peers.ask_postgres, question.wanted))
        taken["DuckDB"] += _in_a_row(partial(peers.ask_duck, question.wanted))
    ours, *_ = (milliseconds := {name: 1000 * statistics.median(times) for name, times in taken.items()}).values()
    name = f"count, all facets and first page, {question.name}, beside"
    for peer, times in TIMES_QUICKER.items():
        goal = Goal("ratio", at_most=1 / times) if leads == MOST_LEADS else None
        yield Figure(f"{name} {peer}", ours, "ms", milliseconds[peer], goal)


def _in_a_row(ask: Callable[[], object]) -> list[float]:
    return [seconds(ask) for _ in range(ASKED_IN_A_ROW)]


def _by_itself(market: Market, leads: int) -> Iterator[Figure]:
    """Queries as a running server gets them: after others."""
    dice = random.Random(leads)
    _looks(market, dice, WARMING)
    times = _looks(market, dice, LOOKS)
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    name = "count, all facets and first page, any vertical and up to four filters"
    yield Figure(f"{name}, p50", 1000 * cuts[49], "ms", goal=Goal("value", at_most=10))
    yield Figure(f"{name}, p99", 1000 * cuts[98], "ms")


def _looks(market: Market, dice: random.Random, most: int) -> list[float]:
    """Queries of any vertical for sale, with up to four filters, on its own fields and the common ones."""
    verticals = [vertical for vertical in market.trades if vertical.open_for_resale]
    times: list[float] = []
    while len(times) < most and sum(times) < PATIENCE:
        (vertical,) = dice.choices(verticals, [TRADES[vertical.slug] for vertical in verticals])
        times.append(seconds(partial(query, vertical, random_clauses(vertical, dice))))
    return times


def query(vertical: Vertical, clauses: Clauses, now: datetime | None = None) -> Counts:
    """Run what the storefront runs for one page, starting from the criteria as text."""
    catalogue = read_catalogue(now or timezone.now())
    criteria = read_criteria({"vertical": vertical.slug, "all": list(clauses)}, catalogue.named)
    one = StockQuery(vertical, criteria, catalogue.curve_of(vertical), catalogue.now)
    with one_reading():
        counts = count(one)
        page(one, Sort.NEWEST)
    return counts


def random_clauses(vertical: Vertical, dice: random.Random) -> Clauses:
    """Return up to four filters, as people set them."""
    oldest = dice.choice((60, 90, 180, 365, 540))
    offered: list[dict[str, Any]] = [
        {"field": "state", "in": sorted(dice.sample(STATES, dice.randint(1, 3)))},
        {"field": "age_days", "min": dice.choice((0, 15, 30)), "max": oldest},
        {"field": "times_sold", "max": dice.choice((0, 1, 2))},
        {"field": "phone_type", "in": ["mobile"]},
        *(_clause(field, dice) for field in vertical.schema.filterable if field.type in _SAID),
    ]
    return dice.sample(offered, dice.randint(0, MOST_FILTERS))


def _clause(field: Field, dice: random.Random) -> dict[str, Any]:
    return {"field": field.name, **_SAID[field.type](field, dice)}


def _some_choices(field: Field, dice: random.Random) -> dict[str, Any]:
    keys = list(field.choices)
    return {"in": dice.sample(keys, min(len(keys), dice.randint(1, 2)))}


def _at_least(field: Field, dice: random.Random) -> dict[str, Any]:
    return {"min": int(field.minimum or 0) + dice.choice((1, 2, 5))}


def _more_than(field: Field, dice: random.Random) -> dict[str, Any]:
    most = field.maximum or 1_000_000
    return {"min": dice.choice([dollars for dollars in (1_000, 5_000, 20_000, 100_000) if dollars < most])}


_SAID = {FieldType.CHOICE: _some_choices, FieldType.NUMBER: _at_least, FieldType.MONEY: _more_than}
