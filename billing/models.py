"""The ledger: double entry in integer cents. Entries are added and never changed; every transaction sums to zero."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q


def _never_emptied(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        level=pgtrigger.Statement,
        func="RAISE EXCEPTION 'the ledger is never emptied' USING ERRCODE = 'check_violation';",
    )


class AccountQuerySet(models.QuerySet["Account"]):
    def wallets(self) -> "AccountQuerySet":
        return self.filter(kind=Account.Kind.WALLET)

    def with_posted(self) -> "AccountQuerySet":
        """Annotates ``posted_cents``: the sum of the entries, in cents."""
        return self.annotate(posted_cents=models.functions.Coalesce(models.Sum("entries__cents"), 0))


class Account(models.Model):
    """Money at rest. Only wallets keep a balance: one on a house account would queue every sale behind a single row."""

    class Kind(models.TextChoices):
        WALLET = "wallet", "Buyer's wallet"
        SALES = "sales", "Sales"
        FUNDING = "funding", "Money received outside the system"

    kind = models.CharField(max_length=10, choices=Kind)
    buyer = models.OneToOneField("buyers.Buyer", null=True, on_delete=models.PROTECT, related_name="wallet")
    balance_cents = models.BigIntegerField(default=0, editable=False, help_text="Wallets only; kept by a trigger.")
    overdrawn_by_dispute = models.BooleanField(default=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="wallet", buyer__isnull=False) | (~Q(kind="wallet") & Q(buyer=None)),
                name="account_wallet_has_a_buyer",
            ),
            models.UniqueConstraint(fields=["kind"], condition=~Q(kind="wallet"), name="account_house_is_one_per_kind"),
            models.CheckConstraint(
                condition=Q(balance_cents__gte=0) | Q(overdrawn_by_dispute=True), name="wallet_is_never_below_zero"
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
                        RAISE EXCEPTION 'a balance is the sum of its entries: post a transaction'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_moves_by_entries_only';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.buyer or ''}".strip()


class Transaction(models.Model):
    """Money that moved for one reason. ``reference`` names the reason once: the same one cannot move money twice."""

    class Kind(models.TextChoices):
        CREDIT = "credit", "Credit by the operator"
        ORDER = "order", "Order"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    reference = models.CharField(max_length=80)
    memo = models.CharField(max_length=200, blank=True)
    actor = models.CharField(max_length=254, blank=True, help_text="Who did it, as known at that time.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["kind", "reference"], name="transaction_happens_once")]
        triggers = [
            pgtrigger.Protect(name="transaction_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            _never_emptied("transaction_is_never_emptied"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.reference}"


class Entry(models.Model):
    """Cents into (positive) or out of (negative) one account."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    cents = models.BigIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=~Q(cents=0), name="entry_moves_something")]
        triggers = [
            pgtrigger.Protect(name="entry_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            _never_emptied("entry_is_never_emptied"),
            pgtrigger.Trigger(
                name="entries_sum_to_zero",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                declare=[("total", "bigint"), ("parts", "integer")],
                func="""
                    SELECT sum(cents), count(*) INTO total, parts
                    FROM billing_entry WHERE transaction_id = NEW.transaction_id;
                    IF total <> 0 OR parts < 2 THEN
                        RAISE EXCEPTION 'transaction % has % entries that sum to %', NEW.transaction_id, parts, total
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="entry_moves_the_wallet",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                func="""
                    UPDATE billing_account SET balance_cents = balance_cents + NEW.cents
                    WHERE id = NEW.account_id AND kind = 'wallet';
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cents} cents, {self.account}"
