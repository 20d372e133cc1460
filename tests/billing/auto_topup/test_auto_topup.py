"""Automatic top-up: announced, then charged; never more than agreed, never twice, never after a no."""

import threading
from datetime import UTC, datetime, timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.db import connections
from django.test import Client

from billing.auto_topup import charges
from billing.auto_topup.charges import announce_due, charge_due
from billing.auto_topup.consent import AutomaticRefused, AutoTopUpTerms, remove_card, set_automatic, wording_of
from billing.ledger import Kind, Posting, balance_cents, charge_order, house_account, post, take_back, wallet_of
from billing.models import Account, AutomaticTopUp, Customer, Payment
from billing.payments import mail
from billing.payments.stopping import stop_announced, stop_automatic
from billing.payments.top_ups import ask_again, ask_payment, charge, open_page, settle
from billing.stripe.gateway import GatewayUnavailable
from buyers.models import Buyer, Membership, Role
from tests.factories import credit, make_buyer, make_user

pytestmark = pytest.mark.django_db
Status = Payment.Status
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOTICE = timedelta(minutes=10)
TERMS = AutoTopUpTerms(threshold_cents=5000, amount_cents=10_000, daily_ceiling_cents=30_000)


@pytest.fixture
def owner(db):
    return make_user("owner@tamarack.example")


@pytest.fixture
def buyer(owner):
    """A company with $20 in its wallet."""
    buyer = make_buyer(owner)
    credit(buyer, 2000, "first")
    return buyer


@pytest.fixture
def keep(buyer, owner, stand_in, control, now):
    """Save a card at Stripe by a top-up, as a buyer does, and spend the money again."""

    def keep(card="pm_card_visa", key=""):
        terms = {"purpose": Payment.Purpose.TOP_UP, "amount_cents": 5000, "keep_card": True, "key": key or card}
        payment = ask_payment(buyer=buyer, user=owner, now=now, **terms)
        open_page(payment, success_url="https://shop.example/a", cancel_url="https://shop.example/b", now=now)
        control.submit(session=payment.stripe_session_id, card=card)
        assert settle(payment, now=now).status == Status.PAID
        Payment.objects.filter(pk=payment.pk).update(told_at=now)
        spend(buyer, 5000, now)

    return keep


@pytest.fixture
def agreed(buyer, owner, keep, now):
    keep()
    return agree(buyer, owner, now)


def spend(buyer, cents, now):
    charge_order(
        buyer=buyer,
        cents=cents,
        legs=[],
        reference=f"spent {Payment.objects.count()} {now}",
        memo="",
        actor="",
        now=now,
    )


def agree(buyer, owner, now, terms=TERMS):
    card = Customer.objects.get(buyer=buyer).card
    return set_automatic(
        buyer=buyer, user=owner, terms=terms, wording=wording_of(terms, buyer=buyer, card=card), now=now
    )


def send_due(*, now):
    """Send what is due, with a clock that stands still."""
    return mail.send_due(clock=lambda: now)


def announced(now):
    """Announce and send the email."""
    assert announce_due(now=now) == 1
    assert send_due(now=now) == 1
    return Payment.objects.automatic().latest("id")


# --- Announcing


def test_a_wallet_that_runs_low_is_announced_once_and_told_before_anything_is_charged(agreed, buyer, now, mailoutbox):
    assert (announce_due(now=now), announce_due(now=now)) == (1, 0)

    payment = Payment.objects.automatic().get()
    assert (payment.status, payment.amount_cents, payment.expires_at) == (Status.ANNOUNCED, 10_000, None)
    assert charge_due(now=now + timedelta(days=1)) == 0
    assert (send_due(now=now), send_due(now=now)) == (1, 0)
    payment.refresh_from_db()
    assert payment.expires_at == now + NOTICE
    (letter,) = mailoutbox
    assert letter.to == ["owner@tamarack.example"]
    assert letter.subject == "Remainder: your card will be charged"
    assert "We will charge $100.00 to Visa ending 4242 in 10 minutes" in letter.body
    assert f"/wallet/payments/{payment.public_id}/" in letter.body


