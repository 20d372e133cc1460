"""Sources paid by Stripe: asked once, asked again under the same key when there was no answer, never paid twice."""

from datetime import timedelta

import pytest

from billing.ledger import SoldLeg, balance_at, charge_order, payable_of
from billing.models import Earning, Payee, Transaction
from billing.payouts.execution import ask_again_payouts, bank_file, mark_as_paid, mark_as_sent_back, send_transfers
from billing.payouts.payouts import PayoutRefused, approve, cancel, make_run
from billing.stripe import gateway
from tests.billing.payouts.test_payouts import together
from tests.factories import make_market, make_source, make_text, make_user
from tests.refusal import everything, settle

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=5)
TRANSFERS = "POST /v1/transfers"


@pytest.fixture
def balance(stand_in):
    """More than $900 at Stripe."""
    customer = gateway.create_customer(reference="somebody", key="somebody")
    gateway.charge_saved_card(
        reference="some payment", customer_id=customer, payment_method_id="pm_card_visa", cents=100_000
    )


@pytest.fixture
def account(control, balance):
    return control.open_account()["id"]


@pytest.fixture
def run(market, account, now):
    return drafted(market, account, now)


def drafted(market, account, now, reference="order"):
    """An approved run: $40 to a connected account."""
    Payee.objects.create(source=market.source, method="stripe", stripe_account_id=account)
    leg = market.lead().legs.first()
    charge_order(
        buyer=market.buyer,
        cents=8_000,
        legs=[SoldLeg(leg.pk, 8_000, now - LATER)],
        reference=reference,
        memo="",
        actor="",
        now=now,
    )
    return approve(make_run(now, make_user(), now), make_user(), now)


def transferred(control):
    return [(one["amount"], one["destination"]) for one in control.everything(kind="transfer")["data"]]


def owed(run, now):
    return balance_at(payable_of(run.payouts.get().source), now + timedelta(days=1))


def test_a_transfer_is_posted_under_stripes_name(run, account, control, now):
    assert send_transfers(run, actor="desk@example.com", now=now) == 1
    settle()

    payout = run.payouts.get()
    posted = Transaction.objects.get(kind="payout")
    run.refresh_from_db()
    assert (payout.status, payout.paid_at, payout.ask_again_at, run.status) == ("paid", now, None, "done")
    assert payout.stripe_id == posted.stripe_id == control.everything(kind="transfer")["data"][0]["id"]
    assert sorted(posted.entries.values_list("account__kind", "cents")) == [("payable", -4_000), ("stripe", 4_000)]
    assert transferred(control) == [(4_000, account)]
    assert owed(run, now) == 0


def test_sent_twice_it_is_paid_once(run, control, account, now):
    send_transfers(run, actor="", now=now)
    before = everything()

    with pytest.raises(PayoutRefused, match="Only an approved run"):
        send_transfers(run, actor="", now=now)

    assert everything() == before
    assert transferred(control) == [(4_000, account)]


@pytest.mark.parametrize(("mishap", "made"), [("lose_answer", 1), ("fail_after", 1), ("fail_before", 0)])
def test_without_an_answer_stripe_is_asked_again(run, control, account, now, mishap, made):
    control.mishap(kind=mishap, path=TRANSFERS, times=None)

    assert send_transfers(run, actor="", now=now) == 0

    payout = run.payouts.get()
    assert (payout.status, payout.ask_again_at, payout.paid_at) == ("sent", now + LATER, None)
    assert not Transaction.objects.filter(kind="payout").exists()
    assert len(transferred(control)) == made

    control.clear_mishaps()
    assert ask_again_payouts(now + LATER - timedelta(seconds=1)) == 0
    assert ask_again_payouts(now + LATER) == (0 if mishap == "fail_before" else 1)


def test_what_stripe_never_did_is_done_when_asked_again(run, control, account, now):
    """Stripe keeps its 500 under the key as long as it keeps keys."""
    control.mishap(kind="fail_before", path=TRANSFERS, times=None)
    send_transfers(run, actor="", now=now)
    control.clear_mishaps()
    control.advance(seconds=31 * 24 * 3600)

    assert ask_again_payouts(now + LATER) == 1
    assert transferred(control) == [(4_000, account)]
    assert Transaction.objects.filter(kind="payout").count() == 1


