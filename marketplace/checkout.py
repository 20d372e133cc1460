"""Checkout: a quote becomes an order, its sales and its charge in one transaction, or nothing does.

Stages: the key is claimed (a repeat gets the first answer) · the buyer's wallet is locked · candidates are locked in
id order · what can still be sold is chosen, best first, never above the quote · sales are made · the wallet pays.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from billing.ledger import charge_order, lock_wallet
from buyers.models import Buyer, User
from leads.models import Lead, Vertical
from marketplace.holdings import Holdings
from marketplace.inventory.search import behind
from marketplace.inventory.shelf import Look
from marketplace.models import Order
from marketplace.pricing import Curve, curve_numbered, price_of, priced
from marketplace.quoting import Quote, QuoteRefused, candidates, listed_by, look_of, open_token
from marketplace.selling import Offer, Slots, Standing, choose, lock_leads, sell
from marketplace.wishes import Named, Selection

ATTEMPTS = 4
SPARE_SHARE, SPARE_LEAST = 0.1, 20
_OFFERED = ("id", "request_id", "price_cents")


class OrderRefused(Exception):
    """The order was not placed and nothing was charged. ``code`` is for programs, the message for people."""

    code = "refused"


class NotApproved(OrderRefused):
    code = "not_approved"


class KeyReused(OrderRefused):
    code = "key_reused"


class EmptyQuote(OrderRefused):
    code = "empty_quote"


class NotAllThere(OrderRefused):
    """Fewer leads than quoted are left, and a part was not asked for. ``refused`` says which and why."""

    code = "not_all_there"

    def __init__(self, *, left: int, wanted: int, refused: list[dict[str, Any]]) -> None:
        super().__init__(f"Of {wanted:,} leads, {left:,} are left at the quoted price. Nothing was charged.")
        self.left = left
        self.refused = refused


@dataclass(frozen=True)
class Placement:
    """One try to place an order, as it came in."""

    buyer: Buyer
    user: User | None
    token: str
    key: str
    allow_partial: bool
    now: datetime

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.allow_partial}|{self.token}".encode()).hexdigest()


def place_order(placement: Placement) -> Order:
    """The order, new or placed before under the same key.

    Raises OrderRefused, QuoteRefused, NotEnoughMoney; then nothing was sold or charged.
    """
    if placed := _placed_before(placement):
        return placed
    quoted = open_token(placement.token, buyer=placement.buyer, now=placement.now)
    if not quoted.quantity:
        raise EmptyQuote("Nothing was to be had for this quote, so there is nothing to order.")
    _check_approval(placement.buyer, quoted)
    try:
        with transaction.atomic():
            return _place(placement, quoted)
    except IntegrityError:
        # The same key at the same moment: the other one has committed by now, and its answer is ours.
        if placed := _placed_before(placement):
            return placed
        raise


def _placed_before(placement: Placement) -> Order | None:
    order = Order.objects.filter(buyer=placement.buyer, idempotency_key=placement.key).first()
    if order and order.fingerprint != placement.fingerprint:
        raise KeyReused("This key was used for another order.")
    return order


def _check_approval(buyer: Buyer, quoted: Quote) -> None:
    if buyer.closed_at is not None:
        raise NotApproved("This company's account is closed.")
    approved = set(buyer.approvals.granted().values_list("vertical_id", flat=True))
    if not quoted.curves or not set(quoted.curves) <= approved:
        raise NotApproved("Your company is not approved for this vertical yet.")
    if Vertical.objects.on_shelf().filter(pk__in=quoted.curves).count() < len(quoted.curves):
        raise QuoteRefused("This vertical was closed for resale meanwhile.")


def _place(placement: Placement, quoted: Quote) -> Order:
    order = Order.objects.create(
        buyer=placement.buyer,
        placed_by=placement.user,
        idempotency_key=placement.key,
        fingerprint=placement.fingerprint,
        wish=quoted.wish.as_json(),
        quantity=quoted.quantity,
        quoted_cents=quoted.total_cents,
        quoted_at=quoted.quoted_at,
        placed_at=placement.now,
    )
    lock_wallet(placement.buyer)
    fill = _fill_named if isinstance(quoted.wish, Named) else _fill_selection
    filled = fill(order, quoted, placement.now)
    if len(filled.offers) < quoted.quantity and (not placement.allow_partial or not filled.offers):
        raise NotAllThere(left=len(filled.offers), wanted=quoted.quantity, refused=filled.refused)
    _settle(order, filled, placement)
    return order


@dataclass(frozen=True)
class Filled:
    """What was sold, and what not with the reasons."""

    offers: list[Offer]
    refused: list[dict[str, Any]]
    replaced: int = 0


def _settle(order: Order, filled: Filled, placement: Placement) -> None:
    order.filled = len(filled.offers)
    order.total_cents = sum(offer.price_cents for offer in filled.offers)
    order.refused = filled.refused
    order.replaced = filled.replaced
    order.status = Order.Status.FILLED if order.filled == order.quantity else Order.Status.PARTIAL
    order.save(update_fields=["filled", "total_cents", "refused", "replaced", "status"])
    charge_order(
        buyer=placement.buyer,
        cents=order.total_cents,
        reference=str(order.public_id),
        memo=f"{order.filled:,} leads, order {order.number}",
        actor=str(placement.user or "API"),
    )


def _fill_selection(order: Order, quoted: Quote, now: datetime) -> Filled:
    """Sell the best that are left. Each attempt locks one sorted batch; too few free in it, and the locks are
    let go and a fresh batch is tried, so that an order never waits while it holds leads out of their order."""
    wish = quoted.wish
    assert isinstance(wish, Selection)
    (curve_id,) = quoted.curves.values()
    look = look_of(wish, curve=curve_numbered(curve_id), buyer=order.buyer, quantity=quoted.quantity, now=now)
    batch = quoted.quantity + max(SPARE_LEAST, int(quoted.quantity * SPARE_SHARE))
    for attempt in range(ATTEMPTS):
        leads = listed_by(quoted.quoted_at, candidates(look, wish).filter(Q(price_cents__lte=quoted.highest_cents)))[
            :batch
        ]
        offers = [Offer(lead, request, cents, curve_id) for lead, request, cents in leads.values_list(*_OFFERED)]
        savepoint = transaction.savepoint()
        chosen, standing = _choose_locked(order, offers, quoted)
        if len(chosen) == quoted.quantity or len(offers) < batch or attempt == ATTEMPTS - 1:
            sell(chosen, standing, order=order, exclusive=wish.exclusive, now=now)
            missing = quoted.quantity - len(chosen)
            refused = [{"lead": None, "reason": "sold_out", "quantity": missing}] if missing else []
            return Filled(chosen, refused, _replaced(look, wish, chosen, quoted))
        transaction.savepoint_rollback(savepoint)
    raise AssertionError("the last attempt answers")


def _choose_locked(order: Order, offers: list[Offer], quoted: Quote) -> tuple[list[Offer], dict[int, Standing]]:
    lead_ids = [offer.lead_id for offer in offers]
    holdings = Holdings(order.buyer_id, lead_ids)
    standing = lock_leads(lead_ids)
    slots = Slots(quoted.places)
    return choose(offers, standing, holdings, slots, exclusive=quoted.wish.exclusive), standing


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


def _fill_named(order: Order, quoted: Quote, now: datetime) -> Filled:
    """Sell the named leads that are left, each at no more than it was quoted."""
    wish = quoted.wish
    assert isinstance(wish, Named)
    curves = {vertical: curve_numbered(curve) for vertical, curve in quoted.curves.items()}
    found = Lead.objects.filter(public_id__in=quoted.unit_of).select_related("source").with_original()
    names = {lead.pk: lead.public_id for lead in found}
    offers = [_named_offer(lead, curves[lead.vertical_id], quoted, now) for lead in found]
    chosen, standing = _choose_locked(order, offers, quoted)
    sell(chosen, standing, order=order, exclusive=wish.exclusive, now=now)
    sold = {offer.lead_id for offer in chosen}
    return Filled(
        chosen, [{"lead": str(name), "reason": "sold_out"} for number, name in names.items() if number not in sold]
    )


def _named_offer(lead: Lead, curve: Curve, quoted: Quote, now: datetime) -> Offer:
    cents = price_of(lead, curve, now=now, exclusive=quoted.wish.exclusive, quantity=quoted.quantity)
    quoted_cents = quoted.unit_of[lead.public_id]
    return Offer(lead.pk, lead.request_id, min(cents, quoted_cents), curve.id)  # type: ignore[attr-defined]
