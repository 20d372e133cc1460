"""The ledger: double entry, all or nothing, enforced by PostgreSQL whoever writes."""

import threading

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from billing.ledger import (
    AlreadyPosted,
    NotEnoughMoney,
    balance_cents,
    charge_order,
    credit_wallet,
    house_account,
    lock_wallet,
    wallet_of,
)
from billing.models import Account, Entry, Transaction
from marketplace.audit import violations
from tests.billing.payments import test_constraints, test_disputes, test_refunds
from tests.billing.payouts import test_payouts
from tests.billing.reconciliation import test_reconciliation
from tests.billing.stripe import test_webhooks
from tests.factories import make_buyer
from tests.refusal import everything, promised_names, refused_by, settle

pytestmark = pytest.mark.django_db

ATTEMPTS = {}


@pytest.fixture
def buyer(db):
    """A buyer with $10."""
    buyer = make_buyer()
    credit(buyer)
    return buyer


def credit(buyer, cents=1000, reference="wire 1"):
    return credit_wallet(
        buyer=buyer, cents=cents, reference=reference, memo="Wire", actor="desk@example.com", now=timezone.now()
    )


def charge(buyer, cents, reference="order 1"):
    return charge_order(
        buyer=buyer,
        cents=cents,
        reference=reference,
        legs=[],
        memo="2 leads",
        actor="pat@example.com",
        now=timezone.now(),
    )


def entries_of(posted):
    return sorted(posted.entries.values_list("account__kind", "cents"))


def test_a_credit_moves_money_from_outside_to_the_wallet(buyer):
    posted = credit(buyer, 250, "wire 2")
    settle()

    assert entries_of(posted) == [("bank", -250), ("wallet", 250)]
    assert balance_cents(buyer) == 1250


def test_a_charge_moves_money_from_the_wallet_to_sales(buyer):
    posted = charge(buyer, 1000)
    settle()

    assert entries_of(posted) == [("sales", 1000), ("wallet", -1000)]
    assert balance_cents(buyer) == 0


def test_a_wallet_pays_no_more_than_it_holds(buyer):
    before = everything()

    with pytest.raises(NotEnoughMoney) as refusal:
        charge(buyer, 1001)

    assert (refusal.value.balance_cents, refusal.value.needed_cents, refusal.value.missing_cents) == (1000, 1001, 1)
    assert everything() == before


@pytest.mark.parametrize("post", [lambda buyer: credit(buyer, 5000), lambda buyer: credit(buyer)])
def test_a_reference_moves_money_once(buyer, post):
    before = everything()

    with pytest.raises(AlreadyPosted):
        post(buyer)

    assert everything() == before


def test_the_same_reference_of_another_kind_is_another_reason(buyer):
    charge(buyer, 10, reference="wire 1")

    assert balance_cents(buyer) == 990


@pytest.mark.parametrize("cents", [0, -1])
def test_a_credit_is_more_than_nothing(buyer, cents):
    with pytest.raises(ValueError, match="more than zero"):
        credit(buyer, cents, "wire 2")

    assert balance_cents(buyer) == 1000


def test_a_buyer_who_never_had_money_holds_nothing(db):
    assert balance_cents(make_buyer()) == 0
    assert not Account.objects.exists()


def test_house_accounts_keep_no_balance(buyer):
    charge(buyer, 300)

    assert set(Account.objects.exclude(kind="wallet").values_list("balance_cents", flat=True)) == {0}


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_fifteen_charges_of_four_dollars_at_once_take_ten_dollars_twice():
    buyer = make_buyer()
    credit(buyer)
    gate, outcomes = threading.Barrier(15), []

    def pay(number):
        gate.wait(10)
        try:
            charge(buyer, 400, f"order {number}")
            outcomes.append("paid")
        except NotEnoughMoney:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=pay, args=[number]) for number in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == ["paid"] * 2 + ["refused"] * 13
    assert balance_cents(buyer) == 200
    assert {one.name for one in violations()} <= {"charges_have_an_order"}  # these charges belong to no order


# What PostgreSQL refuses, bypassing the verbs
def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


def begun(reference, kind="credit"):
    return Transaction.objects.create(kind=kind, reference=reference, posted_at=timezone.now())


def post(*moves, reference="raw"):
    posted = begun(reference)
    return [Entry.objects.create(transaction=posted, account=account, cents=cents) for account, cents in moves]


def bank():
    return house_account(Account.Kind.BANK)


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


@attempt("entries_sum_to_zero")
def unbalanced(buyer):
    post((wallet_of(buyer), 100), (bank(), -99))


@attempt("entries_sum_to_zero")
def one_legged(buyer):
    post((wallet_of(buyer), 100))


@attempt("entries_sum_to_zero")
def a_third_entry_later(buyer):
    Entry.objects.create(transaction=Transaction.objects.first(), account=house_account(Account.Kind.SALES), cents=5)


