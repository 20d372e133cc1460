"""Our books against the stand-in's, over real HTTP: planted differences are found, and clean books raise none."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core import mail
from django.db import connection
from django.utils import timezone

from billing.ledger import Posting, house_account, payable_of, post, reverse, take_back, wallet_of
from billing.models import (
    Account,
    Customer,
    Difference,
    Entry,
    Payment,
    Reconciliation,
    Transaction,
)
from billing.reconciliation.reconciliation import reconcile, reconcile_yesterday, tell_operator
from billing.stripe import gateway
from stripe_stand_in import balance
from tests.factories import make_buyer, make_source, make_user
from tests.refusal import refused_by, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
Kind = Account.Kind
Why = Transaction.Kind


def house(kind):
    return house_account(kind)


class World:
    """Stripe and our books, which record what Stripe did unless a test leaves it out."""

    def __init__(self, stand_in):
        self.stand_in, self.control = stand_in, stand_in.control
        self.buyer, self.other = make_buyer(), make_buyer()
        self.customers = {buyer: self.customer(buyer) for buyer in (self.buyer, self.other)}
        self.late = timedelta(0)

    def customer(self, buyer):
        stripe_id = gateway.create_customer(reference=str(buyer.pk), key=uuid.uuid4().hex)
        return Customer.objects.create(buyer=buyer, stripe_id=stripe_id, created_at=timezone.now())

    @property
    def now(self):
        return datetime.fromtimestamp(self.control.state()["now"], UTC)

    def to(self, hour):
        """Move on to the next time that the clock shows this hour."""
        ahead = self.now.replace(hour=hour, minute=0, second=0, microsecond=0)
        ahead += DAY if ahead <= self.now else timedelta(0)
        self.control.advance(seconds=int((ahead - self.now).total_seconds()))

    def post(self, kind, reference, moves, *, stripe_id="", payment=None):
        posting = Posting(kind, reference, self.now + self.late, payment=payment, stripe_id=stripe_id)
        return post(posting, moves)

    # What Stripe did
    def charge(self, cents=5_000, buyer=None):
        buyer = buyer or self.buyer
        payment = Payment.objects.create(
            buyer=buyer, purpose="top_up", amount_cents=cents, created_at=self.now, stripe_payment_intent_id=""
        )
        intent = gateway.charge_saved_card(
            reference=str(payment.public_id),
            customer_id=self.customers[buyer].stripe_id,
            payment_method_id="pm_card_visa",
            cents=cents,
        )
        payment.stripe_payment_intent_id, payment.stripe_charge_id = intent.id, intent.charge.id
        payment.save()
        return payment, intent.charge.movement

    # What our books say about it
    def note_charge(self, payment, movement, fee=None):
        moves = {wallet_of(payment.buyer): payment.amount_cents, house(Kind.STRIPE): -payment.amount_cents}
        self.post(Why.TOP_UP, str(payment.public_id), moves, stripe_id=movement.source_id, payment=payment)
        payment.status, payment.ended_at = "paid", self.now
        payment.save()
        if fee := movement.fee_cents if fee is None else fee:
            moves = {house(Kind.STRIPE): fee, house(Kind.FEES): -fee}
            self.post(Why.FEE, movement.id, moves, stripe_id=movement.id, payment=payment)

    def note_refund(self, payment, refund, buyer=None):
        moves = {wallet_of(buyer or payment.buyer): -refund["amount"], house(Kind.STRIPE): refund["amount"]}
        return self.post(Why.REFUND, refund["id"], moves, stripe_id=refund["id"], payment=payment)

    def note_funds(self, payment, movement):
        moves = {house(Kind.DISPUTES): movement["amount"], house(Kind.STRIPE): -movement["net"]}
        moves |= {house(Kind.FEES): -movement["fee"]} if movement["fee"] else {}
        self.post(Why.DISPUTE_FUNDS, movement["id"], moves, stripe_id=movement["id"], payment=payment)

    def note_settlement(self, payout):
        moves = {house(Kind.STRIPE): payout["amount"], house(Kind.BANK): -payout["amount"]}
        return self.post(Why.SETTLEMENT, payout["id"], moves, stripe_id=payout["id"])

    def note_transfer(self, transfer, source):
        moves = {payable_of(source): -transfer.cents, house(Kind.STRIPE): transfer.cents}
        self.post(Why.PAYOUT, transfer.reference, moves, stripe_id=transfer.id)

    # Both
    def paid(self, cents=5_000, buyer=None):
        payment, movement = self.charge(cents, buyer)
        self.note_charge(payment, movement)
        return payment

    def refunded(self, payment, cents=None):
        refund = self.control.refund(payment=payment.stripe_payment_intent_id, amount=cents)
        return refund, self.note_refund(payment, refund)

    def disputed(self, payment):
        dispute = self.control.dispute(payment=payment.stripe_payment_intent_id)
        take_back(wallet_of(payment.buyer))
        self.post(
            Why.DISPUTE,
            f"{dispute['id']}:opened",
            {wallet_of(payment.buyer): -dispute["amount"], house(Kind.DISPUTES): dispute["amount"]},
            stripe_id=dispute["id"],
            payment=payment,
        )
        self.note_funds(payment, dispute["balance_transactions"][0])
        return dispute

    def won(self, payment, dispute):
        closed = self.control.win_dispute(dispute=dispute["id"])
        self.note_funds(payment, closed["balance_transactions"][1])

    def compare(self):
        now = self.now + timedelta(seconds=1)
        return reconcile(now - DAY, now, now)


@pytest.fixture
def world(stand_in):
    return World(stand_in)


@pytest.fixture
def busy(world):
    """A day with a bit of everything, booked correctly."""
    world.to(12)
    for cents in (5_000, 20_000, 99_999):
        world.paid(cents)
    disputed = world.paid(30_000, world.other)
    world.refunded(world.paid(7_500), 2_500)
    world.disputed(disputed)
    world.note_settlement(world.control.pay_out(amount=40_000))
    return world


def found(row):
    return sorted(row.differences.values_list("kind", "stripe_id", "our_cents", "their_cents"))


def ledger():
    return [list(model.objects.order_by("pk").values_list()) for model in (Account, Transaction, Entry, Payment)]


def test_a_day_that_was_booked_agrees(busy):
    row = busy.compare()

    assert found(row) == []
    assert (row.status, row.compared, row.problem) == ("agreed", 8, "")
    assert row.our_cents == row.their_cents == gateway.fetch_balance()
    assert mail.outbox == []


def test_thirty_days_raise_no_alarm(world):
    dice, account = random.Random(30), world.control.open_account()["id"]
    source, standing = make_source(), []
    world.to(1)
    for day in range(30):
        world.to(dice.randrange(8, 12))
        payments = [
            world.paid(dice.randrange(1_000, 90_000), dice.choice([world.buyer, world.other])) for _ in range(3)
        ]
        refund, posted = world.refunded(payments[0], 500)
        if day % 5 == 0:
            world.control.fail_refund(refund=refund["id"])
            reverse(posted, actor="", memo="", now=world.now)
        if day % 4 == 0:
            standing.append((payments[1], world.disputed(payments[1])))
        if day % 6 == 5:
            world.won(*standing.pop(0))
        payout = world.control.pay_out(amount=900)
        settled = world.note_settlement(payout)
        if day % 7 == 3:
            world.control.fail_payout(payout=payout["id"])
            reverse(settled, actor="", memo="", now=world.now)
        reference = uuid.uuid4().hex
        world.note_transfer(gateway.transfer(reference=reference, account_id=account, cents=300), source)
        # Paid before midnight, booked after it.
        world.to(23)
        world.late = timedelta(hours=dice.randrange(0, 5))
        world.paid(4_200)
        world.late = timedelta(0)
        world.to(6)
        (row,) = reconcile_yesterday(world.now)
        assert (day, found(row), row.status) == (day, [], "agreed")
        assert row.our_cents == row.their_cents

    assert Reconciliation.objects.filter(status="agreed", is_daily=True).count() == 30
    assert tell_operator(world.now) == 0


# --- Planted differences: what each one is, and what must be reported
DRIFT = {}


def drift(act):
    DRIFT[act.__name__] = act
    return act


def by_sql(statement, *values):
    """Change a row past every trigger, as someone with the database's keys could."""
    settle()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


