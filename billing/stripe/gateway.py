"""The only way to Stripe: its SDK is imported here and nowhere else, and callers get our own types.

Nothing here touches the database. We tell Stripe nothing about people: its metadata holds only IDs of ours.
"""

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import stripe
import structlog
from django.conf import settings

from billing.models import CURRENCY
from billing.stripe import responses
from billing.stripe.responses import (
    Checkout,
    DisputeAnswer,
    Intent,
    Movement,
    PayoutAnswer,
    RefundAnswer,
    TransferAnswer,
)

log = structlog.get_logger("billing.stripe.gateway")
SKEW = timedelta(seconds=300)
MOST_BYTES = 256 * 1024
RETRIES = 1
WITH_CHARGE = "latest_charge.balance_transaction"
# Allowed difference between our clock and Stripe's when we look for something by its creation time.
MARGIN = timedelta(hours=1)


class GatewayError(Exception):
    """Stripe did not do what we asked."""


class GatewayUnavailable(GatewayError):
    """No answer, or none that tells what happened: ask again under the same key."""


class GatewayRefused(GatewayError):
    """Stripe or the card refused, and nothing moved. The message is written for the person who pays."""

    def __init__(self, code: str, message: str, *, intent_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.intent_id = intent_id


class GatewayOff(GatewayError):
    """There is no key: this market takes no cards."""

    def __init__(self) -> None:
        super().__init__("We don't take cards here. Ask us how to pay.")


class BadWebhook(Exception):
    """Not from Stripe, not for us, or unreadable."""


@dataclass(frozen=True)
class Notice:
    """A verified webhook. ``body`` is as it arrived."""

    event_id: str
    type: str
    livemode: bool
    api_version: str
    happened_at: datetime
    body: dict[str, Any]


def is_on() -> bool:
    return bool(settings.STRIPE_SECRET_KEY)


def is_live() -> bool:
    """Whether the key moves real money. Everything Stripe sends must be from the same environment."""
    return settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))


# --- Customers and their cards
def create_customer(*, reference: str, key: str) -> str:
    """Create a customer without a name or an address; Stripe's page asks the payer for what it needs. Return its ID."""
    with _asking():
        return _client().customers.create({"metadata": {"buyer": reference}}, {"idempotency_key": key}).id


def detach_card(payment_method_id: str) -> None:
    """Remove the card at Stripe. Safe twice."""
    with _asking():
        methods = _client().payment_methods
        if methods.retrieve(payment_method_id).customer:
            methods.detach(payment_method_id)


# --- Payments
def create_checkout(
    *,
    reference: str,
    customer_id: str,
    cents: int,
    keep_card: bool,
    description: str,
    success_url: str,
    cancel_url: str,
    expires_at: datetime,
) -> Checkout:
    """Create Stripe's page for one payment; the reference is the idempotency key."""
    intent: dict[str, Any] = {"metadata": {"payment": reference}}
    if keep_card:
        intent["setup_future_usage"] = "off_session"
    price = {"currency": CURRENCY.lower(), "unit_amount": cents, "product_data": {"name": description}}
    params: Any = {
        "mode": "payment",
        "client_reference_id": reference,
        "customer": customer_id,
        "line_items": [{"price_data": price, "quantity": 1}],
        "payment_intent_data": intent,
        "success_url": success_url,
        "cancel_url": cancel_url,
        "expires_at": int(expires_at.timestamp()),
    }
    with _asking():
        return responses.read_checkout(_client().checkout.sessions.create(params, {"idempotency_key": reference}))


def fetch_checkout(session_id: str) -> Checkout:
    with _asking():
        expand = [f"payment_intent.{WITH_CHARGE}"]
        return responses.read_checkout(_client().checkout.sessions.retrieve(session_id, {"expand": expand}))


def find_checkout(*, reference: str, customer_id: str, since: datetime) -> Checkout | None:
    """Return the page we made for this payment, if any: for when the answer was lost."""
    with _asking():
        listed = _client().checkout.sessions.list({"customer": customer_id, "created": _since(since), "limit": 100})
        made = [one.id for one in listed.auto_paging_iter() if one.client_reference_id == reference]
    return fetch_checkout(made[0]) if made else None


