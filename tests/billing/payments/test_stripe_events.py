"""Acting on events: whatever their order, number and delay, the books end up as Stripe says."""

import random
from datetime import timedelta

import pytest

from billing.ledger import balance_cents
from billing.models import AutomaticTopUp, Customer, Payment, StripeEvent
from billing.payments import settlements, stripe_events, top_ups
from tests.billing.with_stripe import (
    DEBIT,
    VISA,
    asked,
    books,
    hand_over,
    hand_over_all,
    opened,
    paid,
    receive,
    submitted,
    together,
    told,
)
from tests.factories import make_buyer, make_user
from tests.refusal import everything
from tests.refusal import settle as settle_constraints

pytestmark = pytest.mark.django_db
CREDITED = {"wallet": 5000, "stripe": -4825, "fees": -175}
OF_A_PAYMENT = ("checkout.session.completed", "payment_intent.succeeded", "charge.succeeded")


@pytest.mark.parametrize("type", OF_A_PAYMENT)
def test_each_event_of_a_payment_is_enough(control, payer, type):
    payment = submitted(control, payer)

    assert hand_over_all(control, type) == ["done"]

    payment.refresh_from_db()
    assert (payment.status, books()) == ("paid", CREDITED)
    settle_constraints()


def test_an_event_is_acted_on_once(control, payer, now):
    submitted(control, payer)
    event = hand_over(told(control, "charge.succeeded")[0], now)
    before = everything()

    assert stripe_events.act(event, now=now + timedelta(days=1)).attempts == 1
    assert stripe_events.act_due(now=now + timedelta(days=1)) == 0
    assert everything() == before


def test_what_the_body_says_of_money_is_not_believed(control, payer):
    payment = opened(payer)
    control.submit(session=payment.stripe_session_id, card=VISA)
    lie = told(control, "checkout.session.completed")[0]
    lie["data"]["object"] |= {"amount_total": 9_999_999, "customer": "cus_other", "client_reference_id": "other"}

    assert hand_over(lie).status == "done"

    assert books() == CREDITED


def test_an_event_that_says_paid_too_early_credits_nothing(control, payer):
    payment = opened(payer)
    lie = {
        "id": "evt_lie",
        "type": "checkout.session.completed",
        "livemode": False,
        "created": 1_790_000_000,
        "data": {"object": {"id": payment.stripe_session_id, "object": "checkout.session", "payment_status": "paid"}},
    }

    assert hand_over(lie).status == "done"

    payment.refresh_from_db()
    assert (payment.status, books()) == ("open", {})


def test_the_end_of_a_page_and_of_a_debit_are_learned(control, payer):
    expired = opened(payer)
    control.expire(session=expired.stripe_session_id)
    debit = submitted(control, payer, card=DEBIT)
    hand_over_all(control)
    expired.refresh_from_db()
    debit.refresh_from_db()
    assert (expired.status, debit.status, books()) == ("expired", "processing", {})

    control.settle(payment=debit.stripe_payment_intent_id)
    hand_over_all(control, "checkout.session.async_payment_succeeded")

    debit.refresh_from_db()
    assert (debit.status, balance_cents(payer)) == ("paid", 5000)


def test_a_page_that_we_lost_sight_of_is_known_by_its_reference(control, payer):
    payment = submitted(control, payer)
    Payment.objects.filter(pk=payment.pk).update(status="created", stripe_session_id="", page_url="")

    hand_over_all(control, "checkout.session.completed")

    assert books() == CREDITED


@pytest.mark.parametrize("type", ["customer.created", "payment_intent.created", "invoice.paid", "sparkles"])
def test_an_event_of_no_concern_has_no_effect(control, payer, type):
    submitted(control, payer)
    event = told(control, "checkout.session.completed")[0] | {"type": type, "id": "evt_x"}

    assert hand_over(event).status == "ignored"

    assert books() == {}


@pytest.mark.parametrize("type", [*OF_A_PAYMENT, "charge.refunded", "charge.dispute.created"])
def test_what_somebody_else_does_at_the_same_stripe_is_ignored(stand_in, payer, type):
    payment = submitted(stand_in.control, payer)
    intent = stand_in._store.everything("payment_intent")[0]
    if type == "charge.refunded":
        stand_in.control.refund(payment=intent["id"])
    if type == "charge.dispute.created":
        stand_in.control.dispute(payment=intent["id"])
    stand_in._store.save(intent, metadata={"order": "a shop's"})
    stand_in._store.save(stand_in._store.everything("checkout.session")[0], client_reference_id="a shop's")
    Payment.objects.filter(pk=payment.pk).update(stripe_session_id="cs_other")

    assert hand_over_all(stand_in.control, type) == ["ignored"]

    assert books() == {}


# --- Failures and retries
def test_an_event_waits_longer_each_time_and_is_given_up(control, payer, now, stripe_settings, caplog):
    submitted(control, payer)
    event = receive(told(control, "charge.succeeded")[0], now)
    stripe_settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    Payment.objects.update(stripe_payment_intent_id="")
    waits, at = [], now
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr("billing.stripe.gateway.RETRIES", 0)
        stripe_events.gateway._connected.cache_clear()
        for _ in range(20):
            stripe_events.act(event, now=at)
            waits.append(int((event.try_at - at).total_seconds()))
            at = event.try_at

    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3840, 7680] + [14_400] * 11
    assert (event.status, event.attempts, event.acted_at is not None) == ("failed", 20, True)
    assert event.problem == "GatewayUnavailable: Stripe is not responding right now."
    assert "gave up on a Stripe event" in caplog.text
    assert stripe_events.act(event, now=at + timedelta(days=9)).attempts == 20


