"""Logs: runs of the sweep, and every time staff opened a sealed contact."""

import pgtrigger
from django.db import models
from django.db.models import Q


class SweepRun(models.Model):
    """One run of the aging sweep, with counts in legs."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    moved = models.PositiveIntegerField(default=0)
    closed = models.PositiveIntegerField(default=0, help_text="Legs of verticals that are not open for resale.")
    retired = models.PositiveIntegerField(default=0, help_text="Legs past their shelf life.")
    problem = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["-started_at"], name="sweep_run_newest")]

    def __str__(self) -> str:
        return f"sweep of {self.started_at:%Y-%m-%d %H:%M:%S}"


class Reveal(models.Model):
    """A staff member opened a sealed contact, and why. ``actor`` is that person's email address at the time."""

    lead = models.ForeignKey("leads.Lead", on_delete=models.PROTECT, related_name="reveals")
    actor = models.CharField(max_length=254)
    reason = models.CharField(max_length=300)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at"]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="reveal_gives_a_reason")]
        triggers = [pgtrigger.Protect(name="reveal_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.actor} opened lead {self.lead_id}"