@drift
def an_event_that_never_came(world):
    _, movement = world.charge(1_000)
    return [("missing_here", movement.source_id, None, 1_000 - movement.fee_cents)]


@drift
def a_double_credit_by_sql(world):
    payment, movement = world.charge(1_000)
    world.note_charge(payment, movement)
    moves = {wallet_of(payment.buyer): 1_000, house(Kind.STRIPE): -1_000}
    world.post(Why.TOP_UP, "again", moves, stripe_id=movement.source_id, payment=payment)
    return [("credit", movement.source_id, 2_000, 1_000), ("twice", movement.source_id, 2_000, 1_000)]


@drift
def a_credit_beside_the_card(world):
    payment, movement = world.charge(1_000)
    world.note_charge(payment, movement)
    world.post(Why.CREDIT, "gift", {wallet_of(payment.buyer): 50, house(Kind.BANK): -50}, payment=payment)
    return [("credit", movement.source_id, 1_050, 1_000)]


@drift
def another_fee(world):
    payment, movement = world.charge(1_000)
    world.note_charge(payment, movement, fee=58)
    return [("fee", movement.source_id, 58, 59)]


@drift
def a_fee_that_nobody_booked(world):
    payment, movement = world.charge(1_000)
    world.note_charge(payment, movement, fee=0)
    return [("fee", movement.source_id, 0, 59)]


