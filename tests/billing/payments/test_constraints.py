"""What PostgreSQL refuses about payments, customers and consents, bypassing every verb, by constraint name."""

import uuid

import pytest

from billing.ledger import post, wallet_of
from billing.models import AutomaticTopUp, Payment
from billing.payments.top_ups import Kind, Posting, house_account
from tests.billing.with_stripe import asked, paid
from tests.factories import make_buyer, make_user
from tests.refusal import refused_by
from tests.refusal import settle as settle_constraints

pytestmark = pytest.mark.django_db
ATTEMPTS = {}


def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


def another(payment, **more):
    values = {"buyer": payment.buyer, "purpose": "top_up", "amount_cents": 100, "created_at": payment.created_at}
    return Payment.objects.create(**(values | more))


def consent(payment, **more):
    values = {"threshold_cents": 1, "amount_cents": 10, "daily_ceiling_cents": 10, "consent_wording": "Yes."}
    by = {"buyer": payment.buyer, "consented_by": make_user(), "consented_at": payment.created_at, "is_on": True}
    return AutomaticTopUp.objects.create(**(values | by | more))


@attempt("payment_is_more_than_nothing")
def payment_of_nothing(payment):
    another(payment, amount_cents=0)


@attempt("payment_session_is_its_own")
def one_page_for_two_payments(payment):
    another(payment, stripe_session_id=payment.stripe_session_id)


@attempt("payment_intent_is_its_own")
def one_charge_for_two_payments(payment):
    another(payment, stripe_payment_intent_id=payment.stripe_payment_intent_id)


@attempt("payment_key_is_used_once")
def one_key_for_two_payments(payment):
    another(payment, idempotency_key=payment.idempotency_key)


@attempt("payment_automatic_is_one_at_a_time")
def two_automatic_ones_at_a_time(payment):
    another(payment, purpose="automatic", status="announced")
    another(payment, purpose="automatic", status="created")


@attempt("payment_ended_has_its_instant")
def ended_at_no_instant(payment):
    another(payment, status="failed")


@attempt("payment_ended_has_its_instant")
def open_since_it_ended(payment):
    another(payment, status="open", ended_at=payment.created_at)


@attempt("payment_is_never_deleted")
def payment_deleted(payment):
    another(payment).delete()


@attempt("payment_terms_are_fixed")
def of_another_buyer(payment):
    Payment.objects.update(buyer=make_buyer())


@attempt("payment_terms_are_fixed")
def of_another_amount(payment):
    Payment.objects.update(amount_cents=1)


@attempt("payment_terms_are_fixed")
def in_another_currency(payment):
    Payment.objects.update(currency="EUR")


@attempt("payment_terms_are_fixed")
def for_another_purpose(payment):
    Payment.objects.update(purpose="order")


@attempt("payment_terms_are_fixed")
def under_another_name(payment):
    Payment.objects.update(public_id=uuid.uuid4())


@attempt("payment_terms_are_fixed")
def paid_no_more(payment):
    Payment.objects.update(status="failed")


@attempt("payment_terms_are_fixed")
def by_another_charge(payment):
    Payment.objects.update(stripe_payment_intent_id="pi_other")


@attempt("payment_paid_is_credited")
def paid_and_not_credited(payment):
    another(payment, status="paid", ended_at=payment.created_at)


@attempt("payment_paid_is_credited")
def paid_and_credited_less(payment):
    credited(another(payment, status="paid", ended_at=payment.created_at), payment.buyer, 99)


@attempt("payment_paid_is_credited")
def paid_and_credited_to_another(payment):
    credited(another(payment, status="paid", ended_at=payment.created_at), make_buyer(), 100)


def credited(payment, buyer, cents):
    posting = Posting(Kind.TOP_UP, str(payment.public_id), payment.created_at, payment=payment)
    post(posting, {wallet_of(buyer): cents, house_account("stripe"): -cents})


@attempt("automatic_top_up_charges_something")
def automatic_top_up_of_nothing(payment):
    consent(payment, amount_cents=0)


@attempt("automatic_top_up_fits_its_ceiling")
def more_than_the_days_limit(payment):
    consent(payment, daily_ceiling_cents=9)


@attempt("automatic_top_up_is_on_or_stopped")
def stopped_at_no_instant(payment):
    consent(payment, is_on=False)


@attempt("automatic_top_up_is_on_or_stopped")
def on_since_it_stopped(payment):
    consent(payment, stopped_at=payment.created_at)


@pytest.mark.parametrize(
    ("name", "act"), [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]
)
def test_the_database_refuses(control, payer, name, act):
    payment = paid(control, payer, key="form 1")
    asked(payer, key="form 2")
    settle_constraints()

    with refused_by(name):
        act(payment)
