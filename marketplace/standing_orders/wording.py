"""A standing order in words: its terms and its filters."""

from collections.abc import Iterator

from billing.money import dollars
from buyers.models import StandingOrder
from buyers.models.standing_order import EVERY_DAY, TIME_ZONES
from leads.criteria.clauses import CriteriaError
from marketplace.standing_orders.forms import DAYS, clock

CAPPED = {
    "hourly_cap": "per hour",
    "daily_cap": "per 24 hours",
    "weekly_cap": "per 7 days",
    "total_cap": "in total",
}


def chips_of(order: StandingOrder) -> list[str]:
    """Return its filters as short phrases; none if the filters are no longer available."""
    try:
        return [words for _, words in order.wanted.sentences()]
    except CriteriaError:
        return []


def terms_in_words(order: StandingOrder) -> Iterator[tuple[str, str]]:
    """Yield (label, value) for each term of a standing order that buys."""
    yield "Max price per lead", dollars(order.max_price_cents or 0)
    yield "Buys first", order.get_sort_display()
    yield "Sold as", "Exclusive" if order.exclusive else "Shared, as each consent allows"
    caps = [f"{getattr(order, name):,} {words}" for name, words in CAPPED.items() if getattr(order, name) is not None]
    yield "Caps", ", ".join(caps) or "None"
    yield "Budget", "None" if order.budget_cents is None else f"{dollars(order.budget_cents)} in total"
    yield "Hours", _hours(order)


def _hours(order: StandingOrder) -> str:
    names = dict(DAYS)
    days = "" if sorted(order.weekdays) == EVERY_DAY else ", ".join(names[day] for day in sorted(order.weekdays))
    if order.from_hour is None or order.to_hour is None:
        return f"{days}, all day, {TIME_ZONES[order.time_zone]} time" if days else "24/7"
    span = f"{clock(order.from_hour)} to {clock(order.to_hour)}, {TIME_ZONES[order.time_zone]} time"
    return f"{days}, {span}" if days else f"Every day, {span}"
