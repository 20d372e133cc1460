"""The status of a payment, read from Stripe at that moment. Uses the network; writes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.models import AutomaticTopUp, Customer, Payment
from billing.stripe import gateway
from billing.stripe.gateway import GatewayRefused, GatewayUnavailable
from billing.stripe.responses import Charge, Checkout, Intent

Status, Purpose = Payment.Status, Payment.Purpose
# From the end of the notice: how long a saved card's charge may be retried, and when no charge means none will come.
# Far less than the day for which Stripe keeps an idempotency key: later, the same request would be a new one.
RESEND_FOR, CERTAIN_AFTER = timedelta(hours=1), timedelta(hours=2)


@dataclass(frozen=True)
class PaymentTerms:
    """What must match between Stripe and our books before a cent is credited."""

    cents: int
    currency: str
    livemode: bool
    customer_id: str
    reference: str


@dataclass(frozen=True)
class PaymentStatus:
    """A payment's status at Stripe. ``claims`` is everything Stripe says about its terms."""

    status: Payment.Status
    claims: tuple[PaymentTerms, ...] = ()
    session_id: str = ""
    page_url: str = ""
    intent_id: str = ""
    charge: Charge | None = None
    problem: str = ""


def charge_or_fetch_status(payment: Payment, *, now: datetime) -> PaymentStatus | None:
    """Return its status at Stripe, by network; None if Stripe doesn't know it. Charges a saved card, same key."""
    if _is_done(payment) or payment.status == Status.ANNOUNCED:
        return None
    customer = Customer.objects.filter(buyer=payment.buyer_id).first()
    if payment.purpose == Purpose.AUTOMATIC:
        return _charge_or_find(payment, customer, now) if customer else None
    if payment.stripe_session_id:
        return status_of_page(gateway.fetch_checkout(payment.stripe_session_id))
    found = find_page(payment, customer) if customer else None
    return status_of_page(found) if found else None


def _charge_or_find(payment: Payment, customer: Customer, now: datetime) -> PaymentStatus | None:
    if payment.stripe_payment_intent_id:
        return _status_of_charge(gateway.fetch_payment_intent(payment.stripe_payment_intent_id))
    try:
        if _may_send(payment, customer, now):
            return _status_of_charge(_send_charge(payment, customer))
        return _find_charge(payment, customer)
    except GatewayRefused as refusal:
        return PaymentStatus(Status.FAILED, intent_id=refusal.intent_id, problem=refusal.message)
    except GatewayUnavailable:
        # Stripe remembers a failure under its key too: the card may have been charged before it.
        found = _find_charge(payment, customer)
        if found is None:
            raise
        return found


def _may_send(payment: Payment, customer: Customer, now: datetime) -> bool:
    """Whether the buyer still expects the charge: if Stripe never got the request, resending it is a new one."""
    agreed = AutomaticTopUp.objects.covering(payment).exists()
    in_time = now < _charged_from(payment) + RESEND_FOR
    return payment.status == Status.CREATED and agreed and in_time and customer.has_card


def _charged_from(payment: Payment) -> datetime:
    return payment.expires_at or payment.created_at


def _send_charge(payment: Payment, customer: Customer) -> Intent:
    return gateway.charge_saved_card(
        reference=str(payment.public_id),
        customer_id=customer.stripe_id,
        payment_method_id=customer.payment_method_id,
        cents=payment.amount_cents,
    )


def _find_charge(payment: Payment, customer: Customer) -> PaymentStatus | None:
    found = gateway.find_payment_intent(
        reference=str(payment.public_id), customer_id=customer.stripe_id, since=payment.created_at
    )
    return _status_of_charge(found) if found else None


def find_page(payment: Payment, customer: Customer) -> Checkout | None:
    return gateway.find_checkout(
        reference=str(payment.public_id), customer_id=customer.stripe_id, since=payment.created_at
    )


def status_of_page(page: Checkout) -> PaymentStatus:
    claims = (PaymentTerms(page.cents, page.currency, page.livemode, page.customer_id, page.reference),)
    if page.intent is None or page.status != "complete":
        status = Status.EXPIRED if page.status == "expired" else Status.OPEN
        return PaymentStatus(status, claims, page.id, page.url, page.intent.id if page.intent else "")
    found = _status_of_charge(page.intent)
    return PaymentStatus(found.status, claims + found.claims, page.id, "", page.intent.id, found.charge, found.problem)


def _status_of_charge(intent: Intent) -> PaymentStatus:
    status = {
        "succeeded": Status.PAID,
        "processing": Status.PROCESSING,
        "canceled": Status.CANCELED,
    }.get(intent.status, Status.FAILED)
    cents = intent.received_cents if intent.is_paid else intent.cents
    claims = (PaymentTerms(cents, intent.currency, intent.livemode, intent.customer_id, intent.reference),)
    return PaymentStatus(status, claims, intent_id=intent.id, charge=intent.charge, problem=intent.problem)


def terms_of(payment: Payment) -> PaymentTerms:
    customer = Customer.objects.filter(buyer=payment.buyer_id).first()
    known_as = customer.stripe_id if customer else ""
    return PaymentTerms(payment.amount_cents, payment.currency, gateway.is_live(), known_as, str(payment.public_id))


def is_certain(payment: Payment, now: datetime) -> bool:
    """Whether what Stripe doesn't know can't come: no page is paid after it expires, no charge is that late."""
    late = CERTAIN_AFTER if payment.purpose == Purpose.AUTOMATIC else timedelta()
    return now >= _charged_from(payment) + late


def _is_done(payment: Payment) -> bool:
    """Whether it is credited and its fee is booked."""
    return payment.status == Status.PAID and payment.ask_again_at is None