@drift
def a_refund_in_the_dashboard(world):
    refund = world.control.refund(payment=world.paid(1_000).stripe_payment_intent_id, amount=400)
    return [("missing_here", refund["id"], None, -400)]


@drift
def a_refund_that_failed_later(world):
    refund, _ = world.refunded(world.paid(1_000), 400)
    world.control.fail_refund(refund=refund["id"])
    return [("missing_here", refund["id"], None, 400)]


@drift
def a_refund_taken_from_another_wallet(world):
    payment = world.paid(1_000)
    world.paid(1_000, world.other)
    refund = world.control.refund(payment=payment.stripe_payment_intent_id, amount=400)
    world.note_refund(payment, refund, world.other)
    return [("buyer", refund["id"], -400, -400)]


@drift
def a_dispute_that_nobody_booked(world):
    dispute = world.control.dispute(payment=world.paid(2_000).stripe_payment_intent_id)
    return [("missing_here", dispute["id"], None, -2_000 - balance.DISPUTE_FEE)]


@drift
def a_settlement_that_nobody_booked(world):
    payout = world.control.pay_out(amount=700)
    return [("missing_here", payout["id"], None, -700)]


@drift
def a_transfer_made_in_the_dashboard(world):
    account = world.control.open_account()["id"]
    transfer = gateway.transfer(reference=uuid.uuid4().hex, account_id=account, cents=300)
    return [("missing_here", transfer.id, None, -300)]


@drift
def a_transfer_that_came_back(world):
    account = world.control.open_account()["id"]
    transfer = gateway.transfer(reference=uuid.uuid4().hex, account_id=account, cents=300)
    world.note_transfer(transfer, make_source())
    world.control.reverse_transfer(transfer=transfer.id)
    name = world.control.everything(kind="transfer_reversal")["data"][0]["id"]
    return [("missing_here", name, None, 300)]


@drift
def a_credit_to_the_wrong_buyer_by_sql(world):
    payment, movement = world.charge(1_000)
    world.note_charge(payment, movement)
    wallet_entry = Entry.objects.get(transaction__stripe_id=movement.source_id, account__kind="wallet")
    by_sql("UPDATE billing_entry SET account_id = %s WHERE id = %s", wallet_of(world.other).pk, wallet_entry.pk)
    return [("buyer", movement.source_id, 1_000, 1_000)]


@drift
def a_charge_to_one_buyers_card_booked_as_anothers_payment(world):
    payment, movement = world.charge(1_000)
    by_sql("UPDATE billing_payment SET buyer_id = %s WHERE id = %s", world.other.pk, payment.pk)
    payment.refresh_from_db()
    world.note_charge(payment, movement)
    return [("buyer", movement.source_id, 0, 1_000)]


@drift
def an_amount_changed_by_sql(world):
    payment, movement = world.charge(1_000)
    world.note_charge(payment, movement)
    by_sql(
        "UPDATE billing_entry SET cents = sign(cents) * 9000 WHERE transaction_id = %s",
        Transaction.objects.get(stripe_id=movement.source_id).pk,
    )
    return [("amount", movement.source_id, 9_000, 1_000), ("credit", movement.source_id, 9_000, 1_000)]


