"""The demo companies' past purchases, made through the market's own checkout."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from buyers.models import User
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import read_order_request

# Sources deliver monthly: on the day of an order, everything older than this was for sale.
THERE_SINCE_DAYS = 32


@dataclass(frozen=True)
class Purchase:
    days_ago: int
    by: str
    vertical: str
    quantity: int
    sort: str = "newest"
    exclusive: bool = False
    clauses: tuple[dict[str, Any], ...] = ()


PURCHASES = (
    Purchase(
        118, "dana@tamarack.example", "mortgage", 120, clauses=({"field": "state", "in": ["OH", "PA", "MI", "IN"]},)
    ),
    Purchase(61, "dana@tamarack.example", "mortgage", 250, clauses=({"field": "purpose", "in": ["refinance"]},)),
    Purchase(45, "sam@juniper.example", "personal-loan", 200, clauses=({"field": "credit_grade", "in": ["A", "B"]},)),
    Purchase(33, "dana@tamarack.example", "home-insurance", 300, sort="cheapest"),
    Purchase(12, "dana@tamarack.example", "personal-loan", 150, clauses=({"field": "loan_amount", "min": 10_000},)),
    Purchase(5, "sam@juniper.example", "mortgage", 60, clauses=({"field": "times_sold", "max": 1},)),
    Purchase(2, "dana@tamarack.example", "solar", 20, exclusive=True),
)


def make_purchases(now: datetime) -> int:
    """Place the orders, oldest first, with the leads available for each. Return how many were placed."""
    return sum(_buy(purchase, number, now) for number, purchase in enumerate(PURCHASES, 1))


def _buy(purchase: Purchase, number: int, now: datetime) -> bool:
    user = User.objects.select_related("membership__buyer").get(email=purchase.by)
    at = now - timedelta(days=purchase.days_ago, hours=number)
    order_request = read_order_request(
        {
            "vertical": purchase.vertical,
            "criteria": [{"field": "age_days", "min": THERE_SINCE_DAYS}, *purchase.clauses],
            "quantity": purchase.quantity,
            "sort": purchase.sort,
            "exclusive": purchase.exclusive,
        }
    )
    quoted = quote(order_request, buyer=user.membership.buyer, now=at)
    if not quoted.quantity:
        return False
    place_order(
        OrderAttempt(
            buyer=user.membership.buyer,
            user=user,
            token=token_of(quoted),
            key=f"demo-{number}",
            allow_partial=True,
            now=at,
        )
    )
    return True
