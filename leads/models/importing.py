"""Imports: a file being imported, how its columns are read, and the problems in each row."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

ABANDONED_AFTER = timedelta(minutes=2)
UPLOAD_KEPT = timedelta(days=7)


class ColumnMapping(models.Model):
    """One source's column names: field to column header, saved from the last import the operator confirmed."""

    source = models.ForeignKey("leads.Source", on_delete=models.CASCADE, related_name="column_mappings")
    vertical = models.ForeignKey("leads.Vertical", on_delete=models.CASCADE, related_name="column_mappings")
    columns = models.JSONField(help_text="Field name to column header.")
    timezone = models.CharField(max_length=40, default="UTC")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "vertical"], name="column_mapping_is_unique")]

    def __str__(self) -> str:
        return f"columns of {self.source}, {self.vertical}"


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def under_way(self) -> "ImportRunQuerySet":
        """Dry runs and imports that have not finished."""
        return self.filter(status__in=[ImportRun.Status.CHECKING, ImportRun.Status.RUNNING])

    def abandoned(self, now: datetime) -> "ImportRunQuerySet":
        """Uploads under way with no progress for a while, because their worker was killed."""
        return self.under_way().exclude(stored_as="").filter(worked_at__lt=now - ABANDONED_AFTER)

    def with_old_upload(self, now: datetime) -> "ImportRunQuerySet":
        """Not under way, with an upload past its retention."""
        return (
            self.exclude(stored_as="")
            .exclude(status__in=[ImportRun.Status.CHECKING, ImportRun.Status.RUNNING])
            .filter(worked_at__lt=now - UPLOAD_KEPT)
        )


class ImportRun(models.Model):
    """One file. ``rows_read`` is committed with the rows themselves, so a killed import resumes where it stopped."""

    class Status(models.TextChoices):
        MAPPING = "mapping", "Columns to check"
        CHECKING = "checking", "Dry run"
        CHECKED = "checked", "Ready to import"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.ForeignKey("leads.Source", on_delete=models.PROTECT, related_name="import_runs")
    vertical = models.ForeignKey("leads.Vertical", on_delete=models.PROTECT, related_name="import_runs")
    file_name = models.CharField(max_length=120)
    file_sha256 = models.CharField(max_length=64)
    file_bytes = models.PositiveBigIntegerField()
    stored_as = models.CharField(
        max_length=200, blank=True, help_text="The sealed upload; deleted when the import is done."
    )
    sheet_format = models.JSONField(default=dict, help_text="Kind, encoding and delimiter of the file.")
    columns = models.JSONField(default=dict, help_text="Field name to column header.")
    timezone = models.CharField(max_length=40, default="UTC")
    default_consent_text = models.ForeignKey("leads.ConsentText", null=True, blank=True, on_delete=models.PROTECT)
    default_legs = models.PositiveSmallIntegerField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.MAPPING)
    rows_total = models.PositiveIntegerField(default=0)
    rows_read = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(default=0)
    flagged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    resumptions = models.PositiveSmallIntegerField(default=0, help_text="Restarts since a batch last succeeded.")
    problem = models.CharField(max_length=300, blank=True)
    started_by = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    worked_at = models.DateTimeField(auto_now_add=True, help_text="When it last made progress.")
    finished_at = models.DateTimeField(null=True)

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(rows_read=F("taken") + F("flagged") + F("refused") + F("duplicates")),
                name="import_accounts_for_every_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} from {self.source}"

    @property
    def is_under_way(self) -> bool:
        return self.status in (self.Status.CHECKING, self.Status.RUNNING)

    @property
    def percent(self) -> int:
        return min(100, 100 * self.rows_read // self.rows_total) if self.rows_total else 0


class ImportProblem(models.Model):
    """Why a row was refused, flagged or counted as a duplicate. Names the field and never repeats the value."""

    class Outcome(models.TextChoices):
        REFUSED = "refused", "Refused"
        FLAGGED = "flagged", "Flagged"
        DUPLICATE = "duplicate", "Duplicate"

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="problems")
    row = models.PositiveIntegerField(help_text="Counted from 1, below the header row.")
    outcome = models.CharField(max_length=9, choices=Outcome)
    field = models.CharField(max_length=60)
    reason = models.CharField(max_length=160)

    class Meta:
        ordering = ["run", "row", "id"]
        indexes = [models.Index(fields=["run", "row"], name="import_problem_by_row")]

    def __str__(self) -> str:
        return f"row {self.row}: {self.field} {self.reason}"
