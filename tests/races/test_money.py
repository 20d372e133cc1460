"""Races for money, with real connections: every snapshot sums to zero, and each cent moves once."""

import threading
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from billing.ledger import (
    AlreadyPosted,
    Kind,
    Posting,
    balance_cents,
    credit_wallet,
    give_back,
    house_account,
    post,
    reverse,
    wallet_of,
)
from billing.models import Account, Earning, Entry, Payee, PayoutApproval, Transaction
from billing.payments.refunds import RefundRefused, refund_to_card
from billing.payouts.execution import send_transfers
from billing.payouts.payouts import PayoutRefused, approve, make_run
from leads.models import Leg, Source
from marketplace.audit import violations
from marketplace.models import Return, Sale
from marketplace.orders.checkout import OrderAttempt, OrderRefused, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import read_order_request
from marketplace.returns.claims import Claimant, ask
from marketplace.returns.decisions import credit
from tests.billing.conftest import control, stand_in, stripe_settings  # noqa: F401
from tests.billing.with_stripe import paid
from tests.factories import make_buyer, make_market, make_user
from tests.marketplace.returns.return_cases import buy, claim, clerk, generous, lead_of
from tests.races.test_selling import rich_buyer, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
PRICE, PATIENCE = 220, 60
NOTHING = {"memo": "", "actor": ""}
QUESTIONS = {
    "currency": """
        SELECT currency, sum(cents) FROM billing_entry AS entry JOIN billing_account AS account
            ON account.id = entry.account_id GROUP BY currency HAVING sum(cents) <> 0
    """,
    "transaction": """
        SELECT posted.id, sum(cents) FROM billing_transaction AS posted LEFT JOIN billing_entry AS entry
            ON entry.transaction_id = posted.id GROUP BY posted.id HAVING coalesce(sum(cents), 1) <> 0
    """,
    "wallet": """
        SELECT wallet.id, balance_cents - coalesce(sum(entry.cents), 0) FROM billing_account AS wallet
            LEFT JOIN (SELECT account_id, cents FROM billing_entry) AS entry ON entry.account_id = wallet.id
            WHERE kind = 'wallet' GROUP BY wallet.id HAVING balance_cents <> coalesce(sum(entry.cents), 0)
    """,
    "last balance": """
        SELECT wallet.id, wallet.balance_cents FROM billing_account AS wallet JOIN billing_entry AS entry
            ON entry.id = (SELECT max(id) FROM billing_entry WHERE account_id = wallet.id)
            WHERE kind = 'wallet' AND entry.balance_cents <> wallet.balance_cents
    """,
}
"""Queries that must always return nothing; each is one statement, so it sees one snapshot."""


def query():
    """Return, from one snapshot, how many transactions there are and what is wrong."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT count(*) FROM billing_transaction")
        (posted,) = cursor.fetchone()
        wrong = {}
        for name, question in QUESTIONS.items():
            cursor.execute(question)
            wrong[name] = cursor.fetchall()
        return posted, {name: found for name, found in wrong.items() if found}


@contextmanager
def reader():
    """Check snapshot after snapshot in the meantime; the list collects what it sees."""
    seen, over = [], threading.Event()

    def read():
        try:
            while not over.is_set():
                seen.append(query())
        finally:
            connections.close_all()

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(PATIENCE)


def buys(market, buyer, quantity, key):
    said = {"vertical": market.vertical.slug, "criteria": [], "quantity": quantity, "sort": "newest"}
    token = token_of(quote(read_order_request(said), buyer=buyer, now=market.now))
    return place_order(OrderAttempt(buyer, None, token, key, True, market.now))


def hands_back(market, buyer, lead, by):
    returned = ask(claim(lead), Claimant(buyer, "a program", market.now))
    return credit(returned, by=by, finding="It is dead.", now=market.now)


def all_but_one(answers, refusal):
    return [isinstance(answer, refusal) for answer in answers].count(True) == len(answers) - 1


# --- Snapshots
def test_a_reader_sees_a_zero_sum_ledger_at_every_snapshot(control):  # noqa: F811
    market = make_market()
    generous(market)
    market.leads(40)
    buyers = [rich_buyer(market) for _ in range(8)]
    charged = {buyer: paid(control, buyer, 5_000) for buyer in buyers}
    by, before = clerk(), Transaction.objects.count()

    def write(buyer):
        """An order, a return, a refund, a credit and its reversal, four times over."""
        for turn in range(4):
            hands_back(market, buyer, lead_of(buys(market, buyer, 3, str(turn))), by)
            refund_to_card(payment=charged[buyer], amount_cents=500, reason="", actor="", now=timezone.now())
            credited = credit_wallet(buyer=buyer, cents=100, reference=f"{buyer.pk} {turn}", now=market.now, **NOTHING)
            reverse(credited, now=market.now, **NOTHING)
        return balance_cents(buyer)

    with reader() as seen:
        answers = together(*(lambda buyer=buyer: write(buyer) for buyer in buyers))

    assert answers == [105_000 - 4 * (2 * PRICE + 500)] * 8
    assert Transaction.objects.count() - before == 8 * 4 * 5
    assert [wrong for _, wrong in seen if wrong] == []
    assert len({posted for posted, _ in seen}) >= 5  # it looked while they wrote
    assert violations() == []


def test_the_reader_sees_half_of_a_posting():
    """The control run: with the ledger's triggers off, half a posting is committed and a snapshot shows it."""
    wallet = wallet_of(make_buyer())
    now = timezone.now()
    post(Posting(Kind.CREDIT, "whole", now), {wallet: 100, house_account(Account.Kind.BANK): -100})
    assert query() == (1, {})
    switch("DISABLE")
    try:
        with transaction.atomic():
            half = Transaction.objects.create(kind=Kind.CREDIT, reference="half", posted_at=now)
            Entry.objects.create(transaction=half, account=wallet, cents=50, posted_at=now, balance_cents=150)
    finally:
        switch("ENABLE")

    assert query() == (
        2,
        {
            "currency": [("USD", 50)],
            "transaction": [(half.pk, 50)],
            "wallet": [(wallet.pk, -50)],
            "last balance": [(wallet.pk, 100)],
        },
    )


