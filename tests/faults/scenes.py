"""Scenes: how far something has progressed when a fault hits, and what all books must say afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from billing.ledger import Posting, house_account, post, wallet_of
from billing.models import (
    Account,
    AutomaticTopUp,
    Entry,
    Payee,
    Payment,
    Payout,
    Refund,
    StripeEvent,
    Transaction,
)
from billing.payments.top_ups import open_page
from billing.payouts.payouts import approve, make_run
from billing.reconciliation.reconciliation import reconcile
from leads.models import Source
from marketplace.audit import violations
from marketplace.models import OrderAwaitingPayment
from marketplace.orders.awaiting_payment import hold_order
from marketplace.orders.checkout import OrderAttempt
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from stripe_stand_in import Refused
from tests.billing.with_stripe import asked, opened, paid, receive, submitted, told
from tests.factories import make_buyer, make_market, make_user
from tests.faults.acts import HERE, sweep
from tests.marketplace.returns.return_cases import buy

VISA = "pm_card_visa"
PRICE, LEADS, SOLD, FIVE_DOLLAR_FEES = 220, 10, 30, 175
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Scene:
    """``arrange`` returns the key that ``act`` works on; ``sums`` are all accounts once it is over."""

    act: str
    arrange: Callable[[Any], int]
    sums: dict[str, int]
    spoiled: dict[str, int] | None = None

    def __str__(self) -> str:
        return self.arrange.__name__

    @property
    def sums_if_it_came_to_nothing(self) -> dict[str, int]:
        return self.sums if self.spoiled is None else self.spoiled


def fee(cents: int) -> int:
    return (cents * 29 + 500) // 1000 + 30


def topped_up(cents: int) -> dict[str, int]:
    return {"wallet": cents, "stripe": fee(cents) - cents, "fees": -fee(cents)}


def a_page(control) -> int:
    return asked(make_buyer(), 5_000).pk


def a_page_that_is_paid(control) -> int:
    return submitted(control, make_buyer(), 5_000).pk


def a_page_nobody_wants(control) -> int:
    return opened(make_buyer(), 5_000).pk


def an_order_that_is_paid(control) -> int:
    """Ten held leads; the wallet pays $20 and the card $2."""
    market = make_market()
    moves = {wallet_of(market.buyer): -98_000, house_account(Account.Kind.BANK): 98_000}
    post(Posting(Transaction.Kind.CREDIT, "taken out", market.now), moves)
    order_request = NamedLeads(tuple(lead.public_id for lead in market.leads(LEADS)))
    token = token_of(quote(order_request, buyer=market.buyer, now=market.now))
    waiting = hold_order(OrderAttempt(market.buyer, None, token, "key", False, market.now))
    page = open_page(waiting.payment, success_url=HERE, cancel_url=HERE, now=market.now)
    control.submit(session=page.stripe_session_id, card=VISA)
    return waiting.pk


def a_payment_to_refund(control) -> int:
    return paid(control, make_buyer(), 5_000).pk


def a_charge_that_was_announced(control) -> int:
    """A saved card, $50 in the wallet, and $70 due to be charged for a minute."""
    buyer, now = make_buyer(), timezone.now()
    paid(control, buyer, 5_000, keep_card=True)
    AutomaticTopUp.objects.create(
        buyer=buyer,
        is_on=True,
        threshold_cents=6_000,
        amount_cents=7_000,
        daily_ceiling_cents=7_000,
        consent_wording="Yes.",
        consented_by=make_user(),
        consented_at=now,
    )
    announced = {"status": "announced", "created_at": now, "expires_at": now - timedelta(minutes=1)}
    return Payment.objects.create(buyer=buyer, purpose="automatic", amount_cents=7_000, **announced).pk


def a_payout_by_stripe(control) -> int:
    """A source that earned half of thirty non-returnable sales, paid from a payment of $50."""
    market = make_market()
    Source.objects.update(return_window_days=1)
    paid(control, make_buyer(), 5_000)
    account = control.open_account()["id"]
    Payee.objects.create(source=market.source, method="stripe", stripe_account_id=account)
    buy(market, SOLD)
    now = timezone.now()
    return approve(make_run(now, make_user(), now), make_user(), now).pk


def word_of_a_payment(control) -> int:
    submitted(control, make_buyer(), 5_000)
    (event,) = told(control, "checkout.session.completed")
    return receive(event).pk


def word_of_a_dispute(control) -> int:
    payment = paid(control, make_buyer(), 5_000)
    control.dispute(payment=payment.stripe_payment_intent_id)
    return receive(told(control, "charge.dispute.created")[0]).pk


def word_of_a_refund(control) -> int:
    """A refund made in Stripe's dashboard."""
    payment = paid(control, make_buyer(), 5_000)
    control.refund(payment=payment.stripe_payment_intent_id, amount=2_000)
    return receive(told(control, "refund.created")[0]).pk