@pytest.mark.parametrize(("cents", "payments"), [(4999, 1), (5000, 0)])
def test_the_threshold_itself_is_enough(agreed, buyer, now, cents, payments):
    credit(buyer, cents - 2000, "second")

    assert announce_due(now=now) == payments


def off(buyer, now):
    stop_automatic(buyer=buyer, because="x", now=now)


def closed(buyer, now):
    Buyer.objects.filter(pk=buyer.pk).update(closed_at=now)


def without_card(buyer, now):
    Customer.objects.filter(buyer=buyer).update(payment_method_id="")


def filled(buyer, now):
    credit(buyer, 100_000, "second")


def overdrawn(buyer, now):
    wallet = wallet_of(buyer)
    take_back(wallet)
    disputed = {wallet: -9000, house_account(Account.Kind.DISPUTES): 9000}
    post(Posting(Kind.DISPUTE, "dp_1:opened", now), disputed)


AGAINST = [off, closed, without_card, filled, overdrawn]


@pytest.mark.parametrize("hinder", AGAINST)
def test_what_stands_against_it_announces_nothing(agreed, buyer, now, hinder):
    hinder(buyer, now)

    assert announce_due(now=now) == 0
    assert not Payment.objects.automatic().exists()


@pytest.mark.parametrize("hinder", AGAINST)
def test_what_changed_during_the_notice_takes_the_announcement_back(agreed, buyer, now, control, hinder):
    payment = announced(now)
    held = balance_cents(buyer)

    hinder(buyer, now)
    changed = balance_cents(buyer)
    assert charge_due(now=now + NOTICE) == 0

    payment.refresh_from_db()
    assert (payment.status, payment.stripe_payment_intent_id) == (Status.CANCELED, "")
    assert payment.problem
    assert balance_cents(buyer) == changed
    assert held == 2000


def test_without_a_key_nothing_is_announced_or_charged(agreed, buyer, now, stripe_settings):
    payment = announced(now)
    stripe_settings.STRIPE_SECRET_KEY = ""

    assert (announce_due(now=now), charge_due(now=now + NOTICE)) == (0, 0)
    payment.refresh_from_db()
    assert payment.status == Status.ANNOUNCED


def test_a_company_at_its_ceiling_takes_no_others_place_in_the_batch(buyer, owner, keep, monkeypatch):
    at = NOON + timedelta(days=400)
    keep()
    agree(buyer, owner, at, AutoTopUpTerms(5000, 10_000, 10_000))
    announced(at)
    assert charge_due(now=at + NOTICE) == 1
    spend(buyer, 12_000, at + NOTICE)
    user = make_user()
    other = make_buyer(user)
    credit(other, 2000, "others")
    Customer.objects.create(buyer=other, stripe_id="cus_other", payment_method_id="pm_other", created_at=at)
    later = at + timedelta(hours=1)
    agree(other, user, later)
    monkeypatch.setattr(charges, "BATCH", 1)

    assert announce_due(now=later) == 1

    assert Payment.objects.automatic().latest("id").buyer == other


# --- Charging


def test_the_card_is_charged_when_the_notice_is_over_and_not_before(agreed, buyer, now, mailoutbox):
    payment = announced(now)

    assert charge_due(now=now + NOTICE - timedelta(microseconds=1)) == 0
    assert balance_cents(buyer) == 2000
    assert (charge_due(now=now + NOTICE), charge_due(now=now + NOTICE)) == (1, 0)

    payment.refresh_from_db()
    assert (payment.status, payment.card) == (Status.PAID, "Visa ending 4242")
    assert balance_cents(buyer) == 12_000
    assert (send_due(now=now + NOTICE), send_due(now=now + NOTICE)) == (1, 0)
    receipt = mailoutbox[-1]
    assert receipt.subject == f"Remainder: receipt {payment.number}"
    assert f"/wallet/payments/{payment.public_id}/receipt/" in receipt.body
    assert "Wallet balance: $120.00" in receipt.body


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
def test_a_no_switches_it_off_and_says_how_to_pay_by_hand(buyer, owner, keep, now, control, mailoutbox, card):
    keep_asked(keep, control, buyer, owner, now, card)
    agree(buyer, owner, now)
    payment = announced(now)

    assert charge_due(now=now + NOTICE) == 0

    payment.refresh_from_db()
    agreed = AutomaticTopUp.objects.get()
    assert (payment.status, agreed.is_on, agreed.stopped_at) == (Status.FAILED, False, now + NOTICE)
    assert agreed.stopped_because == "The card was declined, or its bank needs you to confirm the charge."
    assert balance_cents(buyer) == 2000
    assert send_due(now=now + NOTICE) == 1
    letter = mailoutbox[-1]
    assert letter.subject == "Remainder: automatic top-up is turned off"
    assert "/wallet/top-up/?amount=100.00" in letter.body
    assert payment.problem in letter.body
    assert announce_due(now=now + timedelta(days=1)) == 0


