"""Snapshots of the inventory: files every web process starts from, and the progress of the one being built."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

SILENT = timedelta(minutes=5)
"""A build that reports no progress for this long was killed."""


class SnapshotQuerySet(models.QuerySet["InventorySnapshot"]):
    def ready(self) -> "SnapshotQuerySet":
        """Snapshots that can be loaded, newest first."""
        return self.filter(status=InventorySnapshot.Status.READY).order_by("-pk")

    def in_work(self) -> "SnapshotQuerySet":
        return self.filter(status=InventorySnapshot.Status.BUILDING)

    def abandoned(self, now: datetime) -> "SnapshotQuerySet":
        return self.in_work().filter(told_at__lt=now - SILENT)


class InventorySnapshot(models.Model):
    """One file. Its row is created first and says "ready" only once the whole file is saved."""

    class Status(models.TextChoices):
        BUILDING = "building", "Building"
        READY = "ready", "Ready"
        DAMAGED = "damaged", "Damaged"
        FAILED = "failed", "Failed"

    name = models.CharField(max_length=80, unique=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.BUILDING)
    cursor = models.TextField(help_text="Position in the change feed before the first lead was read.")
    schemas = models.JSONField(default=list, help_text="The version of each vertical's fields in force.")
    leads_total = models.PositiveBigIntegerField(default=0, help_text="As estimated at the start.")
    leads_done = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    problem = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField()
    told_at = models.DateTimeField(help_text="When the build last reported progress.")
    built_at = models.DateTimeField(null=True)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="building"), name="snapshot_one_is_built_at_once"
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | (~Q(sha256="") & Q(built_at__isnull=False)),
                name="snapshot_ready_has_its_digest",
            ),
            models.CheckConstraint(condition=Q(told_at__gte=F("started_at")), name="snapshot_tells_after_it_started"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def percent(self) -> int:
        """Return the percentage done; at most 99 until it is ready."""
        return min(99, 100 * self.leads_done // self.leads_total) if self.leads_total else 0
