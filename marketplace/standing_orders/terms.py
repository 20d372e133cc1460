"""The terms of a standing order: what forms and programs say, checked before anything is written."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from buyers.models import StandingOrder
from buyers.models.standing_order import CAPS, EVERY_DAY, TIME_ZONES

HIGHEST_PRICE_CENTS = 10_000_00
MOST_LEADS = 1_000_000
LARGEST_BUDGET_CENTS = 100_000_000_00
LONGEST_NAME = 80
LABELS = {
    "hourly_cap": "The cap an hour",
    "daily_cap": "The cap a day",
    "weekly_cap": "The cap a week",
    "total_cap": "The cap in all",
}


class TermsRefused(ValueError):
    """The terms make no sense. ``field`` names where, the message is a sentence for the person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class StandingOrderTerms:
    """Everything about a standing order that its company may change, but what it wants of a lead."""

    name: str
    max_price_cents: int | None = None
    hourly_cap: int | None = None
    daily_cap: int | None = None
    weekly_cap: int | None = None
    total_cap: int | None = None
    budget_cents: int | None = None
    from_hour: int | None = None
    to_hour: int | None = None
    weekdays: tuple[int, ...] = tuple(EVERY_DAY)
    time_zone: str = "America/New_York"
    exclusive: bool = False
    sort: str = StandingOrder.Sort.NEWEST

    def as_fields(self) -> dict[str, Any]:
        """Field of the model to value."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**said, "weekdays": list(self.weekdays)}


def terms_of(order: StandingOrder) -> StandingOrderTerms:
    """The terms that hold for the order now."""
    said = {one.name: getattr(order, one.name) for one in fields(StandingOrderTerms)}
    return StandingOrderTerms(**{**said, "weekdays": tuple(order.weekdays)})


def check_terms(terms: StandingOrderTerms, kind: str) -> None:
    """Raises TermsRefused for the first thing that cannot be."""
    for field, sentence in _faults(terms, kind):
        raise TermsRefused(field, sentence)


def _faults(terms: StandingOrderTerms, kind: str) -> Iterator[tuple[str, str]]:
    if not terms.name.strip() or not terms.name.isprintable() or len(terms.name) > LONGEST_NAME:
        yield "name", f"Wants a name of at most {LONGEST_NAME} characters, on one line."
    if kind == StandingOrder.Kind.TELL:
        yield from _faults_of_search(terms)
    else:
        yield from _faults_of_buying(terms)
    yield from _faults_of_hours(terms)
    if terms.sort not in StandingOrder.Sort.values:
        yield "sort", "Sort by newest, oldest or cheapest."


def _faults_of_search(terms: StandingOrderTerms) -> Iterator[tuple[str, str]]:
    for field in ("max_price_cents", *CAPS, "budget_cents"):
        if getattr(terms, field) is not None:
            yield field, "A saved search only tells; it has no limit, caps or budget."


def _faults_of_buying(terms: StandingOrderTerms) -> Iterator[tuple[str, str]]:
    if terms.max_price_cents is None or not 1 <= terms.max_price_cents <= HIGHEST_PRICE_CENTS:
        yield "max_price_cents", f"The limit is from $0.01 to ${HIGHEST_PRICE_CENTS // 100:,} for one lead."
    for field, label in LABELS.items():
        cap = getattr(terms, field)
        if cap is not None and not 1 <= cap <= MOST_LEADS:
            yield field, f"{label} is a whole number from 1 to {MOST_LEADS:,}."
    if terms.budget_cents is not None and not 1 <= terms.budget_cents <= LARGEST_BUDGET_CENTS:
        yield "budget_cents", f"The budget is from $0.01 to ${LARGEST_BUDGET_CENTS // 100:,}."


def _faults_of_hours(terms: StandingOrderTerms) -> Iterator[tuple[str, str]]:
    if (terms.from_hour is None) != (terms.to_hour is None):
        yield "to_hour", "Say both hours, or none for the whole day."
    elif terms.from_hour is not None and terms.to_hour is not None and not 0 <= terms.from_hour < terms.to_hour <= 24:
        yield "to_hour", "It buys from a full hour to a later one of the same day."
    if not terms.weekdays or set(terms.weekdays) - set(EVERY_DAY):
        yield "weekdays", "Choose at least one day."
    if terms.time_zone not in TIME_ZONES:
        yield "time_zone", "Choose one of the time zones there are."
