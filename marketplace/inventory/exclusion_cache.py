"""What a buyer must not see: people he has already. Kept per process for who looked last, as sets of positions.

Read from the database in three parts, so that a look costs what is new: what his later sales and uploads hide, and
which of the leads listed since are of people he has.
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
    """One buyer's, in the stock of that number: ``extent`` is how much of what he has was read, ``seen`` is how many
    positions were looked at."""

    stock: int
    seen: int
    extent: Extent
    leads: list[int] = field(default_factory=list)
    positions: BitMap = field(default_factory=BitMap)
    lock: Any = field(default_factory=Lock)


class Hiding:
    """The buyers who looked last. ``refresh`` asks the database what a buyer has and is called before the inventory is
    locked, so that nobody waits for a large one but he himself."""

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
        """To be asked under the inventory's lock, after ``refresh``. A set that is not to be changed."""
        hidden = self._known.get((buyer.pk, vertical.pk))
        if hidden is None or hidden.stock != stock.number:
            hidden = self.refresh(buyer, vertical, stock)
        with hidden.lock:
            found = stock.set_of_leads(hidden.leads) if hidden.leads else BitMap()
            if hidden.seen < len(stock):
                found |= stock.set_of_leads(_held_late(buyer, vertical, stock, hidden.seen))
            # What had no position yet will be among those listed since.
            hidden.leads, hidden.seen = [], len(stock)
            hidden.positions = hidden.positions | found
            return hidden.positions

    def _keep(self, key: tuple[int, int], hidden: Hidden) -> None:
        """Known to others once it is whole."""
        with self._lock:
            self._known[key] = hidden
            self._known.move_to_end(key)
            if len(self._known) > BUYERS_KEPT:
                self._known.popitem(last=False)


def _held_late(buyer: Buyer, vertical: Vertical, stock: Stock, seen: int) -> list[int]:
    """Of what was listed since so many positions were looked at: asked lead by lead when it is little, or less than
    the buyer has; else from what he has, which does not grow with an import."""
    late = len(stock) - seen
    if late > MOST_LATE_ASKED and has_fewer_than(buyer.pk, late):
        return owned_since(buyer.pk, vertical, Extent())
    return owned_among(buyer.pk, stock.ids.at(np.arange(seen, len(stock))).tolist())