def word_of_a_settlement(control) -> int:
    paid(control, make_buyer(), 5_000)
    control.pay_out()
    return receive(told(control, "payout.created")[0]).pk


TOPPED_UP = topped_up(5_000)
REFUNDED = {**TOPPED_UP, "wallet": 3_000, "stripe": TOPPED_UP["stripe"] + 2_000}
BOTH = {kind: TOPPED_UP[kind] + topped_up(7_000)[kind] for kind in TOPPED_UP}
WIRED, SHARE = 100_000, SOLD * PRICE // 2

PAGE = Scene("open_page", a_page, TOPPED_UP, spoiled={})
SETTLED = Scene("settle", a_page_that_is_paid, TOPPED_UP)
CANCELED = Scene("cancel", a_page_nobody_wants, {})
COMPLETED = Scene(
    "complete",
    an_order_that_is_paid,
    {
        "bank": -2_000,
        "sales": LEADS * PRICE,
        "payable": LEADS * PRICE // 2,
        "shares": -LEADS * PRICE // 2,
        "stripe": fee(200) - 200,
        "fees": -fee(200),
    },
)
REFUND = Scene("refund", a_payment_to_refund, REFUNDED, spoiled=TOPPED_UP)
CHARGE = Scene("charge", a_charge_that_was_announced, BOTH, spoiled=TOPPED_UP)
TRANSFER = Scene(
    "transfer",
    a_payout_by_stripe,
    {
        "bank": -WIRED,
        "wallet": WIRED - SOLD * PRICE + 5_000,
        "sales": SOLD * PRICE,
        "shares": -SHARE,
        "stripe": TOPPED_UP["stripe"] + SHARE,
        "fees": TOPPED_UP["fees"],
    },
)
HEARD = Scene("hear", word_of_a_payment, TOPPED_UP)
DISPUTED = Scene("hear", word_of_a_dispute, {"stripe": FIVE_DOLLAR_FEES + 1_500, "fees": -FIVE_DOLLAR_FEES - 1_500})
HEARD_REFUND = Scene("hear", word_of_a_refund, REFUNDED)
BANKED = Scene(
    "hear", word_of_a_settlement, {"wallet": 5_000, "bank": FIVE_DOLLAR_FEES - 5_000, "fees": -FIVE_DOLLAR_FEES}
)


def sums() -> dict[str, int]:
    """Return the balance of every kind of account that is not empty."""
    held = Entry.objects.values_list("account__kind").annotate(total=Sum("cents")).order_by()
    return {kind: total for kind, total in held if total}


def unknown() -> list[object]:
    """Return everything whose outcome we do not know."""
    payments = Payment.objects.filter(status__in=Payment.UNFINISHED)
    refunds = Refund.objects.filter(status__in=[Refund.Status.CREATED, Refund.Status.PENDING])
    events = StripeEvent.objects.filter(status=StripeEvent.Status.RECEIVED)
    return [*payments, *refunds, *Payout.objects.unfinished(), *events, *OrderAwaitingPayment.objects.waiting()]


def pay_open_pages(control) -> None:
    """Pay on Stripe's page, where the buyer has been sent by then."""
    for payment in Payment.objects.filter(status="open"):
        try:
            control.submit(session=payment.stripe_session_id, card=VISA)
        except Refused:
            continue  # paid before


def let_time_pass(control, *spans: timedelta) -> None:
    """Move time forward at Stripe and here; the sweeps run after each span."""
    now = timezone.now()
    for span in spans:
        control.advance(seconds=int(span.total_seconds()))
        now += span
        sweep(now)


def assert_books_agree() -> None:
    """Check that our books agree with themselves and with every line and the balance at Stripe."""
    assert [str(one) for one in violations()] == []
    now = timezone.now()
    compared = reconcile(now - 3 * DAY, now + 3 * DAY, now)
    assert [str(one) for one in compared.differences.all()] == []
    assert compared.status == "agreed"
