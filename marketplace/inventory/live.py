"""This process's inventory: the stocks in memory, updated from the change feed before each query.

It is a copy of the database and can be thrown away at any time. It never decides a sale.
"""

import logging
import time
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from threading import RLock, Thread

from django.db import DatabaseError, connections
from pyroaring import BitMap

from leads.models import Source, Vertical
from marketplace.inventory import startup
from marketplace.inventory.exclusion_cache import Hiding
from marketplace.inventory.feed import Changes, Cursor, FeedLost, changes_since, here
from marketplace.inventory.holds import read_holds
from marketplace.inventory.layout import schema_id
from marketplace.inventory.leg_counts import Legs, legs_of
from marketplace.inventory.loader import gather
from marketplace.inventory.query import StockQuery
from marketplace.inventory.result import StockResult
from marketplace.inventory.startup import NotReady, Opened
from marketplace.inventory.stock import Stock, read_traits
from marketplace.models import OrderAwaitingPayment

__all__ = ["NotReady", "forget", "one_reading", "result_of", "sources", "stock_sizes", "warm"]

log = logging.getLogger(__name__)

MOST_AT_ONCE = 20_000
"""Changed leads that one query applies; the next one continues."""
MOST_LATE = 20_000
"""Leads listed since the snapshot; beyond this, switching to a newer one pays off."""
FEW_LATE = 1_000
"""A small stock is rebuilt once it grew by half, and by at least this many leads: its histogram bars are outdated."""
LOOK_EVERY = 1.0


@dataclass
class SharedReading:
    """Shared by one request: the inventory that was updated for it, and its result for one query, so that what the
    counts computed is reused for the page."""

    inventory: "Inventory | None" = None
    result: StockResult | None = None


_answer: ContextVar[SharedReading | None] = ContextVar("answer", default=None)


@contextmanager
def one_reading() -> Iterator[None]:
    """Show all queries inside the same state: the feed is read once. Only for requests that change nothing."""
    token = _answer.set(SharedReading())
    try:
        yield
    finally:
        _answer.reset(token)


