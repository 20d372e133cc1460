"""The ledger: double entry in integer cents. Entries are added and never changed; every transaction sums to zero."""

import uuid
from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import Q

CURRENCY = "USD"


def never_emptied(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        level=pgtrigger.Statement,
        func=f"RAISE EXCEPTION 'the books are never emptied' USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';",
    )


class AccountQuerySet(models.QuerySet["Account"]):
    def house(self) -> "AccountQuerySet":
        """The operator's own accounts: neither a buyer's nor a source's."""
        return self.filter(buyer=None, source=None)


class Account(models.Model):
    """A balance. Positive cents are credits: what we owe or earned. What we have or spent is negative.

    Only wallets store a balance: on a house account, every sale would queue for a single row.
    """

    class Kind(models.TextChoices):
        WALLET = "wallet", "Buyer's wallet"
        PAYABLE = "payable", "Owed to a source"
        SALES = "sales", "Sales"
        RETURNS = "returns", "Returns"
        SHARES = "shares", "Sources' shares"
        STRIPE = "stripe", "Money at Stripe"
        BANK = "bank", "Money at the bank"
        FEES = "fees", "Stripe fees"
        DISPUTES = "disputes", "Disputed funds"
        LOSSES = "losses", "Written off"

    DEBIT_KINDS = frozenset({Kind.STRIPE, Kind.BANK, Kind.FEES, Kind.SHARES, Kind.RETURNS, Kind.LOSSES})

    kind = models.CharField(max_length=10, choices=Kind)
    currency = models.CharField(max_length=3, default=CURRENCY)
    buyer = models.OneToOneField("buyers.Buyer", null=True, on_delete=models.PROTECT, related_name="wallet")
    source = models.OneToOneField("leads.Source", null=True, on_delete=models.PROTECT, related_name="payable")
    balance_cents = models.BigIntegerField(
        default=0, editable=False, help_text="Wallets only; maintained by a trigger."
    )
    overdrawn_by_clawback = models.BooleanField(
        default=False, help_text="A dispute or card refund took back money that was already spent."
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="wallet", buyer__isnull=False, source=None)
                | Q(kind="payable", buyer=None, source__isnull=False)
                | (~Q(kind__in=["wallet", "payable"]) & Q(buyer=None, source=None)),
                name="account_has_its_owner",
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="account_currency_is_three_letters"
            ),
            models.UniqueConstraint(
                fields=["kind", "currency"],
                condition=~Q(kind__in=["wallet", "payable"]),
                name="account_house_is_one_per_kind",
            ),
            models.CheckConstraint(
                condition=Q(balance_cents__gte=0) | Q(overdrawn_by_clawback=True), name="wallet_is_never_below_zero"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="wallet_moves_by_entries_only",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("OLD.balance_cents IS DISTINCT FROM NEW.balance_cents"),
                func="""
                    IF pg_trigger_depth() < 2 THEN
                        RAISE EXCEPTION 'a balance must be the sum of its entries: post a transaction'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_moves_by_entries_only';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="account_is_for_good",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.kind <> NEW.kind OR OLD.currency <> NEW.currency"
                    " OR OLD.buyer_id IS DISTINCT FROM NEW.buyer_id OR OLD.source_id IS DISTINCT FROM NEW.source_id"
                ),
                func="RAISE EXCEPTION 'an account must keep its kind, currency and owner'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'account_is_for_good';",
            ),
            pgtrigger.Trigger(
                name="account_starts_empty",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.balance_cents <> 0"),
                func="RAISE EXCEPTION 'a new account must be empty'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'account_starts_empty';",
            ),
            pgtrigger.Protect(name="account_is_never_deleted", operation=pgtrigger.Delete),
            never_emptied("account_is_never_emptied"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.buyer or self.source or ''}".strip()

    @property
    def is_debit(self) -> bool:
        """Whether this is money we have or spent: its balance is negative here and is shown with the sign turned."""
        return self.kind in self.DEBIT_KINDS


class TransactionQuerySet(models.QuerySet["Transaction"]):
    def about(self, references: list[str]) -> "TransactionQuerySet":
        """The transactions posted for these references."""
        return self.filter(reference__in=references)


class Transaction(models.Model):
    """Money that moved for one reason. ``reference`` names the reason; the same one cannot move money twice."""

    class Kind(models.TextChoices):
        CREDIT = "credit", "Wallet credit"
        TOP_UP = "top_up", "Card top-up"
        FEE = "fee", "Stripe fee"
        ORDER = "order", "Order"
        RETURN = "return", "Returned lead"
        REFUND = "refund", "Card refund"
        DISPUTE = "dispute", "Disputed payment"
        DISPUTE_FUNDS = "dispute_funds", "Disputed funds moved at Stripe"
        SETTLEMENT = "settlement", "Stripe payout to our bank"
        PAYOUT = "payout", "Payout to a source"
        WRITE_OFF = "write_off", "Written off"
        REVERSAL = "reversal", "Reversal"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=13, choices=Kind)
    reference = models.CharField(max_length=80)
    memo = models.CharField(max_length=200, blank=True)
    actor = models.CharField(max_length=254, blank=True, help_text="Who did it, by their name at the time.")
    posted_at = models.DateTimeField()
    payment = models.ForeignKey(
        "billing.Payment",
        null=True,
        on_delete=models.PROTECT,
        related_name="transactions",
        help_text="The card payment this is about.",
    )
    stripe_id = models.CharField(max_length=64, blank=True, help_text="Its ID at Stripe, for reconciliation.")
    made_in = models.BigIntegerField(
        db_default=models.Func(function="txid_current", output_field=models.BigIntegerField()),
        editable=False,
        help_text="The database transaction it was made in: no entries can be added later.",
    )

    objects = TransactionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["kind", "reference"], name="transaction_happens_once")]
        triggers = [
            pgtrigger.Protect(name="transaction_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            never_emptied("transaction_is_never_emptied"),
            pgtrigger.Trigger(
                name="transaction_has_entries",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF NOT EXISTS (SELECT 1 FROM billing_entry WHERE transaction_id = NEW.id) THEN
                        RAISE EXCEPTION 'transaction % has no entries', NEW.id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_has_entries';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]
        indexes = [
            models.Index(fields=["stripe_id"], condition=~Q(stripe_id=""), name="transaction_by_stripe_id"),
            models.Index(fields=["reference"], name="transaction_by_reference"),
            models.Index(fields=["-posted_at"], name="transaction_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.reference}"


class EntryQuerySet(models.QuerySet["Entry"]):
    def posted_by(self, instant: datetime) -> "EntryQuerySet":
        return self.filter(posted_at__lte=instant)

    def total_cents(self) -> int:
        return self.aggregate(total=models.Sum("cents"))["total"] or 0


class Entry(models.Model):
    """Cents into (positive) or out of (negative) one account. A wallet's entry also stores the balance after it."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="entries", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries", db_index=False)
    cents = models.BigIntegerField()
    posted_at = models.DateTimeField(editable=False, help_text="Copied from its transaction by a trigger.")
    balance_cents = models.BigIntegerField(null=True, editable=False, help_text="Wallets only; written by a trigger.")

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(cents=0), name="entry_moves_something"),
            models.UniqueConstraint(fields=["transaction", "account"], name="entry_is_one_per_account"),
        ]
        triggers = [
            pgtrigger.Protect(name="entry_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            never_emptied("entry_is_never_emptied"),
            pgtrigger.Trigger(
                name="entries_sum_to_zero",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                declare=[("total", "numeric"), ("parts", "integer"), ("currencies", "integer")],
                func="""
                    SELECT sum(entry.cents), count(*), count(DISTINCT account.currency)
                    INTO total, parts, currencies
                    FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
                    WHERE entry.transaction_id = NEW.transaction_id;
                    IF total <> 0 OR parts < 2 OR currencies > 1 THEN
                        RAISE EXCEPTION 'transaction % has % entries in % currencies that sum to %',
                            NEW.transaction_id, parts, currencies, total
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="entry_moves_the_wallet",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("made_in", "bigint")],
                func="""
                    SELECT posted.posted_at, posted.made_in INTO NEW.posted_at, made_in
                    FROM billing_transaction AS posted WHERE id = NEW.transaction_id;
                    IF made_in <> txid_current() THEN
                        RAISE EXCEPTION 'entries cannot be added to an earlier transaction'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_comes_with_its_transaction';
                    END IF;
                    UPDATE billing_account SET balance_cents = balance_cents + NEW.cents,
                        overdrawn_by_clawback = overdrawn_by_clawback AND balance_cents + NEW.cents < 0
                    WHERE id = NEW.account_id AND kind = 'wallet'
                    RETURNING balance_cents INTO NEW.balance_cents;
                    RETURN NEW;
                """,
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="entry_by_account"),
            models.Index(fields=["account", "posted_at"], include=["cents"], name="entry_by_account_and_time"),
        ]

    def __str__(self) -> str:
        return f"{self.cents} cents, {self.account}"
