"""Facets: how many leads each further choice would leave, each facet counted without its own filter."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyroaring import BitMap

from leads.criteria.filter_fields import Want
from marketplace.inventory.live import sight_of
from marketplace.inventory.query import Look
from marketplace.inventory.result import Sight

UNCOUNTED = {"postal_code", "zip_prefix", "near", "legs_left", "price", "age_days"}
OLDEST_DAYS = 36_500


@dataclass
class Histogram:
    """Counts in equal steps from ``low`` to ``high``; the last bar holds all beyond."""

    low: float
    high: float
    bars: list[int]


@dataclass(frozen=True)
class AgeBand:
    """Stock of one tier of the curve. ``offered`` ignores the age filter; ``matching`` and ``proven`` do not."""

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


def count(look: Look) -> Counts:
    """All counts of one look. Raises NotReady while the inventory is being built."""
    with sight_of(look) as sight:
        return counts_of(sight)


def counts_of(sight: Sight) -> Counts:
    matching = sight.matching
    lowest, highest = sight.prices.ends_of(matching)
    return Counts(
        matching=len(matching),
        offered=len(sight.shelf),
        lowest_cents=lowest,
        highest_cents=highest,
        median_age_days=_median_age(sight, matching),
        proven=matching.intersection_cardinality(sight.proofs["retained"]),
        never_sold=matching.intersection_cardinality(sight.stock.choices["times_sold"].any_of(["0"])),
        choices=dict(_choices(sight)),
        histograms=dict(_histograms(sight)),
        bands=list(_bands(sight)),
    )


def _choices(sight: Sight) -> Iterator[tuple[str, dict[str, int]]]:
    for name, want in sight.look.criteria.wants.items():
        if name in UNCOUNTED or not _is_choosing(want):
            continue
        sets = sight.proofs if name == "evidence" else sight.stock.choices[name].sets
        counted_of = sight.counter(name)
        counted = {value: counted_of(positions) for value, positions in sets.items()}
        if found := {value: quantity for value, quantity in counted.items() if quantity}:
            yield name, found


def _is_choosing(want: Want) -> bool:
    return bool(want.choices) or want.kind == "is" or want.name == "times_sold"


def _histograms(sight: Sight) -> Iterator[tuple[str, Histogram]]:
    for name in sight.look.criteria.wants:
        if sight.is_number(name) and len(sight.stock.numbers[name].bins) > 1:
            numbers = sight.stock.numbers[name]
            bars = list(map(sight.counter(name), numbers.bins))
            yield name, Histogram(float(numbers.edges[0]), float(numbers.edges[-1]), bars)


def _bands(sight: Sight) -> Iterator[AgeBand]:
    """Stock per tier of the curve, youngest first."""
    offered, matching = sight.without("age_days"), sight.matching
    proven = matching & sight.proofs["retained"]
    tiers = sight.look.curve.tiers
    ends = [from_day - 1 for from_day, _ in tiers[1:]] + [None]
    for (from_day, cents), end, positions in zip(tiers, ends, sight.prices.tiers, strict=True):
        counted = (among.intersection_cardinality(positions) for among in (offered, matching, proven))
        yield AgeBand(from_day, end, cents, *counted)


def _median_age(sight: Sight, matching: BitMap) -> int | None:
    """The age in days that half of them have not passed: its tier by counting, its day by halving."""
    if not matching:
        return None
    half = (len(matching) + 1) // 2
    starts = [from_day for from_day, _ in sight.look.curve.tiers]
    counted, tier = 0, -1
    while counted < half:
        tier += 1
        counted += matching.intersection_cardinality(sight.prices.tiers[tier])
    low = starts[tier] if tier else 0
    high = starts[tier + 1] - 1 if tier + 1 < len(starts) else OLDEST_DAYS
    while low < high:
        middle = (low + high) // 2
        if matching.intersection_cardinality(sight.aged(None, middle)) >= half:
            high = middle
        else:
            low = middle + 1
    return low
