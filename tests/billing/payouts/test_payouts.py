"""What sources are owed and how they are paid: pending, due, drafted, approved, paid once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from billing.ledger import SoldLeg, balance_at, charge_order, give_back, payable_of
from billing.models import Earning, Entry, Payee, Payout, PayoutApproval, PayoutRun, Transaction
from billing.payouts.execution import bank_file, mark_as_paid, mark_as_sent_back
from billing.payouts.payouts import PayoutRefused, approve, cancel, due_at, make_run
from billing.payouts.source_statements import (
    Totals,
    as_csv,
    months_of,
    page_of,
    payout_document,
    statement_document,
    totals_of,
)
from leads.models import Leg
from tests.factories import make_market, make_source, make_text, make_user
from tests.refusal import everything, refused_by, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def terms(settings):
    settings.PAYOUT_LEAST_CENTS = 2_500
    settings.PAYOUT_TWO_PEOPLE_OVER_CENTS = 100_000


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def maker(db):
    return make_user("maker@example.com", is_staff=True)


@pytest.fixture
def other(db):
    return make_user("other@example.com", is_staff=True)


@pytest.fixture
def third(db):
    return make_user("third@example.com", is_staff=True)


def sell(market, source, *prices, held_until, at=None, reference=None):
    """Sell legs of this source at these prices, as an order charges them; half of each is the source's."""
    market.source, market.text = source, make_text(source, version=f"v{Leg.objects.count()}")
    legs = [market.lead().legs.first() for _ in prices]
    charge_order(
        buyer=market.buyer,
        cents=sum(prices),
        legs=[SoldLeg(leg.pk, price, held_until) for leg, price in zip(legs, prices, strict=True)],
        reference=reference or f"order {legs[0].pk}",
        memo="",
        actor="",
        now=at or market.now - 20 * DAY,
    )
    return legs


def return_leg(market, leg, price, at=None):
    give_back(
        buyer=market.buyer,
        leg_id=leg.pk,
        cents=price,
        charge_source=True,
        reference=f"return {leg.pk}",
        memo="",
        actor="",
        now=at or market.now,
    )


def paid_by_bank(source, reference="ACME-7"):
    return Payee.objects.create(source=source, method="bank", bank_reference=reference)


def owed(source):
    return balance_at(payable_of(source), timezone.now() + DAY)


@pytest.fixture
def source(market):
    """A source with a payee, $60 due and $5 pending."""
    paid_by_bank(market.source)
    sell(market, market.source, 8_000, 4_000, held_until=market.now - DAY)
    sell(market, market.source, 1_000, held_until=market.now + DAY)
    return market.source


@pytest.fixture
def run(source, maker, now):
    return make_run(now, maker, now)


@pytest.fixture
def approved(run, other, now):
    return approve(run, other, now)


# --- What is due


def test_what_can_still_be_handed_back_is_held(source, now):
    (due,) = due_at(now)

    assert (due.source, due.cents, due.legs, due.reason) == (source, 6_000, 2, "")
    assert (due_at(now + 2 * DAY)[0].cents, due_at(now - 2 * DAY)) == (6_500, [])


def test_a_charge_back_is_due_at_once_and_takes_the_held_share_with_it(market, source, now):
    leg = Earning.objects.get(cents=500).leg
    return_leg(market, leg, 1_000)

    (due,) = due_at(timezone.now())

    assert (due.cents, due.legs) == (6_000, 4)
    assert owed(source) == 6_000


@pytest.mark.parametrize(
    ("prices", "returned", "reason"),
    [
        ([4_998], 0, "Below the minimum payout: carried over"),
        ([8_000], 1, "More charged back than earned: carried over"),
    ],
)
def test_too_little_and_less_than_nothing_are_carried_over(market, maker, now, prices, returned, reason):
    paid_by_bank(market.source)
    legs = sell(market, market.source, *prices, held_until=now - DAY)
    if returned:
        paid = approve(make_run(now, maker, now), make_user(), now)
        bank_file(paid)
        mark_as_paid(paid.payouts.get(), actor="", now=now)
        return_leg(market, legs[0], 8_000, at=now)

    assert [one.reason for one in due_at(now)] == [reason]
    with pytest.raises(PayoutRefused, match="Nothing is due"):
        make_run(now, maker, now)


