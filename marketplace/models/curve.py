"""Price curves: prices that step down with age, in versions, each in force from a given time."""

from datetime import datetime
from decimal import Decimal

import pghistory
import pgtrigger
from django.contrib.postgres.functions import TransactionNow
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from leads.models import Vertical


def _multiplier(default: str) -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(
        max_digits=5,
        decimal_places=3,
        default=Decimal(default),
        validators=[MinValueValidator(Decimal("0.001")), MaxValueValidator(Decimal(50))],
    )


class PriceCurveQuerySet(models.QuerySet["PriceCurve"]):
    def in_force(self, now: datetime) -> "PriceCurveQuerySet":
        """The one curve of each vertical in force at ``now``."""
        return self.filter(effective_at__lte=now).order_by("vertical_id", "-effective_at").distinct("vertical_id")

    def with_steps(self) -> "PriceCurveQuerySet":
        return self.prefetch_related("tiers", "volume_steps")


@pghistory.track()
class PriceCurve(models.Model):
    """One version of a vertical's prices: tier × grade × exclusivity × volume, rounded once, never below the floor."""

    vertical = models.ForeignKey(Vertical, on_delete=models.PROTECT, related_name="curves")
    version = models.PositiveIntegerField()
    effective_at = models.DateTimeField()
    floor_cents = models.PositiveIntegerField(default=10, validators=[MinValueValidator(1)])
    grade_a = _multiplier("1.2")
    grade_b = _multiplier("1")
    grade_c = _multiplier("0.8")
    grade_d = _multiplier("0.5")
    exclusive = _multiplier("3")
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    objects = PriceCurveQuerySet.as_manager()

    class Meta:
        ordering = ["vertical", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["vertical", "version"], name="curve_version_is_unique"),
            models.UniqueConstraint(fields=["vertical", "effective_at"], name="curve_takes_effect_alone"),
            models.CheckConstraint(condition=Q(floor_cents__gte=1), name="curve_floor_is_at_least_a_cent"),
            models.CheckConstraint(
                condition=Q(grade_a__gte=F("grade_b")) & Q(grade_b__gte=F("grade_c")) & Q(grade_c__gte=F("grade_d")),
                name="curve_better_grades_cost_no_less",
            ),
            models.CheckConstraint(
                condition=Q(grade_d__gt=0) & Q(exclusive__gte=1), name="curve_multipliers_make_sense"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="curve_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="curve_in_force_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("OLD.* IS DISTINCT FROM NEW.*"),
                func="""
                    IF OLD.effective_at <= now() OR NEW.effective_at < now() THEN
                        RAISE EXCEPTION 'a curve in effect cannot be changed: make a new version'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'curve_in_force_is_fixed';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vertical}, version {self.version}"

    def multiplier_of(self, grade: str) -> Decimal:
        return getattr(self, f"grade_{grade.lower()}")


_STEPS_FIXED = """
    IF (SELECT effective_at <= now() AND created_at <> now()
        FROM marketplace_pricecurve WHERE id = coalesce(NEW.curve_id, OLD.curve_id)) THEN
        RAISE EXCEPTION 'a curve in effect cannot be changed: make a new version'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'curve_in_force_is_fixed';
    END IF;
    RETURN coalesce(NEW, OLD);
"""


class PriceTier(models.Model):
    """The price in cents of a grade B lead from this age on, in whole days."""

    curve = models.ForeignKey(PriceCurve, on_delete=models.CASCADE, related_name="tiers")
    from_day = models.PositiveIntegerField()
    cents = models.PositiveIntegerField()

    class Meta:
        ordering = ["curve", "from_day"]
        constraints = [
            models.UniqueConstraint(fields=["curve", "from_day"], name="tier_day_is_unique"),
            models.CheckConstraint(condition=Q(cents__gte=1), name="tier_is_at_least_a_cent"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="tier_in_force_is_fixed",
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.Before,
                func=_STEPS_FIXED,
            ),
            pgtrigger.Trigger(
                name="tiers_only_fall",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM (
                            SELECT cents - lag(cents) OVER (ORDER BY from_day) AS step
                            FROM marketplace_pricetier WHERE curve_id = NEW.curve_id
                        ) AS steps WHERE step > 0
                    ) THEN
                        RAISE EXCEPTION 'prices can only fall with age'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'tiers_only_fall';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"day {self.from_day}: {self.cents} cents"


class VolumeStep(models.Model):
    """The share of the price that an order of at least this many leads pays."""

    curve = models.ForeignKey(PriceCurve, on_delete=models.CASCADE, related_name="volume_steps")
    from_quantity = models.PositiveIntegerField()
    multiplier = _multiplier("1")

    class Meta:
        ordering = ["curve", "from_quantity"]
        constraints = [
            models.UniqueConstraint(fields=["curve", "from_quantity"], name="volume_quantity_is_unique"),
            models.CheckConstraint(condition=Q(from_quantity__gte=2), name="volume_starts_at_two"),
            models.CheckConstraint(condition=Q(multiplier__gt=0, multiplier__lte=1), name="volume_is_a_discount"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="volume_in_force_is_fixed",
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.Before,
                func=_STEPS_FIXED,
            ),
        ]

    def __str__(self) -> str:
        return f"from {self.from_quantity} leads: × {self.multiplier}"
