"""Logs of what ran and who opened a contact: read-only."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from leads.admin.parts import ReadOnly
from leads.models import ImportProblem, ImportRun, Reveal, SweepRun


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = [
        "file_name",
        "source",
        "vertical",
        "status",
        "rows_total",
        "taken",
        "flagged",
        "refused",
        "duplicates",
        "created_at",
    ]
    list_filter = ["status", "source", "vertical"]
    list_select_related = ["source", "vertical"]
    search_fields = ["file_name", "file_sha256", "started_by"]
    exclude = ["stored_as"]
    readonly_fields = ["operator_page"]

    @admin.display(description="Import page")
    def operator_page(self, run: ImportRun) -> str:
        return format_html('<a href="{}">Progress and problems</a>', reverse("leads:import", args=[run.public_id]))


@admin.register(ImportProblem)
class ImportProblemAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["run", "row", "outcome", "field", "reason"]
    list_filter = ["outcome"]
    list_select_related = ["run__source"]
    search_fields = ["run__file_name", "field", "reason"]
    ordering = ["-run", "row", "id"]
    show_full_result_count = False


@admin.register(SweepRun)
class SweepRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["started_at", "finished_at", "moved", "closed", "retired", "problem"]
    date_hierarchy = "started_at"
    show_full_result_count = False


@admin.register(Reveal)
class RevealAdmin(ReadOnly, admin.ModelAdmin):
    """Log of who opened which sealed contact, and why."""

    list_display = ["at", "actor", "lead", "reason"]
    list_select_related = ["lead__vertical"]
    search_fields = ["actor", "=lead__public_id"]
    date_hierarchy = "at"