def test_a_debt_is_taken_from_what_is_earned_later(market, maker, other, now):
    paid_by_bank(market.source)
    (first,) = sell(market, market.source, 8_000, held_until=now - DAY)
    pay(approve(make_run(now, maker, now), other, now), now)
    return_leg(market, first, 8_000, at=now)
    sell(market, market.source, 15_000, held_until=now)

    later = make_run(now, maker, now)

    assert [payout.cents for payout in later.payouts.all()] == [3_500]


def pay(run, now):
    bank_file(run)
    for payout in run.payouts.all():
        mark_as_paid(payout, actor="desk", now=now)
    run.refresh_from_db()
    return run


def test_without_a_place_to_send_it_nothing_is_paid(market, maker, now):
    sell(market, market.source, 8_000, held_until=now - DAY)
    assert due_at(now)[0].reason == "No bank or Stripe account on file"

    paid_by_bank(market.source, reference="")
    with pytest.raises(PayoutRefused):
        make_run(now, maker, now)
    assert not PayoutRun.objects.exists()


# --- A run


def test_a_run_takes_what_is_due_and_no_more(source, run):
    payout = run.payouts.get()
    settle()

    assert (run.status, run.total_cents, run.two_people_over_cents) == ("draft", 6_000, 100_000)
    assert (payout.source, payout.cents, payout.destination, payout.status) == (source, 6_000, "ACME-7", "waiting")
    assert sorted(payout.earnings.values_list("cents", flat=True)) == [2_000, 4_000]
    assert owed(source) == 6_500


def test_what_one_run_took_is_not_in_the_next(run, maker, now):
    with pytest.raises(PayoutRefused, match="Nothing is due"):
        make_run(now, maker, now)

    assert PayoutRun.objects.count() == 1


def test_a_run_is_of_the_past(source, maker, now):
    with pytest.raises(PayoutRefused, match="not in the future"):
        make_run(now + DAY, maker, now)


def test_the_reasons_of_the_page_and_the_payouts_of_the_run_are_by_the_same_rules(market, maker, now):
    for prices in ([4_999], [5_000], [20_000], [4_000, 2_000]):
        source = make_source()
        paid_by_bank(source)
        sell(market, source, *prices, held_until=now)
    said = {one.source.pk: one.cents for one in due_at(now) if one.is_paid}

    made = make_run(now, maker, now)

    assert dict(made.payouts.values_list("source", "cents")) == said
    assert sorted(said.values()) == [2_500, 2_500, 3_000, 10_000]


# --- Approval


def test_up_to_the_limit_its_maker_approves_alone(run, maker, now):
    assert approve(run, maker, now).status == "approved"
    assert list(run.approvals.values_list("user", "total_cents")) == [(maker.pk, 6_000)]


@pytest.fixture
def large(settings, source, maker, now):
    settings.PAYOUT_TWO_PEOPLE_OVER_CENTS = 5_999
    return make_run(now, maker, now)


def test_over_the_limit_two_others_approve(large, maker, other, third, now):
    with pytest.raises(PayoutRefused, match="two other people"):
        approve(large, maker, now)
    assert approve(large, other, now).status == "draft"
    assert approve(large, third, now).status == "approved"


def test_nobody_approves_twice(large, other, now):
    approve(large, other, now)
    before = everything()

    with pytest.raises(PayoutRefused, match="already"):
        approve(large, other, now)

    assert everything() == before


def test_a_limit_raised_later_does_not_help(settings, large, other, now):
    settings.PAYOUT_TWO_PEOPLE_OVER_CENTS = 10**9

    assert approve(large, other, now).status == "draft"