@drift
def a_credit_changed_by_sql_on_the_wallets_side(world):
    payment, movement = world.charge(1_000)
    world.note_charge(payment, movement)
    entry = Entry.objects.get(transaction__stripe_id=movement.source_id, account__kind="wallet")
    by_sql("UPDATE billing_entry SET cents = 1001 WHERE id = %s", entry.pk)
    return [("credit", movement.source_id, 1_001, 1_000)]


@drift
def a_type_that_we_do_not_know(world):
    store = world.stand_in._store
    with store.transaction():
        entry = balance.post(store, "stripe_fee", -250, {"id": None}, category="fee")
    return [("unknown", entry["id"], 0, -250)]


@drift
def another_currency(world):
    _, movement = world.charge(1_000)
    store = world.stand_in._store
    with store.transaction():
        store.save(store.find("balance_transaction", movement.id), currency="eur")
    return [("currency", movement.source_id, 0, 1_000 - movement.fee_cents)]


@drift
def a_top_up_that_stripe_never_had(world):
    world.post(Why.TOP_UP, "made up", {wallet_of(world.buyer): 800, house(Kind.STRIPE): -800}, stripe_id="ch_made_up")
    return [("missing_there", "ch_made_up", 800, None)]


@drift
def money_at_stripe_without_a_name(world):
    made = world.post(Why.SETTLEMENT, "by hand", {house(Kind.STRIPE): 10, house(Kind.BANK): -10})
    return [("missing_there", f"transaction {made.pk}", -10, None)]


@pytest.mark.parametrize("plant", DRIFT.values(), ids=DRIFT)
def test_what_was_planted_is_found_and_nothing_else(busy, plant):
    expected = plant(busy)
    books = ledger()

    until_at = busy.now + timedelta(seconds=1)
    row = reconcile(until_at - DAY, until_at, until_at + HOUR)

    assert found(row) == sorted(expected)
    assert row.status == "differs"
    assert ledger() == books


def test_ten_kinds_planted_at_once_are_all_found(busy):
    expected = [finding for plant in DRIFT.values() for finding in plant(busy)]

    row = busy.compare()

    assert sorted(finding for finding in found(row) if finding[0] != "balance") == sorted(expected)
    assert len(DRIFT) >= 10


def test_the_balances_are_compared_when_the_span_ends_now(busy):
    theirs = gateway.fetch_balance()
    by_sql("UPDATE billing_entry SET cents = cents - 7 WHERE id = (%s)", old_stripe_entry(busy))

    row = busy.compare()

    assert found(row) == [("balance", "", theirs + 7, theirs)]


def old_stripe_entry(world):
    """An entry of a day that is not compared."""
    moves = {house(Kind.STRIPE): 10, house(Kind.BANK): -10}
    first = post(Posting(Why.SETTLEMENT, "long ago", world.now - 90 * DAY), moves)
    moves = {house(Kind.STRIPE): -10, house(Kind.BANK): 10}
    post(Posting(Why.SETTLEMENT, "long ago, back", world.now - 90 * DAY), moves)
    return first.entries.get(account__kind="stripe").pk


# --- The edges of a period


@pytest.mark.parametrize(("late", "findings"), [(5, 0), (13, 1)])
def test_booked_on_another_day_is_told_beyond_the_tolerance(world, late, findings):
    world.to(12)
    begun = world.now
    world.to(23)
    payment, movement = world.charge(1_000)
    world.late = timedelta(hours=late)
    world.note_charge(payment, movement)
    end = world.now + HOUR

    first = reconcile(begun, end, world.now + 2 * DAY)
    world.control.advance(seconds=2 * 24 * 3600)
    second = reconcile(end, end + DAY, end + 2 * DAY)

    net = 1_000 - movement.fee_cents
    assert found(first) == [("time", movement.source_id, net, net)] * findings
    # The next day sees the top-up and its fee.
    assert [kind for kind, *_ in found(second)] == ["time"] * findings * 2


# --- The daily run


@pytest.fixture
def yesterday(world):
    """A payment that nobody booked, yesterday; it is six in the morning."""
    world.to(12)
    world.charge(1_000)
    world.to(6)
    return world


def test_yesterday_is_compared_once(yesterday):
    (row,) = reconcile_yesterday(yesterday.now)

    assert (row.status, row.is_daily, row.until_at - row.from_at) == ("differs", True, DAY)
    assert (row.until_at.hour, row.until_at.date()) == (0, yesterday.now.date())
    assert reconcile_yesterday(yesterday.now + HOUR) == []
    assert [kind for kind, *_ in found(row)] == ["balance", "missing_here"]


