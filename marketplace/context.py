"""What every page shows: the operator, the verticals with their stock, the wallet."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse

from billing.ledger import balance_cents
from leads.models import Vertical
from marketplace.inventory.search import masked

STOCK_SECONDS = 20


@dataclass(frozen=True)
class VerticalTab:
    """One vertical in the bar under the masthead."""

    name: str
    slug: str
    stock: int
    closed: bool
    is_current: bool

    @property
    def url(self) -> str:
        return reverse("storefront:browse", args=[self.slug])

    @property
    def count_text(self) -> str:
        return "closed to resale" if self.closed else masked_text(self.stock)


def masked_text(quantity: int) -> str:
    """A count for people: thousands divided, small groups as ``<5``."""
    shown = masked(quantity)
    return shown if isinstance(shown, str) else f"{shown:,}"


def stock_by_vertical() -> list[dict[str, Any]]:
    """Every vertical and how many leads of it are on the shelf; at most twenty seconds old."""
    found = cache.get("stock_by_vertical")
    if found is None:
        on_shelf = Count("leads", filter=Q(leads__legs_aged__gt=0))
        counted = Vertical.objects.annotate(stock=on_shelf).order_by("position", "name")
        found = list(counted.values("pk", "name", "slug", "stock", "open_for_resale"))
        cache.set("stock_by_vertical", found, STOCK_SECONDS)
    return found


def market(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match
    current = match.kwargs.get("slug") if match and match.namespace == "storefront" else None
    buyer = getattr(request, "buyer", None)
    return {
        "operator": settings.OPERATOR,
        "verticals_bar": [
            VerticalTab(one["name"], one["slug"], one["stock"], not one["open_for_resale"], one["slug"] == current)
            for one in stock_by_vertical()
        ],
        "wallet_cents": balance_cents(buyer) if buyer else None,
    }