def test_a_sum_in_slices_is_one_sum(market, settings, run, maker, other, third, now):
    settings.PAYOUT_TWO_PEOPLE_OVER_CENTS = 8_000
    approve(run, maker, now)
    for payout in [*run.payouts.all()]:
        bank_file(run)
        mark_as_paid(payout, actor="", now=now)
    sell(market, market.source, 6_000, held_until=now)

    slice_of_today = make_run(now, maker, now)
    assert (slice_of_today.total_cents, slice_of_today.people_needed) == (3_000, 2)
    with pytest.raises(PayoutRefused, match="two other people"):
        approve(slice_of_today, maker, now)

    cancel(slice_of_today, now)
    assert make_run(now, third, now).people_needed == 1


def test_what_is_not_paid_yet_counts_on_the_next_day_too(market, settings, run, maker, now):
    settings.PAYOUT_TWO_PEOPLE_OVER_CENTS = 8_000
    sell(market, market.source, 6_000, held_until=now)

    assert make_run(now + DAY, maker, now + DAY).people_needed == 2


def test_a_canceled_run_frees_its_earnings(run, source, maker, other, now):
    canceled = cancel(run, now)

    assert (canceled.status, canceled.ended_at, run.payouts.get().status) == ("canceled", now, "canceled")
    assert not Earning.objects.exclude(payout=None).exists()
    assert make_run(now, maker, now).total_cents == 6_000
    with pytest.raises(PayoutRefused, match="is not waiting"):
        approve(run, other, now)


def test_a_run_that_the_bank_knows_of_is_not_canceled(approved, now):
    bank_file(approved)
    before = everything()

    with pytest.raises(PayoutRefused, match="can't be canceled"):
        cancel(approved, now)

    assert everything() == before


# --- Paying by the bank


def test_the_banks_file_names_who_gets_what_and_is_the_same_every_time(market, source, maker, other, now, settings):
    hostile = make_source(legal_name="=HYPERLINK(1), Inc", slug="hostile")
    paid_by_bank(hostile, "@SUM(1)")
    sell(market, hostile, 10_001, held_until=now)
    run = approve(make_run(now, maker, now), other, now)
    first, second = run.payouts.order_by("id")
    memo = f"{settings.OPERATOR['name']} payout"

    told = bank_file(run)

    by_source = {
        source: f"ACME-7,{source.legal_name},60.00,{memo} {{}}\r\n",
        hostile: f"'@SUM(1),\"'=HYPERLINK(1), Inc\",50.01,{memo} {{}}\r\n",
    }
    assert told == 'Payee reference,Legal name,"Amount, USD",Memo\r\n' + "".join(
        by_source[payout.source].format(payout.number) for payout in (first, second)
    )
    mark_as_paid(first, actor="", now=now)
    assert bank_file(run) == told
    assert set(run.payouts.values_list("status", flat=True)) == {"sent", "paid"}


def test_the_banks_file_leaves_out_what_came_back(market, source, maker, other, now):
    second = make_source(legal_name="Second", slug="second")
    paid_by_bank(second, "SECOND-1")
    sell(market, second, 10_000, held_until=now)
    run = approve(make_run(now, maker, now), other, now)
    bank_file(run)
    mark_as_sent_back(run.payouts.get(source=source), problem="Account closed", actor="", now=now)

    assert [line.split(",")[0] for line in bank_file(run).splitlines()] == ["Payee reference", "SECOND-1"]

    mark_as_sent_back(run.payouts.get(source=second), problem="Account closed", actor="", now=now)
    with pytest.raises(PayoutRefused, match="all were sent back"):
        bank_file(run)


def test_a_draft_has_no_file_for_the_bank(run):
    with pytest.raises(PayoutRefused, match="Only an approved run"):
        bank_file(run)

    assert run.payouts.get().status == "waiting"


