"""The plot of stock by age with the price falling over it, as numbers: x in percent, y in pixels."""

from dataclasses import dataclass

from marketplace.inventory.facets import AgeBand
from marketplace.inventory.small_counts import masked, masked_text
from marketplace.prices.pricing import Curve

INDEX_AGES = (30, 90, 180, 365)
INDEX_TOP, INDEX_BASE = 4.0, 30.0
TOP, BASE, HIGHEST_BAR = 12.0, 150.0, 24.0


@dataclass(frozen=True)
class Bar:
    """One age band: the positions of its bars and its part of the price line, and its labels."""

    band: AgeBand
    left: float
    width: float
    offered_top: float
    matching_top: float
    proven_top: float
    price_y: float
    next_price_y: float | None

    @property
    def right(self) -> float:
        return round(self.left + self.width, 2)

    @property
    def middle(self) -> float:
        return round(self.left + self.width / 2, 2)

    @property
    def inner_left(self) -> float:
        return round(self.left + 0.06 * self.width, 2)

    @property
    def inner_width(self) -> float:
        return round(0.88 * self.width, 2)

    @property
    def heights(self) -> tuple[float, float, float]:
        offered, matching, proven = self.offered_top, self.matching_top, self.proven_top
        return round(BASE - offered, 1), round(BASE - matching, 1), round(BASE - proven, 1)

    @property
    def count_text(self) -> str:
        return masked_text(self.band.matching)

    @property
    def range_text(self) -> str:
        last = self.band.to_day
        return f"{self.band.from_day} to {last}" if last is not None else f"{self.band.from_day} or more"


@dataclass(frozen=True)
class Plot:
    bars: list[Bar]
    max_price_y: float | None = None
    max_price_cents: int | None = None

    @property
    def is_empty(self) -> bool:
        return not any(bar.band.offered for bar in self.bars)


def plot_of(bands: list[AgeBand], max_price_cents: int | None = None) -> Plot:
    """Return the plot of these bands. Groups too small to count (promise P19) get no bar."""
    if not bands:
        return Plot([])
    tallest = max([band.offered for band in bands] + [1])
    dearest = max(band.price_cents for band in bands)
    width = 100 / len(bands)

    def top(quantity: int) -> float:
        shown = 0 if isinstance(masked(quantity), str) else quantity
        return round(BASE - (BASE - HIGHEST_BAR) * shown / tallest, 1)

    def price_y(cents: int) -> float:
        return round(BASE - (BASE - TOP) * cents / dearest, 1)

    bars = [
        Bar(
            band=band,
            left=round(number * width, 2),
            width=round(width, 2),
            offered_top=top(band.offered),
            matching_top=top(band.matching),
            proven_top=top(band.proven),
            price_y=price_y(band.price_cents),
            next_price_y=price_y(bands[number + 1].price_cents) if number + 1 < len(bands) else None,
        )
        for number, band in enumerate(bands)
    ]
    in_sight = max_price_cents if max_price_cents and max_price_cents <= dearest else None
    return Plot(bars, price_y(in_sight) if in_sight else None, in_sight)


@dataclass(frozen=True)
class Step:
    """One step of the small price chart in the price index."""

    left: float
    right: float
    y: float
    next_y: float | None


@dataclass(frozen=True)
class IndexPrices:
    """One line of the price index, for a grade B lead, in cents."""

    newest: int
    oldest: int
    at: list[int]
    steps: list[Step]


def index_prices(curve: Curve) -> IndexPrices:
    prices = [curve.price_cents(age_days=day, grade="B") for day, _ in curve.tiers]
    width = 100 / len(prices)
    heights = [round(INDEX_BASE - (INDEX_BASE - INDEX_TOP) * cents / max(prices), 1) for cents in prices]
    following: list[float | None] = [*heights[1:], None]
    steps = [
        Step(number * width, (number + 1) * width, y, next_y)
        for number, (y, next_y) in enumerate(zip(heights, following, strict=True))
    ]
    return IndexPrices(prices[0], prices[-1], [curve.price_cents(age_days=day, grade="B") for day in INDEX_AGES], steps)
