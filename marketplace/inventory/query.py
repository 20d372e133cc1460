"""The inventory as a queryset: open aged legs of one vertical, priced, without what the buyer already owns."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Exists, F, OrderBy, OuterRef
from django.db.models.expressions import Combinable

from buyers.models import Buyer, OwnCustomer
from leads.criteria.criteria import Criteria
from leads.models import ContactDigest, Lead, Leg, Vertical
from leads.models.lead import DAY, LeadQuerySet
from marketplace.models import OrderAwaitingPayment, Sale
from marketplace.prices.pricing import Curve, priced


class Sort(StrEnum):
    """Which leads come first, in lists and in orders."""

    NEWEST = "newest"
    OLDEST = "oldest"
    CHEAPEST = "cheapest"


_RANKINGS: dict[Sort, list[OrderBy]] = {
    Sort.NEWEST: [F("captured_at").desc(), F("id").desc()],
    Sort.OLDEST: [F("captured_at").asc(), F("id").asc()],
    Sort.CHEAPEST: [F("price_cents").asc(), F("captured_at").desc(), F("id").desc()],
}


@dataclass(frozen=True)
class StockQuery:
    """A query of the inventory: by whom, for what, at what time, at which prices."""

    vertical: Vertical
    criteria: Criteria
    curve: Curve
    now: datetime
    buyer: Buyer | None = None
    exclusive: bool = False
    quantity: int = 1

    def shelf(self) -> LeadQuerySet:
        """Return all leads of the vertical this buyer could buy, whatever the criteria, with ``price_cents``."""
        leads = Lead.objects.for_sale().in_vertical(self.vertical)
        if self.exclusive:
            leads = leads.never_sold()
        if kept := self._kept_back():
            leads = leads.exclude(pk__in=kept)
        if self.buyer:
            leads = not_owned_by(leads, self.buyer, timedelta(days=self.vertical.duplicate_window_days))
        return priced(leads, self.curve, now=self.now, exclusive=self.exclusive, quantity=self.quantity)

    def _kept_back(self) -> list[int]:
        """Return leads this buyer cannot buy while somebody pays: no leg is free, or one is held for this buyer.

        Queried first and passed as a list: holds are few, mostly none, and the planner cannot guess that.
        """
        held = Leg.objects.held(now=self.now).filter(lead__vertical=self.vertical)
        legs = Counter(held.values_list("lead_id", "lead__legs_left"))
        kept = {lead for (lead, unsold), number in legs.items() if self.exclusive or number >= unsold}
        if legs and self.buyer:
            own = OrderAwaitingPayment.objects.waiting().filter(buyer=self.buyer)
            kept |= set(held.filter(held_for__in=own.values("public_id")).values_list("lead_id", flat=True))
        return sorted(kept)

    def for_sale(self, ids: Collection[int]) -> LeadQuerySet:
        """Return those of these leads that are for sale right now and match, regardless of who owns the person."""
        leads = Lead.objects.for_sale().in_vertical(self.vertical).numbered(ids)
        if "price" in (clause.field for clause in self.criteria.clauses):
            leads = priced(leads, self.curve, now=self.now, exclusive=self.exclusive, quantity=self.quantity)
        return leads.filter(self.criteria.as_q(self.now))

    def cents_of(self, captured_at: datetime, grade: str) -> int:
        """Return the price in cents of a lead captured then, from a source of that grade."""
        return self.curve.price_cents(
            age_days=(self.now - captured_at) // DAY, grade=grade, exclusive=self.exclusive, quantity=self.quantity
        )

    def matches(self) -> LeadQuerySet:
        """Return the leads on ``shelf`` that match the criteria."""
        return self.shelf().filter(self.criteria.as_q(self.now))


def not_owned_by(leads: LeadQuerySet, buyer: Buyer, window: timedelta) -> LeadQuerySet:
    """Leave out people this buyer already has: bought, including linked requests and any that share a phone or email
    address within the window, and its own customers."""
    linked = Sale.objects.filter(buyer=buyer, request_id=OuterRef("request_id"))
    theirs = ContactDigest.objects.filter(
        digest__in=ContactDigest.objects.filter(lead=OuterRef(OuterRef("pk"))).values("digest"),
        lead__sales__buyer=buyer,
        lead__vertical_id=OuterRef("vertical_id"),
        lead__captured_at__range=(OuterRef("captured_at") - window, OuterRef("captured_at") + window),
    )
    return leads.with_original().filter(~Exists(linked), ~Exists(theirs), not_own_customer(buyer))


def not_own_customer(buyer: Buyer) -> Combinable:
    """Return a condition that leaves out people the buyer uploaded as own customers."""
    own = OwnCustomer.objects.of_buyer(buyer.pk)
    theirs = ContactDigest.objects.filter(lead=OuterRef("pk"), digest__in=own.values("digest"))
    return ~Exists(theirs)


def sorted_by(leads: LeadQuerySet, sort: Sort) -> LeadQuerySet:
    """Sort leads the way an order is filled."""
    return leads.order_by(*_RANKINGS[sort])