def keep_asked(keep, control, buyer, owner, now, card):
    """Save a card whose bank asks for confirmation; it pays after the answer."""
    if card != "pm_card_authenticationRequired":
        keep(card)
        return
    keep("pm_card_visa")
    customer = Customer.objects.get(buyer=buyer)
    Customer.objects.filter(pk=customer.pk).update(payment_method_id="")
    payment = ask_payment(
        buyer=buyer,
        user=owner,
        purpose=Payment.Purpose.TOP_UP,
        amount_cents=5000,
        keep_card=True,
        key="asked",
        now=now,
    )
    open_page(payment, success_url="https://shop.example/a", cancel_url="https://shop.example/b", now=now)
    control.submit(session=payment.stripe_session_id, card=card)
    control.approve(session=payment.stripe_session_id)
    assert settle(payment, now=now).status == Status.PAID
    Payment.objects.filter(pk=payment.pk).update(told_at=now)
    spend(buyer, 5000, now)


def test_a_new_consent_after_a_no_counts(buyer, owner, keep, now):
    keep("pm_card_chargeCustomerFail")
    agree(buyer, owner, now)
    announced(now)
    charge_due(now=now + NOTICE)
    keep("pm_card_mastercard")
    later = now + timedelta(hours=1)

    agree(buyer, owner, later)

    assert announce_due(now=later) == 1
    assert AutomaticTopUp.objects.get().is_on


def test_a_lost_answer_is_asked_about_and_charges_once(agreed, buyer, now, control, stripe_settings):
    payment = announced(now)
    there, stripe_settings.STRIPE_API_BASE = stripe_settings.STRIPE_API_BASE, "http://127.0.0.1:1"

    assert charge_due(now=now + NOTICE) == 0
    payment.refresh_from_db()
    assert payment.status == Status.CREATED
    assert AutomaticTopUp.objects.get().is_on
    assert announce_due(now=now + NOTICE) == 0

    stripe_settings.STRIPE_API_BASE = there
    later = now + timedelta(hours=1)
    assert charge_due(now=later) == 0
    assert ask_again(now=later) == 1
    payment.refresh_from_db()
    assert payment.status == Status.PAID
    assert balance_cents(buyer) == 12_000


def test_a_charge_of_an_old_consent_is_not_sent_under_a_newer_one(agreed, buyer, owner, now, control, stripe_settings):
    payment = announced(now)
    there, stripe_settings.STRIPE_API_BASE = stripe_settings.STRIPE_API_BASE, "http://127.0.0.1:1"
    charge_due(now=now + NOTICE)
    stripe_settings.STRIPE_API_BASE = there
    stop_automatic(buyer=buyer, because="Turned off.", now=now + NOTICE)
    agree(buyer, owner, now + NOTICE)

    charge(payment, now=now + NOTICE)

    assert payment.status == Status.CREATED
    assert [one["amount"] for one in control.everything(kind="payment_intent")["data"]] == [5000]
    assert balance_cents(buyer) == 2000


# --- The daily limit


def through_a_day(buyer, now, *, steps):
    """Run low and be topped up, again and again. Return what was paid."""
    for step in range(steps):
        at = now + step * timedelta(minutes=20)
        announce_due(now=at)
        send_due(now=at)
        charge_due(now=at + NOTICE)
        spend(buyer, balance_cents(buyer), at + NOTICE) if balance_cents(buyer) else None
    return sum(Payment.objects.automatic().paid().values_list("amount_cents", flat=True))


