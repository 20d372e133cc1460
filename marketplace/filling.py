"""Filling: which leads a quote gets now. The leads are locked; whoever asked sells them, or holds them.

Guarantee: best first, never a lead at more than a line of the quote says, never more than the quote's sum. What others
took meanwhile is replaced by the next best of the same criteria; named leads have no next best.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from buyers.models import Buyer
from leads.models import Lead
from marketplace.holdings import Holdings
from marketplace.inventory.search import behind
from marketplace.inventory.shelf import Look
from marketplace.pricing import Curve, curve_numbered, price_of, priced
from marketplace.quoting import Quote, candidates, listed_by, look_of
from marketplace.selling import Hold, Offer, Slots, Standing, choose, lock_leads
from marketplace.wishes import Named, Selection

ATTEMPTS = 4
SPARE_SHARE, SPARE_LEAST = 0.1, 20
_OFFERED = ("id", "request_id", "price_cents")


@dataclass(frozen=True)
class Request:
    """Who asks, under which quote; ``held`` are offers that were kept for this holder and come first."""

    buyer: Buyer
    quoted: Quote
    hold: Hold
    held: Sequence[Offer] = ()

    @property
    def now(self) -> datetime:
        return self.hold.now


@dataclass(frozen=True)
class Found:
    """Locked leads to sell or hold, best first, and what is not to be had with the reasons."""

    offers: list[Offer]
    standing: dict[int, Standing]
    refused: list[dict[str, Any]] = field(default_factory=list)
    replaced: int = 0

    @property
    def total_cents(self) -> int:
        return sum(offer.price_cents for offer in self.offers)


def find(request: Request) -> Found:
    """What the quote gets now, inside the caller's transaction. The buyer's wallet is locked already."""
    if isinstance(request.quoted.wish, Named):
        return _find_named(request, request.quoted.wish)
    return _find_selected(request, request.quoted.wish)


def _find_selected(request: Request, wish: Selection) -> Found:
    """Each attempt locks one sorted batch; too few free in it, and the locks are let go and a fresh batch is tried, so
    that an order never waits while it holds leads out of their order."""
    quoted = request.quoted
    (curve_id,) = quoted.curves.values()
    look = look_of(wish, curve=curve_numbered(curve_id), buyer=request.buyer, quantity=quoted.quantity, now=request.now)
    batch = quoted.quantity + max(SPARE_LEAST, int(quoted.quantity * SPARE_SHARE))
    for attempt in range(ATTEMPTS):
        others = _candidates(look, wish, quoted, batch)
        savepoint = transaction.savepoint()
        chosen, standing = _choose_locked(request, [*request.held, *others])
        if len(chosen) == quoted.quantity or len(others) < batch or attempt == ATTEMPTS - 1:
            missing = quoted.quantity - len(chosen)
            refused = [{"lead": None, "reason": "sold_out", "quantity": missing}] if missing else []
            return Found(chosen, standing, refused, _replaced(look, wish, chosen, quoted))
        transaction.savepoint_rollback(savepoint)
    raise AssertionError("the last attempt answers")


def _candidates(look: Look, wish: Selection, quoted: Quote, most: int) -> list[Offer]:
    (curve_id,) = quoted.curves.values()
    affordable = candidates(look, wish).filter(Q(price_cents__lte=quoted.highest_cents))
    leads = listed_by(quoted.quoted_at, affordable)[:most]
    return [Offer(lead, request, cents, curve_id) for lead, request, cents in leads.values_list(*_OFFERED)]


def _choose_locked(request: Request, offers: list[Offer]) -> tuple[list[Offer], dict[int, Standing]]:
    lead_ids = [offer.lead_id for offer in offers]
    holdings = Holdings(request.buyer.pk, lead_ids, now=request.now, holder=request.hold.holder)
    standing = lock_leads(lead_ids, request.hold)
    slots = Slots(request.quoted.places)
    return choose(offers, standing, holdings, slots, exclusive=request.quoted.wish.exclusive), standing


def _replaced(look: Look, wish: Selection, chosen: list[Offer], quoted: Quote) -> int:
    """How many leads that the quote counted on others took meanwhile, so that the next best came in their place."""
    if not chosen:
        return 0
    leads = priced(Lead.objects.in_vertical(look.vertical), look.curve, now=look.now, quantity=look.quantity)
    worst = leads.get(pk=chosen[-1].lead_id)
    taken = Q(times_sold__gt=0) if wish.exclusive else Q(legs_aged=0)
    sold_out = leads.filter(taken, sales__sold_at__gte=quoted.quoted_at).exclude(sales__buyer=look.buyer)
    gone = sold_out.filter(look.criteria.without("legs_left").without("times_sold").as_q(look.now))
    return min(len(chosen), gone.exclude(behind(wish.ranking, worst)).distinct().count())


def _find_named(request: Request, wish: Named) -> Found:
    """The named leads that are left, each at no more than it was quoted."""
    quoted = request.quoted
    curves = {vertical: curve_numbered(curve) for vertical, curve in quoted.curves.items()}
    found = Lead.objects.filter(public_id__in=quoted.unit_of).select_related("source").with_original()
    names = {lead.pk: lead.public_id for lead in found}
    offers = [_named_offer(lead, curves[lead.vertical_id], quoted, request.now) for lead in found]
    chosen, standing = _choose_locked(request, offers)
    had = {offer.lead_id for offer in chosen}
    refused = [{"lead": str(name), "reason": "sold_out"} for number, name in names.items() if number not in had]
    return Found(chosen, standing, refused)


def _named_offer(lead: Lead, curve: Curve, quoted: Quote, now: datetime) -> Offer:
    cents = price_of(lead, curve, now=now, exclusive=quoted.wish.exclusive, quantity=quoted.quantity)
    quoted_cents = quoted.unit_of[lead.public_id]
    return Offer(lead.pk, lead.request_id, min(cents, quoted_cents), curve.id)  # type: ignore[attr-defined]
