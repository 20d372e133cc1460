"""Refunds, disputes, payouts and transfers, and a balance that always adds up."""

import random

import pytest
import stripe
from stripe import InvalidRequestError

from stripe_stand_in import Refused


def funds(stripe_) -> int:
    """Return the available balance, after checking it against the balance transactions."""
    balance = stripe_.balance.retrieve()
    entries = list(stripe_.balance_transactions.list({"limit": 100}).auto_paging_iter())
    assert all(entry.net == entry.amount - entry.fee for entry in entries)
    assert all(entry.fee == sum(detail.amount for detail in entry.fee_details) for entry in entries)
    available = sum(entry.net for entry in entries if entry.status == "available")
    pending = sum(entry.net for entry in entries if entry.status == "pending")
    assert (balance.available[0].amount, balance.pending[0].amount) == (available, pending)
    return available + pending


@pytest.mark.parametrize(
    ("cents", "fee"), [(50, 31), (100, 33), (500, 45), (1_000, 59), (1_050, 60), (9_999, 320), (99_999_999, 2_900_030)]
)
def test_fee_is_rounded_half_up(pay, stripe_, cents, fee):
    intent = pay(cents)

    charge = stripe_.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]})
    entry = charge.balance_transaction

    assert (entry.type, entry.amount, entry.fee, entry.net) == ("charge", cents, fee, cents - fee)


def test_refunds_are_partial_and_never_more_than_was_paid(pay, stripe_, control, merchant):
    intent = pay(25_00)
    before = funds(stripe_)

    with pytest.raises(Refused, match="at least one cent"):
        control.refund(payment=intent.id, amount=-5)
    first = stripe_.refunds.create({"payment_intent": intent.id, "amount": 10_00, "reason": "requested_by_customer"})
    with pytest.raises(
        InvalidRequestError, match=r"Refund amount \(\$15.01\) is greater than unrefunded .* \(\$15.00\)"
    ):
        stripe_.refunds.create({"payment_intent": intent.id, "amount": 15_01})
    rest = stripe_.refunds.create({"charge": intent.latest_charge})
    with pytest.raises(InvalidRequestError) as refusal:
        stripe_.refunds.create({"payment_intent": intent.id})

    assert (first.status, first.amount, rest.amount) == ("succeeded", 10_00, 15_00)
    assert refusal.value.code == "charge_already_refunded"
    charge = stripe_.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (25_00, True)
    assert [refund.id for refund in stripe_.refunds.list({"payment_intent": intent.id}).data] == [rest.id, first.id]
    (entry,) = stripe_.balance_transactions.list({"source": first.id}).data
    assert (entry.type, entry.amount, entry.fee) == ("refund", -10_00, 0)
    assert funds(stripe_) == before - 25_00
    control.wait_for_webhooks()
    assert merchant.types()[-4:] == ["refund.created", "charge.refunded"] * 2


def test_refund_that_fails_later_puts_the_money_back(pay, stripe_, control, merchant):
    intent = pay(25_00)
    before = funds(stripe_)
    refund = control.refund(payment=intent.id, amount=10_00)
    assert funds(stripe_) == before - 10_00

    control.fail_refund(refund=refund["id"])

    failed = stripe_.refunds.retrieve(refund["id"], {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_balance_transaction.type) == ("failed", "refund_failure")
    assert stripe_.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert funds(stripe_) == before
    with pytest.raises(Refused, match="status of failed"):
        control.fail_refund(refund=refund["id"])
    control.wait_for_webhooks()
    assert merchant.types()[-2:] == ["refund.updated", "refund.failed"]


def test_unpaid_payment_cannot_be_refunded(stripe_):
    intent = stripe_.payment_intents.create({"amount": 700, "currency": "usd"})

    with pytest.raises(InvalidRequestError, match="does not have a successful charge"):
        stripe_.refunds.create({"payment_intent": intent.id})

    assert stripe_.refunds.list().data == []


@pytest.mark.parametrize(("outcome", "back"), [("won", 25_00), ("lost", 0)])
def test_dispute_takes_the_money_and_a_fee_and_gives_back_what_is_won(pay, stripe_, control, merchant, outcome, back):
    intent = pay(25_00)
    before = funds(stripe_)

    made = control.dispute(payment=intent.id, reason="product_not_received")
    assert funds(stripe_) == before - 25_00 - 15_00
    with pytest.raises(InvalidRequestError) as refusal:
        stripe_.refunds.create({"payment_intent": intent.id})
    control.submit_evidence(dispute=made["id"])
    {"won": control.win_dispute, "lost": control.lose_dispute}[outcome](dispute=made["id"])

    assert refusal.value.code == "charge_disputed"
    dispute = stripe_.disputes.retrieve(made["id"])
    withdrawn, *returned = dispute.balance_transactions
    assert (dispute.status, dispute.amount, dispute.reason) == (outcome, 25_00, "product_not_received")
    assert (withdrawn.type, withdrawn.amount, withdrawn.fee) == ("adjustment", -25_00, 15_00)
    assert [entry.amount for entry in returned] == ([back] if back else [])
    assert funds(stripe_) == before - 25_00 - 15_00 + back
    control.wait_for_webhooks()
    reinstated = ["charge.dispute.funds_reinstated"] if back else []
    assert merchant.types()[-len(reinstated) - 4 :] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        *reinstated,
        "charge.dispute.closed",
    ]


def test_some_cards_dispute_by_themselves(pay, stripe_):
    intent = pay(25_00, card="pm_card_createDispute")

    (dispute,) = stripe_.disputes.list({"payment_intent": intent.id}).data

    assert (dispute.reason, dispute.status, dispute.charge) == ("fraudulent", "needs_response", intent.latest_charge)
    assert stripe_.charges.retrieve(dispute.charge).disputed is True
    assert funds(stripe_) == 25_00 - 103 - 25_00 - 15_00


