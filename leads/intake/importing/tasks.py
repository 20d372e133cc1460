"""Jobs of imports. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from leads.intake.importing import import_job
from leads.models import ImportRun


@shared_task
def import_file(run_id: int) -> None:
    """A slice of a dry run or an import; asks for the next slice when there is more."""
    run = ImportRun.objects.under_way().filter(pk=run_id).first()
    if run and import_job.work_on(run):
        import_file.delay(run_id)


@shared_task
def resume_imports() -> None:
    """Go on with what a killed worker left behind."""
    now = timezone.now()
    for run in ImportRun.objects.abandoned(now):
        if import_job.resume(run, now):
            import_file.delay(run.pk)


@shared_task
def purge_uploads() -> None:
    """Delete uploads that nobody went on with."""
    import_job.purge_uploads(timezone.now())