def test_a_transfer_whose_key_was_forgotten_is_found_and_not_made_again(run, control, account, now):
    control.mishap(kind="lose_answer", path=TRANSFERS, times=None)
    send_transfers(run, actor="", now=now)
    control.clear_mishaps()
    control.advance(seconds=31 * 24 * 3600)

    assert ask_again_payouts(now + LATER) == 1
    assert transferred(control) == [(4_000, account)]


def test_a_transfer_that_goes_wrong_stops_no_other(run, market, control, account, now, monkeypatch):
    broken = run.payouts.get()
    market.source = make_source(slug="second")
    market.text = make_text(market.source, version="second")
    other = drafted(market, account, now, reference="order 2")
    control.mishap(kind="fail_before", path=TRANSFERS, times=None)
    for one in (run, other):
        send_transfers(one, actor="", now=now)
    control.clear_mishaps()
    control.advance(seconds=31 * 24 * 3600)
    find = gateway.find_transfer

    def find_or_break(*, reference):
        if reference == str(broken.public_id):
            raise ValueError(reference)
        return find(reference=reference)

    monkeypatch.setattr(gateway, "find_transfer", find_or_break)

    assert ask_again_payouts(now + LATER) == 1

    broken.refresh_from_db()
    assert (broken.status, other.payouts.get().status) == ("sent", "paid")


def test_what_stripe_refuses_is_due_again(market, control, balance, now):
    run = drafted(market, control.open_account(ready=False)["id"], now)

    assert send_transfers(run, actor="", now=now) == 0

    payout = run.payouts.get()
    run.refresh_from_db()
    assert (payout.status, run.status) == ("failed", "done")
    assert payout.problem == "Stripe did not accept the request. (insufficient_capabilities_for_transfer)"
    assert owed(run, now) == 4_000
    assert Earning.objects.filter(payout=None).count() == 1
    assert make_run(now, make_user(), now).total_cents == 4_000


def test_a_transfer_of_another_sum_is_not_taken_for_ours(run, control, account, now):
    reference = str(run.payouts.get().public_id)
    control.mishap(kind="fail_before", path=TRANSFERS, times=None)
    send_transfers(run, actor="", now=now)
    control.clear_mishaps()
    gateway._client().transfers.create(
        {"amount": 1, "currency": "usd", "destination": account, "transfer_group": reference}
    )

    assert ask_again_payouts(now + LATER) == 0

    assert run.payouts.get().status == "sent"
    assert not Transaction.objects.filter(kind="payout").exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_sent_by_many_at_once_it_is_paid_once(settings, stand_in, balance, control, now):
    market = make_market()
    run = drafted(market, control.open_account()["id"], now)

    together(*(lambda: send_transfers(run, actor="", now=now) for _ in range(4)))

    assert len(transferred(control)) == 1
    assert Transaction.objects.filter(kind="payout").count() == 1
    assert run.payouts.get().status == "paid"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_run_is_either_canceled_or_sent(settings, stand_in, balance, control, now):
    market = make_market()
    run = drafted(market, control.open_account()["id"], now)

    together(lambda: send_transfers(run, actor="", now=now), lambda: cancel(run, now))

    run.refresh_from_db()
    assert (run.status, len(transferred(control))) in {("done", 1), ("canceled", 0)}
    assert Transaction.objects.filter(kind="payout").count() == len(transferred(control))


def test_without_a_key_nothing_is_sent(run, settings, now):
    settings.STRIPE_SECRET_KEY = ""

    with pytest.raises(PayoutRefused, match="no key for Stripe"):
        send_transfers(run, actor="", now=now)

    assert run.payouts.get().status == "waiting"


def test_what_stripe_pays_is_not_the_banks(run, now):
    before = everything()

    with pytest.raises(PayoutRefused, match="No payout"):
        bank_file(run)
    with pytest.raises(PayoutRefused, match="Stripe reports it"):
        mark_as_paid(run.payouts.get(), actor="", now=now)
    with pytest.raises(PayoutRefused, match="can come back"):
        mark_as_sent_back(run.payouts.get(), problem="", actor="", now=now)

    assert everything() == before


def test_what_was_canceled_is_not_sent(run, now, control):
    cancel(run, now)

    with pytest.raises(PayoutRefused, match="Only an approved run"):
        send_transfers(run, actor="", now=now)

    assert transferred(control) == []