def test_automatic_payout_says_what_was_in_it(pay, stripe_, control, merchant):
    first, other = pay(25_00), pay(30_00)
    everything = funds(stripe_)

    made = control.pay_out()

    later = pay(40_00)
    payout = stripe_.payouts.retrieve(made["id"])
    inside = stripe_.balance_transactions.list({"payout": payout.id}).data
    assert (payout.amount, payout.automatic, payout.status) == (everything, True, "in_transit")
    assert {entry.source for entry in inside} == {first.latest_charge, other.latest_charge, payout.id}
    assert sum(entry.net for entry in inside) == 0
    assert funds(stripe_) == 40_00 - 146
    control.advance(seconds=60 * 60)
    assert stripe_.payouts.retrieve(payout.id).status == "paid"
    second = stripe_.balance_transactions.list({"payout": control.pay_out()["id"], "type": "charge"}).data
    assert [entry.source for entry in second] == [later.latest_charge]
    assert funds(stripe_) == 0
    control.wait_for_webhooks()
    assert "payout.created" in merchant.types() and merchant.types()[-2:] == ["payout.paid", "payout.created"]


def test_payout_may_fail_after_it_was_paid(pay, stripe_, control):
    pay(25_00)
    everything = funds(stripe_)
    payout = stripe_.payouts.create({"amount": 20_00, "currency": "usd"})
    control.land_payout(payout=payout.id)

    control.fail_payout(payout=payout.id)

    failed = stripe_.payouts.retrieve(payout.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert (failed.failure_balance_transaction.type, failed.failure_balance_transaction.amount) == (
        "payout_failure",
        20_00,
    )
    assert funds(stripe_) == everything
    with pytest.raises(InvalidRequestError, match="automatic payouts only"):
        stripe_.balance_transactions.list({"payout": payout.id})


def test_transfer_goes_to_an_account_that_may_have_it_and_comes_back(pay, stripe_, control, merchant):
    pay(25_00)
    before = funds(stripe_)
    account = stripe_.accounts.retrieve(control.open_account(email="source@example.com")["id"])
    asked = {"amount": 20_00, "currency": "usd", "destination": account.id, "metadata": {"payout": "3"}}

    transfer = stripe_.transfers.create(asked)

    assert (account.payouts_enabled, account.capabilities.transfers) == (True, "active")
    assert funds(stripe_) == before - 20_00
    reversal = stripe_.transfers.reversals.create(transfer.id, {"amount": 5_00})
    found = stripe_.transfers.retrieve(transfer.id)
    assert (found.amount_reversed, found.reversed, found.reversals.data[0].id) == (5_00, False, reversal.id)
    control.reverse_transfer(transfer=transfer.id)
    assert stripe_.transfers.retrieve(transfer.id).reversed is True
    assert funds(stripe_) == before
    with pytest.raises(InvalidRequestError, match=r"at most \$0.00"):
        stripe_.transfers.reversals.create(transfer.id)
    control.wait_for_webhooks()
    assert merchant.types()[-3:] == ["transfer.created", "transfer.reversed", "transfer.reversed"]


def test_nothing_leaves_an_empty_balance_or_reaches_an_unready_account(pay, stripe_, control):
    pay(10_00)
    ready, unready = control.open_account()["id"], control.open_account(ready=False)["id"]
    before = funds(stripe_)

    def transfer(account, cents):
        return stripe_.transfers.create({"amount": cents, "currency": "usd", "destination": account})

    for code, act in (
        ("balance_insufficient", lambda: transfer(ready, before + 1)),
        ("balance_insufficient", lambda: stripe_.payouts.create({"amount": before + 1, "currency": "usd"})),
        ("insufficient_capabilities_for_transfer", lambda: transfer(unready, 1)),
    ):
        with pytest.raises(InvalidRequestError) as refusal:
            act()
        assert refusal.value.code == code
    with pytest.raises(InvalidRequestError, match="No such account"):
        transfer("acct_nobody", 1)

    assert funds(stripe_) == before
    assert transfer(ready, before).amount == before


@pytest.mark.parametrize("seed", range(6))
def test_balance_adds_up_after_any_program(seed, pay, stripe_, control):
    """Against a small model: payments less fees, and what was refunded, disputed, paid out or transferred."""
    chance = random.Random(seed)
    account = control.open_account()["id"]
    paid, model = [], 0

    def payment():
        cents = chance.randrange(50, 50_000)
        paid.append(pay(cents).id)
        return cents - (cents * 29 + 500) // 1000 - 30

    def refund():
        made = stripe_.refunds.create({"payment_intent": chance.choice(paid), "amount": chance.randrange(1, 20_000)})
        if chance.random() < 0.3:
            control.fail_refund(refund=made.id)
            return 0
        return -made.amount

    def dispute():
        made = control.dispute(payment=chance.choice(paid))
        closing = chance.choice((control.win_dispute, control.lose_dispute))
        return -15_00 + (0 if closing(dispute=made["id"])["status"] == "won" else -made["amount"])

    def payout():
        return -stripe_.payouts.create({"amount": chance.randrange(1, 90_000), "currency": "usd"}).amount

    def transfer():
        cents = chance.randrange(1, 50_000)
        return -stripe_.transfers.create({"amount": cents, "currency": "usd", "destination": account}).amount

    refused = 0
    model += payment()
    for _ in range(40):
        try:
            model += chance.choice((payment, payment, refund, refund, dispute, payout, transfer))()
        except (stripe.InvalidRequestError, Refused):
            refused += 1

    assert refused > 0
    assert funds(stripe_) == model
