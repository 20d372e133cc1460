"""The verticals with their stock, as every page's navigation shows them."""

from dataclasses import dataclass
from functools import lru_cache

from django.urls import reverse

from leads.models import Vertical
from marketplace.inventory.live import NotReady, stock_sizes
from marketplace.inventory.small_counts import masked_text
from marketplace.prices.catalogue import Catalogue


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
    """Return the URL of a vertical's page. Cached, since every page links to all of them."""
    return reverse("storefront:browse", args=[slug])


def stock_by_vertical(catalogue: Catalogue) -> list[tuple[Vertical, int | None]]:
    """Return every vertical with the number of its leads for sale now; None while they are being counted."""
    verticals = catalogue.verticals
    try:
        sizes = stock_sizes([vertical for vertical in verticals if vertical.open_for_resale])
    except NotReady:
        return [(vertical, None) for vertical in verticals]
    return [(vertical, sizes.get(vertical.pk, 0)) for vertical in verticals]
