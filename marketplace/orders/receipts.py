"""What an order says of itself, in sentences and in lines that add up."""

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
    "being_paid": "being paid for by somebody else",
    "already_owned": "yours already",
    "own_customer": "on your list of own customers",
    "same_person": "the same person as another one you named",
    "not_exclusive": "sold before, so no longer to be had alone",
    "no_price": "without a price",
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
    """The order's sales, dearest first; their amounts add up to its total."""
    sold = order.sales.order_by("lead__vertical__name", "-price_cents", "exclusive")
    rows = sold.values_list("lead__vertical__name", "exclusive", "price_cents").annotate(quantity=Count("id"))
    return [ReceiptLine(*row) for row in rows]


def titles_of(orders: Iterable[Order]) -> Iterator[tuple[Order, str]]:
    """Each order with what it asked for in a few words."""
    names = dict(Vertical.objects.values_list("slug", "name"))
    for order in orders:
        yield order, title_of(order.request, names)


def title_of(asked: dict[str, Any], names: dict[str, str]) -> str:
    """What an order's request asks for, as a title."""
    exclusive = ", exclusive" if asked.get("exclusive") else ""
    if "leads" in asked:
        return f"Picked by hand{exclusive}"
    limit = asked.get("max_price_cents")
    price = f" at or under {dollars(limit)}" if limit else ""
    return f"{asked['sort'].capitalize()} {names.get(asked['vertical'], asked['vertical'])} leads{price}{exclusive}"


def chips_of(order: Order) -> list[str]:
    """What the criteria asked of each lead. Fields that the vertical no longer has are left out with the rest."""
    try:
        order_request = read_order_request(order.request)
    except OrderRequestRefused:
        return []
    return [words for _, words in order_request.criteria.sentences()] if isinstance(order_request, Selection) else []


def outcome_of(order: Order) -> list[str]:
    """What became of what was asked."""
    said = []
    if order.filled == order.quantity:
        said.append(f"You got {_all(order.quantity)}.")
    else:
        said.append(f"You got {order.filled:,} of the {order.quantity:,} you asked for, and paid for those only.")
    if order.replaced:
        were = "was" if order.replaced == 1 else "were"
        said.append(
            f"{order.replaced:,} that your quote counted {were} gone by then."
            " The next best came instead, none dearer than quoted."
        )
    if order.total_cents < order.quoted_cents and order.filled == order.quantity:
        said.append(
            f"It came to {dollars(order.quoted_cents - order.total_cents)} less than quoted, because prices fell."
        )
    return said + [_refusal(item) for item in order.refused]


def _all(quantity: int) -> str:
    return "the one lead you asked for" if quantity == 1 else f"all {quantity:,} leads you asked for"


def _refusal(item: dict[str, Any]) -> str:
    reason = REASONS.get(item["reason"], item["reason"])
    if item.get("lead"):
        return f"Lead {item['lead'][:8]} was {reason}. It was not charged."
    quantity = item.get("quantity", 1)
    return f"{quantity:,} {'was' if quantity == 1 else 'were'} {reason}. Not charged."