def test_a_day_takes_no_more_than_its_ceiling_and_the_next_day_goes_on(agreed, buyer, owner):
    noon = NOON + timedelta(days=400)

    assert through_a_day(buyer, noon, steps=6) == 30_000
    assert through_a_day(buyer, noon + timedelta(days=1), steps=6) == 60_000


def test_a_payment_announced_before_midnight_counts_on_both_days(agreed, buyer, owner, now):
    late = datetime(2027, 11, 22, 23, 55, tzinfo=UTC)
    payment = announced(late)
    assert charge_due(now=late + NOTICE) == 1
    assert payment.buyer == buyer

    assert charges.charged_on_day(buyer, late) == 10_000
    assert charges.charged_on_day(buyer, late + NOTICE) == 10_000
    assert charges.charged_on_day(buyer, late + timedelta(days=1, hours=1)) == 0


# --- Stopping


def test_an_announcement_that_was_stopped_is_not_charged(agreed, buyer, now):
    payment = announced(now)

    assert stop_announced(payment=payment, because="Stopped by pat.", now=now)
    assert not stop_announced(payment=payment, because="Again.", now=now)

    assert charge_due(now=now + NOTICE) == 0
    payment.refresh_from_db()
    assert (payment.status, payment.problem) == (Status.CANCELED, "Stopped by pat.")
    assert balance_cents(buyer) == 2000
    assert AutomaticTopUp.objects.get().is_on


def test_what_is_charged_already_cannot_be_stopped(agreed, buyer, now):
    payment = announced(now)
    charge_due(now=now + NOTICE)

    assert not stop_announced(payment=payment, because="x", now=now + NOTICE)
    payment.refresh_from_db()
    assert payment.status == Status.PAID


def test_the_owner_stops_it_by_the_link_in_the_letter(agreed, owner, now):
    payment = announced(now)
    client = Client()
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")

    said = client.get(f"/wallet/payments/{payment.public_id}/").content.decode()
    response = client.post(f"/wallet/payments/{payment.public_id}/stop/")

    assert "Stop this charge" in said
    assert response.status_code == 302
    payment.refresh_from_db()
    assert payment.status == Status.CANCELED


def test_a_buyer_without_the_right_stops_nothing(agreed, buyer, now):
    payment = announced(now)
    user = make_user()
    Membership.objects.create(user=user, buyer=buyer, role=Role.BUYER)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(f"/wallet/payments/{payment.public_id}/stop/").status_code == 404
    payment.refresh_from_db()
    assert payment.status == Status.ANNOUNCED


def test_new_terms_take_back_what_was_announced_under_the_old_ones(agreed, buyer, owner, now):
    payment = announced(now)

    agree(buyer, owner, now, AutoTopUpTerms(1000, 20_000, 40_000))

    payment.refresh_from_db()
    assert (payment.status, payment.problem) == (Status.CANCELED, "The terms of automatic top-up changed.")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_new_terms_and_a_stop_at_the_same_moment_wait_for_one_another(buyer, owner, keep, now):
    """Both lock the consent first: in a different order some of these would deadlock."""
    keep()
    agree(buyer, owner, now)
    for number in range(8):
        at = now + number * timedelta(seconds=1)
        agree(buyer, owner, at)
        assert announce_due(now=at) == 1
        turns = iter([agree_again(buyer, owner, at), lambda at=at: off(buyer, at)] * 4)
        together(8, lambda turns=turns: next(turns)())

        assert not Payment.objects.automatic().unfinished().exists()


def agree_again(buyer, owner, at):
    return lambda: agree(buyer, owner, at)


# --- The card