def switch(verb):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE billing_entry {verb} TRIGGER USER")


# --- Hot stock
def test_sixteen_buyers_on_hot_stock_who_hand_back_end_with_exact_books():
    market = make_market()
    generous(market)
    market.leads(12)
    buyers, by = [rich_buyer(market) for _ in range(16)], clerk()

    def buys_and_hands_back(buyer):
        """Buy two at a time until nothing is left, and return the first of each two."""
        bought, returned = 0, 0
        for turn in range(3):
            try:
                order = buys(market, buyer, 2, str(turn))
            except OrderRefused:
                break
            hands_back(market, buyer, lead_of(order), by)
            bought, returned = bought + order.filled, returned + 1
        return bought, returned, balance_cents(buyer)

    answers = together(*(lambda buyer=buyer: buys_and_hands_back(buyer) for buyer in buyers))

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    bought, returned = (sum(answer[place] for answer in answers) for place in (0, 1))
    assert bought == Sale.objects.count() == Leg.objects.filter(status="sold").count()
    assert returned == Return.objects.filter(status="credited").count() > 0
    assert not Leg.objects.filter(status="open").exists()
    assert all(held == 100_000 - PRICE * (got - back) for got, back, held in answers)
    assert sum(Earning.objects.values_list("cents", flat=True)) == (bought - returned) * PRICE // 2
    assert violations() == []


# --- Once, whoever does it and however often at once
def test_one_leg_given_back_by_ten_at_once_is_given_back_once():
    market = make_market()
    sale = buy(market).sales.get()
    given = {"buyer": market.buyer, "leg_id": sale.leg_id, "cents": PRICE, "charge_source": True, "reference": "one"}

    answers = together(*[lambda: give_back(now=market.now, **given, **NOTHING)] * 10)

    assert all_but_one(answers, AlreadyPosted)
    assert balance_cents(market.buyer) == 100_000
    assert sorted(Earning.objects.values_list("cents", flat=True)) == [-PRICE // 2, PRICE // 2]


def test_one_transaction_reversed_by_ten_at_once_is_reversed_once():
    market = make_market()
    credited = credit_wallet(buyer=market.buyer, cents=700, reference="gift", now=market.now, **NOTHING)

    answers = together(*[lambda: reverse(credited, now=market.now, **NOTHING)] * 10)

    assert all_but_one(answers, AlreadyPosted)
    assert balance_cents(market.buyer) == 100_000


def test_a_payment_refunded_by_ten_at_once_goes_back_once(control):  # noqa: F811
    buyer = make_buyer()
    payment = paid(control, buyer, 5_000)
    back = {"amount_cents": 3_000, "reason": "", "actor": ""}

    answers = together(*[lambda: refund_to_card(payment=payment, now=timezone.now(), **back)] * 10)

    assert all_but_one(answers, RefundRefused)
    assert balance_cents(buyer) == 2_000
    assert [one["amount"] for one in control.everything(kind="refund")["data"]] == [3_000]
    assert violations() == []


def test_a_run_approved_and_paid_by_eight_at_once_is_paid_once(control):  # noqa: F811
    market = make_market()
    Source.objects.update(return_window_days=1)
    paid(control, make_buyer(), 5_000)
    Payee.objects.create(source=market.source, method="stripe", stripe_account_id=control.open_account()["id"])
    buy(market, 30)
    now, person = timezone.now(), make_user()
    run = make_run(now, make_user(), now)

    approvals = together(*[lambda: approve(run, person, now)] * 8)
    transfers = together(*[lambda: send_transfers(run, actor="desk", now=now)] * 8)

    assert all_but_one(approvals, PayoutRefused)
    assert PayoutApproval.objects.count() == 1
    assert [answer for answer in transfers if isinstance(answer, int)].count(1) == 1
    assert sum(answer for answer in transfers if isinstance(answer, int)) == 1
    assert [one["amount"] for one in control.everything(kind="transfer")["data"]] == [30 * PRICE // 2]
    assert Transaction.objects.filter(kind="payout").count() == 1
    assert violations() == []
