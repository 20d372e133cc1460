"""Import jobs. Each one looks up what is due, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from leads.intake.importing import import_job
from leads.models import ImportRun


@shared_task
def import_file(run_id: int) -> None:
    """Process one slice of a dry run or an import, and queue the next one if there is more."""
    run = ImportRun.objects.under_way().filter(pk=run_id).first()
    if run and import_job.work_on(run):
        import_file.delay(run_id)


@shared_task
def resume_imports() -> None:
    """Resume imports that a killed worker left behind."""
    now = timezone.now()
    for run in ImportRun.objects.abandoned(now):
        if import_job.resume(run, now):
            import_file.delay(run.pk)


@shared_task
def purge_uploads() -> None:
    """Delete uploads that nobody continued."""
    import_job.purge_uploads(timezone.now())