def test_what_arrived_is_posted_once(source, approved, now):
    bank_file(approved)
    payout = approved.payouts.get()

    for _ in range(2):
        mark_as_paid(payout, actor="desk@example.com", now=now)
    settle()

    payout.refresh_from_db()
    approved.refresh_from_db()
    posted = Transaction.objects.get(kind="payout")
    assert (payout.status, payout.paid_at, approved.status, approved.ended_at) == ("paid", now, "done", now)
    assert (posted.reference, posted.actor) == (str(payout.public_id), "desk@example.com")
    assert sorted(posted.entries.values_list("account__kind", "cents")) == [("bank", 6_000), ("payable", -6_000)]
    assert owed(source) == 500


def test_what_the_bank_was_not_given_is_not_paid(approved, now):
    with pytest.raises(PayoutRefused, match="Only a payout that went"):
        mark_as_paid(approved.payouts.get(), actor="", now=now)

    assert not Transaction.objects.filter(kind="payout").exists()


def test_what_the_bank_sent_back_is_due_again(source, approved, maker, now):
    bank_file(approved)
    payout = mark_as_sent_back(approved.payouts.get(), problem="Account closed", actor="", now=now)
    settle()

    assert (payout.status, payout.problem, payout.run.payouts.unfinished().count()) == ("failed", "Account closed", 0)
    assert owed(source) == 6_500
    with pytest.raises(PayoutRefused):
        mark_as_paid(payout, actor="", now=now)
    assert make_run(now, maker, now).total_cents == 6_000


def test_what_came_back_after_it_was_paid_is_due_again(source, approved, maker, now):
    payout = pay(approved, now).payouts.get()

    back = mark_as_sent_back(payout, problem="Account closed", actor="desk", now=now + DAY)
    settle()

    approved.refresh_from_db()
    assert (back.status, back.problem, back.paid_at) == ("failed", "Account closed", None)
    assert (approved.status, approved.ended_at) == ("done", now)
    undone = Transaction.objects.get(kind="reversal")
    assert sorted(undone.entries.values_list("account__kind", "cents")) == [("bank", -6_000), ("payable", 6_000)]
    assert (undone.actor, balance_at(payable_of(source), now + 2 * DAY)) == ("desk", 6_500)
    before = everything()
    with pytest.raises(PayoutRefused, match="can come back"):
        mark_as_sent_back(payout, problem="", actor="desk", now=now)
    assert everything() == before
    assert make_run(now, maker, now).total_cents == 6_000


# --- Statements


def test_a_statement_adds_up_to_what_the_ledger_owes(market, source, approved, now):
    pay(approved, now)
    return_leg(market, Earning.objects.get(cents=4_000).leg, 8_000, at=now)

    totals = totals_of(source, now)

    assert totals == Totals(
        earned_cents=6_500,
        charged_back_cents=-4_000,
        balance_cents=500,
        due_cents=-4_000,
        on_its_way_cents=0,
        paid_cents=6_000,
    )
    assert totals.owed_cents == owed(source) == -3_500


def test_the_document_of_a_source_ends_with_what_is_owed(source, approved, now):
    assert statement_document(make_source(), now) is None

    pay(approved, now)
    document = statement_document(source, now)

    assert document.totals == (
        ("Earned, less charge-backs", 6_500),
        ("Paid out", -6_000),
        ("Owed", 500),
    )
    assert [line.quantity for line in document.lines] == [3]
    assert payout_document(approved.payouts.get()).totals == (("Paid", 6_000),)


def test_the_file_has_a_line_a_leg_and_nobodys_name(source, run, now):
    lines = "".join(as_csv(source)).splitlines()
    earning = Earning.objects.order_by("id").first()

    assert len(lines) == 4
    assert lines[1].split(",") == [
        f"{earning.at:%Y-%m-%d %H:%M:%S}",
        str(earning.leg.lead.public_id)[:8],
        str(earning.leg.number),
        "Earned",
        "80.00",
        "50",
        "40.00",
        f"{earning.held_until:%Y-%m-%d %H:%M:%S}",
        run.payouts.get().number,
    ]
    assert "Pat" not in "".join(lines)


