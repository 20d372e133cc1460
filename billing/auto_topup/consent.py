"""The consent to automatic top-up: its terms, the wording agreed to, and the card it charges."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from billing.models import AutomaticTopUp, Customer
from billing.money import dollars
from billing.payments.stopping import stop_automatic, take_back
from billing.stripe import gateway
from buyers.models import Buyer, User


class AutomaticRefused(Exception):
    """Automatic top-up can't be turned on like this; the message says why."""


@dataclass(frozen=True)
class AutoTopUpTerms:
    threshold_cents: int
    amount_cents: int
    daily_ceiling_cents: int


def wording_of(terms: AutoTopUpTerms, *, buyer: Buyer, card: str) -> str:
    """Return the wording that the buyer agrees to, which is kept as it was shown."""
    return (
        f"{buyer.legal_name} allows {settings.OPERATOR['name']} to charge {card} {dollars(terms.amount_cents)} each"
        f" time the wallet balance is below {dollars(terms.threshold_cents)}, up to"
        f" {dollars(terms.daily_ceiling_cents)} a day (UTC), until we turn it off. You will email us at least"
        f" {_minutes(settings.AUTOMATIC_TOP_UP_NOTICE_MINUTES)} before each charge, so that we can stop it,"
        " and send a receipt after it."
    )


def _minutes(number: int) -> str:
    return "1 minute" if number == 1 else f"{number} minutes"


def check_terms(terms: AutoTopUpTerms) -> None:
    """Raise AutomaticRefused, naming the limit that was missed, unless the terms are within our limits."""
    least, most = settings.TOP_UP_LEAST_CENTS, settings.TOP_UP_MOST_CENTS
    ceiling = settings.AUTOMATIC_TOP_UP_DAILY_MOST_CENTS
    if not least <= terms.amount_cents <= most:
        raise AutomaticRefused(f"Enter a charge between {dollars(least)} and {dollars(most)}.")
    if not 0 < terms.threshold_cents <= most:
        raise AutomaticRefused(f"Enter a threshold above $0.00 and up to {dollars(most)}.")
    if terms.daily_ceiling_cents < terms.amount_cents:
        raise AutomaticRefused("Enter a daily limit of at least one charge.")
    if terms.daily_ceiling_cents > ceiling:
        raise AutomaticRefused(f"Enter a daily limit of at most {dollars(ceiling)}.")


@transaction.atomic
def set_automatic(*, buyer: Buyer, user: User, terms: AutoTopUpTerms, wording: str, now: datetime) -> AutomaticTopUp:
    """Turn it on under these terms. Raises AutomaticRefused, also when the wording does not match them."""
    check_terms(terms)
    customer = Customer.objects.select_for_update(no_key=True).filter(buyer=buyer).first()
    if customer is None or not customer.has_card:
        raise AutomaticRefused("Save a card first: top up once and save the card for later.")
    if buyer.closed_at:
        raise AutomaticRefused("This company is closed, so its card can't be charged.")
    if wording != wording_of(terms, buyer=buyer, card=customer.card):
        raise AutomaticRefused("The terms changed while you were reading them. Read them again.")
    agreed, _ = AutomaticTopUp.objects.update_or_create(
        buyer=buyer,
        defaults={
            "is_on": True,
            "threshold_cents": terms.threshold_cents,
            "amount_cents": terms.amount_cents,
            "daily_ceiling_cents": terms.daily_ceiling_cents,
            "consent_wording": wording,
            "consented_by": user,
            "consented_at": now,
            "stopped_at": None,
            "stopped_because": "",
        },
    )
    take_back(buyer.payments.automatic(), because="The terms of automatic top-up changed.", now=now)
    return agreed


def remove_card(*, buyer: Buyer, now: datetime) -> None:
    """Remove the card, here and at Stripe, and end automatic top-up. On the gateway's errors the card is still on file,
    but no automatic charge is made to it any more. Safe twice."""
    stop_automatic(buyer=buyer, because="The card was removed.", now=now)
    customer = Customer.objects.filter(buyer=buyer).first()
    if customer is None or not customer.has_card:
        return
    gateway.detach_card(customer.payment_method_id)
    Customer.objects.filter(pk=customer.pk, payment_method_id=customer.payment_method_id).update(
        payment_method_id="", card_brand="", card_last4="", card_expires=None
    )
