"""The leads a buyer must not see, because it has the person: sets of positions, cached per process for recent buyers.

They are read from the database in three parts, so that a query costs only what is new: what later sales hide, what
later uploads hide, and which of the leads listed since are from people the buyer has.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from pyroaring import BitMap

from buyers.models import Buyer
from leads.models import Vertical
from marketplace.inventory.exclusions import Extent, extent_of, has_fewer_than, owned_among, owned_since
from marketplace.inventory.stock import Stock

BUYERS_KEPT = 500
MOST_LATE_ASKED = 1_000


@dataclass
class Hidden:
    """One buyer's hidden leads in the stock of this number: ``extent`` is how much of what the buyer has was read,
    ``seen`` is how many positions were checked."""

    stock: int
    seen: int
    extent: Extent
    leads: list[int] = field(default_factory=list)
    positions: BitMap = field(default_factory=BitMap)
    lock: Any = field(default_factory=Lock)


class Hiding:
    """The hidden leads of recent buyers. ``refresh`` reads what a buyer has, and is called before the inventory is
    locked, so that nobody else waits for a large buyer."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, int], Hidden] = OrderedDict()
        self._lock = Lock()

    def refresh(self, buyer: Buyer, vertical: Vertical, stock: Stock) -> Hidden:
        key, extent = (buyer.pk, vertical.pk), extent_of(buyer.pk)
        hidden = self._known.get(key)
        if hidden is None or hidden.stock != stock.number or hidden.extent.lists_ended != extent.lists_ended:
            hidden = Hidden(stock.number, len(stock), Extent(lists_ended=extent.lists_ended))
        with hidden.lock:
            if extent.exceeds(hidden.extent):
                hidden.leads += owned_since(buyer.pk, vertical, hidden.extent)
                hidden.extent = hidden.extent.joined(extent)
        self._keep(key, hidden)
        return hidden

    def positions(self, buyer: Buyer, vertical: Vertical, stock: Stock) -> BitMap:
        """Return the hidden positions; do not change them. Call under the inventory's lock, after ``refresh``."""
        hidden = self._known.get((buyer.pk, vertical.pk))
        if hidden is None or hidden.stock != stock.number:
            hidden = self.refresh(buyer, vertical, stock)
        with hidden.lock:
            found = stock.set_of_leads(hidden.leads) if hidden.leads else BitMap()
            if hidden.seen < len(stock):
                found |= stock.set_of_leads(_held_late(buyer, vertical, stock, hidden.seen))
            # Leads without a position yet will be among those listed later.
            hidden.leads, hidden.seen = [], len(stock)
            hidden.positions = hidden.positions | found
            return hidden.positions

    def _keep(self, key: tuple[int, int], hidden: Hidden) -> None:
        """Cache it, which shows it to other threads, once it is complete."""
        with self._lock:
            self._known[key] = hidden
            self._known.move_to_end(key)
            if len(self._known) > BUYERS_KEPT:
                self._known.popitem(last=False)


def _held_late(buyer: Buyer, vertical: Vertical, stock: Stock, seen: int) -> list[int]:
    """Return which leads after position ``seen`` the buyer has: checked lead by lead if they are few, or fewer than the
    buyer has; otherwise read from what the buyer has, which does not grow with an import."""
    late = len(stock) - seen
    if late > MOST_LATE_ASKED and has_fewer_than(buyer.pk, late):
        return owned_since(buyer.pk, vertical, Extent())
    return owned_among(buyer.pk, stock.ids.at(np.arange(seen, len(stock))).tolist())