def expire_checkout(session_id: str) -> None:
    """Close the page so that nobody can pay on it. Refused if it is already paid or expired."""
    with _asking():
        _client().checkout.sessions.expire(session_id)


def charge_saved_card(*, reference: str, customer_id: str, payment_method_id: str, cents: int) -> Intent:
    """Charge a card without the buyer present; the reference is the idempotency key. A decline is GatewayRefused."""
    params: Any = {
        "amount": cents,
        "currency": CURRENCY.lower(),
        "customer": customer_id,
        "payment_method": payment_method_id,
        "off_session": True,
        "confirm": True,
        "metadata": {"payment": reference},
        "expand": [WITH_CHARGE],
    }
    with _asking():
        return _intent(_client().payment_intents.create(params, {"idempotency_key": reference}))


def fetch_payment_intent(intent_id: str) -> Intent:
    with _asking():
        return _intent(_client().payment_intents.retrieve(intent_id, {"expand": [WITH_CHARGE]}))


def find_payment_intent(*, reference: str, customer_id: str, since: datetime) -> Intent | None:
    """Return the charge we made for this payment, if any: for when the answer was lost."""
    with _asking():
        listed = _client().payment_intents.list({"customer": customer_id, "created": _since(since), "limit": 100})
        made = [one.id for one in listed.auto_paging_iter() if getattr(one.metadata, "payment", None) == reference]
    return fetch_payment_intent(made[0]) if made else None


# --- Refunds and disputes
def create_refund(*, reference: str, payment_intent_id: str, cents: int) -> RefundAnswer:
    """Refund to the card that paid; the reference is the idempotency key."""
    params: Any = {
        "payment_intent": payment_intent_id,
        "amount": cents,
        "metadata": {"refund": reference},
        "expand": ["balance_transaction"],
    }
    with _asking():
        return responses.read_refund(_client().refunds.create(params, {"idempotency_key": reference}))


def fetch_refund(refund_id: str) -> RefundAnswer:
    with _asking():
        return responses.read_refund(_client().refunds.retrieve(refund_id, {"expand": ["balance_transaction"]}))


def refunds_of(payment_intent_id: str) -> list[RefundAnswer]:
    """Return all refunds of a payment, including failed ones, whoever made them, oldest first."""
    expand = ["data.balance_transaction"]
    with _asking():
        listed = _client().refunds.list({"payment_intent": payment_intent_id, "expand": expand, "limit": 100})
        return [responses.read_refund(one) for one in listed.auto_paging_iter()][::-1]


def fetch_dispute(dispute_id: str) -> DisputeAnswer:
    """Return the dispute with its balance transactions, which Stripe always expands."""
    with _asking():
        return responses.read_dispute(_client().disputes.retrieve(dispute_id))


# --- To our bank, to sources, and our balance
def fetch_payout(payout_id: str) -> PayoutAnswer:
    with _asking():
        return responses.read_payout(_client().payouts.retrieve(payout_id, {"expand": ["balance_transaction"]}))


def transfer(*, reference: str, account_id: str, cents: int) -> TransferAnswer:
    """Transfer to a source's own account at Stripe; the reference is the idempotency key."""
    params: Any = {
        "amount": cents,
        "currency": CURRENCY.lower(),
        "destination": account_id,
        "transfer_group": reference,
        "metadata": {"payout": reference},
        "expand": ["balance_transaction"],
    }
    with _asking():
        return responses.read_transfer(_client().transfers.create(params, {"idempotency_key": reference}))


def find_transfer(*, reference: str) -> TransferAnswer | None:
    """Return the transfer we made for this payout, if any: for when the answer was lost."""
    with _asking():
        listed = _client().transfers.list({"transfer_group": reference, "expand": ["data.balance_transaction"]})
        return next((responses.read_transfer(one) for one in listed.auto_paging_iter()), None)


def movements(from_at: datetime, until_at: datetime) -> Iterator[Movement]:
    """Yield every line of our balance at Stripe in a period, its end excluded, newest first."""
    span: Any = {"gte": int(from_at.timestamp()), "lt": int(until_at.timestamp())}
    with _asking():
        listed = _client().balance_transactions.list({"created": span, "limit": 100, "expand": ["data.source"]})
        for one in listed.auto_paging_iter():
            if movement := responses.read_movement(one):
                yield movement


