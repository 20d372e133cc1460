"""The ledger's verbs. Money moves by adding a transaction whose entries sum to zero; nothing is ever edited.

Positive cents are credits (see ``Account``). Every verb is safe twice: the same reference moves money once.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from billing.models import Account, Earning, Payment, Transaction
from buyers.models import Buyer
from leads.arrays import key_array
from leads.models import Source

Kind = Transaction.Kind


class NotEnoughMoney(Exception):
    """The wallet holds less than the amount to be taken from it."""

    def __init__(self, *, balance_cents: int, needed_cents: int) -> None:
        super().__init__("There is not enough money in the wallet.")
        self.balance_cents = balance_cents
        self.needed_cents = needed_cents

    @property
    def missing_cents(self) -> int:
        return self.needed_cents - self.balance_cents


class AlreadyPosted(Exception):
    """This reference has already moved money; nothing moved now."""


@dataclass(frozen=True)
class Posting:
    """Why money moves, and who ordered it. Each ``reference`` is used once per kind."""

    kind: Kind
    reference: str
    now: datetime
    memo: str = ""
    actor: str = ""
    payment: Payment | None = None
    stripe_id: str = ""


@dataclass(frozen=True)
class SoldLeg:
    """A leg that an order pays for. Its source's share is pending until the buyer can no longer return it."""

    leg_id: int
    price_cents: int
    held_until: datetime


def wallet_of(buyer: Buyer) -> Account:
    """Return the buyer's wallet, opening an empty one if there is none."""
    wallet, _ = Account.objects.get_or_create(buyer=buyer, defaults={"kind": Account.Kind.WALLET})
    return wallet


def payable_of(source: Source) -> Account:
    """Return the account of what we owe the source, opening an empty one if there is none."""
    payable, _ = Account.objects.get_or_create(source=source, defaults={"kind": Account.Kind.PAYABLE})
    return payable


def house_account(kind: Account.Kind) -> Account:
    account, _ = Account.objects.house().get_or_create(kind=kind)
    return account


def _accounts_of_order(source_ids: Collection[int]) -> tuple[Account, Account, dict[int, Account]]:
    """Return our sales, our shares, and what we owe each of these sources by source ID, in one query."""
    ours = (Account.Kind.SALES, Account.Kind.SHARES)
    wanted = [list(ours), key_array(source_ids)]
    found = list(
        Account.objects.raw(
            "SELECT * FROM billing_account WHERE kind = ANY(%s) OR source_id = ANY(%s::bigint[])", wanted
        )
    )
    house = {account.kind: account for account in found if account.source_id is None}
    payables = {account.source_id: account for account in found if account.source_id}
    for source_id in set(source_ids) - payables.keys():
        payables[source_id], _ = Account.objects.get_or_create(
            source_id=source_id, defaults={"kind": Account.Kind.PAYABLE}
        )
    sales, shares = (house.get(kind) or house_account(kind) for kind in ours)
    return sales, shares, payables


def lock_wallet(buyer: Buyer) -> Account:
    """Return the buyer's wallet, locked until the transaction ends, so that one buyer's orders take turns."""
    wallets = Account.objects.select_for_update(no_key=True)
    try:
        return wallets.get(buyer=buyer)
    except Account.DoesNotExist:
        return wallets.get(pk=wallet_of(buyer).pk)


def balance_cents(buyer: Buyer) -> int:
    """Return the wallet's balance in cents; zero for a buyer who never had money."""
    return Account.objects.filter(buyer=buyer).values_list("balance_cents", flat=True).first() or 0


def balance_at(account: Account, instant: datetime) -> int:
    """Return the balance of any account at an instant, in cents: the sum of what was posted by then."""
    return account.entries.posted_by(instant).total_cents()


def post(posting: Posting, moves: Mapping[Account, int]) -> Transaction:
    """Add one transaction. Raises AlreadyPosted, and nothing moved; the database requires entries that sum to zero."""
    if not connection.in_atomic_block:
        with transaction.atomic():
            return post(posting, moves)
    posted = _begin(posting)
    _enter(posted, moves)
    return posted


def posted_before(kind: Kind, reference: str) -> Transaction | None:
    return Transaction.objects.filter(kind=kind, reference=reference).first()


@transaction.atomic
def credit_wallet(*, buyer: Buyer, cents: int, reference: str, memo: str, actor: str, now: datetime) -> Transaction:
    """Credit a wallet with money received outside the system. Raises AlreadyPosted for a reference used before."""
    if cents <= 0:
        raise ValueError("a credit must be more than zero")
    posting = Posting(Kind.CREDIT, reference, now, memo, actor)
    return post(posting, {wallet_of(buyer): cents, house_account(Account.Kind.BANK): -cents})


@transaction.atomic
def charge_order(
    *,
    buyer: Buyer,
    cents: int,
    legs: Sequence[SoldLeg],
    reference: str,
    memo: str,
    actor: str,
    now: datetime,
    wallet: Account | None = None,
) -> Transaction:
    """Take an order's total from the wallet and record what each leg earns its source. Pass the buyer's ``wallet`` if
    it is already locked in this transaction.

    Raises NotEnoughMoney or AlreadyPosted; then nothing moved.
    """
    wallet = wallet or lock_wallet(buyer)
    if wallet.balance_cents < cents:
        raise NotEnoughMoney(balance_cents=wallet.balance_cents, needed_cents=cents)
    posted = _begin(Posting(Kind.ORDER, reference, now, memo, actor))
    earned = _book_earnings(posted, legs)
    sales, shares, payables = _accounts_of_order(earned)
    moves = {wallet: -cents, sales: cents, shares: -sum(earned.values())}
    _enter(posted, moves | {payables[source_id]: share for source_id, share in earned.items()})
    return posted


