"""Card money: requested, paid, credited once; never before Stripe says so, and on nobody else's word."""

from datetime import timedelta

import pytest

from billing.ledger import AlreadyPosted, balance_cents
from billing.models import Customer, Payment
from billing.payments import top_ups
from billing.payments.top_ups import PaymentRefused, ask_again, cancel, settle
from billing.stripe.gateway import GatewayRefused, GatewayUnavailable
from tests.billing.with_stripe import (
    DEBIT,
    DECLINED,
    RETURNED,
    VISA,
    asked,
    books,
    open_page,
    opened,
    paid,
    submitted,
    together,
)
from tests.factories import make_buyer
from tests.refusal import everything, refused_by
from tests.refusal import settle as settle_constraints

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def nothing_moved():
    return books() == {}


# --- Requesting a payment
def test_a_payment_is_asked_for_once_per_key(stripe_settings, payer, now):
    first = asked(payer, key="form 1", now=now)

    assert asked(payer, key="form 1", now=now + HOUR) == first
    assert asked(payer, key="form 2", now=now) != first
    assert asked(make_buyer(), key="form 1", now=now) != first
    assert (first.status, first.amount_cents, first.currency) == ("created", 5000, "USD")


def test_a_key_is_not_used_for_another_amount(stripe_settings, payer):
    asked(payer, 5000, key="form 1")
    before = everything()

    with pytest.raises(PaymentRefused, match="a different amount"):
        asked(payer, 6000, key="form 1")

    assert everything() == before


@pytest.mark.parametrize(
    ("purpose", "cents", "span"),
    [
        ("top_up", 999, r"\$10\.00 to \$10,000\.00"),
        ("top_up", 1_000_001, r"\$10\.00 to \$10,000\.00"),
        ("order", 49, r"\$0\.50 to \$10,000\.00"),
        ("top_up", 0, "card payment must be"),
        ("top_up", -5000, "card payment must be"),
    ],
)
def test_a_payment_is_within_limits(stripe_settings, payer, purpose, cents, span):
    with pytest.raises(PaymentRefused, match=span):
        asked(payer, cents, purpose=purpose)

    assert not Payment.objects.exists()


@pytest.mark.parametrize(("purpose", "cents"), [("top_up", 1_000), ("top_up", 1_000_000), ("order", 50)])
def test_the_limits_are_within(stripe_settings, payer, purpose, cents):
    assert asked(payer, cents, purpose=purpose).amount_cents == cents


def test_a_closed_company_cannot_pay_in(stripe_settings, payer, now):
    payer.closed_at = now

    with pytest.raises(PaymentRefused, match="closed"):
        asked(payer)


def test_without_a_key_no_card_is_asked_for(settings, payer):
    settings.STRIPE_SECRET_KEY = ""

    with pytest.raises(PaymentRefused, match="We don't take cards here"):
        asked(payer)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (None, timedelta(hours=1)),
        (timedelta(hours=2), timedelta(hours=2)),
        (timedelta(minutes=5), timedelta(minutes=31)),
        (timedelta(days=3), timedelta(hours=23, minutes=59)),
    ],
)
def test_a_page_closes_when_stripe_allows(stripe_settings, payer, now, wanted, given):
    assert asked(payer, now=now, expires_at=wanted and now + wanted).expires_at == now + given


# --- The page
def test_an_open_page_has_its_address_and_moves_nothing(control, payer, now):
    payment = opened(payer, now=now)

    assert (payment.status, payment.page_url.startswith("http://127.0.0.1:")) == ("open", True)
    assert payment.ask_again_at == now + timedelta(seconds=30)
    assert nothing_moved()


def test_opening_twice_is_one_page(control, payer, now):
    payment = opened(payer, now=now)
    stale = Payment.objects.get(pk=payment.pk)
    stale.status = "created"

    assert open_page(payment, now) == payment
    assert open_page(stale, now).stripe_session_id == payment.stripe_session_id
    assert len(control.everything(kind="checkout.session")["data"]) == 1


def test_a_page_that_could_not_be_made_is_asked_for_again(control, payer, now):
    top_ups.customer_of(payer, now=now)
    payment = asked(payer, now=now)
    control.mishap(kind="fail_before", path="POST /v1/checkout/sessions", times=None)

    with pytest.raises(GatewayUnavailable):
        open_page(payment, now)

    payment.refresh_from_db()
    assert (payment.status, payment.page_url, payment.ask_again_at) == ("created", "", now + timedelta(seconds=30))