def test_a_day_is_compared_when_nothing_of_it_can_be_booked_late(yesterday):
    midnight = yesterday.now.replace(hour=0, minute=0, second=0)

    before = reconcile_yesterday(midnight + 6 * HOUR - timedelta(seconds=1))
    assert [row.until_at for row in before] == [midnight - DAY]
    assert [row.until_at for row in reconcile_yesterday(midnight + 6 * HOUR)] == [midnight]


def test_every_day_compares_the_balance_as_it_is_then(busy):
    theirs = gateway.fetch_balance()
    by_sql("UPDATE billing_entry SET cents = cents - 7 WHERE id = (%s)", old_stripe_entry(busy))
    busy.to(8)

    (row,) = reconcile_yesterday(busy.now)

    assert found(row) == [("balance", "", theirs + 7, theirs)]


def test_what_stripe_did_just_now_is_no_other_balance(busy):
    busy.to(8)
    busy.charge(1_000)

    (row,) = reconcile_yesterday(busy.now)

    assert (found(row), row.status) == ([], "agreed")


def test_days_that_were_missed_are_compared_oldest_first(yesterday):
    (first,) = reconcile_yesterday(yesterday.now)

    rows = reconcile_yesterday(yesterday.now + 3 * DAY)

    assert [row.from_at for row in rows] == [first.from_at + DAY * number for number in (1, 2, 3)]
    assert reconcile_yesterday(yesterday.now + 3 * DAY) == []
    assert len(reconcile_yesterday(yesterday.now + 60 * DAY)) == 31


def test_a_day_that_always_fails_holds_up_no_other(yesterday):
    last = yesterday.now.replace(hour=0, minute=0, second=0)
    failed = Reconciliation.objects.create(
        from_at=last - 2 * DAY,
        until_at=last - DAY,
        is_daily=True,
        started_at=last,
        finished_at=last,
        status="failed",
    )

    assert [row.from_at for row in reconcile_yesterday(yesterday.now)] == [last - DAY, failed.from_at]


