"""Statements: an account's entries read for a page, a CSV or a PDF. Nothing here writes.

A wallet's entry stores the balance after it, so its statement is read in booking order and needs no sum, however long
it is. Other accounts are summed; their statements are in order of time.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from billing.ledger import balance_at
from billing.models import Account, Entry, Payment, Transaction
from billing.models.ledger import EntryQuerySet
from billing.money import typed
from buyers.models.buyer import Buyer
from leads.cells import cell_text

PAGE = 50
BATCH = 2000
COLUMNS = ("When, UTC", "Description", "Note", "Reference", "In, USD", "Out, USD", "Balance, USD")

FIELDS = (
    "transaction__public_id",
    "posted_at",
    "transaction__kind",
    "transaction__reference",
    "transaction__memo",
    "transaction__actor",
    "transaction__payment__public_id",
    "transaction__payment__purpose",
    "cents",
    "balance_cents",
)

Kind = Transaction.Kind
PAID_IN = {
    Payment.Purpose.TOP_UP: "Card top-up",
    Payment.Purpose.ORDER: "Card payment for an order",
    Payment.Purpose.AUTOMATIC: "Automatic top-up",
}
ABOUT_PAYMENTS = {
    Kind.FEE: "Stripe fee, payment",
    Kind.REFUND: "Card refund, payment",
    Kind.DISPUTE: "Dispute, payment",
    Kind.DISPUTE_FUNDS: "Disputed funds moved at Stripe, payment",
    Kind.REVERSAL: "Reversal, payment",
}


@dataclass(frozen=True)
class Period:
    """Whole days in UTC, both included; without one of them, open on that side."""

    first: date | None = None
    last: date | None = None

    @property
    def since(self) -> datetime | None:
        return datetime.combine(self.first, time.min, UTC) if self.first else None

    @property
    def until(self) -> datetime | None:
        """Return the instant at which the period is over."""
        return datetime.combine(self.last, time.min, UTC) + timedelta(days=1) if self.last else None


EVER = Period()


@dataclass(frozen=True)
class StatementRow:
    """One movement. Amounts have the sign that the account's owner sees: positive came in."""

    public_id: UUID
    at: datetime
    kind: str
    reference: str
    what: str
    note: str
    actor: str
    payment_id: UUID | None
    cents: int
    balance_cents: int | None

    @property
    def in_cents(self) -> int | None:
        return self.cents if self.cents > 0 else None

    @property
    def out_cents(self) -> int | None:
        return -self.cents if self.cents < 0 else None


@dataclass(frozen=True)
class Statement:
    """An account's balance at the start and end of a period, and where to find its entries in between."""

    account: Account
    period: Period
    opening_cents: int
    closing_cents: int
    bounds: Q

    @property
    def moved_cents(self) -> int:
        return self.closing_cents - self.opening_cents

    @property
    def in_booking_order(self) -> bool:
        return self.account.kind == Account.Kind.WALLET

    @property
    def entries(self) -> EntryQuerySet:
        """Newest first."""
        newest = ("-id",) if self.in_booking_order else ("-posted_at", "-id")
        return _entries_of(self.account).filter(self.bounds).order_by(*newest)


@dataclass(frozen=True)
class StatementPage:
    """Rows of a statement, newest first. ``older`` and ``newer`` name the rows where the neighboring pages begin."""

    rows: list[StatementRow]
    older: UUID | None
    newer: UUID | None


def statement_of(account: Account, period: Period = EVER) -> Statement:
    """Return the statement of any account: a wallet, what a source is owed, or a house account."""
    return _booked(account, period) if account.kind == Account.Kind.WALLET else _summed(account, period)


def balance_on(account: Account, instant: datetime) -> int:
    """Return the account's balance at an instant, inclusive, with the sign that its statement shows."""
    if account.kind == Account.Kind.WALLET:
        return _held(_last_before(account, instant + timedelta(microseconds=1)))
    return _sign(account) * balance_at(account, instant)


def page_of(
    statement: Statement, *, before: UUID | None = None, after: UUID | None = None, size: int = PAGE
) -> StatementPage:
    """Return the newest rows, or those older or newer than a row. Raises Entry.DoesNotExist for an unknown row ID.

    Paged by row ID, not by number, so that the last page is as fast as the first.
    """
    if after:
        found = rows_among(_newer_than(statement, _entry(statement, after))[: size + 1], statement.account)
        return _page(found[:size][::-1], has_older=True, has_newer=len(found) > size)
    rows = _older_than(statement, _entry(statement, before)) if before else statement.entries
    found = rows_among(rows[: size + 1], statement.account)
    return _page(found[:size], has_older=bool(found[size:]), has_newer=before is not None)


def rows_of(statement: Statement) -> Iterator[StatementRow]:
    """Yield all rows, newest first, in batches; rows posted in the meantime are not included."""
    last: UUID | None = None
    while True:
        page = page_of(statement, before=last, size=BATCH)
        yield from page.rows
        if page.older is None:
            return
        last = page.older