def test_a_page_made_before_an_error_is_found(control, payer, now):
    """Stripe returns the same error for a day, though the page exists."""
    payment = asked(payer, now=now)
    control.mishap(kind="fail_after", path="POST /v1/checkout/sessions", times=1)

    open_page(payment, now)

    session = control.everything(kind="checkout.session")["data"]
    assert (payment.status, [one["id"] for one in session]) == ("open", [payment.stripe_session_id])
    assert payment.page_url == session[0]["url"]


def test_a_page_whose_answer_was_lost_for_good_is_found_by_the_sweep(control, payer, now, stripe_settings):
    payment = asked(payer, now=now)
    made = opened(payer, key="other")
    control.submit(session=made.stripe_session_id, card=VISA)
    Payment.objects.filter(pk=made.pk).update(status="created", stripe_session_id="", page_url="", ask_again_at=now)

    assert ask_again(now=now) == 1

    made.refresh_from_db()
    payment.refresh_from_db()
    assert (made.status, payment.status) == ("paid", "created")
    assert balance_cents(payer) == 5000


def test_a_page_that_stripe_refuses_is_no_payment(control, payer, now):
    Customer.objects.create(buyer=payer, stripe_id="cus_of_another_account", created_at=now)
    payment = asked(payer, now=now)

    with pytest.raises(GatewayRefused):
        open_page(payment, now)

    payment.refresh_from_db()
    assert (payment.status, payment.problem, payment.ended_at) == ("failed", "Stripe did not accept the request.", now)


def test_shortly_before_its_end_no_page_is_made_any_more(control, payer, now):
    """Stripe's pages stay open for half an hour at least."""
    payment = asked(payer, now=now)
    late = now + timedelta(minutes=30, seconds=1)

    assert (open_page(payment, late).status, payment.page_url) == ("created", "")
    assert control.everything(kind="checkout.session")["data"] == []


def test_a_page_that_was_never_made_expires(control, payer, now):
    top_ups.customer_of(payer, now=now)
    payment = asked(payer, now=now)

    settle(payment, now=now + timedelta(minutes=59))
    assert payment.status == "created"

    settle(payment, now=now + HOUR)
    assert (payment.status, payment.ended_at) == ("expired", now + HOUR)


# --- Paid
def test_a_paid_page_is_credited_with_its_fee(control, payer, now):
    payment = submitted(control, payer, 5000)

    settle(payment, now=now)

    assert (payment.status, payment.ended_at, payment.page_url, payment.ask_again_at) == ("paid", now, "", None)
    assert books() == {"wallet": 5000, "stripe": -4825, "fees": -175}
    assert balance_cents(payer) == 5000
    settle_constraints()


def test_settling_again_changes_nothing(control, payer, now):
    payment = paid(control, payer)
    before = everything()

    settle(payment, now=now + HOUR)
    settle(Payment.objects.get(pk=payment.pk), now=now + HOUR)

    assert everything() == before


def test_an_open_page_is_credited_nothing(control, payer, now):
    payment = opened(payer, now=now)

    settle(payment, now=now + HOUR)

    assert (payment.status, payment.ask_again_at) == ("open", now + HOUR + timedelta(minutes=5))
    assert nothing_moved()


def test_a_declined_card_leaves_the_page_open_for_another(control, payer, now):
    payment = opened(payer)
    with pytest.raises(Exception, match="declined"):
        control.submit(session=payment.stripe_session_id, card=DECLINED)

    assert settle(payment, now=now).status == "open"
    control.submit(session=payment.stripe_session_id, card=VISA)
    assert settle(payment, now=now).status == "paid"
    assert balance_cents(payer) == 5000


def test_an_expired_page_is_credited_nothing(control, payer, now):
    payment = opened(payer)
    control.expire(session=payment.stripe_session_id)

    settle(payment, now=now)

    assert (payment.status, payment.ended_at, payment.ask_again_at) == ("expired", now, None)
    assert nothing_moved()


def test_a_bank_debit_is_credited_when_it_arrives(control, payer, now):
    payment = submitted(control, payer, card=DEBIT)

    settle(payment, now=now)
    assert (payment.status, payment.page_url, nothing_moved()) == ("processing", "", True)

    control.settle(payment=payment.stripe_payment_intent_id)
    settle(payment, now=now)
    assert (payment.status, payment.card) == ("paid", "Bank account ending 6789")
    assert balance_cents(payer) == 5000


