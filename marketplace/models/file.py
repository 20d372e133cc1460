"""Files of bought leads: how each was requested, its manifest, and every download.

No file is stored: each download writes it again from the order's sales. So nothing readable is on disk, and later
downloads leave out people who have since opted out. The manifest says what the file contained.
"""

import uuid
from datetime import datetime, timedelta

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

LEASE = timedelta(minutes=10)  # a count that takes longer was killed; another worker starts it over


class FileFormat(models.TextChoices):
    CSV = "csv", "CSV"
    MARKED_CSV = "bom", "CSV for Excel"  # CSV with a byte order mark; without it Excel garbles accents
    XLSX = "xlsx", "Excel workbook"


class ExportQuerySet(models.QuerySet["Export"]):
    def due(self, now: datetime) -> "ExportQuerySet":
        """Exports waiting to be counted, or whose worker died while counting."""
        waiting = Q(status=Export.Status.QUEUED)
        return self.filter(waiting | Q(status=Export.Status.BUILDING, started_at__lt=now - LEASE))


class Export(models.Model):
    """One way to write an order's leads: preset, columns, format, part; with its manifest once it is counted."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting"
        BUILDING = "building", "Counting"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order = models.ForeignKey("marketplace.Order", on_delete=models.PROTECT, related_name="exports")
    preset = models.CharField(max_length=20)
    columns = models.JSONField(default=list, help_text="Column names in the order the buyer chose; empty for a preset.")
    format = models.CharField(max_length=4, choices=FileFormat, default=FileFormat.CSV)
    part = models.PositiveSmallIntegerField(default=1, help_text="For programs that limit the rows per file.")
    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED)
    rows_done = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    tombstones = models.PositiveIntegerField(default=0, help_text="Rows of people who opted out after the sale.")
    bytes = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    basis = models.CharField(
        max_length=64, blank=True, help_text="Digest of everything that can change the file's content."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    built_at = models.DateTimeField(null=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "preset", "columns", "format", "part"], name="export_is_one_per_shape"
            ),
            models.CheckConstraint(condition=Q(part__gte=1), name="export_part_from_1"),
            models.CheckConstraint(condition=~Q(status="ready") | ~Q(sha256=""), name="export_ready_has_its_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.preset} {self.format} of {self.order}"

    @property
    def is_ready(self) -> bool:
        return self.status == Export.Status.READY


class Download(models.Model):
    """A download of a file. Written before the first byte is sent."""

    order = models.ForeignKey("marketplace.Order", on_delete=models.PROTECT, related_name="downloads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    api_key = models.ForeignKey("buyers.ApiKey", null=True, on_delete=models.PROTECT, related_name="+")
    preset = models.CharField(max_length=20)
    format = models.CharField(max_length=4, choices=FileFormat)
    part = models.PositiveSmallIntegerField(default=1)
    rows = models.PositiveIntegerField()
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at"]
        triggers = [pgtrigger.Protect(name="download_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"download of {self.order} at {self.at:%Y-%m-%d %H:%M}"
