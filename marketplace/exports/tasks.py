"""File jobs. Each reads from the database what is due, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from marketplace.exports import manifest
from marketplace.models import Export


@shared_task
def build_export(export_id: int) -> None:
    manifest.work_on(export_id, timezone.now())


@shared_task
def build_exports() -> None:
    """Resume files whose message was lost or whose worker was killed."""
    for export_id in Export.objects.due(timezone.now()).values_list("pk", flat=True):
        build_export.delay(export_id)
