"""Statements match the ledger: every row once, and totals that are right to the cent."""

import csv
import io
import random
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from billing.ledger import (
    Kind,
    Posting,
    balance_at,
    charge_order,
    credit_wallet,
    house_account,
    payable_of,
    post,
    wallet_of,
)
from billing.models import Account, Entry, Transaction
from billing.statements import COLUMNS, EVER, Period, as_csv, balance_on, page_of, rows_of, statement_of
from tests.factories import make_buyer, make_source

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def buyer(db):
    return make_buyer()


@pytest.fixture
def wallet(buyer):
    return wallet_of(buyer)


def credit(buyer, cents, now=NOON, memo="Paid by wire"):
    return credit_wallet(
        buyer=buyer, cents=cents, reference=uuid.uuid4().hex, memo=memo, actor="desk@example.com", now=now
    )


def charge(buyer, cents, now=NOON, memo="2 leads, order X"):
    return charge_order(buyer=buyer, cents=cents, legs=[], reference=str(uuid.uuid4()), memo=memo, actor="", now=now)


def all_pages(statement, size):
    page = page_of(statement, size=size)
    pages = [page]
    while page.older:
        page = page_of(statement, before=page.older, size=size)
        pages.append(page)
    return pages


def amounts(rows):
    return [(row.cents, row.balance_cents) for row in rows]


def test_rows_come_newest_first_with_what_the_wallet_held_after_each(buyer, wallet):
    credit(buyer, 10_000)
    charge(buyer, 1234)
    credit(buyer, 1)

    statement = statement_of(wallet)

    assert amounts(rows_of(statement)) == [(1, 8767), (-1234, 8766), (10_000, 10_000)]
    assert (statement.opening_cents, statement.closing_cents, statement.moved_cents) == (0, 8767, 8767)


def test_in_and_out_stand_apart(buyer, wallet):
    credit(buyer, 10_000)
    charge(buyer, 1234)

    charged, credited = rows_of(statement_of(wallet))

    assert (charged.in_cents, charged.out_cents) == (None, 1234)
    assert (credited.in_cents, credited.out_cents) == (10_000, None)


def test_a_wallet_that_was_never_opened_has_an_empty_statement_and_stays_unopened(buyer):
    statement = statement_of(Account(kind=Account.Kind.WALLET, buyer=buyer))

    assert list(rows_of(statement)) == []
    assert (statement.opening_cents, statement.closing_cents) == (0, 0)
    assert balance_on(statement.account, NOON) == 0
    assert not Account.objects.exists()


def test_a_period_takes_whole_days_in_utc_with_both_ends(buyer, wallet):
    first, last = date(2026, 3, 10), date(2026, 3, 11)
    credit(buyer, 1, datetime(2026, 3, 9, 23, 59, 59, 999_999, UTC))
    credit(buyer, 20, datetime(2026, 3, 10, tzinfo=UTC))
    credit(buyer, 300, datetime(2026, 3, 11, 23, 59, 59, 999_999, UTC))
    credit(buyer, 4000, datetime(2026, 3, 12, tzinfo=UTC))

    statement = statement_of(wallet, Period(first, last))

    assert amounts(rows_of(statement)) == [(300, 321), (20, 21)]
    assert (statement.opening_cents, statement.closing_cents) == (1, 321)
    assert amounts(rows_of(statement_of(wallet, Period(first=last)))) == [(4000, 4321), (300, 321)]
    assert amounts(rows_of(statement_of(wallet, Period(last=first)))) == [(20, 21), (1, 1)]


@pytest.mark.parametrize(("first", "last"), [(date(2026, 1, 1), date(2026, 1, 2)), (date(2026, 5, 1), None)])
def test_a_period_without_entries_holds_still(buyer, wallet, first, last):
    credit(buyer, 500)
    held = 0 if last else 500

    statement = statement_of(wallet, Period(first, last))

    assert list(rows_of(statement)) == []
    assert (statement.opening_cents, statement.closing_cents) == (held, held)


def test_the_balance_at_an_instant_counts_what_was_posted_at_that_instant(buyer, wallet):
    credit(buyer, 700)
    charge(buyer, 200, NOON + DAY)

    just_before = NOON - timedelta(microseconds=1)
    assert [balance_on(wallet, at) for at in (just_before, NOON, NOON + DAY / 2, NOON + DAY)] == [0, 700, 700, 500]