def test_without_cards_there_is_no_run_and_no_letter(yesterday, settings):
    Reconciliation.objects.create(
        from_at=yesterday.now - DAY,
        until_at=yesterday.now,
        started_at=yesterday.now,
        finished_at=yesterday.now,
        status="failed",
    )
    settings.STRIPE_SECRET_KEY = ""

    assert (reconcile_yesterday(yesterday.now), tell_operator(yesterday.now)) == ([], 0)

    assert (Reconciliation.objects.filter(is_daily=True).count(), mail.outbox) == (0, [])


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded(), ValueError("a line that can't be read")], ids=repr)
def test_whatever_goes_wrong_ends_the_comparison(yesterday, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(gateway, "movements", fail)
    now = yesterday.now

    (row,) = reconcile_yesterday(now)

    assert (row.status, row.finished_at) == ("failed", now)
    assert row.problem == f"{type(error).__name__}: {error}"


def test_stripe_is_asked_no_farther_than_needed(world, monkeypatch):
    world.to(23)
    begun, real, spans = world.now + 1 * HOUR, gateway.movements, []
    world.late = 2 * HOUR
    world.paid(1_000)

    def movements(from_at, until_at):
        spans.append((from_at - begun, until_at - begun))
        return real(from_at, until_at)

    monkeypatch.setattr(gateway, "movements", movements)
    near = [(timedelta(0), DAY), (-6 * HOUR, DAY + 6 * HOUR)]

    assert reconcile(begun, begun + DAY, begun + 3 * DAY).status == "agreed"
    assert spans == near

    spans.clear()
    world.post(Why.SETTLEMENT, "po_none", {house(Kind.STRIPE): 10, house(Kind.BANK): -10}, stripe_id="po_none")
    assert found(reconcile(begun, begun + DAY, begun + 3 * DAY)) == [("missing_there", "po_none", -10, None)]
    assert spans == [*near, (-35 * DAY, -6 * HOUR)]


def test_the_operator_is_written_to_once(yesterday, settings):
    (row,) = reconcile_yesterday(yesterday.now)

    assert (tell_operator(yesterday.now), tell_operator(yesterday.now)) == (1, 0)

    (letter,) = mail.outbox
    assert letter.to == [settings.OPERATOR["email"]]
    assert letter.subject == f"Reconciliation with Stripe, {row.from_at:%Y-%m-%d}: the books differ"
    assert "Stripe has it, we don't: ch_" in letter.body
    assert "ours nothing, Stripe's $9.41" in letter.body
    assert f"/admin/billing/reconciliation/{row.pk}/change/" in letter.body


def test_what_could_not_be_compared_is_tried_again(yesterday):
    yesterday.control.mishap(kind="fail_before", path="GET /v1/balance_transactions", times=None)
    (first,) = reconcile_yesterday(yesterday.now)
    assert (first.status, first.problem) == ("failed", "Stripe is not responding right now.")
    told_at = yesterday.now
    assert tell_operator(told_at) == 1
    (still,) = reconcile_yesterday(yesterday.now + HOUR)
    assert (still.status, still.told_at, tell_operator(yesterday.now + HOUR)) == ("failed", told_at, 0)

    yesterday.control.clear_mishaps()
    (again,) = reconcile_yesterday(yesterday.now + 2 * HOUR)

    assert (again.pk, again.status, again.problem, again.told_at) == (first.pk, "differs", "", None)


def test_a_comparison_whose_process_died_is_made_after_an_hour(yesterday):
    now = yesterday.now
    until_at = now.replace(hour=0)
    left = Reconciliation.objects.create(
        from_at=until_at - DAY, until_at=until_at, is_daily=True, started_at=now - timedelta(minutes=30)
    )

    assert reconcile_yesterday(now) == []
    assert [row.pk for row in reconcile_yesterday(now + HOUR)] == [left.pk]


# --- What PostgreSQL refuses, bypassing the verbs
ATTEMPTS = {}


def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


@pytest.fixture
def row(db):
    """A comparison that found one difference."""
    now = timezone.now()
    made = Reconciliation.objects.create(
        from_at=now - DAY, until_at=now, is_daily=True, started_at=now, finished_at=now, status="differs"
    )
    Difference.objects.create(reconciliation=made, kind="amount", stripe_id="ch_1", our_cents=1, their_cents=2)
    return made


def another(row, **changes):
    values = {"from_at": row.from_at, "until_at": row.until_at, "started_at": row.started_at, **changes}
    return Reconciliation.objects.create(**values)


@attempt("reconciliation_spans_some_time")
def an_empty_span(row):
    another(row, until_at=row.from_at)


@attempt("reconciliation_is_one_a_day")
def a_day_twice(row):
    another(row, is_daily=True)


@attempt("reconciliation_finished_has_its_instant")
def finished_at_no_time(row):
    another(row, status="agreed")


@attempt("reconciliation_finished_has_its_instant")
def running_and_finished(row):
    another(row, finished_at=row.started_at)


@attempt("reconciliation_is_never_deleted")
def a_comparison_deleted(row):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_reconciliation")


@attempt("reconciliation_result_is_kept")
def a_difference_called_agreement(row):
    Reconciliation.objects.update(status="agreed")


@attempt("reconciliation_result_is_kept")
def a_result_compared_again(row):
    Reconciliation.objects.update(status="running", finished_at=None)


@attempt("reconciliation_result_is_kept")
def a_span_moved(row):
    Reconciliation.objects.update(from_at=row.from_at - DAY)


@attempt("difference_seen_has_its_instant")
def seen_by_nobody(row):
    Difference.objects.update(seen_at=timezone.now())


@attempt("difference_seen_has_its_instant")
def seen_at_no_time(row):
    Difference.objects.update(seen_by=make_user())


@attempt("difference_is_never_deleted")
def a_finding_deleted(row):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_difference")


@attempt("difference_is_as_found")
def a_finding_made_smaller(row):
    Difference.objects.update(their_cents=1)


@attempt("difference_is_as_found")
def a_finding_put_elsewhere(row):
    Difference.objects.update(reconciliation=another(row))


CASES = [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]


@pytest.mark.parametrize(("name", "act"), CASES)
def test_the_database_refuses(row, name, act):
    settle()

    with refused_by(name):
        act(row)


def test_every_named_rule_about_reconciliations_is_tried():
    promised = {
        rule.name
        for model in (Reconciliation, Difference)
        for rule in (*model._meta.constraints, *model._meta.triggers)
    }
    assert promised == set(ATTEMPTS)