def test_legs_are_paged_by_key(monkeypatch, source):
    monkeypatch.setattr("billing.payouts.source_statements.PAGE", 2)

    first = page_of(source)
    second = page_of(source, first.older)

    assert [one.cents for one in first.rows + second.rows] == [500, 2_000, 4_000]
    assert second.older is None


def test_months_are_told_apart(market, source, now):
    sell(market, source, 600, held_until=now, at=now - 400 * DAY)

    assert [(month.cents, month.legs) for month in months_of(source)] == [(6_500, 3), (300, 1)]


# --- Races


@pytest.fixture
def committed(settings):
    """$60 due, outside of any transaction of the test."""
    market = make_market()
    paid_by_bank(market.source)
    sell(market, market.source, 8_000, 4_000, held_until=market.now - DAY)
    return market


def together(*acts):
    gate = threading.Barrier(len(acts))

    def act(do):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            gate.wait(10)
            return do()
        except PayoutRefused as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_runs_made_at_once_never_share_an_earning(committed):
    people, now = [make_user() for _ in range(6)], timezone.now()

    answers = together(*(lambda user=user: make_run(now, user, now) for user in people))

    assert sum(isinstance(answer, PayoutRun) for answer in answers) == 1
    assert sum(isinstance(answer, PayoutRefused) for answer in answers) == 5
    assert list(Payout.objects.values_list("cents", flat=True)) == [6_000]
    assert Earning.objects.filter(payout=None).count() == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_who_approve_at_once_both_count(committed, settings):
    settings.PAYOUT_TWO_PEOPLE_OVER_CENTS = 1
    now = timezone.now()
    run = make_run(now, make_user(), now)
    people = [make_user() for _ in range(2)]

    together(*(lambda user=user: approve(run, user, now) for user in people))

    run.refresh_from_db()
    assert (run.status, run.approvals.count()) == ("approved", 2)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_person_who_approves_many_times_at_once_counts_once(committed, settings):
    settings.PAYOUT_TWO_PEOPLE_OVER_CENTS = 1
    now, user = timezone.now(), make_user()
    run = make_run(now, make_user(), now)

    answers = together(*(lambda: approve(run, user, now) for _ in range(6)))

    run.refresh_from_db()
    assert (run.status, run.approvals.count()) == ("draft", 1)
    assert sum(isinstance(answer, PayoutRefused) for answer in answers) == 5


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_marked_as_paid_by_many_at_once_is_paid_once(committed):
    now = timezone.now()
    run = make_run(now, make_user(), now)
    approve(run, make_user(), now)
    bank_file(run)

    together(*(lambda: mark_as_paid(run.payouts.get(), actor="", now=now) for _ in range(8)))

    assert Transaction.objects.filter(kind="payout").count() == 1
    assert Entry.objects.filter(account__kind="bank", cents=6_000).count() == 1
    run.refresh_from_db()
    assert run.status == "done"


# --- What PostgreSQL refuses, bypassing the verbs
ATTEMPTS = {}


def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def draft(cents=1, **changes):
    user = PayoutRun.objects.first().created_by
    return PayoutRun.objects.create(
        **{
            "cutoff_at": timezone.now(),
            "two_people_over_cents": 100,
            "total_cents": cents,
            "created_by": user,
            "created_at": timezone.now(),
            **changes,
        }
    )


def another_payout(**changes):
    values = {"run": draft(), "source": make_source(), "cents": 1, "method": "bank", "destination": "x", **changes}
    return Payout.objects.create(**values)


def approval_of(run, user, cents=None):
    return PayoutApproval.objects.create(
        run=run, user=user, total_cents=run.total_cents if cents is None else cents, at=timezone.now()
    )


def set_run(run, **values):
    PayoutRun.objects.filter(pk=run.pk).update(**values)


def approve_raw(run):
    approval_of(run, make_user())
    set_run(run, status="approved")


@attempt("earning_is_once_per_leg_and_kind")
def earned_twice(run):
    Earning.objects.order_by("id").bulk_create([copy_of_earning()])


