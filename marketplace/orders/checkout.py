"""Checkout: a quote becomes an order with its sales and charge in one transaction, or nothing happens.

Stages: the key is claimed (a repeat gets the first result) · the buyer's wallet is locked · candidates are locked,
first those that nobody else is buying, otherwise in id order · what can still be sold is chosen, best first, never
above the quote · the sales are made · the wallet is charged.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from billing.ledger import charge_order, lock_wallet
from billing.models import Account
from buyers.models import Buyer, User
from leads.jobs import once
from leads.jobs.once import K
from marketplace.models import Order
from marketplace.orders.allocation import Allocation, AllocationRequest, find
from marketplace.orders.quotes import Quote, QuoteRefused, open_token
from marketplace.orders.sales import Hold, Offer, Progress, sell, unheard


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
    """Fewer leads are left than quoted, and the buyer did not accept fewer. ``refused`` says which and why."""

    code = "not_all_there"

    def __init__(self, *, left: int, wanted: int, refused: list[dict[str, Any]]) -> None:
        few = f"Only {left:,} of {wanted:,} leads {'is' if left == 1 else 'are'}" if left else "No leads are"
        super().__init__(f"{few} left at the quoted price. Nothing was charged.")
        self.left = left
        self.refused = refused


# Keys with this prefix belong to standing orders, so that no one else can claim the key of an order they will place.
STANDING = "standing "


@dataclass(frozen=True)
class OrderAttempt:
    """One attempt to place an order, as submitted."""

    buyer: Buyer
    user: User | None
    token: str
    key: str
    allow_partial: bool
    now: datetime

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.allow_partial}|{self.token}".encode()).hexdigest()


def place_order(attempt: OrderAttempt) -> Order:
    """Place the order and return it, or return the one already placed under the same key.

    Raises OrderRefused, QuoteRefused, NotEnoughMoney; then nothing was sold or charged.
    """
    if placed := placed_before(attempt):
        return placed
    quoted = open_token(attempt.token, buyer=attempt.buyer, now=attempt.now)
    check_terms(attempt.buyer, quoted)
    try:
        with transaction.atomic():
            return place(attempt, quoted)
    except IntegrityError:
        # Another request with the same key ran at the same time. It has committed by now, and its order is ours.
        if placed := placed_before(attempt):
            return placed
        raise


def made_before(rows: QuerySet[K], attempt: OrderAttempt) -> K | None:
    """Return the row that the same attempt created before. Raises KeyReused."""
    try:
        return once.made_before(rows, attempt.key, attempt.fingerprint)
    except once.KeyTaken as error:
        raise KeyReused("This key was already used for a different order.") from error


def placed_before(attempt: OrderAttempt) -> Order | None:
    """Return the order already placed under the same key. Raises KeyReused."""
    return made_before(Order.objects.filter(buyer=attempt.buyer), attempt)


def check_terms(buyer: Buyer, quoted: Quote) -> None:
    """Check that this buyer may place this order at all. Raises OrderRefused, QuoteRefused."""
    if not quoted.quantity:
        raise EmptyQuote("This quote has no leads, so there is nothing to order.")
    if buyer.closed_at is not None:
        raise NotApproved("Your company's account is closed.")
    approved = buyer.approvals.granted().filter(vertical__in=quoted.curves)
    open_now = dict(approved.values_list("vertical_id", "vertical__open_for_resale"))
    if not open_now or set(quoted.curves) - open_now.keys():
        raise NotApproved("Your company is not approved for these leads yet.")
    if not all(open_now.values()):
        raise QuoteRefused("We no longer resell leads in this vertical.")


def place(
    attempt: OrderAttempt,
    quoted: Quote,
    *,
    holder: uuid.UUID | None = None,
    held: Sequence[Offer] = (),
    told: Progress = unheard,
) -> Order:
    """Place the order inside the caller's transaction. ``holder`` is the public id under which legs were ``held`` for
    it; ``told`` is called with its progress.

    Raises NotAllThere, NotEnoughMoney; then the caller must roll the transaction back.
    """
    order = Order.objects.create(
        public_id=holder or uuid.uuid4(),
        buyer=attempt.buyer,
        placed_by=attempt.user,
        idempotency_key=attempt.key,
        fingerprint=attempt.fingerprint,
        request=quoted.order_request.as_json(),
        quantity=quoted.quantity,
        quoted_cents=quoted.total_cents,
        quoted_at=quoted.quoted_at,
        placed_at=attempt.now,
    )
    wallet = lock_wallet(attempt.buyer)
    found = find(AllocationRequest(attempt.buyer, quoted, Hold(order.public_id, attempt.now), held))
    check_enough(found, quoted, allow_partial=attempt.allow_partial)
    _settle(order, found, attempt, wallet, told)
    return order


def check_enough(found: Allocation, quoted: Quote, *, allow_partial: bool) -> None:
    """Raise NotAllThere if fewer leads were found than quoted, unless the buyer accepts fewer and some were found."""
    if len(found.offers) < quoted.quantity and (not allow_partial or not found.offers):
        raise NotAllThere(left=len(found.offers), wanted=quoted.quantity, refused=found.refused)


def _settle(order: Order, found: Allocation, attempt: OrderAttempt, wallet: Account, told: Progress) -> None:
    exclusive = order.request["exclusive"]
    legs = sell(found.offers, found.standing, order=order, exclusive=exclusive, now=attempt.now, told=told)
    order.filled = len(legs)
    order.total_cents = found.total_cents
    order.refused = found.refused
    order.replaced = found.replaced
    order.status = Order.Status.FILLED if order.filled == order.quantity else Order.Status.PARTIAL
    order.save(update_fields=["filled", "total_cents", "refused", "replaced", "status"])
    charge_order(
        buyer=attempt.buyer,
        cents=order.total_cents,
        legs=legs,
        reference=str(order.public_id),
        memo=f"{order.filled:,} lead{'' if order.filled == 1 else 's'}, order {order.number}",
        actor=str(attempt.user or "API"),
        now=attempt.now,
        wallet=wallet,
    )