def test_pages_go_back_and_forth_and_lose_nothing(buyer, wallet):
    for cents in range(1, 8):
        credit(buyer, cents)
    statement = statement_of(wallet)

    pages = all_pages(statement, 3)

    assert [[row.cents for row in page.rows] for page in pages] == [[7, 6, 5], [4, 3, 2], [1]]
    assert pages[0].newer is None
    assert pages[-1].older is None
    back = page_of(statement, after=pages[2].newer, size=3)
    assert [row.cents for row in back.rows] == [4, 3, 2]
    assert (back.newer, back.older) == (pages[1].newer, pages[1].older)
    first = page_of(statement, after=back.newer, size=3)
    assert ([row.cents for row in first.rows], first.newer) == ([7, 6, 5], None)


def test_a_row_of_another_statement_leads_nowhere(buyer, wallet):
    credit(buyer, 1)
    foreign = credit(make_buyer(), 2)
    early = credit(buyer, 3, NOON - 30 * DAY)

    for statement, row in (
        (statement_of(wallet), foreign.public_id),
        (statement_of(wallet), uuid.uuid4()),
        (statement_of(wallet, Period(last=date(2026, 1, 1))), early.public_id),
    ):
        with pytest.raises(Entry.DoesNotExist):
            page_of(statement, before=row)


def test_an_account_that_we_have_or_spend_from_is_shown_with_the_sign_turned(buyer):
    credit(buyer, 10_000)
    charge(buyer, 1500, NOON + DAY)
    bank, sales = house_account(Account.Kind.BANK), house_account(Account.Kind.SALES)

    for account, cents, opening in ((bank, 10_000, 0), (sales, 1500, 0)):
        statement = statement_of(account)
        assert [(row.cents, row.balance_cents) for row in rows_of(statement)] == [(cents, None)]
        assert (statement.opening_cents, statement.closing_cents) == (opening, cents)
    assert balance_on(bank, NOON) == 10_000
    assert balance_on(bank, NOON - DAY) == 0


def test_what_a_source_is_owed_has_a_statement_too():
    payable, shares = payable_of(make_source()), house_account(Account.Kind.SHARES)
    for number, cents in enumerate((100, 20, 3)):
        posting = Posting(Kind.ORDER, str(number), NOON + number * DAY)
        post(posting, {payable: cents, shares: -cents})

    statement = statement_of(payable, Period(first=date(2026, 3, 11)))

    assert [row.cents for row in rows_of(statement)] == [3, 20]
    assert (statement.opening_cents, statement.closing_cents) == (100, 123)
    assert [[row.cents for row in page.rows] for page in all_pages(statement, 1)] == [[3], [20]]
    assert [row.cents for row in page_of(statement, after=page_of(statement, size=1).older, size=1).rows] == []


@pytest.mark.parametrize("seed", range(12))
def test_opening_and_rows_make_closing_whatever_was_posted_and_whatever_is_asked(seed):
    """Postings of the same second overtake each other, as those of parallel orders do."""
    chance = random.Random(seed)
    buyers = [make_buyer(), make_buyer()]
    for number in range(60):
        at = NOON + number * timedelta(hours=7) + chance.randint(-900, 900) * timedelta(milliseconds=1)
        buyer = chance.choice(buyers)
        held = wallet_of(buyer).balance_cents
        if held and chance.random() < 0.6:
            charge(buyer, chance.randint(1, held), at)
        else:
            credit(buyer, chance.randint(1, 9999), at)
    accounts = [*map(wallet_of, buyers), house_account(Account.Kind.SALES), house_account(Account.Kind.BANK)]

    for account in accounts:
        days = sorted(chance.randint(-1, 20) for _ in range(2))
        first, last = (NOON.date() + day * DAY for day in days)
        for period in (EVER, Period(first, last), Period(first=first), Period(last=last), Period(first, first)):
            statement = statement_of(account, period)
            rows = list(rows_of(statement))
            paged = [row for page in all_pages(statement, chance.randint(1, 7)) for row in page.rows]

            assert paged == rows
            assert statement.opening_cents + sum(row.cents for row in rows) == statement.closing_cents
            assert {row.at.date() for row in rows} <= days_of(period)
            if account.kind == Account.Kind.WALLET and rows:
                assert rows[0].balance_cents == statement.closing_cents
                assert rows[-1].balance_cents - rows[-1].cents == statement.opening_cents
        whole = list(rows_of(statement_of(account)))
        sign = -1 if account.is_debit else 1
        assert sorted(row.cents for row in whole) == sorted(
            sign * cents for cents in account.entries.values_list("cents", flat=True)
        )
        assert tiled(account) == whole
        midnight = datetime.combine(first, datetime.min.time(), UTC)
        assert balance_on(account, midnight) == sign * balance_at(account, midnight)