def copy_of_earning(**changes):
    found = Earning.objects.order_by("id").first()
    values = {
        field.attname: getattr(found, field.attname) for field in Earning._meta.concrete_fields if field.name != "id"
    }
    return Earning(**{**values, "payout_id": None, **changes})


@attempt("earning_has_its_sign")
def a_negative_earning(run):
    copy_of_earning(leg_id=spare_leg(), cents=-1).save()


@attempt("earning_has_its_sign")
def a_positive_charge_back(run):
    copy_of_earning(kind="charged_back", cents=1).save()


@attempt("earning_is_at_most_the_price")
def earned_more_than_the_price(run):
    copy_of_earning(leg_id=spare_leg(), cents=8_001).save()


def spare_leg():
    return Leg.objects.exclude(pk__in=Earning.objects.values("leg")).first().pk


@attempt("earning_is_never_deleted")
def an_earning_deleted(run):
    sql("DELETE FROM billing_earning")


@attempt("earning_is_never_emptied")
def earnings_truncated(run):
    sql("TRUNCATE billing_earning")


@attempt("earning_changes_only_by_payout")
def an_earning_raised(run):
    Earning.objects.update(cents=1)


@attempt("earning_changes_only_by_payout")
def an_earning_moved_to_another_payout(run):
    Earning.objects.filter(payout__isnull=False).update(payout=another_payout())


@attempt("earning_is_born_unpaid")
def an_earning_born_paid(run):
    copy_of_earning(leg_id=spare_leg(), payout_id=run.payouts.get().pk).save()


@attempt("earning_is_freed_by_a_payout_that_failed")
def an_earning_freed_from_a_payout_that_stands(run):
    Earning.objects.filter(payout__isnull=False).update(payout=None)


@attempt("earning_changes_only_by_payout")
def a_paid_earning_held_longer(run):
    Earning.objects.filter(payout__isnull=False).update(held_until=timezone.now() + DAY)


@attempt("earning_is_paid_to_its_source")
def an_earning_paid_to_another_source(run):
    Earning.objects.filter(payout=None).update(payout=another_payout(), held_until=timezone.now() - DAY)


@attempt("earning_is_paid_to_its_source")
def a_held_earning_paid(run):
    Earning.objects.filter(payout=None).update(payout=run.payouts.get())


@attempt("earning_is_paid_to_its_source")
def an_earning_added_to_an_approved_run(run):
    Earning.objects.filter(payout=None).update(held_until=run.cutoff_at)
    approve_raw(run)
    Earning.objects.filter(payout=None).update(payout=run.payouts.get())


@attempt("payee_by_stripe_has_an_account")
def stripe_without_an_account(run):
    Payee.objects.update(method="stripe")


@attempt("payout_run_is_never_deleted")
def a_run_deleted(run):
    sql("DELETE FROM billing_payoutrun")


@attempt("payout_run_is_approved_by_enough")
def a_run_approved_by_nobody(run):
    set_run(run, status="approved")


@attempt("payout_run_is_approved_by_enough")
def a_large_run_approved_by_one(run):
    large = draft(101, two_people_over_cents=100)
    Payout.objects.create(run=large, source=make_source(), cents=101, method="bank")
    approve_raw(large)


@attempt("payout_run_is_approved_by_enough")
def a_run_with_another_total(run):
    set_run(run, total_cents=5)
    run.refresh_from_db()
    approve_raw(run)


@attempt("payout_run_is_approved_by_enough")
def a_run_born_approved(run):
    draft(status="approved")


@attempt("payout_run_pays_what_was_earned")
def more_paid_than_earned(run):
    payout = another_payout(cents=7)
    set_run(payout.run, total_cents=7)
    payout.run.refresh_from_db()
    approve_raw(payout.run)


@attempt("payout_run_terms_are_fixed")
def a_limit_raised(run):
    set_run(run, two_people_over_cents=10**9)


@attempt("payout_run_terms_are_fixed")
def a_run_given_to_another_maker(run):
    set_run(run, created_by=make_user())


