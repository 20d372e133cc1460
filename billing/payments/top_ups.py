"""Card payments into a wallet: requested, paid on Stripe's page or with a saved card, credited once.

Only what Stripe says when asked counts: the success page, the webhook and the sweep all call ``settle``, in any order
and as often as they like. No transaction ever waits for the network: ``charge_or_fetch_status`` asks, ``enter`` writes
the answer.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from billing.ledger import Kind, Posting, house_account, post, wallet_of
from billing.models import Account, Customer, Payment
from billing.money import dollars
from billing.payments.fees import book_fee
from billing.payments.payment_status import (
    PaymentStatus,
    charge_or_fetch_status,
    find_page,
    is_certain,
    status_of_page,
    terms_of,
)
from billing.payments.stopping import stop_automatic
from billing.stripe import gateway
from billing.stripe.gateway import GatewayError, GatewayOff, GatewayRefused, GatewayUnavailable
from billing.stripe.responses import Card, Checkout
from buyers.models import Buyer, User
from leads.jobs.lease import take_one

log = structlog.get_logger("billing.payments.top_ups")
Status, Purpose = Payment.Status, Payment.Purpose
BATCH = 100
STRIPES_LEAST_CENTS = 50
PAGE_LIFE = timedelta(hours=1)
# Stripe keeps pages open for 30 minutes to 24 hours; the extra minute is for the request itself.
STRIPES_SHORTEST_PAGE = timedelta(minutes=30)
PAGE_LEAST, PAGE_MOST = timedelta(minutes=31), timedelta(hours=23, minutes=59)
ASK_SOONEST, ASK_LATEST, ASK_OPEN_LATEST = timedelta(seconds=30), timedelta(hours=1), timedelta(minutes=5)
WATCHED_EVERY = timedelta(seconds=10)
GIVE_UP_AFTER = timedelta(days=7)
DOUBT = "What the card paid does not match this payment. We are looking into it."
LOST = "We could not confirm the status of this payment. We are looking into it."


class PaymentRefused(Exception):
    """The payment can't be started. The message is for the buyer."""


