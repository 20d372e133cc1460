"""A saved card charged without its holder: once, in time, while they agree; found when the answer is lost."""

from datetime import timedelta

import pytest

from billing.ledger import balance_cents
from billing.models import AutomaticTopUp, Customer, Payment
from billing.payments import top_ups
from billing.payments.top_ups import ask_again, settle
from billing.stripe import gateway
from tests.billing.with_stripe import books, hand_over_all, paid
from tests.factories import make_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def kept(control, payer, now):
    """A payer with a card on file and $50, who agreed to automatic charges."""
    paid(control, payer, keep_card=True)
    AutomaticTopUp.objects.create(
        buyer=payer,
        is_on=True,
        threshold_cents=1000,
        amount_cents=7000,
        daily_ceiling_cents=7000,
        consent_wording="Yes.",
        consented_by=make_user(),
        consented_at=now,
    )
    return payer


def automatic(buyer, now, card=None):
    if card:
        Customer.objects.filter(buyer=buyer).update(payment_method_id=card)
    return Payment.objects.create(
        buyer=buyer, purpose="automatic", amount_cents=7000, created_at=now, ask_again_at=now + timedelta(minutes=2)
    )


def charges_of_seventy(control):
    return [one["status"] for one in control.everything(kind="payment_intent")["data"] if one["amount"] == 7000]


def test_a_kept_card_is_charged(control, kept, now):
    payment = top_ups.charge(automatic(kept, now), now=now)

    assert (payment.status, payment.card, balance_cents(kept)) == ("paid", "Visa ending 4242", 12_000)
    assert books() == {"wallet": 12_000, "stripe": -12_000 + 175 + 233, "fees": -175 - 233}


def test_a_kept_card_that_is_declined_is_told(control, kept, now):
    payment = top_ups.charge(automatic(kept, now, "pm_card_chargeDeclined"), now=now)

    assert (payment.status, payment.problem, payment.ended_at) == ("failed", "Your card was declined.", now)
    assert (payment.stripe_payment_intent_id[:3], balance_cents(kept)) == ("pi_", 5000)


def test_a_card_that_asks_for_its_holder_fails_without_him(control, kept, now):
    payment = top_ups.charge(automatic(kept, now, "pm_card_authenticationRequired"), now=now)

    assert payment.status == "failed"
    assert "requires authentication" in payment.problem
    assert balance_cents(kept) == 5000


@pytest.mark.parametrize("kind", ["fail_after", "lose_answer"])
def test_a_charge_that_happened_without_an_answer_is_found(control, kept, now, kind):
    payment = automatic(kept, now)
    control.mishap(kind=kind, path="POST /v1/payment_intents", times=2)

    top_ups.charge(payment, now=now)

    assert (payment.status, balance_cents(kept), charges_of_seventy(control)) == ("paid", 12_000, ["succeeded"])


def test_a_charge_that_happened_is_found_when_stripe_is_back(control, kept, now):
    payment = automatic(kept, now)
    control.mishap(kind="fail_after", path="POST /v1/payment_intents", times=2)
    control.mishap(kind="fail_before", path="GET /v1/payment_intents*", times=None)
    top_ups.charge(payment, now=now)
    assert (payment.status, payment.ask_again_at) == ("created", now + timedelta(seconds=30))

    control.clear_mishaps()
    assert ask_again(now=now + timedelta(seconds=30)) == 1

    payment.refresh_from_db()
    assert (payment.status, balance_cents(kept), charges_of_seventy(control)) == ("paid", 12_000, ["succeeded"])


def unheard(stripe_settings, payment, now):
    """The request never reached Stripe."""
    there, stripe_settings.STRIPE_API_BASE = stripe_settings.STRIPE_API_BASE, "http://127.0.0.1:9"
    top_ups.charge(payment, now=now)
    stripe_settings.STRIPE_API_BASE = there


def test_a_charge_that_never_arrived_is_sent_again_under_its_key(control, kept, now, stripe_settings):
    payment = automatic(kept, now)
    unheard(stripe_settings, payment, now)
    assert payment.status == "created"

    top_ups.charge(payment, now=now + timedelta(minutes=1))
    top_ups.charge(payment, now=now + timedelta(minutes=2))

    assert (payment.status, balance_cents(kept), charges_of_seventy(control)) == ("paid", 12_000, ["succeeded"])


def test_a_charge_that_never_arrived_is_not_sent_after_its_time(control, kept, now, stripe_settings):
    payment = automatic(kept, now)
    unheard(stripe_settings, payment, now)

    settle(payment, now=now + HOUR)
    assert payment.status == "created"

    settle(payment, now=now + 2 * HOUR)
    assert (payment.status, payment.problem) == ("failed", "The card could not be charged.")
    assert (balance_cents(kept), charges_of_seventy(control)) == (5000, [])


def test_a_charge_that_never_arrived_is_not_sent_once_it_was_stopped(control, kept, now, stripe_settings):
    payment = automatic(kept, now)
    unheard(stripe_settings, payment, now)
    AutomaticTopUp.objects.update(is_on=False, stopped_at=now)

    settle(payment, now=now + timedelta(minutes=1))

    assert (payment.status, charges_of_seventy(control)) == ("created", [])


def test_money_of_a_charge_that_was_given_up_is_credited_all_the_same(control, kept, now):
    payment = automatic(kept, now)
    customer = Customer.objects.get(buyer=kept)
    gateway.charge_saved_card(
        reference=str(payment.public_id),
        customer_id=customer.stripe_id,
        payment_method_id=customer.payment_method_id,
        cents=7000,
    )
    Payment.objects.filter(pk=payment.pk).update(status="failed", ended_at=now, ask_again_at=None)

    hand_over_all(control, "payment_intent.succeeded", "charge.succeeded")

    payment.refresh_from_db()
    assert (payment.status, balance_cents(kept), charges_of_seventy(control)) == ("paid", 12_000, ["succeeded"])


def test_an_announced_charge_is_nobodys_to_ask_about(control, kept, now):
    payment = automatic(kept, now)
    Payment.objects.filter(pk=payment.pk).update(status="announced", ask_again_at=now)

    assert ask_again(now=now) == 0
    assert top_ups.charge(payment, now=now).status == "announced"
    assert charges_of_seventy(control) == []