def as_csv(statement: Statement) -> Iterator[str]:
    """Yield the statement's rows as lines of a CSV, in the page's order."""
    writer: Any = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    yield writer.writerow(COLUMNS)
    for row in rows_of(statement):
        cents = (row.in_cents, row.out_cents, row.balance_cents)
        amounts = ["" if one is None else typed(one) for one in cents]
        texts = (f"{row.at:%Y-%m-%d %H:%M:%S}", row.what, row.note, row.reference)
        yield writer.writerow([*map(cell_text, texts), *amounts])


class _Echo:
    """A file for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def _booked(wallet: Account, period: Period) -> Statement:
    """A period between two entries: the last one before it and the last one in it."""
    opened = _last_before(wallet, period.since) if period.since else None
    closed = _last_before(wallet, period.until) if period.until else _entries_of(wallet).order_by("-id").first()
    if opened and (closed is None or closed.pk < opened.pk):
        closed = opened
    bounds = Q(id__gt=opened.pk if opened else 0, id__lte=closed.pk if closed else 0)
    return Statement(wallet, period, _held(opened), _held(closed), bounds)


def _entries_of(account: Account) -> EntryQuerySet:
    """Return the account's entries; none for a wallet that was never opened."""
    return Entry.objects.filter(account_id=account.pk)


def _last_before(account: Account, instant: datetime) -> Entry | None:
    return _entries_of(account).filter(posted_at__lt=instant).order_by("-posted_at", "-id").first()


def _held(entry: Entry | None) -> int:
    return entry.balance_cents or 0 if entry else 0


def _summed(account: Account, period: Period) -> Statement:
    bounds, opening = Q(), 0
    if period.since:
        bounds &= Q(posted_at__gte=period.since)
        opening = _entries_of(account).filter(posted_at__lt=period.since).total_cents()
    if period.until:
        bounds &= Q(posted_at__lt=period.until)
    closing = opening + _entries_of(account).filter(bounds).total_cents()
    return Statement(account, period, _sign(account) * opening, _sign(account) * closing, bounds)


def _sign(account: Account) -> int:
    return -1 if account.is_debit else 1


def _entry(statement: Statement, transaction_id: UUID) -> Entry:
    return statement.entries.get(transaction__public_id=transaction_id)


def _older_than(statement: Statement, entry: Entry) -> EntryQuerySet:
    if statement.in_booking_order:
        return statement.entries.filter(id__lt=entry.pk)
    same_instant = Q(posted_at=entry.posted_at, id__lt=entry.pk)
    return statement.entries.filter(Q(posted_at__lt=entry.posted_at) | same_instant, posted_at__lte=entry.posted_at)


def _newer_than(statement: Statement, entry: Entry) -> EntryQuerySet:
    """Oldest first, because the nearest rows are needed."""
    if statement.in_booking_order:
        return statement.entries.filter(id__gt=entry.pk).order_by("id")
    same_instant = Q(posted_at=entry.posted_at, id__gt=entry.pk)
    newer = statement.entries.filter(Q(posted_at__gt=entry.posted_at) | same_instant, posted_at__gte=entry.posted_at)
    return newer.order_by("posted_at", "id")


def _page(rows: list[StatementRow], *, has_older: bool, has_newer: bool) -> StatementPage:
    older = rows[-1].public_id if rows and has_older else None
    newer = rows[0].public_id if rows and has_newer else None
    return StatementPage(rows, older, newer)


def rows_among(entries: EntryQuerySet, account: Account) -> list[StatementRow]:
    """Return these entries as rows of the account's statement."""
    sign = _sign(account)
    return [_row(sign, read) for read in entries.values_list(*FIELDS)]


def _row(sign: int, read: tuple[Any, ...]) -> StatementRow:
    public_id, at, kind, reference, memo, actor, payment_id, purpose, cents, held = read
    what = _what(kind, reference, memo, payment_id, purpose)
    note = "" if kind == Kind.ORDER else memo
    return StatementRow(public_id, at, kind, reference, what, note, actor, payment_id, sign * cents, held)


def _what(kind: str, reference: str, memo: str, payment_id: UUID | None, purpose: str | None) -> str:
    """What the money moved for, in a few words."""
    if kind == Kind.ORDER:
        return memo or f"Order {_number(reference)}"
    if kind == Kind.TOP_UP and purpose:
        return f"{PAID_IN[Payment.Purpose(purpose)]}, payment {_number(payment_id)}"
    if kind in ABOUT_PAYMENTS and payment_id:
        return f"{ABOUT_PAYMENTS[Kind(kind)]} {_number(payment_id)}"
    return str(Kind(kind).label)


def _number(public_id: UUID | str | None) -> str:
    """The short name of an order or a payment."""
    return str(public_id)[:8].upper()


def wallet_to_read(buyer: Buyer) -> Account:
    """Return the wallet, or for a company that never had money an unsaved one, so that reading opens no account."""
    return Account.objects.filter(buyer=buyer).first() or Account(kind=Account.Kind.WALLET, buyer=buyer)
