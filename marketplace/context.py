"""What every page shows: the operator, the verticals with their stock, the wallet."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from billing.ledger import balance_cents
from leads.models import Vertical
from marketplace.inventory.live import NotReady, stock_sizes
from marketplace.inventory.pages import masked
from marketplace.prices.catalogue import Catalogue, catalogue_of


@dataclass(frozen=True)
class VerticalTab:
    """One vertical in the bar under the masthead."""

    vertical: Vertical
    stock: int | None
    is_current: bool

    @property
    def name(self) -> str:
        return self.vertical.name

    @property
    def closed(self) -> bool:
        return not self.vertical.open_for_resale

    @property
    def url(self) -> str:
        return shelf_url(self.vertical.slug)

    @property
    def count_text(self) -> str:
        if self.closed:
            return "closed to resale"
        return "being counted" if self.stock is None else masked_text(self.stock)


@lru_cache
def shelf_url(slug: str) -> str:
    """A vertical's page; every page links to each of them."""
    return reverse("storefront:browse", args=[slug])


def masked_text(quantity: int) -> str:
    """A count for people: thousands divided, small groups as ``<5``."""
    shown = masked(quantity)
    return shown if isinstance(shown, str) else f"{shown:,}"


def stock_by_vertical(catalogue: Catalogue) -> list[tuple[Vertical, int | None]]:
    """Every vertical and how many leads of it are on the shelf at this moment; None while that is being counted."""
    verticals = catalogue.verticals
    try:
        sizes = stock_sizes([vertical for vertical in verticals if vertical.open_for_resale])
    except NotReady:
        return [(vertical, None) for vertical in verticals]
    return [(vertical, sizes.get(vertical.pk, 0)) for vertical in verticals]


def market(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match
    current = match.kwargs.get("slug") if match and match.namespace == "storefront" else None
    buyer = getattr(request, "buyer", None)
    return {
        "operator": settings.OPERATOR,
        "verticals_bar": [
            VerticalTab(vertical, stock, vertical.slug == current)
            for vertical, stock in stock_by_vertical(catalogue_of(request))
        ],
        "wallet_cents": balance_cents(buyer) if buyer else None,
    }
