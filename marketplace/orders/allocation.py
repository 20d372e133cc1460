"""Allocation: choose which leads a quote gets now. The leads are locked; the caller sells or holds them.

Guarantee: best first, never a lead above its price in the quote, never more than the quote's total. Leads that others
took in the meantime are replaced by the next best for the same criteria; named leads are not replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from buyers.models import Buyer
from leads.models import Lead
from leads.models.lead import DAY
from marketplace.inventory.pages import best
from marketplace.inventory.query import StockQuery
from marketplace.orders.ownership import OwnedPeople
from marketplace.orders.quotes import Quote, stock_query_of
from marketplace.orders.request import HIGHEST_PRICE_CENTS, NamedLeads, Selection
from marketplace.orders.sales import Hold, LeadAvailability, Offer, Slots, choose, lock_free, lock_leads
from marketplace.prices.pricing import curve_numbered

ATTEMPTS = 4
SPARE_SHARE, SPARE_LEAST = 0.1, 20
# To find leads that nobody else is buying, look at this many times the leads needed, but at most this many extra.
PASSED_OVER, PASSED_OVER_MOST = 20, 2_000
_OFFERED = ("id", "request_id", "captured_at", "source__grade")
_NAMED = ("id", "request_id", "vertical_id", "captured_at", "source__grade")


@dataclass(frozen=True)
class AllocationRequest:
    """The buyer and their quote. ``held`` are offers already on hold for this order; they come first."""

    buyer: Buyer
    quoted: Quote
    hold: Hold
    held: Sequence[Offer] = ()

    @property
    def now(self) -> datetime:
        return self.hold.now


@dataclass(frozen=True)
class Allocation:
    """Locked leads to sell or hold, best first, and the refused ones with reasons."""

    offers: list[Offer]
    standing: dict[int, LeadAvailability]
    refused: list[dict[str, Any]] = field(default_factory=list)

    @property
    def replaced(self) -> int:
        """How many leads counted in the quote are gone and were replaced by the next best."""
        return sum(offer.behind for offer in self.offers)

    @property
    def total_cents(self) -> int:
        return sum(offer.price_cents for offer in self.offers)


def find(request: AllocationRequest) -> Allocation:
    """Return what the quote gets now, inside the caller's transaction. The buyer's wallet is already locked."""
    if isinstance(request.quoted.order_request, NamedLeads):
        return _find_named(request, request.quoted.order_request)
    return _find_selected(request, request.quoted.order_request)


def _find_selected(request: AllocationRequest, order_request: Selection) -> Allocation:
    """First try without waiting: skip leads that somebody else is buying right now. Only if that leaves too few, wait
    for leads, one sorted batch at a time; if too few of a batch are free, release the locks and try a fresh batch, so
    that an order never waits while it holds locks out of id order."""
    quoted = request.quoted
    (curve_id,) = quoted.curves.values()
    query = stock_query_of(
        order_request, curve=curve_numbered(curve_id), buyer=request.buyer, quantity=quoted.quantity, now=request.now
    )
    batch = quoted.quantity + max(SPARE_LEAST, int(quoted.quantity * SPARE_SHARE))
    for attempt in range(ATTEMPTS):
        savepoint = transaction.savepoint()
        # A lead held for this order may be locked by someone who is buying another leg of it, so wait for it.
        waiting = attempt > 0 or bool(request.held)
        others = _candidates(query, order_request, quoted, batch, quoted.highest_cents, waiting=waiting)
        chosen, standing = _choose_locked(request, [*request.held, *others])
        if not waiting and len(chosen) < quoted.quantity and len(others) == batch:
            # The first leads cost too much for the places left; leads that fit are further down the list.
            others += _candidates(
                query, order_request, quoted, batch, _dearest_place_left(quoted, chosen), waiting=False
            )
            chosen, standing = _choose_locked(request, list(dict.fromkeys(others)))
        enough = len(chosen) == quoted.quantity
        if enough or attempt == ATTEMPTS - 1 or (waiting and len(others) < batch):
            missing = quoted.quantity - len(chosen)
            refused = [{"lead": None, "reason": "sold_out", "quantity": missing}] if missing else []
            return Allocation(chosen, standing, refused)
        transaction.savepoint_rollback(savepoint)
        batch *= 2
    raise AssertionError("the last attempt always returns")


def _dearest_place_left(quoted: Quote, chosen: Sequence[Offer]) -> int:
    slots = Slots(quoted.places)
    for offer in chosen:
        slots.take(offer.price_cents)
    return slots.dearest_free


def _candidates(
    query: StockQuery, order_request: Selection, quoted: Quote, most: int, max_price_cents: int, *, waiting: bool
) -> list[Offer]:
    """Return the best ``most`` leads at or under the price, as the inventory has them; the database confirms which are
    still as quoted. Leads listed after the quote do not crowd out those it counted. Without ``waiting``, return only
    leads that nobody has locked, and lock them."""
    asked = most if waiting else most + min(most * (PASSED_OVER - 1), PASSED_OVER_MOST)
    while True:
        ids = best(
            query,
            order_request.sort,
            asked,
            max_price_cents=min(max_price_cents, order_request.max_price_cents or HIGHEST_PRICE_CENTS),
        )
        offers = _still_offered(query, quoted, ids if waiting else lock_free(ids, most))
        if len(offers) >= most or len(ids) < asked or not waiting:
            return offers[:most]
        asked *= 2


def _still_offered(query: StockQuery, quoted: Quote, ids: list[int]) -> list[Offer]:
    (curve_id,) = quoted.curves.values()
    rows = query.for_sale(ids).listed_by(quoted.quoted_at).with_original().values_list(*_OFFERED)
    offers = {}
    for lead, request, asked_at, grade in rows:
        cents = query.cents_of(asked_at, grade)
        offers[lead] = Offer(lead, request, cents, curve_id, quoted.ends_before(cents, asked_at))
    found = (offers[lead] for lead in ids if lead in offers)
    return [offer for offer in found if offer.price_cents <= quoted.highest_cents]


def _choose_locked(request: AllocationRequest, offers: list[Offer]) -> tuple[list[Offer], dict[int, LeadAvailability]]:
    lead_ids = [offer.lead_id for offer in offers]
    owned_people = OwnedPeople(request.buyer.pk, lead_ids, now=request.now, holder=request.hold.holder)
    standing = lock_leads(lead_ids, request.hold)
    slots = Slots(request.quoted.places)
    return choose(offers, standing, owned_people, slots, exclusive=request.quoted.order_request.exclusive), standing


def _find_named(request: AllocationRequest, order_request: NamedLeads) -> Allocation:
    """Return the named leads that are left, each at no more than its quoted price."""
    quoted = request.quoted
    curves = {vertical: curve_numbered(curve) for vertical, curve in quoted.curves.items()}
    found = Lead.objects.filter(public_id__in=quoted.unit_of).with_original().values_list("public_id", *_NAMED)
    names, offers = {}, []
    for name, lead, request_id, vertical, asked_at, grade in found:
        cents = curves[vertical].price_cents(
            age_days=(request.now - asked_at) // DAY,
            grade=grade,
            exclusive=order_request.exclusive,
            quantity=quoted.quantity,
        )
        names[lead] = name
        offers.append(Offer(lead, request_id, min(cents, quoted.unit_of[name]), curves[vertical].id))
    chosen, standing = _choose_locked(request, offers)
    had = {offer.lead_id for offer in chosen}
    refused = [{"lead": str(name), "reason": "sold_out"} for lead, name in names.items() if lead not in had]
    return Allocation(chosen, standing, refused)