def test_a_bank_debit_that_comes_back_is_credited_nothing(control, payer, now):
    payment = submitted(control, payer, card=RETURNED)
    settle(payment, now=now)
    control.return_debit(payment=payment.stripe_payment_intent_id)

    settle(payment, now=now)

    assert (payment.status, payment.problem) == ("failed", "The bank returned the debit.")
    assert nothing_moved()


def test_what_was_read_late_does_not_turn_a_debit_back(control, payer, now):
    payment = opened(payer)
    late = top_ups.charge_or_fetch_status(payment, now=now)
    control.submit(session=payment.stripe_session_id, card=DEBIT)
    settle(payment, now=now)

    top_ups.enter(payment, late, now=now)

    assert payment.status == "processing"


def test_a_bank_account_is_not_kept_as_a_card(control, payer, now):
    payment = submitted(control, payer, card=DEBIT, keep_card=True)
    control.settle(
        payment=payment.stripe_payment_intent_id or control.everything(kind="payment_intent")["data"][0]["id"]
    )

    assert settle(payment, now=now).status == "paid"
    assert not Customer.objects.get(buyer=payer).has_card


# --- What does not match is never credited
CHANGES = [
    {"amount_total": 6000},
    {"amount_total": 4999},
    {"currency": "eur"},
    {"livemode": True},
    {"customer": "cus_other"},
    {"customer": None},
    {"client_reference_id": "another"},
    {"client_reference_id": None},
]
INTENT_CHANGES = [
    {"amount_received": 4999},
    {"amount_received": 5001},
    {"currency": "cad"},
    {"livemode": True},
    {"customer": "cus_other"},
    {"metadata": {"payment": "another"}},
    {"metadata": {}},
]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("checkout.session", change) for change in CHANGES] + [("payment_intent", change) for change in INTENT_CHANGES],
)
def test_what_does_not_fit_is_never_credited(stand_in, payer, now, kind, changes):
    payment = submitted(stand_in.control, payer)
    thing = stand_in._store.everything(kind)[0]
    stand_in._store.save(thing, **changes)

    settle(payment, now=now)

    assert (payment.status, payment.problem, payment.ask_again_at) == ("open", top_ups.DOUBT, None)
    assert nothing_moved()
    assert ask_again(now=now + timedelta(days=9)) == 0  # left to a person


def test_a_doubt_that_was_cleared_is_credited(stand_in, payer, now):
    payment = submitted(stand_in.control, payer)
    session = stand_in._store.everything("checkout.session")[0]
    stand_in._store.save(session, amount_total=1)
    settle(payment, now=now)

    stand_in._store.save(session, amount_total=5000)
    settle(payment, now=now)

    assert (payment.status, payment.problem, balance_cents(payer)) == ("paid", "", 5000)


def test_a_payment_of_another_key_is_never_credited(control, payer, now, stripe_settings):
    payment = submitted(control, payer)
    stripe_settings.STRIPE_SECRET_KEY = "sk_live_now"
    truth = top_ups.PaymentStatus(top_ups.Status.PAID, (top_ups.terms_of(payment),))
    stripe_settings.STRIPE_SECRET_KEY = "sk_test_again"

    top_ups.enter(payment, truth, now=now)

    assert (payment.status, nothing_moved()) == ("open", True)


# --- The fee
def test_a_fee_that_is_known_later_is_booked_later(stand_in, payer, now):
    payment = submitted(stand_in.control, payer)
    charge = stand_in._store.everything("charge")[0]
    known = charge["balance_transaction"]
    stand_in._store.save(charge, balance_transaction=None)
    settle(payment, now=now)
    assert (payment.status, books()) == ("paid", {"wallet": 5000, "stripe": -5000})

    stand_in._store.save(charge, balance_transaction=known)
    assert ask_again(now=now) == 0
    assert ask_again(now=now + timedelta(minutes=1)) == 1
    assert ask_again(now=now + timedelta(minutes=9)) == 0

    assert books() == {"wallet": 5000, "stripe": -4825, "fees": -175}


# --- Canceled
def test_a_canceled_page_cannot_be_paid(control, payer, now):
    payment = opened(payer)

    cancel(payment, now=now)

    assert (payment.status, payment.ended_at, payment.page_url) == ("canceled", now, "")
    with pytest.raises(Exception, match="expired"):
        control.submit(session=payment.stripe_session_id, card=VISA)
    assert settle(payment, now=now).status == "canceled"


