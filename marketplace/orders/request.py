"""What a buyer asks to buy: so many of what he filtered, or leads named one by one."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from leads.criteria.clauses import CriteriaError
from leads.criteria.criteria import Criteria, read_criteria
from leads.models import Vertical
from marketplace.inventory.query import Ranking
from marketplace.prices.catalogue import read_catalogue

MOST_LEADS = 100_000
MOST_NAMED = 500
DEAREST_CENTS = 10_000_00


class WishRefused(ValueError):
    """The wish makes no sense. ``field`` names where; the message is a sentence for the person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Selection:
    """``quantity`` of what the criteria want, best by the ranking, none dearer than ``most_cents``."""

    criteria: Criteria
    quantity: int
    ranking: Ranking = Ranking.NEWEST
    most_cents: int | None = None
    exclusive: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "vertical": self.criteria.vertical,
            "criteria": self.criteria.as_json()["all"],
            "quantity": self.quantity,
            "order": self.ranking.value,
            "max_price_cents": self.most_cents,
            "exclusive": self.exclusive,
        }


@dataclass(frozen=True)
class Named:
    """These leads, by public id."""

    leads: tuple[uuid.UUID, ...]
    exclusive: bool = False

    @property
    def quantity(self) -> int:
        return len(self.leads)

    def as_json(self) -> dict[str, Any]:
        return {"leads": [str(lead) for lead in self.leads], "exclusive": self.exclusive}


Wish = Selection | Named


def read_wish(said: Any) -> Wish:
    """A wish from its JSON form, as the API and the quote's token have it. Raises WishRefused."""
    if not isinstance(said, dict):
        raise WishRefused("quote", "A quote is asked for with an object.")
    allowed = (
        {"leads", "exclusive"}
        if "leads" in said
        else {"vertical", "criteria", "quantity", "order", "max_price_cents", "exclusive"}
    )
    if unknown := set(said) - allowed:
        raise WishRefused(min(unknown)[:40], "This is not part of a quote.")
    exclusive = said.get("exclusive", False)
    if not isinstance(exclusive, bool):
        raise WishRefused("exclusive", "Wants true or false.")
    return _named(said["leads"], exclusive) if "leads" in said else _selection(said, exclusive)


def _named(leads: Any, exclusive: bool) -> Named:
    if not isinstance(leads, list) or not 1 <= len(leads) <= MOST_NAMED:
        raise WishRefused("leads", f"Wants a list of 1 to {MOST_NAMED} leads.")
    try:
        found = tuple(dict.fromkeys(uuid.UUID(lead) for lead in leads))
    except (ValueError, TypeError, AttributeError) as error:
        raise WishRefused("leads", "A lead is named by its id.") from error
    return Named(found, exclusive)


def _selection(said: dict[str, Any], exclusive: bool) -> Selection:
    criteria = said.get("criteria", [])
    clauses = criteria.get("all") if isinstance(criteria, dict) else criteria
    wish = {"vertical": said.get("vertical"), "all": clauses}
    if isinstance(criteria, dict) and (
        set(criteria) - {"vertical", "all"} or criteria.get("vertical", wish["vertical"]) != wish["vertical"]
    ):
        raise WishRefused("criteria", "Criteria are an object with “all”, for the same vertical.")
    try:
        wanted = read_criteria(wish, vertical_named)
        ranking = Ranking(said.get("order", Ranking.NEWEST))
    except CriteriaError as error:
        raise WishRefused(error.field, error.message) from error
    except ValueError as error:
        raise WishRefused("order", "The order is newest, oldest or cheapest.") from error
    return Selection(
        criteria=wanted,
        quantity=_whole("quantity", said.get("quantity"), MOST_LEADS),
        ranking=ranking,
        most_cents=None
        if said.get("max_price_cents") is None
        else _whole("max_price_cents", said["max_price_cents"], DEAREST_CENTS),
        exclusive=exclusive,
    )


def _whole(field: str, number: Any, most: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise WishRefused(field, f"Wants a whole number from 1 to {most:,}.")
    return number


def vertical_named(slug: str) -> Vertical | None:
    found = read_catalogue(timezone.now()).named(slug)
    return found if found and found.open_for_resale else None
