"""Card refunds: once, never more than was paid, taken from the wallet first; and refunds made in the dashboard."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.ledger import balance_cents, charge_order, posted_before
from billing.models import Payment, Refund
from billing.payments import refunds
from billing.payments.refunds import RefundRefused, ask_again, left_cents, refund_to_card, settle
from tests.billing.with_stripe import asked, books, hand_over, hand_over_all, paid, submitted, together, told
from tests.factories import credit, make_buyer
from tests.refusal import everything, refused_by
from tests.refusal import settle as settle_constraints

pytestmark = pytest.mark.django_db
PAID = {"wallet": 5000, "stripe": -4825, "fees": -175}
HOUR = timedelta(hours=1)


@pytest.fixture
def payment(control, payer):
    """$50 by card."""
    return paid(control, payer)


def back(payment, cents=2000, now=None, key=None):
    return refund_to_card(
        payment=payment,
        amount_cents=cents,
        reason="Asked for it",
        actor="desk@example.com",
        now=now or timezone.now(),
        key=key,
    )


def spend(buyer, cents, reference="order 1"):
    charge_order(buyer=buyer, cents=cents, legs=[], reference=reference, memo="", actor="", now=timezone.now())


def at_stripe(control):
    return sorted((one["amount"], one["status"]) for one in control.everything(kind="refund")["data"])


def refused(payment, cents, match):
    before = everything()
    with pytest.raises(RefundRefused, match=match):
        back(payment, cents)
    assert everything() == before


# --- By our staff
def test_the_desks_own_reason_stays_out_of_the_buyers_statement(control, payment):
    refund = back(payment)

    posted = posted_before("refund", str(refund.public_id))
    assert (refund.reason, posted.memo) == ("Asked for it", "Refund to your card")


def test_a_refund_takes_it_from_the_wallet_and_gives_it_to_the_card(control, payment):
    refund = back(payment)

    assert (refund.status, refund.amount_cents, refund.made_by) == ("succeeded", 2000, "desk@example.com")
    assert (refund.stripe_id[:3], refund.ask_again_at) == ("re_", None)
    assert books() == {"wallet": 3000, "stripe": -2825, "fees": -175}
    assert at_stripe(control) == [(2000, "succeeded")]
    settle_constraints()


@pytest.mark.parametrize("cents", [0, -1, 5001])
def test_no_more_goes_back_than_was_paid(control, payment, cents):
    credit(payment.buyer, 100_000, "wire")

    refused(payment, cents, r"at most \$50\.00")
    assert at_stripe(control) == []


def test_no_more_goes_back_than_is_left_of_the_payment(control, payment):
    credit(payment.buyer, 100_000, "wire")
    back(payment, 3000)
    back(payment, 1500)

    refused(payment, 501, r"at most \$5\.00")
    assert left_cents(payment) == 500


def test_no_more_goes_back_than_the_wallet_holds(control, payment):
    spend(payment.buyer, 4000)

    refused(payment, 1001, r"at most \$10\.00")
    assert back(payment, 1000).status == "succeeded"
    assert balance_cents(payment.buyer) == 0


def test_nothing_goes_back_of_what_was_not_paid(stripe_settings, payer):
    credit(payer, 100_000, "wire")

    refused(asked(payer), 1000, r"at most \$0\.00")


def test_nothing_goes_back_of_what_was_disputed(control, payment):
    credit(payment.buyer, 100_000, "wire")
    control.dispute(payment=payment.stripe_payment_intent_id)
    hand_over_all(control, "charge.dispute.created")

    refused(payment, 1, r"at most \$0\.00")


def test_the_same_form_refunds_once(control, payment):
    key = uuid.uuid4()

    assert back(payment, 2000, key=key) == back(payment, 2000, key=key)

    assert at_stripe(control) == [(2000, "succeeded")]
    with pytest.raises(RefundRefused, match="Open it again"):
        back(payment, 1000, key=key)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cents", [5000, 2600])
def test_ten_refunds_at_once_give_back_once(control, cents):
    payment = paid(control, make_buyer())

    answers = together(*[lambda: back(Payment.objects.get(pk=payment.pk), cents).status] * 10)

    assert [answer for answer in answers if isinstance(answer, str)] == ["succeeded"]
    assert sum(isinstance(answer, RefundRefused) for answer in answers) == 9
    assert at_stripe(control) == [(cents, "succeeded")]
    assert books().get("wallet", 0) == 5000 - cents


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ten_of_one_form_at_once_give_back_once(control):
    payment, key = paid(control, make_buyer()), uuid.uuid4()

    answers = together(*[lambda: back(Payment.objects.get(pk=payment.pk), 1000, key=key).public_id] * 10)

    assert answers == [key] * 10
    Refund.objects.update(ask_again_at=timezone.now())
    ask_again(now=timezone.now())
    assert at_stripe(control) == [(1000, "succeeded")]
    assert books()["wallet"] == 4000


def test_what_stripe_refuses_is_given_back_to_the_wallet(stand_in, payment, now):
    stand_in._store.save(stand_in._store.everything("charge")[0], disputed=True)

    refund = back(payment)

    assert (refund.status, refund.problem) == ("failed", "Stripe did not accept the request.")
    assert books() == PAID
    assert left_cents(payment) == 5000
    assert settle(refund, now=now).status == "failed"
    assert books() == PAID


# --- Without an answer
@pytest.mark.parametrize("kind", ["lose_answer", "fail_after"])
def test_a_refund_that_happened_without_an_answer_is_found(control, payment, kind):
    control.mishap(kind=kind, path="POST /v1/refunds", times=2)

    refund = back(payment)

    assert (refund.status, at_stripe(control)) == ("succeeded", [(2000, "succeeded")])
    assert books()["wallet"] == 3000


def test_a_refund_that_nobody_heard_of_is_sent_again_under_its_key(control, payment, now, stripe_settings):
    there, stripe_settings.STRIPE_API_BASE = stripe_settings.STRIPE_API_BASE, "http://127.0.0.1:9"
    refund = back(payment, now=now)
    assert (refund.status, refund.ask_again_at, books()["wallet"]) == ("created", now + timedelta(seconds=30), 3000)

    stripe_settings.STRIPE_API_BASE = there
    assert ask_again(now=now + timedelta(seconds=29)) == 0
    assert ask_again(now=now + timedelta(seconds=30)) == 1
    assert ask_again(now=now + HOUR) == 0

    refund.refresh_from_db()
    assert (refund.status, at_stripe(control)) == ("succeeded", [(2000, "succeeded")])
    assert books() == {"wallet": 3000, "stripe": -2825, "fees": -175}


def test_a_failure_that_stripe_remembers_ends_when_it_is_certain(control, payment, now):
    """Stripe returns the same 500 for a day, and did nothing."""
    control.mishap(kind="fail_before", path="POST /v1/refunds", times=1)
    refund = back(payment, now=now)
    assert settle(refund, now=now + HOUR).status == "created"

    settle(refund, now=now + timedelta(hours=21))
    assert (refund.status, books()["wallet"]) == ("created", 3000)

    settle(refund, now=now + timedelta(hours=23))
    assert (refund.status, refund.problem, at_stripe(control)) == ("failed", "Stripe never made this refund.", [])
    assert books() == PAID


def test_a_refund_is_never_sent_again_once_stripe_may_have_forgotten_it(control, payment, now):
    control.mishap(kind="fail_before", path="* /v1/refunds*", times=None)
    refund = back(payment, now=now)
    control.clear_mishaps()
    control.advance(seconds=25 * 3600)

    settle(refund, now=now + timedelta(hours=25))

    assert (refund.status, at_stripe(control)) == ("failed", [])
    assert books() == PAID


def test_an_outage_of_a_week_ends_with_a_person(control, payment, now, stripe_settings):
    stripe_settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    refund = back(payment, now=now)

    settle(refund, now=now + timedelta(days=8))

    assert (refund.status, refund.ask_again_at) == ("created", None)
    assert refund.problem == "We could not confirm the status of this refund."
    assert books()["wallet"] == 3000


def test_a_refund_on_its_way_is_asked_about(stand_in, payment, now):
    refund = back(payment, now=now)
    stand_in._store.save(stand_in._store.everything("refund")[0], status="pending")
    Refund.objects.update(status="pending", ask_again_at=now)
    assert ask_again(now=now) == 1
    refund.refresh_from_db()
    assert (refund.status, refund.ask_again_at) == ("pending", now + timedelta(seconds=30))

    stand_in._store.save(stand_in._store.everything("refund")[0], status="succeeded")
    assert settle(refund, now=now).status == "succeeded"


# --- Refunds that fail later
def test_a_refund_that_fails_later_is_in_the_wallet_again_once(control, payment, now):
    refund = back(payment)
    control.fail_refund(refund=refund.stripe_id)

    for _ in range(2):
        assert set(hand_over_all(control, "refund.failed", "refund.updated", "refund.created")) == {"done"}
        refunds.enter(payment, refunds.settle_and_fetch(payment, now=now), now=now)

    refund.refresh_from_db()
    assert (refund.status, refund.problem) == ("failed", "lost or stolen card")
    assert books() == PAID
    reversal = refund.payment.transactions.get(kind="reversal")
    assert reversal.stripe_id == f"{refund.stripe_id}:reversed"


def test_what_was_read_late_does_not_undo_a_failure(control, payment, now):
    refund = back(payment)
    late = refunds.settle_and_fetch(payment, now=now)
    control.fail_refund(refund=refund.stripe_id)
    hand_over_all(control, "refund.failed")

    refunds.enter(payment, late, now=now)

    refund.refresh_from_db()
    assert (refund.status, books()) == ("failed", PAID)


def test_what_failed_can_be_refunded_again(control, payment):
    control.fail_refund(refund=back(payment, 5000).stripe_id)
    hand_over_all(control, "refund.failed")

    assert back(payment, 5000).status == "succeeded"
    assert books() == {"stripe": 175, "fees": -175}


# --- In the dashboard
def test_a_refund_of_the_dashboard_is_followed_once(control, payment, now):
    control.refund(payment=payment.stripe_payment_intent_id, amount=1200)

    for _ in range(3):
        assert set(hand_over_all(control, "refund.created", "charge.refunded")) == {"done"}
        refunds.enter(payment, refunds.settle_and_fetch(payment, now=now), now=now)

    refund = Refund.objects.get()
    assert (refund.amount_cents, refund.status, refund.made_by) == (1200, "succeeded", "Stripe's dashboard")
    assert books() == {"wallet": 3800, "stripe": -3625, "fees": -175}
    assert payment.transactions.get(kind="refund").stripe_id == refund.stripe_id


def test_a_refund_of_the_dashboard_may_overdraw_the_wallet(control, payment):
    spend(payment.buyer, 4500)
    control.refund(payment=payment.stripe_payment_intent_id)

    hand_over_all(control, "charge.refunded")

    assert balance_cents(payment.buyer) == -4500
    assert books() == {"wallet": -4500, "sales": 4500, "stripe": 175, "fees": -175}
    settle_constraints()


def test_a_refund_that_is_told_before_its_payment_credits_that_first(control, payer):
    payment = submitted(control, payer)
    intent = control.everything(kind="payment_intent")["data"][0]["id"]
    control.refund(payment=intent, amount=1000)

    assert hand_over_all(control, "refund.created") == ["done"]

    payment.refresh_from_db()
    assert (payment.status, books()) == ("paid", {"wallet": 4000, "stripe": -3825, "fees": -175})


def test_a_failed_refund_of_the_dashboard_that_was_never_heard_of_leaves_both_marks(control, payment):
    made = control.refund(payment=payment.stripe_payment_intent_id)
    control.fail_refund(refund=made["id"])

    hand_over_all(control, "refund.failed")

    assert (Refund.objects.get().status, books()) == ("failed", PAID)
    assert sorted(payment.transactions.values_list("kind", flat=True)) == ["fee", "refund", "reversal", "top_up"]


def test_a_refund_of_ours_that_waits_and_one_of_the_dashboard_do_not_count_twice(control, payment, now):
    """Ours was never made; all of it was refunded in the dashboard. Stripe refuses ours, and the wallet pays once."""
    control.mishap(kind="fail_before", path="* /v1/refunds*", times=None)
    waiting = back(payment, 2000, now=now)
    control.clear_mishaps()
    control.advance(seconds=25 * 3600)
    control.refund(payment=payment.stripe_payment_intent_id)

    event = hand_over(told(control, "charge.refunded")[0], now + timedelta(minutes=1))

    waiting.refresh_from_db()
    assert (waiting.status, event.status) == ("failed", "done")
    assert books() == {"stripe": 175, "fees": -175}
    assert at_stripe(control) == [(5000, "succeeded")]


def test_a_refund_that_does_not_fit_is_not_booked(stand_in, payment, now):
    refund = back(payment)
    stand_in._store.save(stand_in._store.everything("refund")[0], amount=1999)
    before = books()

    with pytest.raises(refunds.RefundDiffers):
        refunds.enter(payment, refunds.settle_and_fetch(payment, now=now), now=now)

    refund.refresh_from_db()
    assert (refund.amount_cents, books()) == (2000, before)


# What PostgreSQL refuses, bypassing the verbs
ATTEMPTS = {}


def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


@attempt("refund_is_more_than_nothing")
def refund_of_nothing(refund):
    raw_refund(refund.payment, 0)


@attempt("refund_at_stripe_is_its_own")
def one_refund_of_stripes_twice(refund):
    raw_refund(refund.payment, 1, stripe_id=refund.stripe_id)


@attempt("refund_is_never_deleted")
def refund_deleted(refund):
    refund.delete()


@attempt("refund_terms_are_fixed")
def another_amount(refund):
    Refund.objects.update(amount_cents=1)


@attempt("refund_terms_are_fixed")
def another_name(refund):
    Refund.objects.update(public_id=uuid.uuid4())


@attempt("refund_terms_are_fixed")
def another_refund_of_stripes(refund):
    Refund.objects.update(stripe_id="re_other")


@attempt("refund_terms_are_fixed")
def a_failure_undone(refund):
    Refund.objects.update(status="failed")
    Refund.objects.update(status="succeeded")


@attempt("refunds_never_exceed_the_payment")
def more_than_is_left(refund):
    raw_refund(refund.payment, 3001)


@attempt("refunds_never_exceed_the_payment")
def of_what_was_not_paid(refund):
    raw_refund(asked(refund.payment.buyer), 1)


def raw_refund(payment, cents, **more):
    return Refund.objects.create(
        payment=payment, amount_cents=cents, made_by="nobody", created_at=payment.created_at, **more
    )


@pytest.mark.parametrize(
    ("name", "act"), [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]
)
def test_the_database_refuses(payment, name, act):
    refund = back(payment)

    with refused_by(name):
        act(refund)
