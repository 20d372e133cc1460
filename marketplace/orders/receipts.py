"""An order's summary: sentences about its result, and lines that add up to its total."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from billing.money import dollars
from leads.models import Vertical
from marketplace.models import Order
from marketplace.orders.request import OrderRequestRefused, Selection, read_order_request

REASONS = {
    "sold_out": "sold to others before your order",
    "being_paid": "being bought by another company",
    "already_owned": "already yours",
    "own_customer": "on your list of own customers",
    "same_person": "the same person as another lead you selected",
    "not_exclusive": "already sold or on hold, so it cannot be bought exclusively",
    "no_price": "not priced",
    "unknown": "no longer for sale",
}


@dataclass(frozen=True)
class ReceiptLine:
    """Leads of one vertical at one price."""

    vertical: str
    exclusive: bool
    unit_cents: int
    quantity: int

    @property
    def amount_cents(self) -> int:
        return self.quantity * self.unit_cents


def lines_of(order: Order) -> list[ReceiptLine]:
    """Return the order's sales, most expensive first; their amounts add up to its total."""
    sold = order.sales.order_by("lead__vertical__name", "-price_cents", "exclusive")
    rows = sold.values_list("lead__vertical__name", "exclusive", "price_cents").annotate(quantity=Count("id"))
    return [ReceiptLine(*row) for row in rows]


def titles_of(orders: Iterable[Order]) -> Iterator[tuple[Order, str]]:
    """Yield each order with a short title of what was requested."""
    names = dict(Vertical.objects.values_list("slug", "name"))
    for order in orders:
        yield order, title_of(order.request, names)


def title_of(asked: dict[str, Any], names: dict[str, str]) -> str:
    """Return a short title for an order's request."""
    exclusive = ", exclusive" if asked.get("exclusive") else ""
    if "leads" in asked:
        return f"Selected leads{exclusive}"
    limit = asked.get("max_price_cents")
    price = f" at or under {dollars(limit)}" if limit else ""
    return f"{asked['sort'].capitalize()} {names.get(asked['vertical'], asked['vertical'])} leads{price}{exclusive}"


def chips_of(order: Order) -> list[str]:
    """Return the criteria in words; an empty list if the vertical no longer has one of their fields."""
    try:
        order_request = read_order_request(order.request)
    except OrderRequestRefused:
        return []
    return [words for _, words in order_request.criteria.sentences()] if isinstance(order_request, Selection) else []


def outcome_of(order: Order) -> list[str]:
    """Return sentences about the order's result."""
    said = []
    if order.filled == order.quantity:
        said.append(f"You got {_all(order.quantity)}.")
    else:
        said.append(f"You got {order.filled:,} of the {order.quantity:,} leads you requested. You paid only for those.")
    if order.replaced:
        leads, were = ("lead", "was") if order.replaced == 1 else ("leads", "were")
        said.append(
            f"{order.replaced:,} {leads} in your quote {were} gone by the time you ordered."
            " We filled in with the next best, none above the quoted price."
        )
    if order.total_cents < order.quoted_cents and order.filled == order.quantity:
        said.append(
            f"You paid {dollars(order.quoted_cents - order.total_cents)} less than quoted because prices dropped."
        )
    return said + [_refusal(item) for item in order.refused]


def yours(order: Order) -> str:
    """Return what the page says when the order was just placed."""
    return f"{order.filled:,} {'lead is' if order.filled == 1 else 'leads are'} yours. Download the file below."


def _all(quantity: int) -> str:
    return "the lead you requested" if quantity == 1 else f"all {quantity:,} leads you requested"


def _refusal(item: dict[str, Any]) -> str:
    reason = REASONS.get(item["reason"], item["reason"])
    if item.get("lead"):
        return f"Lead {item['lead'][:8]} was {reason}. You were not charged for it."
    quantity = item.get("quantity", 1)
    were, them = ("was", "it") if quantity == 1 else ("were", "them")
    return f"{quantity:,} {were} {reason}. You were not charged for {them}."
