"""The notice on a company's orders page: its standing orders, and how many leads its saved searches match."""

from dataclasses import dataclass
from datetime import datetime

from buyers.models import Buyer, StandingOrder
from marketplace.standing_orders.preview import matching_or_none

SHOWN = 5


@dataclass(frozen=True)
class Search:
    """A saved search with the number of leads that match now, None if unknown, and the new ones in the last alert."""

    order: StandingOrder
    matching: int | None

    @property
    def fresh(self) -> int:
        return int(self.order.facts.get("fresh", 0))


@dataclass(frozen=True)
class Summary:
    buying: int
    searching: int
    newest: list[Search]


def summary_of(buyer: Buyer, now: datetime) -> Summary | None:
    """Return the summary, or None for a company without standing orders and saved searches."""
    unended = buyer.standing_orders.unended()
    buying, searching = unended.buying().count(), unended.telling().count()
    if not buying + searching:
        return None
    searches = unended.telling().live().select_related("vertical", "buyer")[:SHOWN]
    return Summary(buying, searching, [Search(order, _matching(order, now)) for order in searches])


def _matching(order: StandingOrder, now: datetime) -> int | None:
    found = matching_or_none(order, now)
    return found.now.matching if found else None