class Inventory:
    """Stocks by vertical, where the feed was last read, and the changed leads still to apply, with whether each was
    corrected. ``_own`` are feed rows of a transaction that may still be rolled back; if a row is gone, or no longer
    belongs to this transaction only, its leads are read again."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._stocks: dict[int, Stock] = {}
        self._cursor: Cursor | None = None
        self._waiting: dict[int, bool] = {}
        self._own: dict[int, dict[int, bool]] = {}
        self._hiding = Hiding()
        self._sources: dict[int, Source] = {}
        self._snapshot = 0
        self._starved = False
        self._next: Opened | None = None
        self._loader: Thread | None = None
        self._looked_at = 0.0

    @contextmanager
    def result_of(self, query: StockQuery) -> Iterator[StockResult]:
        """Yield the current stock's result for a query; locked while in use. Raises NotReady."""
        known = self._stocks.get(query.vertical.pk)
        if query.buyer and known:
            self._hiding.refresh(query.buyer, query.vertical, known)
        with self._lock:
            self._catch_up()
            stock = self._stock_of(query.vertical)
            yield self._sight(stock, query)

    def _sight(self, stock: Stock, query: StockQuery) -> StockResult:
        answer = _answer.get()
        if answer and answer.result and answer.result.query is query and answer.result.stock is stock:
            return answer.result
        result = StockResult(stock, query, self._hidden(stock, query))
        if answer:
            answer.result = result
        return result

    def sizes(self, verticals: Collection[Vertical]) -> dict[int, int]:
        """Return how many leads are for sale, by vertical. Raises NotReady."""
        with self._lock:
            self._catch_up()
            return {vertical.pk: len(self._stock_of(vertical).shelf) for vertical in verticals}

    def sources(self, keys: Collection[int]) -> dict[int, Source]:
        """Return sources as of the last query; each is read once until the feed says that it changed."""
        with self._lock:
            if unknown := set(keys) - self._sources.keys():
                self._sources |= Source.objects.in_bulk(unknown)
            return {key: self._sources[key] for key in keys}

    def _stock_of(self, vertical: Vertical) -> Stock:
        stock = self._stocks.get(vertical.pk)
        if stock is None or stock.schema_id != schema_id(vertical):
            return self._made(vertical)
        sprawls = len(stock.late) > FEW_LATE + len(stock.ids.base) // 2
        if sprawls and len(stock.shelf) <= startup.SMALL and startup.is_small(vertical):
            return self._made(vertical)
        return stock

    def _made(self, vertical: Vertical) -> Stock:
        try:
            self._stocks[vertical.pk] = startup.small_stock(vertical)
        except NotReady:
            self._starved = True
            raise
        return self._stocks[vertical.pk]

    def _hidden(self, stock: Stock, query: StockQuery) -> BitMap:
        hidden = self._hiding.positions(query.buyer, query.vertical, stock) if query.buyer else BitMap()
        if not len(stock.holds):
            return hidden
        own = (
            OrderAwaitingPayment.objects.waiting().filter(buyer=query.buyer)
            if query.buyer
            else OrderAwaitingPayment.objects.none()
        )
        holders = set(own.values_list("public_id", flat=True))
        left = stock.choices["legs_left"]
        return hidden | stock.holds.kept_back(query.now, left, holders, exclusive=query.exclusive)

    # Where the stocks come from

    def _begin(self, opened: Opened | None) -> None:
        """Start from this snapshot; without one, each stock is built when it is first needed."""
        stocks = opened.stocks if opened else {}
        cursor = opened.cursor if opened else here()
        for vertical in Vertical.objects.filter(pk__in=stocks):
            holds = read_holds(vertical.pk)
            stocks[vertical.pk].hold(list(holds), holds)
        # No database access from here on, so that the switch cannot stop halfway.
        self._sources.clear()
        self._waiting.clear()
        self._own.clear()
        self._starved = False
        self._stocks, self._cursor = stocks, cursor
        self._snapshot = opened.key if opened else self._snapshot

    def _change_over(self) -> None:
        """Switch to a newer snapshot: at once if there was none to answer from, else once a thread has loaded it."""
        if self._next:
            opened, self._next, self._loader = self._next, None, None
            self._begin(opened)
        elif self._loader is None and time.monotonic() - self._looked_at > LOOK_EVERY:
            self._looked_at = time.monotonic()
            if self._starved and (found := startup.newest_snapshot(than=self._snapshot)):
                self._begin(found)
            elif sum(len(stock.late) for stock in self._stocks.values()) > MOST_LATE:
                self._load_aside()

    def _load_aside(self) -> None:
        if startup.has_newer(self._snapshot):
            self._loader = Thread(target=self._load, daemon=True)
            self._loader.start()

    def _load(self) -> None:
        try:
            self._next = startup.newest_snapshot(than=self._snapshot)
        finally:
            self._loader = None
            connections.close_all()

    # What changed

    def _catch_up(self) -> None:
        answer = _answer.get()
        if answer is None or answer.inventory is not self:
            self._follow()
            if answer:
                answer.inventory = self

    def _follow(self) -> None:
        if self._cursor is None:
            self._begin(startup.newest_snapshot())
        self._change_over()
        try:
            changes = changes_since(self._cursor or here())
        except FeedLost:
            self._begin(startup.newest_snapshot())
            changes = changes_since(self._cursor or here())
        self._note(changes)
        self._cursor = changes.cursor
        if self._waiting:
            some = dict(islice(self._waiting.items(), MOST_AT_ONCE))
            self._read_again(some)
            for lead in some:
                del self._waiting[lead]

    def _note(self, changes: Changes) -> None:
        known = {lead for row in changes.own.keys() & self._own.keys() for lead in self._own[row]}
        known -= {lead for row in changes.own.keys() - self._own.keys() for lead in changes.own[row]}
        for lead in changes.leads - known:
            self._waiting.setdefault(lead, False)
        self._waiting |= dict.fromkeys(changes.corrected - known, True)
        for row in self._own.keys() - changes.own.keys():
            for lead, corrected in self._own[row].items():
                self._waiting[lead] = corrected or self._waiting.get(lead, False)
        self._own = changes.own
        if changes.sources:
            for source in changes.sources:
                self._sources.pop(source, None)
            traits = read_traits(changes.sources)
            for stock in self._stocks.values():
                stock.grade(traits)

    def _read_again(self, leads: dict[int, bool]) -> None:
        """Read the leads as they are now. One that does not exist was never committed."""
        found = legs_of(leads)
        nowhere = leads.keys() - found.keys()
        for vertical_id, stock in self._stocks.items():
            its = {lead: legs for lead, legs in found.items() if legs.vertical_id == vertical_id}
            if its:
                _read_stock_again(vertical_id, stock, its, {lead for lead in its if leads[lead]})
            if nowhere:
                stock.shelf -= stock.set_of_leads(nowhere)


def _read_stock_again(vertical_id: int, stock: Stock, leads: dict[int, Legs], corrected: set[int]) -> None:
    """Recount leads that are known, which is most of them; read new or corrected ones completely."""
    unknown = corrected | stock.recount({lead: legs for lead, legs in leads.items() if lead not in corrected})
    if unknown:
        stock.change(unknown, corrected, gather(vertical_id, stock.layout, leads=unknown))
    if len(stock.holds) or any(legs.are_held for legs in leads.values()):
        stock.hold(leads, read_holds(vertical_id, leads))


_inventory = Inventory()


def result_of(query: StockQuery) -> AbstractContextManager[StockResult]:
    """Return this process's current stock for a query. Raises NotReady."""
    return _inventory.result_of(query)


def stock_sizes(verticals: Collection[Vertical]) -> dict[int, int]:
    return _inventory.sizes(verticals)


def sources(keys: Collection[int]) -> dict[int, Source]:
    return _inventory.sources(keys)


def warm() -> None:
    """Load the inventory before the first query, in a separate thread. If it fails, the first query tries again."""
    try:
        _inventory.sizes([])
    except DatabaseError:
        log.warning("could not load the inventory yet", exc_info=True)
    finally:
        connections.close_all()


def forget() -> None:
    """Start over with the next query."""
    global _inventory
    _inventory = Inventory()
