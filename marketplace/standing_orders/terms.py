"""The terms of a standing order, as forms and programs send them; checked before anything is written."""

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
    "hourly_cap": "hourly cap",
    "daily_cap": "daily cap",
    "weekly_cap": "weekly cap",
    "total_cap": "total cap",
}


class TermsRefused(ValueError):
    """The terms are invalid. ``field`` names the field; the message tells the person what to enter."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class StandingOrderTerms:
    """Everything about a standing order that its company may change, except the filters."""

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
        """Return the terms as model field names and values."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**said, "weekdays": list(self.weekdays)}


def terms_of(order: StandingOrder) -> StandingOrderTerms:
    """Return the order's current terms."""
    said = {one.name: getattr(order, one.name) for one in fields(StandingOrderTerms)}
    return StandingOrderTerms(**{**said, "weekdays": tuple(order.weekdays)})


def check_terms(terms: StandingOrderTerms, kind: str) -> None:
    """Raise TermsRefused for the first invalid term."""
    for field, sentence in _faults(terms, kind):
        raise TermsRefused(field, sentence)


def _faults(terms: StandingOrderTerms, kind: str) -> Iterator[tuple[str, str]]:
    if not terms.name.strip() or not terms.name.isprintable() or len(terms.name) > LONGEST_NAME:
        yield "name", f"Enter a name of up to {LONGEST_NAME} characters, on one line."
    if kind == StandingOrder.Kind.ALERT:
        yield from _faults_of_search(terms)
    else:
        yield from _faults_of_buying(terms)
    yield from _faults_of_hours(terms)
    if terms.sort not in StandingOrder.Sort.values:
        yield "sort", "Sort by newest, oldest or cheapest."


def _faults_of_search(terms: StandingOrderTerms) -> Iterator[tuple[str, str]]:
    for field in ("max_price_cents", *CAPS, "budget_cents"):
        if getattr(terms, field) is not None:
            yield field, "Leave this out. A saved search only sends alerts, so it has no max price, caps or budget."


def _faults_of_buying(terms: StandingOrderTerms) -> Iterator[tuple[str, str]]:
    if terms.max_price_cents is None or not 1 <= terms.max_price_cents <= HIGHEST_PRICE_CENTS:
        yield "max_price_cents", f"Enter a max price per lead from $0.01 to ${HIGHEST_PRICE_CENTS // 100:,}."
    for field, label in LABELS.items():
        cap = getattr(terms, field)
        if cap is not None and not 1 <= cap <= MOST_LEADS:
            yield field, f"Enter the {label} as a whole number from 1 to {MOST_LEADS:,}."
    if terms.budget_cents is not None and not 1 <= terms.budget_cents <= LARGEST_BUDGET_CENTS:
        yield "budget_cents", f"Enter a budget from $0.01 to ${LARGEST_BUDGET_CENTS // 100:,}."


def _faults_of_hours(terms: StandingOrderTerms) -> Iterator[tuple[str, str]]:
    if (terms.from_hour is None) != (terms.to_hour is None):
        yield "to_hour", "Enter both hours, or neither to buy all day."
    elif terms.from_hour is not None and terms.to_hour is not None and not 0 <= terms.from_hour < terms.to_hour <= 24:
        yield "to_hour", "Choose a stop hour later than the start hour, on the same day."
    if not terms.weekdays or set(terms.weekdays) - set(EVERY_DAY):
        yield "weekdays", "Choose at least one day."
    if terms.time_zone not in TIME_ZONES:
        yield "time_zone", "Choose a time zone from the list."
