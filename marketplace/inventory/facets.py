"""Facets: how many leads would match with each further choice. Each facet is counted without its own filter."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyroaring import BitMap

from leads.criteria.filter_fields import FilterField
from marketplace.inventory.live import result_of
from marketplace.inventory.query import StockQuery
from marketplace.inventory.result import StockResult

UNCOUNTED = {"postal_code", "zip_prefix", "near", "legs_left", "price", "age_days"}
OLDEST_DAYS = 36_500


@dataclass
class Histogram:
    """Counts in equal steps from ``low`` to ``high``; the last bar also holds everything beyond."""

    low: float
    high: float
    bars: list[int]


@dataclass(frozen=True)
class AgeBand:
    """Stock in one tier of the price curve. ``offered`` ignores the age filter; ``matching`` and ``proven`` do not."""

    from_day: int
    to_day: int | None
    price_cents: int
    offered: int
    matching: int
    proven: int


@dataclass
class Counts:
    """Everything the filter rail and the plot show."""

    matching: int
    offered: int
    lowest_cents: int | None
    highest_cents: int | None
    median_age_days: int | None
    proven: int
    never_sold: int
    choices: dict[str, dict[str, int]] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    bands: list[AgeBand] = field(default_factory=list)


def count(query: StockQuery) -> Counts:
    """Return all counts for a query. Raises NotReady while the inventory is being built."""
    with result_of(query) as result:
        return counts_of(result)


def counts_of(result: StockResult) -> Counts:
    matching = result.matching
    lowest, highest = result.prices.ends_of(matching)
    return Counts(
        matching=len(matching),
        offered=len(result.shelf),
        lowest_cents=lowest,
        highest_cents=highest,
        median_age_days=_median_age(result, matching),
        proven=matching.intersection_cardinality(result.proofs["retained"]),
        never_sold=matching.intersection_cardinality(result.stock.choices["times_sold"].any_of(["0"])),
        choices=dict(_choices(result)),
        histograms=dict(_histograms(result)),
        bands=list(_bands(result)),
    )


def _choices(result: StockResult) -> Iterator[tuple[str, dict[str, int]]]:
    for name, filter_field in result.query.criteria.filter_fields.items():
        if name in UNCOUNTED or not _is_choosing(filter_field):
            continue
        sets = result.proofs if name == "proof" else result.stock.choices[name].sets
        counted_of = result.counter(name)
        counted = {value: counted_of(positions) for value, positions in sets.items()}
        if found := {value: quantity for value, quantity in counted.items() if quantity}:
            yield name, found


def _is_choosing(filter_field: FilterField) -> bool:
    return bool(filter_field.choices) or filter_field.kind == "is" or filter_field.name == "times_sold"


def _histograms(result: StockResult) -> Iterator[tuple[str, Histogram]]:
    for name in result.query.criteria.filter_fields:
        if result.is_number(name) and len(result.stock.numbers[name].bins) > 1:
            numbers = result.stock.numbers[name]
            bars = list(map(result.counter(name), numbers.bins))
            yield name, Histogram(float(numbers.edges[0]), float(numbers.edges[-1]), bars)


def _bands(result: StockResult) -> Iterator[AgeBand]:
    """Yield stock per tier of the curve, youngest first."""
    offered, matching = result.without("age_days"), result.matching
    proven = matching & result.proofs["retained"]
    tiers = result.query.curve.tiers
    ends = [from_day - 1 for from_day, _ in tiers[1:]] + [None]
    for (from_day, cents), end, positions in zip(tiers, ends, result.prices.tiers, strict=True):
        counted = (among.intersection_cardinality(positions) for among in (offered, matching, proven))
        yield AgeBand(from_day, end, cents, *counted)


def _median_age(result: StockResult, matching: BitMap) -> int | None:
    """Return the median age in days: find its tier by counting, then its day by bisection."""
    if not matching:
        return None
    half = (len(matching) + 1) // 2
    starts = [from_day for from_day, _ in result.query.curve.tiers]
    counted, tier = 0, -1
    while counted < half:
        tier += 1
        counted += matching.intersection_cardinality(result.prices.tiers[tier])
    low = starts[tier] if tier else 0
    high = starts[tier + 1] - 1 if tier + 1 < len(starts) else OLDEST_DAYS
    while low < high:
        middle = (low + high) // 2
        if matching.intersection_cardinality(result.aged(None, middle)) >= half:
            high = middle
        else:
            low = middle + 1
    return low