@attempt("payout_run_terms_are_fixed")
def an_approved_run_drafted_again(run):
    approve_raw(run)
    set_run(run, status="draft")


@attempt("payout_run_terms_are_fixed")
def a_canceled_run_revived(run):
    set_run(run, status="canceled")
    set_run(run, status="draft")


@attempt("payout_approval_is_one_a_person")
def one_person_twice(run):
    user = make_user()
    approval_of(run, user)
    approval_of(run, user)


@attempt("payout_approval_is_immutable")
def an_approval_changed(run):
    approval_of(run, make_user())
    PayoutApproval.objects.update(total_cents=1)


@attempt("payout_approval_is_of_the_run_as_it_stands")
def an_approval_of_another_sum(run):
    approval_of(run, make_user(), cents=1)


@attempt("payout_approval_is_of_the_run_as_it_stands")
def an_approval_of_a_large_run_by_its_maker(run):
    approval_of(draft(101, two_people_over_cents=100), run.created_by)


@attempt("payout_approval_is_of_the_run_as_it_stands")
def an_approval_after_the_end(run):
    set_run(run, status="canceled")
    approval_of(run, make_user())


@attempt("payout_is_one_per_source_and_run")
def a_source_twice_in_a_run(run):
    another_payout(run=run, source=run.payouts.get().source)


@attempt("payout_is_more_than_nothing")
def a_payout_of_nothing(run):
    another_payout(cents=0)


@attempt("payout_transfer_is_its_own")
def one_transfer_for_two(run):
    another_payout(stripe_id="tr_1")
    another_payout(stripe_id="tr_1")


@attempt("payout_paid_has_its_instant")
def paid_at_no_time(run):
    approve_raw(run)
    run.payouts.update(status="paid")


@attempt("payout_paid_has_its_instant")
def an_instant_without_being_paid(run):
    run.payouts.update(paid_at=timezone.now())


@attempt("payout_is_never_deleted")
def a_payout_deleted(run):
    sql("DELETE FROM billing_payout")


@attempt("payout_terms_are_fixed")
def a_payout_raised(run):
    run.payouts.update(cents=7)


@attempt("payout_terms_are_fixed")
def a_payout_sent_elsewhere(run):
    run.payouts.update(destination="MINE")


@attempt("payout_terms_are_fixed")
def a_failed_payout_revived(run):
    run.payouts.update(status="failed")
    run.payouts.update(status="waiting")


@attempt("payout_terms_are_fixed")
def a_payout_canceled_after_it_was_sent(run):
    approve_raw(run)
    run.payouts.update(status="sent")
    run.payouts.update(status="canceled")


@attempt("payout_is_of_a_draft")
def a_payout_added_after_approval(run):
    approve_raw(run)
    another_payout(run=run)


@attempt("payout_is_made_when_approved")
def a_payout_of_a_draft_sent(run):
    run.payouts.update(status="sent")


@attempt("payout_paid_is_posted")
def paid_without_a_posting(run):
    approve_raw(run)
    run.payouts.update(status="paid", paid_at=timezone.now())


@attempt("payout_sent_back_is_reversed")
def sent_back_without_a_reversal(run):
    approve_raw(run)
    run.refresh_from_db()
    pay(run, timezone.now())
    run.payouts.update(status="failed", paid_at=None)


@attempt("payout_terms_are_fixed")
def a_paid_payout_sent_again(run):
    approve_raw(run)
    run.refresh_from_db()
    pay(run, timezone.now())
    run.payouts.update(status="sent", paid_at=None)


CASES = [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]


@pytest.mark.parametrize(("name", "act"), CASES)
def test_the_database_refuses(run, name, act):
    settle()

    with refused_by(name):
        act(run)


def test_every_named_rule_about_payouts_is_tried():
    promised = {
        rule.name
        for model in (Earning, Payee, PayoutRun, PayoutApproval, Payout)
        for rule in (*model._meta.constraints, *model._meta.triggers)
    }
    assert promised - {"insert_insert", "update_update", "delete_delete"} == set(ATTEMPTS)
