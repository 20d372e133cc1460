"""An order request: what a buyer asks to buy, either a quantity by criteria or named leads."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from leads.criteria.clauses import CriteriaError
from leads.criteria.criteria import Criteria, read_criteria
from leads.models import Vertical
from marketplace.inventory.query import Sort
from marketplace.prices.catalogue import read_catalogue

MOST_LEADS = 100_000
MOST_NAMED = 500
HIGHEST_PRICE_CENTS = 10_000_00


class OrderRequestRefused(ValueError):
    """The request is invalid. ``field`` names the faulty field; the message is a sentence for the person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Selection:
    """``quantity`` leads that match the criteria, first by ``sort``, none above ``max_price_cents``."""

    criteria: Criteria
    quantity: int
    sort: Sort = Sort.NEWEST
    max_price_cents: int | None = None
    exclusive: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "vertical": self.criteria.vertical,
            "criteria": self.criteria.as_json()["all"],
            "quantity": self.quantity,
            "sort": self.sort.value,
            "max_price_cents": self.max_price_cents,
            "exclusive": self.exclusive,
        }


@dataclass(frozen=True)
class NamedLeads:
    """Leads named by public id."""

    leads: tuple[uuid.UUID, ...]
    exclusive: bool = False

    @property
    def quantity(self) -> int:
        return len(self.leads)

    def as_json(self) -> dict[str, Any]:
        return {"leads": [str(lead) for lead in self.leads], "exclusive": self.exclusive}


OrderRequest = Selection | NamedLeads


def read_order_request(said: Any) -> OrderRequest:
    """Read an order request from JSON, as the API and quote tokens carry it. Raises OrderRequestRefused."""
    if not isinstance(said, dict):
        raise OrderRequestRefused("quote", "Send a JSON object.")
    allowed = (
        {"leads", "exclusive"}
        if "leads" in said
        else {"vertical", "criteria", "quantity", "sort", "max_price_cents", "exclusive"}
    )
    if unknown := set(said) - allowed:
        raise OrderRequestRefused(min(unknown)[:40], "Remove this field: it is not part of a quote.")
    exclusive = said.get("exclusive", False)
    if not isinstance(exclusive, bool):
        raise OrderRequestRefused("exclusive", "Enter true or false.")
    return _named(said["leads"], exclusive) if "leads" in said else _selection(said, exclusive)


def _named(leads: Any, exclusive: bool) -> NamedLeads:
    if not isinstance(leads, list) or not 1 <= len(leads) <= MOST_NAMED:
        raise OrderRequestRefused("leads", f"Enter a list of 1 to {MOST_NAMED} lead ids.")
    try:
        found = tuple(dict.fromkeys(uuid.UUID(lead) for lead in leads))
    except (ValueError, TypeError, AttributeError) as error:
        raise OrderRequestRefused("leads", "Each lead must be a lead id (a UUID).") from error
    return NamedLeads(found, exclusive)


def _selection(said: dict[str, Any], exclusive: bool) -> Selection:
    criteria = said.get("criteria", [])
    clauses = criteria.get("all") if isinstance(criteria, dict) else criteria
    order_request = {"vertical": said.get("vertical"), "all": clauses}
    if isinstance(criteria, dict) and (
        set(criteria) - {"vertical", "all"}
        or criteria.get("vertical", order_request["vertical"]) != order_request["vertical"]
    ):
        raise OrderRequestRefused("criteria", "Criteria must be an object with “all”, for the same vertical.")
    try:
        wanted = read_criteria(order_request, vertical_named)
        sort = Sort(said.get("sort", Sort.NEWEST))
    except CriteriaError as error:
        raise OrderRequestRefused(error.field, error.message) from error
    except ValueError as error:
        raise OrderRequestRefused("sort", "Enter newest, oldest or cheapest.") from error
    return Selection(
        criteria=wanted,
        quantity=_whole("quantity", said.get("quantity"), MOST_LEADS),
        sort=sort,
        max_price_cents=None
        if said.get("max_price_cents") is None
        else _whole("max_price_cents", said["max_price_cents"], HIGHEST_PRICE_CENTS),
        exclusive=exclusive,
    )


def _whole(field: str, number: Any, most: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise OrderRequestRefused(field, f"Enter a whole number from 1 to {most:,}.")
    return number


def vertical_named(slug: str) -> Vertical | None:
    found = read_catalogue(timezone.now()).named(slug)
    return found if found and found.open_for_resale else None