@transaction.atomic
def give_back(
    *, buyer: Buyer, leg_id: int, cents: int, charge_source: bool, reference: str, memo: str, actor: str, now: datetime
) -> Transaction:
    """Credit a returned lead's price to the wallet and charge its share back to its source. Raises AlreadyPosted."""
    wallet = lock_wallet(buyer)
    posted = _begin(Posting(Kind.RETURN, reference, now, memo, actor))
    moves = {wallet: cents, house_account(Account.Kind.RETURNS): -cents}
    earned = Earning.objects.filter(leg=leg_id, kind=Earning.Kind.EARNED).select_related("source").first()
    if earned and charge_source:
        _charge_back(earned, posted)
        moves |= {payable_of(earned.source): -earned.cents, house_account(Account.Kind.SHARES): earned.cents}
    _enter(posted, moves)
    return posted


def _charge_back(earned: Earning, posted: Transaction) -> None:
    """Make both rows due now: unpaid, they cancel out; if paid, the next payout is reduced."""
    Earning.objects.create(
        leg_id=earned.leg_id,
        source=earned.source,
        kind=Earning.Kind.CHARGED_BACK,
        cents=-earned.cents,
        price_cents=earned.price_cents,
        percent=earned.percent,
        transaction=posted,
        at=posted.posted_at,
        held_until=posted.posted_at,
    )
    Earning.objects.unpaid().filter(pk=earned.pk).update(held_until=posted.posted_at)


@transaction.atomic
def reverse(original: Transaction, *, actor: str, memo: str, now: datetime, stripe_id: str = "") -> Transaction:
    """Undo a transaction by posting its opposite. Raises AlreadyPosted if that was already done.

    ``stripe_id`` is for an ID that Stripe assigned only after the original was posted.
    """
    named = f"{stripe_id or original.stripe_id}:reversed"
    posting = Posting(Kind.REVERSAL, str(original.public_id), now, memo, actor, original.payment, named)
    moves = {entry.account: -entry.cents for entry in original.entries.select_related("account")}
    return post(posting, moves)


def take_back(wallet: Account) -> None:
    """Allow the next transaction to overdraw this wallet: a cardholder's bank doesn't ask what is left."""
    Account.objects.filter(pk=wallet.pk).update(overdrawn_by_clawback=True)


def _begin(posting: Posting) -> Transaction:
    """Insert the row whose reference is used once. A second caller waits for the first and gets AlreadyPosted instead
    of a database error, so that its own transaction can go on."""
    begun = Transaction.objects.raw(
        """
        INSERT INTO billing_transaction (public_id, kind, reference, memo, actor, posted_at, payment_id, stripe_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING RETURNING *
        """,
        [
            uuid.uuid4(),
            posting.kind,
            posting.reference,
            posting.memo,
            posting.actor,
            posting.now,
            posting.payment and posting.payment.pk,
            posting.stripe_id,
        ],
    )
    for posted in begun:
        return posted
    raise AlreadyPosted(f"{posting.kind} {posting.reference} was already posted")


def _enter(posted: Transaction, moves: Mapping[Account, int]) -> None:
    """Insert entries in the order of accounts, so that two transactions never deadlock on each other's wallets."""
    moved = [(account.pk, cents) for account, cents in moves.items() if cents]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO billing_entry (transaction_id, account_id, cents)
            SELECT %s, account, cents FROM unnest(%s::bigint[], %s::bigint[]) AS move (account, cents) ORDER BY account
            """,
            [posted.pk, key_array(account for account, _ in moved), key_array(cents for _, cents in moved)],
        )


def _book_earnings(posted: Transaction, legs: Sequence[SoldLeg]) -> dict[int, int]:
    """Book each leg's share of its price, rounded half up to a cent. Return the totals by source ID."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH booked AS (
                INSERT INTO billing_earning
                    (leg_id, source_id, kind, cents, price_cents, percent, transaction_id, at, held_until)
                SELECT leg.id, source.id, 'earned', (sold.price * source.payout_percent + 50) / 100, sold.price,
                    source.payout_percent, %s, %s, sold.held_until
                FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[])
                    WITH ORDINALITY AS sold (leg_id, price, held_until, place)
                JOIN leads_leg AS leg ON leg.id = sold.leg_id
                JOIN leads_lead AS lead ON lead.id = leg.lead_id
                JOIN leads_source AS source ON source.id = lead.source_id
                ORDER BY sold.place
                RETURNING source_id, cents
            )
            SELECT source_id, sum(cents)::bigint FROM booked GROUP BY source_id
            """,
            [
                posted.pk,
                posted.posted_at,
                key_array(leg.leg_id for leg in legs),
                key_array(leg.price_cents for leg in legs),
                [leg.held_until for leg in legs],
            ],
        )
        return {source_id: share for source_id, share in cursor.fetchall() if share}
