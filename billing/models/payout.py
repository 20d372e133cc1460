"""Where a source's money goes, and the runs that pay it once enough people have approved."""

import uuid
from datetime import datetime

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


@pghistory.track()
class Payee(models.Model):
    """Where a source's money goes. The bank keeps the account number; we keep the bank's reference."""

    class Method(models.TextChoices):
        BANK = "bank", "Bank transfer"
        STRIPE = "stripe", "Stripe Connect"

    source = models.OneToOneField("leads.Source", on_delete=models.PROTECT, related_name="payee")
    method = models.CharField(max_length=6, choices=Method, default=Method.BANK)
    bank_reference = models.CharField(
        max_length=60, blank=True, help_text="The name or number of this payee at our bank."
    )
    stripe_account_id = models.CharField(max_length=64, blank=True, help_text="ID of the connected account, acct_….")
    email = models.EmailField(blank=True, help_text="Where we send statements.")

    class Meta:
        ordering = ["source"]
        constraints = [
            models.CheckConstraint(
                condition=Q(method="bank") | Q(method="stripe", stripe_account_id__startswith="acct_"),
                name="payee_by_stripe_has_an_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}, {self.get_method_display()}"

    @property
    def destination(self) -> str:
        return self.stripe_account_id if self.method == self.Method.STRIPE else self.bank_reference


class PayoutRunQuerySet(models.QuerySet["PayoutRun"]):
    def made_by(self, user: models.Model) -> "PayoutRunQuerySet":
        return self.filter(created_by=user)

    def unpaid_or_since(self, instant: datetime) -> "PayoutRunQuerySet":
        """Runs that may still be paid, and runs made since then, except canceled ones."""
        open_ones = Q(status__in=[PayoutRun.Status.DRAFT, PayoutRun.Status.APPROVED])
        return self.filter(open_ones | Q(created_at__gte=instant)).exclude(status=PayoutRun.Status.CANCELED)

    def total_cents(self) -> int:
        return self.aggregate(total=models.Sum("total_cents"))["total"] or 0


class PayoutRun(models.Model):
    """Everything due at one instant, to be paid together once approved."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Waiting for approval"
        APPROVED = "approved", "Approved"
        DONE = "done", "Paid"
        CANCELED = "canceled", "Canceled"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cutoff_at = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    total_cents = models.PositiveBigIntegerField(default=0)
    two_people_over_cents = models.PositiveBigIntegerField(
        help_text="The limit when the run was made, less other runs its maker had unpaid or made that day."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = PayoutRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = [("approve_payouts", "Can approve payouts to sources")]
        triggers = [
            pgtrigger.Protect(name="payout_run_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="payout_run_is_approved_by_enough",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.status IN ('approved', 'done')"),
                declare=[("people", "integer"), ("total", "numeric")],
                func="""
                    SELECT coalesce(sum(cents), 0) INTO total FROM billing_payout WHERE run_id = NEW.id;
                    SELECT count(DISTINCT user_id) INTO people FROM billing_payoutapproval
                    WHERE run_id = NEW.id AND (user_id <> NEW.created_by_id OR total <= NEW.two_people_over_cents);
                    IF people < 1 OR (total > NEW.two_people_over_cents AND people < 2) OR total <> NEW.total_cents THEN
                        RAISE EXCEPTION '% people approved % cents', people, total
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_run_is_approved_by_enough';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="payout_run_pays_what_was_earned",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("OLD.status = 'draft' AND NEW.status IN ('approved', 'done')"),
                func="""
                    IF EXISTS (
                        SELECT 1 FROM billing_payout AS payout
                        LEFT JOIN billing_earning AS earning ON earning.payout_id = payout.id
                        WHERE payout.run_id = NEW.id
                        GROUP BY payout.id HAVING payout.cents <> coalesce(sum(earning.cents), 0)
                    ) THEN
                        RAISE EXCEPTION 'a payout must equal the sum of its earnings'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_run_pays_what_was_earned';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="payout_run_terms_are_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.cutoff_at <> NEW.cutoff_at OR OLD.two_people_over_cents <> NEW.two_people_over_cents"
                    " OR OLD.created_by_id <> NEW.created_by_id"
                    " OR (OLD.status <> 'draft' AND OLD.total_cents <> NEW.total_cents)"
                    " OR (OLD.status IN ('done', 'canceled') AND OLD.status <> NEW.status)"
                    " OR (OLD.status = 'approved' AND NEW.status = 'draft')"
                ),
                func="RAISE EXCEPTION 'an approved run must stay as it was approved'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_run_terms_are_fixed';",
            ),
        ]

    def __str__(self) -> str:
        return f"payout run {self.number}"

    @property
    def number(self) -> str:
        return str(self.public_id)[:8].upper()

    @property
    def is_over_the_limit(self) -> bool:
        return self.total_cents > self.two_people_over_cents

    @property
    def people_needed(self) -> int:
        """Two over the limit, neither of them the person who made the run; otherwise one."""
        return 2 if self.is_over_the_limit else 1


class PayoutApproval(models.Model):
    """One person's approval of a run as it stood."""

    run = models.ForeignKey(PayoutRun, on_delete=models.PROTECT, related_name="approvals")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    total_cents = models.PositiveBigIntegerField(help_text="The run's total when it was approved.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["run", "user"], name="payout_approval_is_one_a_person")]
        triggers = [
            pgtrigger.Protect(name="payout_approval_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="payout_approval_is_of_the_run_as_it_stands",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM billing_payoutrun AS run WHERE run.id = NEW.run_id AND run.status = 'draft'
                            AND run.total_cents = NEW.total_cents
                            AND (run.created_by_id <> NEW.user_id OR run.total_cents <= run.two_people_over_cents)
                    ) THEN
                        RAISE EXCEPTION 'a draft must be approved as it stands and, over the limit, not by its maker'
                            USING ERRCODE = 'check_violation',
                                CONSTRAINT = 'payout_approval_is_of_the_run_as_it_stands';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} approved {self.run}"


class PayoutQuerySet(models.QuerySet["Payout"]):
    def by_bank(self) -> "PayoutQuerySet":
        return self.filter(method=Payee.Method.BANK)

    def by_stripe(self) -> "PayoutQuerySet":
        return self.filter(method=Payee.Method.STRIPE)

    def unfinished(self) -> "PayoutQuerySet":
        return self.filter(status__in=[Payout.Status.WAITING, Payout.Status.SENT])

    def due_to_ask(self, now: datetime) -> "PayoutQuerySet":
        """Transfers whose outcome is unknown and that are due for another check."""
        return self.by_stripe().filter(status=Payout.Status.SENT, ask_again_at__lte=now)


class Payout(models.Model):
    """One source's part of a run. Its destination is kept as it was when the run was made."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent, not confirmed yet"
        PAID = "paid", "Paid"
        FAILED = "failed", "Failed"
        CANCELED = "canceled", "Canceled"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    run = models.ForeignKey(PayoutRun, on_delete=models.PROTECT, related_name="payouts")
    source = models.ForeignKey("leads.Source", on_delete=models.PROTECT, related_name="payouts")
    cents = models.PositiveBigIntegerField()
    method = models.CharField(max_length=6, choices=Payee.Method)
    destination = models.CharField(max_length=64, blank=True, help_text="Bank reference or connected account.")
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    stripe_id = models.CharField(max_length=64, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    paid_at = models.DateTimeField(null=True)
    ask_again_at = models.DateTimeField("next check at", null=True, help_text="When to check the transfer with Stripe.")

    objects = PayoutQuerySet.as_manager()

    class Meta:
        ordering = ["source"]
        constraints = [
            models.UniqueConstraint(fields=["run", "source"], name="payout_is_one_per_source_and_run"),
            models.CheckConstraint(condition=Q(cents__gt=0), name="payout_is_more_than_nothing"),
            models.UniqueConstraint(
                fields=["stripe_id"], condition=~Q(stripe_id=""), name="payout_transfer_is_its_own"
            ),
            models.CheckConstraint(
                condition=(Q(status="paid") & Q(paid_at__isnull=False)) | (~Q(status="paid") & Q(paid_at=None)),
                name="payout_paid_has_its_instant",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="payout_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="payout_terms_are_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.run_id <> NEW.run_id OR OLD.source_id <> NEW.source_id OR OLD.cents <> NEW.cents"
                    " OR OLD.public_id <> NEW.public_id OR OLD.method <> NEW.method"
                    " OR OLD.destination <> NEW.destination"
                    " OR (OLD.status IN ('failed', 'canceled') AND NEW.status <> OLD.status)"
                    " OR (OLD.status = 'paid' AND NEW.status <> 'paid'"
                    " AND (NEW.status <> 'failed' OR OLD.method <> 'bank'))"
                    " OR (OLD.status = 'sent' AND NEW.status IN ('waiting', 'canceled'))"
                ),
                func="RAISE EXCEPTION 'a payout must keep its source, amount, destination and outcome'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_terms_are_fixed';",
            ),
            pgtrigger.Trigger(
                name="payout_is_of_a_draft",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (SELECT 1 FROM billing_payoutrun WHERE id = NEW.run_id AND status = 'draft') THEN
                        RAISE EXCEPTION 'payouts cannot be added to an approved run'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_is_of_a_draft';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="payout_is_made_when_approved",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.status IN ('sent', 'paid')"),
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM billing_payoutrun WHERE id = NEW.run_id AND status IN ('approved', 'done')
                    ) THEN
                        RAISE EXCEPTION 'a payout must be approved before it is sent'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_is_made_when_approved';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="payout_paid_is_posted",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Condition("NEW.status = 'paid'"),
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM billing_transaction AS posted
                        JOIN billing_entry AS entry ON entry.transaction_id = posted.id AND entry.cents = -NEW.cents
                        JOIN billing_account AS payable ON payable.id = entry.account_id
                        WHERE posted.kind = 'payout' AND posted.reference = NEW.public_id::text
                            AND payable.source_id = NEW.source_id
                    ) THEN
                        RAISE EXCEPTION 'payout % is paid but not posted', NEW.id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_paid_is_posted';
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="payout_sent_back_is_reversed",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Condition("NEW.status = 'failed'"),
                func="""
                    IF EXISTS (
                        SELECT 1 FROM billing_transaction AS posted
                        WHERE posted.kind = 'payout' AND posted.reference = NEW.public_id::text AND NOT EXISTS (
                            SELECT 1 FROM billing_transaction AS undone
                            WHERE undone.kind = 'reversal' AND undone.reference = posted.public_id::text
                        )
                    ) THEN
                        RAISE EXCEPTION 'payout % failed but is still posted as paid', NEW.id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_sent_back_is_reversed';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

        indexes = [models.Index(fields=["ask_again_at"], condition=Q(status="sent"), name="payout_due_to_ask")]

    def __str__(self) -> str:
        return f"payout to {self.source}"

    @property
    def number(self) -> str:
        return str(self.public_id)[:8].upper()
