"""The earnings of sources, leg by leg: pending while the lead may be returned, then due, then paid by one payout."""

from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import Q

from billing.models.ledger import never_emptied


class EarningQuerySet(models.QuerySet["Earning"]):
    def unpaid(self) -> "EarningQuerySet":
        return self.filter(payout=None)

    def due(self, now: datetime) -> "EarningQuerySet":
        """Unpaid earnings whose return window is over. Charge-backs are due at once."""
        return self.unpaid().filter(held_until__lte=now)

    def total_cents(self) -> int:
        return self.aggregate(total=models.Sum("cents"))["total"] or 0


class Earning(models.Model):
    """What one leg earned its source (positive), or cost it when the lead was returned (negative).

    Every sold leg has one, even if it is zero.
    """

    class Kind(models.TextChoices):
        EARNED = "earned", "Earned"
        CHARGED_BACK = "charged_back", "Charged back"

    leg = models.ForeignKey("leads.Leg", on_delete=models.PROTECT, related_name="earnings", db_index=False)
    source = models.ForeignKey("leads.Source", on_delete=models.PROTECT, related_name="earnings", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    cents = models.BigIntegerField()
    price_cents = models.PositiveIntegerField(help_text="What the buyer paid for the leg.")
    percent = models.PositiveSmallIntegerField(help_text="The source's share at the time of sale.")
    transaction = models.ForeignKey("billing.Transaction", on_delete=models.PROTECT, related_name="earnings")
    at = models.DateTimeField()
    held_until = models.DateTimeField("pending until")
    payout = models.ForeignKey(
        "billing.Payout", null=True, on_delete=models.PROTECT, related_name="earnings", db_index=False
    )

    objects = EarningQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["leg", "kind"], name="earning_is_once_per_leg_and_kind"),
            models.CheckConstraint(
                condition=Q(kind="earned", cents__gte=0) | Q(kind="charged_back", cents__lte=0),
                name="earning_has_its_sign",
            ),
            models.CheckConstraint(
                condition=Q(cents__lte=models.F("price_cents")), name="earning_is_at_most_the_price"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="earning_is_never_deleted", operation=pgtrigger.Delete),
            never_emptied("earning_is_never_emptied"),
            # Payout runs change many rows at once, so each row's check avoids a function call.
            pgtrigger.Trigger(
                name="earning_changes_only_by_payout",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.leg_id <> NEW.leg_id OR OLD.source_id <> NEW.source_id OR OLD.kind <> NEW.kind"
                    " OR OLD.cents <> NEW.cents OR OLD.price_cents <> NEW.price_cents OR OLD.percent <> NEW.percent"
                    " OR OLD.transaction_id <> NEW.transaction_id OR OLD.at <> NEW.at OR OLD.id <> NEW.id"
                    " OR (OLD.payout_id IS NOT NULL AND OLD.held_until <> NEW.held_until)"
                    " OR OLD.payout_id <> NEW.payout_id"
                ),
                func="RAISE EXCEPTION 'an earning never changes, except when and by which payout it is paid'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_changes_only_by_payout';",
            ),
            pgtrigger.Trigger(
                name="earning_is_freed_by_a_payout_that_failed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("OLD.payout_id IS NOT NULL AND NEW.payout_id IS NULL"),
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM billing_payout WHERE id = OLD.payout_id AND status IN ('failed', 'canceled')
                    ) THEN
                        RAISE EXCEPTION 'an earning of a live payout cannot be paid by another'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_is_freed_by_a_payout_that_failed';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="earning_is_born_unpaid",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.payout_id IS NOT NULL"),
                func="RAISE EXCEPTION 'a new earning must be unpaid'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_is_born_unpaid';",
            ),
            pgtrigger.Trigger(
                name="earning_is_paid_to_its_source",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="after"),
                func="""
                    IF EXISTS (
                        SELECT 1 FROM after
                        JOIN billing_payout AS payout ON payout.id = after.payout_id
                        JOIN billing_payoutrun AS run ON run.id = payout.run_id
                        WHERE payout.source_id <> after.source_id OR run.status <> 'draft'
                            OR after.held_until > run.cutoff_at
                    ) THEN
                        RAISE EXCEPTION 'a draft payout may take only earnings due to its own source'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_is_paid_to_its_source';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]
        indexes = [
            models.Index(fields=["source", "held_until"], condition=Q(payout=None), name="earning_unpaid"),
            models.Index(fields=["source", "-id"], name="earning_by_source"),
            models.Index(fields=["payout"], condition=Q(payout__isnull=False), name="earning_by_payout"),
        ]

    def __str__(self) -> str:
        return f"{self.cents} cents for leg {self.leg_id}"
