"""A payment the cardholder's bank takes back: the wallet pays or owes, buying stops, what is won comes back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.ledger import NotEnoughMoney, balance_cents, charge_order, reverse
from billing.models import Account, AutomaticTopUp, Dispute, Transaction
from billing.payments import disputes
from billing.payments.refunds import refund_to_card
from billing.payments.write_offs import WriteOffRefused, write_off
from billing.stripe import gateway
from tests.billing.with_stripe import books, hand_over_all, paid, submitted, told
from tests.factories import credit, make_user
from tests.refusal import everything, refused_by
from tests.refusal import settle as settle_constraints

pytestmark = pytest.mark.django_db
PAID = {"wallet": 5000, "stripe": -4825, "fees": -175}
# Stripe's fee for a dispute is $15.00.
WITHDRAWN = {"stripe": 175 + 1500, "fees": -175 - 1500}


@pytest.fixture
def payment(control, payer):
    """$50 by card."""
    return paid(control, payer)


def spend(buyer, cents, reference="order 1"):
    charge_order(buyer=buyer, cents=cents, legs=[], reference=reference, memo="", actor="", now=timezone.now())


def disputed(control, payment):
    return control.dispute(payment=payment.stripe_payment_intent_id)["id"]


def all_events(control):
    return [one["type"] for one in told(control) if one["type"].startswith("charge.dispute.")]


def test_a_dispute_takes_the_payment_and_its_fee(control, payment):
    name = disputed(control, payment)

    assert set(hand_over_all(control, "charge.dispute.created", "charge.dispute.funds_withdrawn")) == {"done"}

    dispute = Dispute.objects.get()
    assert (dispute.stripe_id, dispute.payment, dispute.amount_cents) == (name, payment, 5000)
    assert (dispute.status, dispute.reason, dispute.closed_at) == ("needs_response", "fraudulent", None)
    assert books() == WITHDRAWN
    settle_constraints()


def test_while_a_wallet_owes_its_buyer_cannot_buy(control, payment):
    spend(payment.buyer, 4000)
    disputed(control, payment)
    hand_over_all(control)
    assert balance_cents(payment.buyer) == -4000
    before = everything()

    with pytest.raises(NotEnoughMoney):
        spend(payment.buyer, 1, "order 2")

    assert everything() == before
    credit(payment.buyer, 4001, "wire")
    spend(payment.buyer, 1, "order 2")
    assert balance_cents(payment.buyer) == 0


def test_a_wallet_that_owed_and_paid_cannot_be_overdrawn_again(control, payment):
    spend(payment.buyer, 4000)
    disputed(control, payment)
    hand_over_all(control)
    credit(payment.buyer, 4000, "wire")

    assert not payment.buyer.wallet.__class__.objects.get(buyer=payment.buyer).overdrawn_by_clawback


def test_a_second_message_about_a_dispute_lets_nobody_overdraw_the_wallet(control, payment, now):
    disputed(control, payment)
    hand_over_all(control, "charge.dispute.created")
    credit(payment.buyer, 5000, "wire")
    gift = Transaction.objects.get(kind="credit")
    spend(payment.buyer, 4000)

    hand_over_all(control, "charge.dispute.funds_withdrawn")

    assert not Account.objects.get(buyer=payment.buyer).overdrawn_by_clawback
    with refused_by("wallet_is_never_below_zero"):
        reverse(gift, actor="desk", memo="", now=now)
    assert balance_cents(payment.buyer) == 1000


def test_what_was_written_off_is_not_given_back_when_it_is_won(stand_in, payment, now):
    spend(payment.buyer, 4000)
    name = disputed(stand_in.control, payment)
    stand_in.control.lose_dispute(dispute=name)
    hand_over_all(stand_in.control)
    write_off(Dispute.objects.get(), actor="desk", now=now)
    assert balance_cents(payment.buyer) == 0

    stand_in._store.save(stand_in._store.everything("dispute")[0], status="won")
    for _ in range(2):
        disputes.enter(payment, gateway.fetch_dispute(name), now=now)
        settle_constraints()

    assert balance_cents(payment.buyer) == 1000
    assert "losses" not in books()
    assert not Account.objects.get(buyer=payment.buyer).overdrawn_by_clawback


def test_what_was_won_meanwhile_is_not_written_off(control, payment, now):
    spend(payment.buyer, 4000)
    name = disputed(control, payment)
    hand_over_all(control)
    stale = Dispute.objects.get()
    stale.status = "lost"
    control.win_dispute(dispute=name)
    hand_over_all(control)
    before = everything()

    with pytest.raises(WriteOffRefused, match="only write off a lost dispute"):
        write_off(stale, actor="desk", now=now)

    assert everything() == before


def test_a_dispute_that_is_won_gives_it_back_but_not_the_fee(control, payment, now):
    name = disputed(control, payment)
    hand_over_all(control)
    control.submit_evidence(dispute=name)
    hand_over_all(control)
    assert Dispute.objects.get().status == "under_review"

    control.win_dispute(dispute=name)
    hand_over_all(control)

    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.closed_at is not None) == ("won", True)
    assert books() == {"wallet": 5000, "stripe": -4825 + 1500, "fees": -175 - 1500}


def test_a_dispute_that_is_lost_is_gone(control, payment):
    name = disputed(control, payment)
    control.lose_dispute(dispute=name)

    hand_over_all(control)

    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.closed_at is not None) == ("lost", True)
    assert books() == WITHDRAWN


@pytest.mark.parametrize("end", ["win_dispute", "lose_dispute", None])
def test_every_event_of_a_dispute_is_enough_and_none_counts_twice(control, payment, end):
    name = disputed(control, payment)
    if end:
        getattr(control, end)(dispute=name)
    wanted = None
    for only in all_events(control):
        hand_over_all(control, only)
        wanted = wanted or books()
        assert books() == wanted

    found = gateway.fetch_dispute(name)
    for _ in range(3):
        disputes.enter(payment, found, now=payment.created_at)
    assert books() == wanted
    assert wanted != PAID


def test_what_was_read_late_does_not_open_a_closed_dispute(control, payment, now):
    name = disputed(control, payment)
    late = gateway.fetch_dispute(name)
    control.win_dispute(dispute=name)
    hand_over_all(control)
    before = everything()

    disputes.enter(payment, late, now=now)

    assert everything() == before


def test_a_bank_that_only_asks_takes_nothing(stand_in, payment):
    control = stand_in.control
    disputed(control, payment)
    stand_in._store.save(
        stand_in._store.everything("dispute")[0], status="warning_needs_response", balance_transactions=[]
    )
    hand_over_all(control, "charge.dispute.created")
    assert (Dispute.objects.get().status, books()) == ("warning_needs_response", PAID)

    stand_in._store.save(stand_in._store.everything("dispute")[0], status="warning_closed")
    hand_over_all(control, "charge.dispute.funds_withdrawn")

    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.closed_at is not None, books()) == ("warning_closed", True, PAID)


def test_a_dispute_takes_only_what_was_not_refunded(control, payment):
    refund_to_card(payment=payment, amount_cents=2000, reason="", actor="desk", now=timezone.now())
    disputed(control, payment)

    hand_over_all(control)

    assert Dispute.objects.get().amount_cents == 3000
    assert books() == WITHDRAWN


def test_a_dispute_that_is_told_before_its_payment_credits_that_first(control, payer):
    payment = submitted(control, payer)
    control.dispute(payment=control.everything(kind="payment_intent")["data"][0]["id"])

    assert hand_over_all(control, "charge.dispute.funds_withdrawn") == ["done"]

    payment.refresh_from_db()
    assert (payment.status, books()) == ("paid", WITHDRAWN)


def agreed(buyer, now):
    values = {"threshold_cents": 1000, "amount_cents": 7000, "daily_ceiling_cents": 7000, "consent_wording": "Yes."}
    return AutomaticTopUp.objects.create(buyer=buyer, is_on=True, consented_by=make_user(), consented_at=now, **values)


def test_a_dispute_switches_automatic_top_up_off_once(control, payment, now):
    agreement = agreed(payment.buyer, now)
    name = disputed(control, payment)
    hand_over_all(control, "charge.dispute.created")
    agreement.refresh_from_db()
    assert (agreement.is_on, agreement.stopped_because) == (False, "One of your payments was disputed.")

    AutomaticTopUp.objects.update(is_on=True, stopped_at=None)
    control.win_dispute(dispute=name)
    hand_over_all(control)

    agreement.refresh_from_db()
    assert agreement.is_on


@pytest.mark.parametrize(
    "changes",
    [{"currency": "eur"}, {"livemode": True}, {"payment_intent": "pi_other"}],
    ids=lambda one: next(iter(one)),
)
def test_a_dispute_that_does_not_fit_is_not_booked(stand_in, payment, now, changes):
    name = disputed(stand_in.control, payment)
    stand_in._store.save(stand_in._store.everything("dispute")[0], **changes)
    before = everything()

    with pytest.raises(disputes.DisputeDiffers):
        disputes.enter(payment, gateway.fetch_dispute(name), now=now)

    assert everything() == before


def test_a_dispute_of_a_payment_in_doubt_is_not_booked(stand_in, payer, now):
    payment = submitted(stand_in.control, payer)
    stand_in._store.save(stand_in._store.everything("checkout.session")[0], amount_total=1)
    stand_in.control.dispute(payment=stand_in._store.everything("payment_intent")[0]["id"])

    assert hand_over_all(stand_in.control, "charge.dispute.created") == ["received"]

    payment.refresh_from_db()
    assert (payment.status, books(), Dispute.objects.count()) == ("open", {}, 0)


# What PostgreSQL refuses, bypassing the verbs
ATTEMPTS = {}


def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


@attempt("dispute_is_more_than_nothing")
def dispute_of_nothing(dispute):
    Dispute.objects.update(amount_cents=0)


@attempt("dispute_is_never_deleted")
def dispute_deleted(dispute):
    dispute.delete()


@pytest.mark.parametrize(
    ("name", "act"), [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]
)
def test_the_database_refuses(control, payment, name, act):
    disputed(control, payment)
    hand_over_all(control)
    dispute = Dispute.objects.get()
    assert dispute.opened_at < timezone.now() + timedelta(minutes=1)

    with refused_by(name):
        act(dispute)
