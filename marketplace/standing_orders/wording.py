"""A standing order in words: its terms, what it asks of a lead, what it would do."""

from collections.abc import Iterator

from billing.money import dollars
from buyers.models import StandingOrder
from buyers.models.standing_order import EVERY_DAY, TIME_ZONES
from leads.criteria.clauses import CriteriaError
from marketplace.standing_orders.forms import DAYS, clock

CAPPED = {
    "hourly_cap": "in any hour",
    "daily_cap": "in any 24 hours",
    "weekly_cap": "in any 7 days",
    "total_cap": "in all",
}


def chips_of(order: StandingOrder) -> list[str]:
    """What it asks of each lead; nothing where that can be asked no more."""
    try:
        return [words for _, words in order.wanted.sentences()]
    except CriteriaError:
        return []


def terms_in_words(order: StandingOrder) -> Iterator[tuple[str, str]]:
    """(what, how) of the terms of one that buys."""
    yield "At most for one lead", dollars(order.max_price_cents or 0)
    yield "Which first", order.get_sort_display()
    yield "For whom", "You alone" if order.exclusive else "Shared, as each consent allows"
    caps = [f"{getattr(order, name):,} {words}" for name, words in CAPPED.items() if getattr(order, name) is not None]
    yield "Caps", ", ".join(caps) or "None"
    yield "Budget", "None" if order.budget_cents is None else f"{dollars(order.budget_cents)} in all"
    yield "Hours", _hours(order)


def _hours(order: StandingOrder) -> str:
    names = dict(DAYS)
    days = "" if sorted(order.weekdays) == EVERY_DAY else ", ".join(names[day] for day in sorted(order.weekdays))
    if order.from_hour is None or order.to_hour is None:
        return f"{days}, {TIME_ZONES[order.time_zone]} time" if days else "Around the clock"
    span = f"{clock(order.from_hour)} to {clock(order.to_hour)}, {TIME_ZONES[order.time_zone]} time"
    return f"{days}, {span}" if days else f"Every day, {span}"
