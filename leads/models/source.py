"""Sources: the companies that supply leads."""

import pghistory
import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from leads.models.change import GRADED


class SourceKind(models.TextChoices):
    OWN_FORM = "own_form", "Own form"
    PARTNER_FORM = "partner_form", "Partner form"
    PHONE_CALL = "phone_call", "Phone call"
    IMPORTED_FILE = "imported_file", "Imported file"
    COMPILED = "compiled", "Compiled data"


class Grade(models.TextChoices):
    A = "A", "Good results"
    B = "B", "Solid"
    C = "C", "Mixed"
    D = "D", "Weak or incentivized"


@pghistory.track()
class Source(models.Model):
    """A company that supplies leads. Masking hides its site, never its counts, and costs it a grade (see ``grade``)."""

    slug = models.SlugField(max_length=60, unique=True)
    legal_name = models.CharField(max_length=120)
    address = models.CharField(max_length=200)
    phone = models.CharField(max_length=30)
    kind = models.CharField(max_length=20, choices=SourceKind, default=SourceKind.OWN_FORM)
    site = models.CharField(max_length=120, blank=True, help_text="The domain of the form people filled in.")
    site_masked = models.BooleanField(default=False, help_text="Buyers see that the site is masked, but not its name.")
    incentive = models.BooleanField(default=False, help_text="People were rewarded for filling in the form.")
    grade = models.CharField(max_length=1, choices=Grade, default=Grade.C)
    payout_percent = models.PositiveSmallIntegerField(default=50, validators=[MaxValueValidator(100)])
    return_window_days = models.PositiveSmallIntegerField(default=10, validators=[MinValueValidator(1)])
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["legal_name"]
        constraints = [
            models.CheckConstraint(condition=Q(grade__in=Grade.values), name="source_grade_is_known"),
            models.CheckConstraint(condition=Q(payout_percent__lte=100), name="source_payout_at_most_all"),
            models.CheckConstraint(
                condition=Q(incentive=False) | Q(grade__in=["C", "D"]), name="source_rewarded_is_never_graded_well"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="source_change_is_told",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                condition=pgtrigger.Condition(
                    "((OLD.grade, OLD.kind, OLD.incentive, OLD.site, OLD.site_masked, OLD.legal_name) IS DISTINCT FROM"
                    " (NEW.grade, NEW.kind, NEW.incentive, NEW.site, NEW.site_masked, NEW.legal_name))"
                ),
                func=GRADED,
            ),
        ]

    def __str__(self) -> str:
        return self.legal_name