@pytest.mark.parametrize("card", ["pm_card_mastercard", "pm_card_visa"])
def test_another_card_that_is_kept_ends_a_consent_that_named_the_first(agreed, buyer, keep, now, card):
    payment, before = announced(now), Customer.objects.get().payment_method_id

    keep(card, key="other")

    payment.refresh_from_db()
    consent = AutomaticTopUp.objects.get()
    assert Customer.objects.get().payment_method_id != before
    assert (consent.is_on, consent.stopped_because) == (False, "A different card was saved.")
    assert (payment.status, payment.problem) == (Status.CANCELED, "A different card was saved.")
    assert charge_due(now=now + NOTICE) == 0
    assert balance_cents(buyer) == 2000


def test_a_removed_card_is_forgotten_here_and_at_stripe(agreed, buyer, now):
    announced(now)

    remove_card(buyer=buyer, now=now)
    remove_card(buyer=buyer, now=now)

    customer = Customer.objects.get(buyer=buyer)
    assert (customer.has_card, customer.card, customer.card_expires) == (False, "", None)
    assert not AutomaticTopUp.objects.get().is_on
    assert not Payment.objects.automatic().unfinished().exists()


def test_a_card_that_stripe_could_not_forget_stays_and_is_charged_no_more(agreed, buyer, now, stripe_settings):
    stripe_settings.STRIPE_API_BASE = "http://127.0.0.1:1"

    with pytest.raises(GatewayUnavailable):
        remove_card(buyer=buyer, now=now)

    assert Customer.objects.get(buyer=buyer).has_card
    assert not AutomaticTopUp.objects.get().is_on


# --- The consent


def test_a_consent_wants_a_card_an_open_company_and_the_very_words(buyer, owner, keep, now):
    with pytest.raises(AutomaticRefused, match="Save a card first"):
        set_automatic(buyer=buyer, user=owner, terms=TERMS, wording="", now=now)
    keep()
    with pytest.raises(AutomaticRefused, match="Read them again"):
        set_automatic(buyer=buyer, user=owner, terms=TERMS, wording="Something else.", now=now)
    closed(buyer, now)
    buyer.refresh_from_db()
    with pytest.raises(AutomaticRefused, match="closed"):
        agree(buyer, owner, now)

    assert not AutomaticTopUp.objects.exists()


def test_switching_off_keeps_the_words_and_says_why(agreed, buyer, now):
    assert stop_automatic(buyer=buyer, because="Turned off by pat.", now=now)
    assert not stop_automatic(buyer=buyer, because="Again.", now=now)

    kept = AutomaticTopUp.objects.get()
    assert (kept.is_on, kept.stopped_because, kept.consent_wording) == (
        False,
        "Turned off by pat.",
        agreed.consent_wording,
    )


# --- Emails


def test_a_letter_that_could_not_be_sent_is_sent_later_and_starts_the_notice_then(
    agreed, buyer, now, mailoutbox, monkeypatch
):
    def down(*args, **kwargs):
        raise SMTPServerDisconnected

    announce_due(now=now)
    with monkeypatch.context() as patch:
        patch.setattr("leads.jobs.outbox.send_mail", down)
        assert send_due(now=now) == 0
    assert charge_due(now=now + timedelta(days=1)) == 0

    assert send_due(now=now + timedelta(minutes=4)) == 0
    later = now + timedelta(minutes=5)
    assert send_due(now=later) == 1
    assert len(mailoutbox) == 1
    assert Payment.objects.automatic().get().expires_at == later + NOTICE


def test_a_crash_after_sending_sends_that_letter_once_more(agreed, now, mailoutbox, monkeypatch):
    class Killed(BaseException):
        pass

    announce_due(now=now)
    payment = Payment.objects.automatic().get()
    send = mail._send

    def send_and_die(*args):
        send(*args)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(mail, "_send", send_and_die)
        send_due(now=now)

    later = now + timedelta(minutes=5)
    assert (send_due(now=now), send_due(now=later), send_due(now=later)) == (0, 1, 0)
    assert len(mailoutbox) == 2
    payment.refresh_from_db()
    assert payment.expires_at == later + NOTICE


def test_the_notice_counts_from_when_its_letter_was_sent(agreed, now, mailoutbox):
    announce_due(now=now)
    moments = iter(range(100))

    assert mail.send_due(clock=lambda: now + timedelta(minutes=next(moments)) * len(mailoutbox)) == 1

    after_the_letter = now + timedelta(minutes=2)  # the sweep read the clock, the email did, and it was sent
    assert Payment.objects.automatic().get().expires_at == after_the_letter + NOTICE