@attempt("entry_moves_something")
def nothing_moved(buyer):
    post((wallet_of(buyer), 0), (bank(), 0))


@attempt("entry_is_immutable")
def entry_changed(buyer):
    Entry.objects.update(cents=1)


@attempt("entry_is_immutable")
def entry_deleted(buyer):
    Entry.objects.all().delete()


@attempt("entry_is_never_emptied")
def entries_truncated(buyer):
    sql("TRUNCATE billing_entry")


@attempt("transaction_is_immutable")
def transaction_changed(buyer):
    Transaction.objects.update(memo="something else")


@attempt("transaction_is_immutable")
def transaction_deleted(buyer):
    begun("alone")
    sql("DELETE FROM billing_transaction WHERE reference = 'alone'")


@attempt("transaction_is_never_emptied")
def transactions_truncated(buyer):
    sql("ALTER TABLE billing_entry DISABLE TRIGGER USER")
    sql("TRUNCATE billing_transaction CASCADE")


@attempt("transaction_happens_once")
def transaction_twice(buyer):
    begun("wire 1")


@attempt("wallet_moves_by_entries_only")
def a_balance_written_by_hand(buyer):
    Account.objects.filter(buyer=buyer).update(balance_cents=200_000)


@attempt("wallet_is_never_below_zero")
def wallet_overdrawn(buyer):
    post((wallet_of(buyer), -1001), (bank(), 1001))


@attempt("account_has_its_owner")
def wallet_of_nobody(buyer):
    Account.objects.create(kind="wallet")


@attempt("account_has_its_owner")
def house_account_of_a_buyer(buyer):
    Account.objects.create(kind="sales", buyer=make_buyer())


@attempt("account_house_is_one_per_kind")
def second_house_account(buyer):
    Account.objects.create(kind="bank")


@attempt("account_has_its_owner")
def a_payable_of_nobody(buyer):
    Account.objects.create(kind="payable")


@attempt("account_currency_is_three_letters")
def an_account_in_no_currency(buyer):
    Account.objects.create(kind="sales", currency="usd")


@attempt("account_is_for_good")
def a_wallet_given_to_another(buyer):
    Account.objects.filter(buyer=buyer).update(buyer=make_buyer())


@attempt("account_starts_empty")
def a_wallet_that_starts_full(buyer):
    Account.objects.create(kind="wallet", buyer=make_buyer(), balance_cents=500)


@attempt("account_is_never_deleted")
def an_account_deleted(buyer):
    sql("DELETE FROM billing_account")


@attempt("account_is_never_emptied")
def accounts_truncated(buyer):
    sql("ALTER TABLE billing_entry DISABLE TRIGGER USER")
    sql("TRUNCATE billing_account CASCADE")


@attempt("transaction_has_entries")
def a_transaction_that_moves_nothing(buyer):
    begun("alone")


@attempt("entries_sum_to_zero")
def two_currencies(buyer):
    post((wallet_of(buyer), 100), (Account.objects.create(kind="sales", currency="EUR"), -100))


@attempt("entry_is_one_per_account")
def one_account_twice(buyer):
    post((wallet_of(buyer), 100), (wallet_of(buyer), 50), (bank(), -150))


CASES = [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]


@pytest.mark.parametrize(("name", "act"), CASES)
def test_the_database_refuses(buyer, name, act):
    settle()

    with refused_by(name):
        act(buyer)


@pytest.mark.parametrize("act", [entry_changed, entry_deleted, transaction_changed, a_balance_written_by_hand])
def test_no_setting_switches_the_triggers_off(buyer, act):
    """The library's own switch: any session could set it and then change the books."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(tgname::text) FROM pg_trigger WHERE tgname LIKE 'pgtrigger_%%'")
        (names,) = cursor.fetchone()
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", ["{" + ",".join(names) + "}"])
    settle()
    before = everything()

    with pytest.raises(DatabaseError), transaction.atomic():
        act(buyer)
        settle()

    assert everything() == before


def test_every_named_constraint_and_trigger_is_tried():
    elsewhere = (
        test_disputes,
        test_constraints,
        test_payouts,
        test_reconciliation,
        test_refunds,
        test_webhooks,
    )
    tried = set(ATTEMPTS).union(*(module.ATTEMPTS for module in elsewhere))
    assert promised_names("billing") - {"entry_moves_the_wallet"} == tried


def test_a_dispute_may_take_a_wallet_below_zero(buyer):
    Account.objects.filter(buyer=buyer).update(overdrawn_by_clawback=True)

    post((wallet_of(buyer), -1500), (bank(), 1500))
    settle()

    assert balance_cents(buyer) == -500


def test_the_locked_wallet_is_the_buyers_own(buyer):
    make_buyer()

    assert lock_wallet(buyer) == buyer.wallet
