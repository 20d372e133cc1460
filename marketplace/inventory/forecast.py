"""The outlook for a max price: how many matching leads cost no more, and when the next one drops to it."""

from dataclasses import dataclass
from datetime import datetime

from leads.criteria.clauses import Between
from marketplace.inventory.live import result_of
from marketplace.inventory.picking import oldest_of
from marketplace.inventory.query import StockQuery
from marketplace.inventory.result import StockResult
from marketplace.inventory.stock_prices import DAY, FOREVER, instant_of, microseconds


@dataclass(frozen=True)
class Outlook:
    """``matching`` leads match; ``within`` of them are at or under the max price now. ``reaches_at`` is when the next
    one drops to it by getting older; None if none ever does on this curve."""

    matching: int
    within: int
    cheapest_cents: int | None
    reaches_at: datetime | None


def outlook(query: StockQuery, max_price_cents: int) -> Outlook:
    """Return the outlook. Raises NotReady while the inventory is being built."""
    with result_of(query) as result:
        return Outlook(
            matching=len(result.matching),
            within=result.matching.intersection_cardinality(result.prices.between(None, max_price_cents)),
            cheapest_cents=result.prices.ends_of(result.matching)[0],
            reaches_at=_reaches_at(result, max_price_cents),
        )


def _reaches_at(result: StockResult, max_price_cents: int) -> datetime | None:
    """Return when, over all grades, the oldest lead that is still too young reaches the age with that price."""
    coming = (_comes_at(result, grade, days) for grade, days in _days_until(result, max_price_cents).items())
    return min((at for at in coming if at is not None), default=None)


def _days_until(result: StockResult, max_price_cents: int) -> dict[str, int]:
    """Return, by grade, the age in days from which a lead is within the max price and old enough to match."""
    asked = result.query.criteria.of("age_days")
    youngest, oldest = (asked.low, asked.high) if isinstance(asked, Between) else (None, None)
    starts = [from_day for from_day, _ in result.query.curve.tiers]
    reached: dict[str, int] = {}
    for cell in result.prices.cells:
        if cell.cents <= max_price_cents:
            from_day = starts[cell.tier] if cell.tier else 0
            reached[cell.grade] = min(from_day, reached.get(cell.grade, from_day))
    days = {grade: max(from_day, int(youngest or 0)) for grade, from_day in reached.items()}
    return {grade: day for grade, day in days.items() if oldest is None or day <= int(oldest)}


def _comes_at(result: StockResult, grade: str, days: int) -> datetime | None:
    too_young = result.stock.asked_between(microseconds(result.query.now) - days * DAY + 1, FOREVER)
    waiting = result.without("age_days", "price") & too_young & result.stock.choices["grade"].any_of([grade])
    next_one = oldest_of(result.stock, waiting)
    return None if next_one is None else instant_of(next_one + days * DAY)
