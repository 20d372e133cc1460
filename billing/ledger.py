"""The ledger's verbs. Money moves by adding a transaction whose entries sum to zero; nothing is ever edited."""

from django.db import IntegrityError, transaction

from billing.models import Account, Entry, Transaction
from buyers.models import Buyer


class NotEnoughMoney(Exception):
    """The wallet holds less than what is asked of it."""

    def __init__(self, *, balance_cents: int, needed_cents: int) -> None:
        super().__init__("There is not enough money in the wallet.")
        self.balance_cents = balance_cents
        self.needed_cents = needed_cents

    @property
    def missing_cents(self) -> int:
        return self.needed_cents - self.balance_cents


class AlreadyPosted(Exception):
    """The same reference moved money before; nothing moved now."""


def wallet_of(buyer: Buyer) -> Account:
    """The buyer's wallet, opened empty when there is none."""
    wallet, _ = Account.objects.get_or_create(buyer=buyer, defaults={"kind": Account.Kind.WALLET})
    return wallet


def lock_wallet(buyer: Buyer) -> Account:
    """The buyer's wallet, held until the transaction ends: one buyer's orders take turns."""
    return Account.objects.select_for_update(no_key=True).get(pk=wallet_of(buyer).pk)


def house_account(kind: Account.Kind) -> Account:
    account, _ = Account.objects.get_or_create(kind=kind, buyer=None)
    return account


def balance_cents(buyer: Buyer) -> int:
    """What the wallet holds, in cents; nothing for a buyer who never had money."""
    return Account.objects.filter(buyer=buyer).values_list("balance_cents", flat=True).first() or 0


@transaction.atomic
def credit_wallet(*, buyer: Buyer, cents: int, reference: str, memo: str, actor: str) -> Transaction:
    """Money that came in outside the system goes to a wallet. Raises AlreadyPosted for a reference used before."""
    if cents <= 0:
        raise ValueError("a credit is more than nothing")
    wallet = wallet_of(buyer)
    return _post(
        kind=Transaction.Kind.CREDIT,
        reference=reference,
        memo=memo,
        actor=actor,
        moves={wallet: cents, house_account(Account.Kind.FUNDING): -cents},
    )


@transaction.atomic
def charge_order(*, buyer: Buyer, cents: int, reference: str, memo: str, actor: str) -> Transaction:
    """Take an order's total from the wallet. Raises NotEnoughMoney, AlreadyPosted; then nothing moved."""
    wallet = lock_wallet(buyer)
    if wallet.balance_cents < cents:
        raise NotEnoughMoney(balance_cents=wallet.balance_cents, needed_cents=cents)
    return _post(
        kind=Transaction.Kind.ORDER,
        reference=reference,
        memo=memo,
        actor=actor,
        moves={wallet: -cents, house_account(Account.Kind.SALES): cents},
    )


def _post(*, kind: Transaction.Kind, reference: str, memo: str, actor: str, moves: dict[Account, int]) -> Transaction:
    try:
        with transaction.atomic():
            posted = Transaction.objects.create(kind=kind, reference=reference, memo=memo, actor=actor)
    except IntegrityError as error:
        raise AlreadyPosted(f"{kind} {reference} was posted before") from error
    Entry.objects.bulk_create(
        Entry(transaction=posted, account=account, cents=cents)
        for account, cents in sorted(moves.items(), key=lambda move: move[0].pk)
    )
    return posted
