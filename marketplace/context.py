"""Context for every page: the operator, the verticals with their stock, the wallet balance."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from billing.ledger import balance_cents
from marketplace.prices.catalogue import catalogue_of
from marketplace.storefront.verticals import VerticalTab, stock_by_vertical


def market(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match
    current = match.kwargs.get("slug") if match and match.namespace in ("storefront", "checkout") else None
    buyer = getattr(request, "buyer", None)
    return {
        "operator": settings.OPERATOR,
        "verticals_bar": [
            VerticalTab(vertical, stock, vertical.slug == current)
            for vertical, stock in stock_by_vertical(catalogue_of(request))
        ],
        "wallet_cents": balance_cents(buyer) if buyer else None,
    }