def fetch_balance() -> int:
    """Return our whole balance at Stripe in our currency, available and pending, in cents."""
    with _asking():
        found = _client().balance.retrieve()
        funds = [*found.available, *found.pending]
        return sum(one.amount for one in funds if one.currency.upper() == CURRENCY)


# --- Stripe's webhooks
def verify_webhook(body: bytes, signature: str, *, now: datetime) -> Notice:
    """Return the notice. Raises BadWebhook. Stripe's check accepts future timestamps, so we check the clock here."""
    if len(body) > MOST_BYTES:
        raise BadWebhook("too long")
    if abs(now - _stamp(signature)) > SKEW:
        raise BadWebhook("signed too long ago or in the future")
    if not any(_is_signed(body, signature, secret) for secret in settings.STRIPE_WEBHOOK_SECRETS):
        raise BadWebhook("not signed by Stripe")
    notice = _read_notice(body)
    if not is_on() or notice.livemode != is_live():
        raise BadWebhook("from another environment")
    return notice


def _stamp(signature: str) -> datetime:
    try:
        stamps = [item.removeprefix("t=") for item in signature.split(",") if item.startswith("t=")]
        return responses.instant(int(stamps[0]))
    except (IndexError, ValueError, OverflowError, OSError) as error:
        raise BadWebhook("no timestamp in the signature") from error


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, signature, secret))
    except (
        stripe.SignatureVerificationError,
        UnicodeDecodeError,
        TypeError,
    ):  # TypeError: a character that is not ASCII
        return False


def _read_notice(body: bytes) -> Notice:
    try:
        said = json.loads(body)
        created, livemode, version = said["created"], said["livemode"], said.get("api_version") or ""
        texts = said["id"], said["type"], version, said["data"]["object"]["object"]
        if type(created) is not int or type(livemode) is not bool or not all(isinstance(one, str) for one in texts):
            raise BadWebhook("not an event")
        return Notice(said["id"], said["type"], livemode, version, responses.instant(created), said)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise BadWebhook("not an event") from error


# --- The client, and what its errors mean
def _client() -> Any:
    if not is_on():
        raise GatewayOff
    return _connected(
        settings.STRIPE_SECRET_KEY,
        settings.STRIPE_API_BASE,
        settings.STRIPE_API_VERSION,
        settings.STRIPE_TIMEOUT_SECONDS,
    ).v1


@functools.lru_cache(maxsize=4)
def _connected(key: str, base: str, version: str, timeout: float) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=version,
        base_addresses={"api": base},
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


@contextmanager
def _asking() -> Iterator[None]:
    """Sort Stripe's errors into ours: certainly refused, or unknown."""
    try:
        yield
    except stripe.CardError as error:
        intent = getattr(error.error, "payment_intent", None)
        message = error.user_message or "The card was declined."
        raise GatewayRefused(error.code or "card_declined", message, intent_id=responses.id_of(intent)) from error
    except stripe.StripeError as error:
        if _leaves_it_open(error):
            log.warning("stripe unavailable", kind=type(error).__name__, status=error.http_status)
            raise GatewayUnavailable("Stripe is not responding right now.") from error
        log.warning("stripe refused", code=error.code, status=error.http_status, request_id=error.request_id)
        raise GatewayRefused(error.code or "refused", "Stripe did not accept the request.") from error


def _leaves_it_open(error: stripe.StripeError) -> bool:
    """Whether the result is unknown: a wrong key gets replaced, and a reused key says that something happened."""
    unsure = (stripe.APIConnectionError, stripe.RateLimitError, stripe.IdempotencyError)
    locked_out = (stripe.AuthenticationError, stripe.PermissionError)
    return isinstance(error, unsure + locked_out) or error.http_status is None or error.http_status >= 500


def _intent(found: Any) -> Intent:
    intent = responses.read_intent(found)
    if intent is None:
        raise GatewayUnavailable("Stripe answered with an ID only.")
    return intent


def _since(instant: datetime) -> Any:
    return {"gte": int((instant - MARGIN).timestamp())}