def test_an_event_that_heals_is_acted_on_when_it_is_due(control, payer, now):
    submitted(control, payer)
    control.mishap(kind="fail_before", path="GET *", times=2)
    event = hand_over(told(control, "checkout.session.completed")[0], now)
    assert (event.status, event.problem[:18], books()) == ("received", "GatewayUnavailable", {})

    assert stripe_events.act_due(now=now + timedelta(seconds=29)) == 0
    assert stripe_events.act_due(now=now + timedelta(seconds=30)) == 1

    event.refresh_from_db()
    assert (event.status, event.problem, books()) == ("done", "", CREDITED)


def test_one_event_that_fails_does_not_stop_the_rest(control, payer, now, monkeypatch):
    submitted(control, payer)
    for event in told(control):
        receive(event, now)
    poison = StripeEvent.objects.get(type="payment_intent.succeeded")
    real = stripe_events._find_out
    monkeypatch.setattr(
        stripe_events, "_find_out", lambda event, at: 1 / 0 if event.pk == poison.pk else real(event, at)
    )

    assert stripe_events.act_due(now=now) == StripeEvent.objects.count()

    poison.refresh_from_db()
    assert (poison.status, poison.problem) == ("received", "ZeroDivisionError")
    assert set(StripeEvent.objects.exclude(pk=poison.pk).values_list("status", flat=True)) == {"done", "ignored"}
    assert books() == CREDITED


def test_an_event_is_done_in_the_transaction_of_its_credit(control, payer, now, monkeypatch):
    """A crash in between leaves neither: the event is acted on again."""
    submitted(control, payer)
    with monkeypatch.context() as crash:
        crash.setattr(stripe_events, "_close", lambda *_: 1 / 0)
        event = hand_over(told(control, "charge.succeeded")[0], now)
    assert (event.status, books()) == ("received", {})
    with monkeypatch.context() as crash:
        crash.setattr(top_ups, "book_fee", lambda *_, **__: 1 / 0)
        stripe_events.act(event, now=event.try_at)
    assert (event.status, books()) == ("received", {})

    stripe_events.act(event, now=event.try_at)

    assert (event.status, books()) == ("done", CREDITED)


def test_an_event_three_days_late_changes_nothing_more(control, payer, now):
    paid(control, payer)

    assert hand_over(told(control, "checkout.session.completed")[0], now + timedelta(days=3)).status == "done"

    assert books() == CREDITED


# --- P10
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_ten_deliveries_of_three_types_shuffled_to_eight_workers_credit_once(control, now, seed):
    payer = make_buyer()
    payment = submitted(control, payer)
    deliveries = told(control, *OF_A_PAYMENT) * 10
    assert len(deliveries) == 30
    random.Random(seed).shuffle(deliveries)

    def work(mine):
        return [hand_over(event, now).status for event in mine]

    def success_page():
        return [top_ups.settle(Payment.objects.get(pk=payment.pk), now=now).status for _ in range(5)]

    answers = together(*[lambda mine=deliveries[turn::7]: work(mine) for turn in range(7)], success_page)

    assert {status for answer in answers for status in answer} <= {"done", "received", "paid"}
    assert answers[7] == ["paid"] * 5
    assert books() == CREDITED
    assert sorted(StripeEvent.objects.values_list("type", "status")) == [(one, "done") for one in sorted(OF_A_PAYMENT)]


# --- Payouts to our bank, cards that are removed
def test_a_payout_to_our_bank_leaves_stripe_once(control, payer):
    paid(control, payer)
    payout = control.pay_out(amount=3000)
    hand_over_all(control, "payout.created")
    assert books() == {"wallet": 5000, "stripe": -1825, "fees": -175, "bank": -3000}

    control.land_payout(payout=payout["id"])
    hand_over_all(control)

    assert books() == {"wallet": 5000, "stripe": -1825, "fees": -175, "bank": -3000}


def test_a_payout_that_comes_back_is_at_stripe_again_once(control, payer):
    paid(control, payer)
    payout = control.pay_out(amount=3000)
    control.fail_payout(payout=payout["id"])

    for _ in range(2):
        hand_over_all(control, "payout.failed", "payout.created")
        settlements.enter(stripe_events.gateway.fetch_payout(payout["id"]), now=payer.created_at)

    assert books() == CREDITED


def test_a_payout_of_another_currency_is_for_a_person(stand_in, payer):
    paid(stand_in.control, payer)
    stand_in.control.pay_out(amount=3000)
    stand_in._store.save(stand_in._store.everything("payout")[0], currency="eur")

    assert hand_over_all(stand_in.control, "payout.created") == ["received"]

    assert StripeEvent.objects.get(type="payout.created").problem == "SettlementDiffers"
    assert books() == CREDITED


def test_a_card_removed_at_stripe_is_forgotten_here(control, payer, now):
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
    control.detach(payment_method=Customer.objects.get(buyer=payer).payment_method_id)

    assert hand_over_all(control, "payment_method.detached") == ["done"]

    assert not Customer.objects.get(buyer=payer).has_card
    assert AutomaticTopUp.objects.get(buyer=payer).stopped_because == "The card was removed."


def test_an_event_about_a_payment_without_a_page_yet_is_harmless(stripe_settings, payer, now):
    asked(payer, now=now)
    event = {
        "id": "evt_none",
        "type": "charge.succeeded",
        "livemode": False,
        "created": 1_790_000_000,
        "data": {"object": {"id": "ch_1", "object": "charge"}},
    }

    assert hand_over(event, now).status == "ignored"