# --- Requesting a payment
def ask_payment(
    *,
    buyer: Buyer,
    user: User | None,
    purpose: Payment.Purpose,
    amount_cents: int,
    keep_card: bool,
    key: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> Payment:
    """Record that a card is to pay this amount. The same key is the same payment. Raises PaymentRefused.

    ``expires_at`` is when Stripe's page closes: an hour from now, or as given, within what Stripe allows.
    """
    _require_allowed(buyer, purpose, amount_cents)
    wanted = {"purpose": purpose, "amount_cents": amount_cents}
    page_until = min(max(expires_at or now + PAGE_LIFE, now + PAGE_LEAST), now + PAGE_MOST)
    more = {"keep_card": keep_card, "asked_by": user, "created_at": now, "ask_again_at": now + ASK_SOONEST}
    try:
        with transaction.atomic():
            return Payment.objects.create(buyer=buyer, idempotency_key=key, expires_at=page_until, **wanted, **more)
    except IntegrityError:
        earlier = Payment.objects.filter(buyer=buyer, idempotency_key=key, **wanted).first() if key else None
        if earlier is None:
            raise PaymentRefused("You already started this payment with a different amount. Start again.") from None
        return earlier


def _require_allowed(buyer: Buyer, purpose: Payment.Purpose, cents: int) -> None:
    least = settings.TOP_UP_LEAST_CENTS if purpose == Purpose.TOP_UP else STRIPES_LEAST_CENTS
    if not gateway.is_on():
        raise PaymentRefused(str(GatewayOff()))
    if buyer.closed_at is not None:
        raise PaymentRefused("This company is closed and can't add funds.")
    if not least <= cents <= settings.TOP_UP_MOST_CENTS:
        span = f"{dollars(least)} to {dollars(settings.TOP_UP_MOST_CENTS)}"
        raise PaymentRefused(f"A card payment must be {span}.")


def open_page(payment: Payment, *, success_url: str, cancel_url: str, now: datetime) -> Payment:
    """Have Stripe make its page: afterwards OPEN with ``page_url``. Safe twice, with the same URLs each time.

    Raises GatewayUnavailable (still CREATED, checked again soon) and GatewayRefused (FAILED). Shortly before the page
    would expire, Stripe makes none, and the payment stays CREATED without one.
    """
    if payment.status != Status.CREATED:
        return payment
    if payment.expires_at and payment.expires_at - now < STRIPES_SHORTEST_PAGE:
        return settle(payment, now=now)  # too late for a new page; one may have been made and its URL lost
    try:
        checkout = _make_page(payment, success_url, cancel_url, now)
    except GatewayUnavailable:
        _ask_later(payment, now)
        raise
    except GatewayRefused as refusal:
        _end(payment, Status.FAILED, now, problem=refusal.message)
        raise
    enter(payment, status_of_page(checkout), now=now)
    if not payment.is_unfinished and checkout.status == "open":
        gateway.expire_checkout(checkout.id)  # canceled while Stripe was making the page
    return payment


def _make_page(payment: Payment, success_url: str, cancel_url: str, now: datetime) -> Checkout:
    customer = customer_of(payment.buyer, now=now)
    assert payment.expires_at is not None
    try:
        return gateway.create_checkout(
            reference=str(payment.public_id),
            customer_id=customer.stripe_id,
            cents=payment.amount_cents,
            keep_card=payment.keep_card,
            description=payment.get_purpose_display(),
            success_url=success_url,
            cancel_url=cancel_url,
            expires_at=payment.expires_at,
        )
    except GatewayUnavailable:
        # Stripe remembers a failure under its key too: the page may have been made before it.
        if found := find_page(payment, customer):
            return found
        raise


def customer_of(buyer: Buyer, *, now: datetime) -> Customer:
    """Return the buyer's customer at Stripe, creating one if needed. Uses the network."""
    known = Customer.objects.filter(buyer=buyer).first()
    if known:
        return known
    reference = str(buyer.public_id)
    # The key changes every minute, so a failure Stripe remembers is soon past; an extra customer costs nothing.
    stripe_id = gateway.create_customer(reference=reference, key=f"customer-{reference}-{now:%Y%m%d%H%M}")
    customer, _ = Customer.objects.get_or_create(buyer=buyer, defaults={"stripe_id": stripe_id, "created_at": now})
    return customer


def charge(payment: Payment, *, now: datetime) -> Payment:
    """Charge the saved card for an automatic top-up that is CREATED and whose notice is over. Safe twice."""
    payment.refresh_from_db()
    return settle(payment, now=now)


# --- Checking the status
def settle(payment: Payment, *, now: datetime) -> Payment:
    """Ask Stripe for the status and record it: credited once, failed or expired. Safe at any time, any number of times.

    If Stripe doesn't respond, the payment stays as it is and is checked again later.
    """
    try:
        truth = charge_or_fetch_status(payment, now=now)
    except (GatewayUnavailable, GatewayOff):
        if now - payment.created_at > GIVE_UP_AFTER:
            _leave_to_a_person(payment, LOST)
        else:
            _ask_later(payment, now)
        return payment
    except GatewayRefused:
        _leave_to_a_person(payment, LOST)
        return payment
    return enter(payment, truth, now=now)


def enter(payment: Payment, truth: PaymentStatus | None, *, now: datetime) -> Payment:
    """Record what Stripe said, in one transaction. Safe twice, in any order; never waits for the network."""
    with transaction.atomic():
        locked = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
        if truth is None:
            _nothing_known(locked, now)
        elif any(terms != terms_of(locked) for terms in truth.claims):
            _leave_to_a_person(locked, DOUBT)
        elif truth.status == Status.PAID:
            _credit(locked, truth, now)
        elif truth.status in (Status.OPEN, Status.PROCESSING):
            _go_on(locked, truth, now)
        else:
            _end(locked, truth.status, now, intent_id=truth.intent_id, problem=truth.problem)
    payment.refresh_from_db()
    return payment


def cancel(payment: Payment, *, now: datetime) -> Payment:
    """Close Stripe's page because the buyer left it. Money that came first is still credited."""
    if payment.status == Status.OPEN:
        try:
            gateway.expire_checkout(payment.stripe_session_id)
        except GatewayError:
            return settle(payment, now=now)
    _end(payment, Status.CANCELED, now, only=(Status.CREATED, Status.OPEN))
    return payment


def settle_while_watched(payment: Payment, *, now: datetime) -> Payment:
    """``settle`` for a person who waits at the page and may reload it often: Stripe is asked at most once per
    ``WATCHED_EVERY``. A next check within that time means that another request has just asked or is asking."""
    soon = now + WATCHED_EVERY
    this = Payment.objects.filter(pk=payment.pk).unfinished().exclude(status=Status.ANNOUNCED)
    nobody = Q(ask_again_at=None) | Q(ask_again_at__lte=now) | Q(ask_again_at__gt=soon)
    if this.filter(nobody).update(ask_again_at=soon):
        settle(payment, now=now)
        this.filter(ask_again_at__gt=soon).update(ask_again_at=soon)
    payment.refresh_from_db()
    return payment


def ask_again(*, now: datetime) -> int:
    """Check every payment that is due and whose result is unknown. Return how many."""
    due = list(Payment.objects.due_to_ask(now).order_by("ask_again_at")[:BATCH])
    return sum(_ask_one(payment, now) for payment in due)


def _ask_one(payment: Payment, now: datetime) -> bool:
    if not take_one(payment, "ask_again_at", _next_time(payment, now)):
        return False
    try:
        settle(payment, now=now)
    except Exception:  # whatever the error is, the other payments are due too
        log.exception("payment could not be settled", payment=str(payment.public_id))
    return True


# --- Recording the result
def _credit(payment: Payment, truth: PaymentStatus, now: datetime) -> None:
    """The one place where card money reaches a wallet; the caller holds the lock on the payment's row."""
    if payment.status != Status.PAID:
        charge_id = truth.charge.id if truth.charge else ""
        posting = Posting(Kind.TOP_UP, str(payment.public_id), now, payment=payment, stripe_id=charge_id)
        cents = payment.amount_cents
        post(posting, {wallet_of(payment.buyer): cents, house_account(Account.Kind.STRIPE): -cents})
        _set_paid(payment, truth, charge_id, now)
    if truth.charge and truth.charge.movement:
        book_fee(truth.charge.movement, payment=payment, now=now)
        Payment.objects.filter(pk=payment.pk).update(ask_again_at=None)


def _set_paid(payment: Payment, truth: PaymentStatus, charge_id: str, now: datetime) -> None:
    card = truth.charge.card if truth.charge else None
    Payment.objects.filter(pk=payment.pk).exclude(status=Status.PAID).update(
        status=Status.PAID,
        stripe_session_id=truth.session_id or payment.stripe_session_id,
        stripe_payment_intent_id=truth.intent_id,
        stripe_charge_id=charge_id,
        card=str(card) if card else "",
        problem="",
        page_url="",
        ended_at=now,
        ask_again_at=now + ASK_SOONEST,  # the fee may not be known yet
    )
    if card and card.is_card and payment.keep_card:
        _keep(card, payment, now)


def _keep(card: Card, payment: Payment, now: datetime) -> None:
    """Save the card. The consent to automatic top-up named the earlier card, so a different one ends it."""
    others = Customer.objects.filter(buyer=payment.buyer_id).exclude(payment_method_id=card.payment_method_id)
    replaced = others.update(
        payment_method_id=card.payment_method_id,
        card_brand=card.brand,
        card_last4=card.last4,
        card_expires=card.expires,
    )
    if replaced:
        stop_automatic(buyer=payment.buyer, because="A different card was saved.", now=now)


def _go_on(payment: Payment, truth: PaymentStatus, now: datetime) -> None:
    before = [Status.CREATED, Status.OPEN, truth.status]  # if it is already further along, the answer is out of date
    Payment.objects.filter(pk=payment.pk, status__in=before).update(
        status=truth.status,
        stripe_session_id=truth.session_id or payment.stripe_session_id,
        stripe_payment_intent_id=truth.intent_id or payment.stripe_payment_intent_id,
        page_url=truth.page_url,
        ask_again_at=_next_time(payment, now),
    )


def _nothing_known(payment: Payment, now: datetime) -> None:
    """Handle a payment Stripe doesn't know. It has failed once nothing we sent can still take effect."""
    if payment.status != Status.CREATED:
        return
    if payment.purpose == Purpose.AUTOMATIC and is_certain(payment, now):
        _end(payment, Status.FAILED, now, problem="The card could not be charged.")
    elif payment.purpose != Purpose.AUTOMATIC and is_certain(payment, now):
        _end(payment, Status.EXPIRED, now)
    else:
        _ask_later(payment, now)


def _end(
    payment: Payment,
    status: Payment.Status,
    now: datetime,
    *,
    intent_id: str = "",
    problem: str = "",
    only: tuple[Payment.Status, ...] = Payment.UNFINISHED,
) -> None:
    """The first end counts, with one exception: money that comes later is credited."""
    Payment.objects.filter(pk=payment.pk, status__in=only).update(
        status=status,
        stripe_payment_intent_id=intent_id or payment.stripe_payment_intent_id,
        page_url="",
        problem=problem[:300],
        ended_at=now,
        ask_again_at=None,
    )
    payment.refresh_from_db()


def _leave_to_a_person(payment: Payment, problem: str) -> None:
    """Credit nothing and stop checking automatically."""
    log.error("payment needs a person", payment=str(payment.public_id), problem=problem)
    Payment.objects.filter(pk=payment.pk).update(ask_again_at=None)
    Payment.objects.filter(pk=payment.pk).exclude(status=Status.PAID).update(problem=problem)
    payment.refresh_from_db()


def _ask_later(payment: Payment, now: datetime) -> None:
    over = [Status.FAILED, Status.EXPIRED, Status.CANCELED]
    Payment.objects.filter(pk=payment.pk).exclude(status__in=over).update(ask_again_at=_next_time(payment, now))
    payment.refresh_from_db()


def _next_time(payment: Payment, now: datetime) -> datetime:
    """Wait half as long again as it has waited so far, within bounds; an open page is checked every few minutes."""
    latest = ASK_LATEST if payment.status == Status.PROCESSING else ASK_OPEN_LATEST
    return now + min(max((now - payment.created_at) / 2, ASK_SOONEST), latest)
