"""What standing orders bought, and how far the change feed has been read for them."""

import pgtrigger
from django.db import models
from django.db.models import Q

_WINDOWS = (("hourly", "1 hour"), ("daily", "24 hours"), ("weekly", "7 days"))


def _keeps(cap: str, window: str) -> str:
    """Return SQL that enforces a cap. Later fills count too: no window exceeds the cap, whichever fill comes first."""
    return f"""
        IF NEW.leads + (
            SELECT coalesce(sum(leads), 0) FROM marketplace_standingfill
            WHERE standing_id = NEW.standing_id AND filled_at > NEW.filled_at - interval '{window}'
        ) > wanted.{cap}_cap THEN
            RAISE EXCEPTION 'the {cap} cap is reached'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_keeps_the_{cap}_cap';
        END IF;
    """  # noqa: S608  (constants of this module only)


class StandingFill(models.Model):
    """An order that a standing order placed. Before each insert the database locks the standing order, so that its
    fills take turns; it refuses a fill over a cap, the max price or the budget, and counts the ones it accepts."""

    standing = models.ForeignKey("buyers.StandingOrder", on_delete=models.PROTECT, related_name="fills")
    order = models.OneToOneField("marketplace.Order", on_delete=models.PROTECT, related_name="standing_fill")
    number = models.PositiveIntegerField()
    leads = models.PositiveIntegerField()
    cents = models.PositiveBigIntegerField()
    filled_at = models.DateTimeField()

    class Meta:
        ordering = ["standing", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["standing", "number"], name="standing_fill_number_is_unique"),
            models.CheckConstraint(condition=Q(leads__gte=1), name="standing_fill_has_leads"),
        ]
        triggers = [
            pgtrigger.Protect(name="standing_fill_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="standing_fill_keeps_the_terms",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("wanted", "buyers_standingorder"), ("placed", "marketplace_order")],
                func=f"""
                    SELECT * INTO wanted FROM buyers_standingorder WHERE id = NEW.standing_id FOR NO KEY UPDATE;
                    SELECT * INTO placed FROM marketplace_order WHERE id = NEW.order_id;
                    IF (placed.buyer_id, placed.filled::bigint, placed.total_cents, placed.placed_at)
                        IS DISTINCT FROM (wanted.buyer_id, NEW.leads::bigint, NEW.cents, NEW.filled_at) THEN
                        RAISE EXCEPTION 'the fill does not match its order'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_agrees_with_its_order';
                    END IF;
                    IF wanted.kind <> 'buy' OR wanted.paused_at IS NOT NULL OR wanted.ended_at IS NOT NULL THEN
                        RAISE EXCEPTION 'this standing order is not buying'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_is_of_a_live_order';
                    END IF;
                    IF EXISTS (
                        SELECT 1 FROM marketplace_sale AS sale
                        WHERE sale.order_id = NEW.order_id AND sale.price_cents > wanted.max_price_cents
                    ) THEN
                        RAISE EXCEPTION 'a lead costs more than the max price'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_keeps_the_limit';
                    END IF;
                    {"".join(_keeps(cap, window) for cap, window in _WINDOWS)}
                    UPDATE buyers_standingorder
                    SET filled = filled + NEW.leads, spent_cents = spent_cents + NEW.cents WHERE id = NEW.standing_id;
                    RETURN NEW;
                """,  # noqa: S608  (constants of this module only)
            ),
        ]
        indexes = [models.Index(fields=["standing", "filled_at"], name="standing_fill_by_time")]

    def __str__(self) -> str:
        return f"fill {self.number} of {self.standing}"


class StandingWatch(models.Model):
    """One row: how far the change feed has been read for standing orders, and the curves in force then."""

    cursor = models.TextField(blank=True)
    curves = models.JSONField(default=list, help_text="The keys of the curves in force.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="standing_watch_is_one_row")]

    def __str__(self) -> str:
        return "the watch for standing orders"