def test_a_page_that_was_paid_first_is_credited_and_not_canceled(control, payer, now):
    payment = submitted(control, payer)

    cancel(payment, now=now)

    assert (payment.status, balance_cents(payer)) == ("paid", 5000)


def test_a_payment_without_a_page_is_canceled_at_once(stripe_settings, payer, now):
    assert cancel(asked(payer), now=now).status == "canceled"


def test_a_page_that_comes_after_the_cancelling_is_closed(control, payer, now):
    payment = asked(payer)
    Payment.objects.filter(pk=payment.pk).update(status="canceled", ended_at=now)

    open_page(payment, now)

    assert (payment.status, payment.page_url) == ("canceled", "")
    assert control.everything(kind="checkout.session")["data"][0]["status"] == "expired"


def test_cancelling_while_stripe_is_away_changes_nothing(control, payer, now):
    payment = opened(payer)
    control.mishap(kind="fail_before", path="* /v1/checkout/sessions/*", times=None)

    cancel(payment, now=now)

    assert (payment.status, payment.ask_again_at) == ("open", now + timedelta(seconds=30))


# --- Checking again
def test_asking_waits_longer_each_time(control, payer, now):
    payment = opened(payer, now=now)
    waits = []
    at = now
    for _ in range(8):
        at = Payment.objects.get(pk=payment.pk).ask_again_at
        waits.append((at - now).total_seconds())
        assert ask_again(now=at - timedelta(seconds=1)) == 0
        assert ask_again(now=at) == 1

    assert waits == [30, 60, 90, 135, 202.5, 303.75, 455.625, 683.4375]


def test_an_outage_of_a_week_ends_with_a_person(control, payer, now, stripe_settings):
    payment = opened(payer, now=now)
    stripe_settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    settle(payment, now=now + timedelta(days=7))
    assert (payment.status, payment.problem) == ("open", "")

    settle(payment, now=now + timedelta(days=7, seconds=1))
    assert (payment.status, payment.problem, payment.ask_again_at) == ("open", top_ups.LOST, None)
    assert nothing_moved()


def test_a_payment_that_is_over_is_not_asked_about_for_ever(control, payer, now, stripe_settings):
    payment = opened(payer)
    control.expire(session=payment.stripe_session_id)
    settle(payment, now=now)
    stripe_settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    settle(payment, now=now)

    assert (payment.status, payment.ask_again_at) == ("expired", None)


def test_one_payment_that_cannot_be_settled_does_not_stop_the_rest(control, payer, now, monkeypatch):
    poison, good = submitted(control, payer, now=now), submitted(control, make_buyer(), now=now)
    real = top_ups.enter

    def enter(payment, truth, *, now):
        if payment.pk == poison.pk:
            raise ZeroDivisionError
        return real(payment, truth, now=now)

    monkeypatch.setattr(top_ups, "enter", enter)

    assert ask_again(now=now + HOUR) == 2
    good.refresh_from_db()
    poison.refresh_from_db()
    assert (good.status, poison.status) == ("paid", "open")
    assert poison.ask_again_at > now + HOUR


# --- In parallel, and cut off in between
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_sixteen_settle_one_payment_at_once(control, now):
    payer = make_buyer()
    payment = submitted(control, payer)

    answers = together(*[lambda: settle(Payment.objects.get(pk=payment.pk), now=now).status] * 16)

    assert answers == ["paid"] * 16
    assert books() == {"wallet": 5000, "stripe": -4825, "fees": -175}


def test_a_crash_between_stripes_answer_and_our_commit_loses_nothing(control, payer, now, monkeypatch):
    payment = submitted(control, payer, now=now)
    with monkeypatch.context() as crash:
        crash.setattr(top_ups, "book_fee", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            settle(payment, now=now)
    payment.refresh_from_db()
    assert (payment.status, nothing_moved()) == ("open", True)

    assert ask_again(now=now + HOUR) == 1

    assert books() == {"wallet": 5000, "stripe": -4825, "fees": -175}


def test_the_ledger_itself_refuses_a_second_credit(control, payer, now):
    payment = paid(control, payer)
    posting = top_ups.Posting(top_ups.Kind.TOP_UP, str(payment.public_id), now, payment=payment)

    with pytest.raises(AlreadyPosted):
        top_ups.post(posting, {top_ups.wallet_of(payer): 5000})


def test_paid_without_a_credit_is_refused_by_the_database(stripe_settings, payer, now):
    payment = asked(payer)

    with refused_by("payment_paid_is_credited"):
        Payment.objects.filter(pk=payment.pk).update(status="paid", ended_at=now)