def test_without_an_owner_to_write_to_nobody_is_charged_and_it_is_off(agreed, buyer, owner, now, mailoutbox):
    announce_due(now=now)
    owner.is_active = False
    owner.save(update_fields=["is_active"])

    assert (send_due(now=now), charge_due(now=now + NOTICE), announce_due(now=now + NOTICE)) == (0, 0, 0)

    payment, consent = Payment.objects.automatic().get(), AutomaticTopUp.objects.get()
    because = "Your company has no owner to email before a charge."
    assert (payment.status, payment.expires_at, payment.problem) == (Status.CANCELED, None, because)
    assert (consent.is_on, consent.stopped_because) == (False, because)
    assert (balance_cents(buyer), mailoutbox) == (2000, [])


@pytest.mark.parametrize("problem", [SMTPRecipientsRefused({}), ValueError("Invalid address")])
def test_one_bad_address_keeps_the_letter_from_nobody_else(agreed, buyer, owner, now, monkeypatch, problem):
    sent = []

    def send(subject, text, sender, to):
        if to == [owner.email]:
            raise problem
        sent.append(to)

    Membership.objects.create(user=make_user("last@tamarack.example"), buyer=buyer, role=Role.OWNER)
    monkeypatch.setattr("leads.jobs.outbox.send_mail", send)

    payment = announced(now)

    assert (sent, payment.expires_at) == ([["last@tamarack.example"]], now + NOTICE)
    assert send_due(now=now + timedelta(hours=1)) == 0


def test_an_announcement_that_cannot_be_sent_for_hours_is_taken_back_and_tried_anew(agreed, buyer, now, monkeypatch):
    def down(*args, **kwargs):
        raise SMTPServerDisconnected

    monkeypatch.setattr("leads.jobs.outbox.send_mail", down)
    announce_due(now=now)
    payment = Payment.objects.automatic().get()
    hours = timedelta(hours=6)

    send_due(now=now + hours)
    payment.refresh_from_db()
    assert payment.status == Status.ANNOUNCED
    send_due(now=now + hours + timedelta(minutes=5))

    payment.refresh_from_db()
    assert (payment.status, payment.problem) == (Status.CANCELED, "We could not email you before the charge.")
    assert AutomaticTopUp.objects.get().is_on
    assert announce_due(now=now + hours + timedelta(minutes=5)) == 1


def test_only_owners_are_written_to_each_alone(agreed, buyer, now, mailoutbox):
    second, viewer, gone = make_user("second@tamarack.example"), make_user(), make_user(is_active=False)
    for user, role in ((second, Role.OWNER), (viewer, Role.VIEWER), (gone, Role.OWNER)):
        Membership.objects.create(user=user, buyer=buyer, role=role)

    announced(now)

    assert [letter.to for letter in mailoutbox] == [["owner@tamarack.example"], ["second@tamarack.example"]]


# --- In parallel


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_eight_workers_announce_tell_and_charge_within_the_ceiling(buyer, owner, keep, mailoutbox):
    """Each round the wallet is empty again; four charges are attempted, and three fit into the daily limit."""
    at = NOON + timedelta(days=400)
    keep()
    agree(buyer, owner, at)
    for number in range(4):
        moment = at + number * timedelta(hours=1)
        together(8, lambda moment=moment: announce_due(now=moment))
        together(8, lambda moment=moment: send_due(now=moment))
        together(8, lambda moment=moment: charge_due(now=moment + NOTICE))
        if held := balance_cents(buyer):
            spend(buyer, held, moment + NOTICE)

    paid = list(Payment.objects.automatic().values_list("status", "amount_cents"))
    assert paid == [("paid", 10_000)] * 3
    assert [letter.subject for letter in mailoutbox].count("Remainder: your card will be charged") == 3


def together(workers, work):
    """Run the work in this many threads at once, each with its own connection."""
    gate, failures = threading.Barrier(workers), []

    def run():
        try:
            gate.wait()
            work()
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