def days_of(period):
    first, last = period.first or NOON.date() - 2 * DAY, period.last or NOON.date() + 30 * DAY
    return {first + number * DAY for number in range((last - first).days + 1)}


def tiled(account):
    """Return the rows of each day, one day after the other."""
    days = [NOON.date() + number * DAY for number in range(25, -3, -1)]
    return [row for day in days for row in rows_of(statement_of(account, Period(day, day)))]


def test_entries_that_overtook_each_other_at_midnight_stay_in_one_period_each(buyer, wallet):
    midnight = datetime(2026, 3, 11, tzinfo=UTC)
    credit(buyer, 100, midnight + timedelta(milliseconds=1))
    credit(buyer, 20, midnight - timedelta(milliseconds=1))
    credit(buyer, 3, midnight + timedelta(milliseconds=2))

    before = statement_of(wallet, Period(last=date(2026, 3, 10)))
    after = statement_of(wallet, Period(first=date(2026, 3, 11)))

    assert amounts(rows_of(before)) == [(20, 120), (100, 100)]
    assert amounts(rows_of(after)) == [(3, 123)]
    assert (before.closing_cents, after.opening_cents, after.closing_cents) == (120, 120, 123)


def test_the_file_has_the_rows_of_the_page(buyer, wallet):
    credit(buyer, 123_456)
    charge(buyer, 5)
    statement = statement_of(wallet)

    heading, *lines = csv.reader(io.StringIO("".join(as_csv(statement))))

    assert tuple(heading) == COLUMNS
    assert lines == [
        [f"{row.at:%Y-%m-%d %H:%M:%S}", row.what, row.note, row.reference, *money]
        for row, money in zip(
            page_of(statement).rows, [["", "0.05", "1234.51"], ["1234.56", "", "1234.56"]], strict=True
        )
    ]


def test_a_file_runs_no_formula(buyer, wallet):
    credit(buyer, 1, memo="=HYPERLINK(1)\tx")

    _, line = csv.reader(io.StringIO("".join(as_csv(statement_of(wallet)))))

    assert line[2] == "'=HYPERLINK(1) x"


def test_a_long_file_is_read_in_batches_and_loses_nothing(buyer, wallet, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("billing.statements.BATCH", 4)
    for cents in range(1, 11):
        credit(buyer, cents)
    statement = statement_of(wallet)

    with django_assert_num_queries(3 + 2):  # three batches, and the row that each of the later ones begins after
        assert [row.cents for row in rows_of(statement)] == list(range(10, 0, -1))


@pytest.mark.parametrize("size", [1, 40])
def test_a_page_costs_the_same_however_much_it_shows(buyer, wallet, django_assert_num_queries, size):
    for cents in range(1, 51):
        credit(buyer, cents)

    with django_assert_num_queries(3):
        page = page_of(statement_of(wallet, Period(first=NOON.date())), size=size)
        assert len(page.rows) == size


@pytest.mark.parametrize(
    ("kind", "reference", "memo", "said", "note"),
    [
        (Kind.CREDIT, "wire 1", "Paid by wire", "Wallet credit", "Paid by wire"),
        (Kind.ORDER, "0f8fad5b-d9cb-469f-a165-70867728950e", "3 leads, order A", "3 leads, order A", ""),
        (Kind.ORDER, "0f8fad5b-d9cb-469f-a165-70867728950e", "", "Order 0F8FAD5B", ""),
        (Kind.RETURN, "r", "Lead 1A2B3C4D: wrong number", "Returned lead", "Lead 1A2B3C4D: wrong number"),
        (Kind.REVERSAL, "x", "A mistake", "Reversal", "A mistake"),
    ],
)
def test_each_row_says_what_it_is_for(wallet, kind, reference, memo, said, note):
    post(Posting(kind, reference, NOON, memo), {wallet: 500, house_account(Account.Kind.BANK): -500})

    (row,) = rows_of(statement_of(wallet))

    assert (row.what, row.note, row.public_id) == (said, note, Transaction.objects.get().public_id)
