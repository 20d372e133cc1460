"""The result of comparing our books with Stripe's. It reports differences and never fixes them."""

from datetime import datetime, timedelta

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

LOST_AFTER = timedelta(hours=1)


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def to_be_done_again(self, now: datetime) -> "ReconciliationQuerySet":
        """Comparisons that failed, or whose process died."""
        return self.filter(
            Q(status=Reconciliation.Status.FAILED)
            | Q(status=Reconciliation.Status.RUNNING, started_at__lte=now - LOST_AFTER)
        )

    def untold(self) -> "ReconciliationQuerySet":
        """Comparisons that the operator should know of and was not emailed about."""
        return self.filter(status__in=["differs", "failed"], told_at=None)


class Reconciliation(models.Model):
    """One comparison of a period, ``from_at`` inclusive, ``until_at`` exclusive."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        AGREED = "agreed", "The books agree"
        DIFFERS = "differs", "The books differ"
        FAILED = "failed", "Could not compare"

    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    is_daily = models.BooleanField(
        default=False, help_text="The scheduled comparison of its day; others were started by staff."
    )
    status = models.CharField(max_length=7, choices=Status, default=Status.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    compared = models.PositiveIntegerField(default=0, help_text="Number of Stripe balance transactions compared.")
    our_cents = models.BigIntegerField(default=0, help_text="What moved at Stripe in the period, by our books.")
    their_cents = models.BigIntegerField(default=0, help_text="The same by Stripe's books.")
    problem = models.CharField(max_length=200, blank=True)
    told_at = models.DateTimeField("emailed at", null=True, help_text="When the operator was emailed.")

    objects = ReconciliationQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until_at__gt=models.F("from_at")), name="reconciliation_spans_some_time"
            ),
            models.UniqueConstraint(fields=["from_at"], condition=Q(is_daily=True), name="reconciliation_is_one_a_day"),
            models.CheckConstraint(
                condition=Q(status="running", finished_at=None) | (~Q(status="running") & Q(finished_at__isnull=False)),
                name="reconciliation_finished_has_its_instant",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="reconciliation_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="reconciliation_result_is_kept",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.from_at <> NEW.from_at OR OLD.until_at <> NEW.until_at OR OLD.is_daily <> NEW.is_daily"
                    " OR (OLD.status IN ('agreed', 'differs') AND (OLD.status <> NEW.status"
                    " OR OLD.compared <> NEW.compared OR OLD.our_cents <> NEW.our_cents"
                    " OR OLD.their_cents <> NEW.their_cents))"
                ),
                func="RAISE EXCEPTION 'a finished comparison must keep its result'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'reconciliation_result_is_kept';",
            ),
        ]

    def __str__(self) -> str:
        return f"books and Stripe, {self.from_at:%Y-%m-%d}"


class DifferenceQuerySet(models.QuerySet["Difference"]):
    def unseen(self) -> "DifferenceQuerySet":
        return self.filter(seen_at=None)


class Difference(models.Model):
    """Something that is only on one side, or differs between the two."""

    class Kind(models.TextChoices):
        MISSING_HERE = "missing_here", "Stripe has it, we don't"
        MISSING_THERE = "missing_there", "We have it, Stripe doesn't"
        AMOUNT = "amount", "Different amounts"
        FEE = "fee", "Different fees"
        TWICE = "twice", "Booked more than once"
        CURRENCY = "currency", "Different currencies"
        UNKNOWN = "unknown", "Unknown type"
        CREDIT = "credit", "Wallet credit differs from the payment"
        BUYER = "buyer", "Credited to the wrong buyer"
        TIME = "time", "Booked in a different period"
        BALANCE = "balance", "Different closing balances"

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="differences")
    kind = models.CharField(max_length=13, choices=Kind)
    stripe_id = models.CharField(max_length=64, blank=True)
    our_cents = models.BigIntegerField(null=True)
    their_cents = models.BigIntegerField(null=True)
    note = models.CharField(max_length=300, blank=True)
    seen_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    seen_at = models.DateTimeField(null=True)
    remark = models.CharField(max_length=300, blank=True, help_text="What staff found out.")

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(seen_by=None, seen_at=None) | Q(seen_by__isnull=False, seen_at__isnull=False),
                name="difference_seen_has_its_instant",
            )
        ]
        triggers = [
            pgtrigger.Protect(name="difference_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="difference_is_as_found",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.kind <> NEW.kind OR OLD.stripe_id <> NEW.stripe_id OR OLD.note <> NEW.note"
                    " OR OLD.reconciliation_id <> NEW.reconciliation_id"
                    " OR OLD.our_cents IS DISTINCT FROM NEW.our_cents"
                    " OR OLD.their_cents IS DISTINCT FROM NEW.their_cents"
                ),
                func="RAISE EXCEPTION 'a difference must stay as it was found'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'difference_is_as_found';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.stripe_id}"
