"""Import jobs: what the background task does with an upload, and how a run begins and ends."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone

from leads.intake.importing import stored
from leads.intake.importing.converting import SheetRefused, workbook_as_csv
from leads.intake.importing.run import ImportTally, TakenOver, advance, check, claim
from leads.intake.importing.sheet import Sheet, SheetFormat, open_sheet, recognise, survey
from leads.jobs import lease
from leads.jobs.lease import MOST_RESUMPTIONS
from leads.models import ImportProblem, ImportRun
from leads.models.importing import ImportRunQuerySet
from leads.people.sealing import SealBroken

SLICE_SECONDS = 60.0
Status = ImportRun.Status


def receive(run: ImportRun, file: BinaryIO) -> ImportRun:
    """Check an upload, seal it, and save it with its run. Raises SheetRefused, and then keeps nothing.

    A workbook is converted once, here; what we store is CSV.
    """
    form = recognise(file)
    run.file_sha256, run.file_bytes = fingerprint(file)
    file.seek(0)
    if form.kind == "xlsx":
        with workbook_as_csv(file) as converted:
            run.stored_as = stored.store(stored.chunks_of(converted))
        form = SheetFormat()
    else:
        run.stored_as = stored.store(stored.chunks_of(file))
    run.sheet_format = form.as_json()
    try:
        with open_upload(run) as sheet:
            run.rows_total = survey(sheet).rows
        run.save()
    except SheetRefused:
        stored.discard(run.stored_as)
        raise
    return run


def fingerprint(file: BinaryIO) -> tuple[str, int]:
    """Return SHA-256 and size. Leaves the file at its end."""
    digest = hashlib.sha256()
    for chunk in stored.chunks_of(file):
        digest.update(chunk)
    return digest.hexdigest(), file.tell()


@contextmanager
def open_upload(run: ImportRun) -> Iterator[Sheet]:
    """Open the run's upload as a sheet. Raises SheetRefused."""
    with stored.open_stored(run.stored_as) as file, open_sheet(file, SheetFormat(**run.sheet_format)) as sheet:
        yield sheet


def begin(run: ImportRun, status: Status, now: datetime) -> bool:
    """Start a dry run or the import at the first row, clearing earlier counts. Return False if it is under way."""
    waiting = ImportRun.objects.filter(pk=run.pk, status__in=[Status.MAPPING, Status.CHECKED])
    with transaction.atomic():
        return bool(_forget(waiting, status=status, problem="", worked_at=now))


def work_on(run: ImportRun, *, seconds: float = SLICE_SECONDS) -> bool:
    """Work on a run: a dry run to its end, an import for about ``seconds``. Return True if there is more to do."""
    until = time.monotonic() + seconds
    try:
        with open_upload(run) as sheet:
            for _ in _steps(run, sheet):
                if run.status == Status.RUNNING and time.monotonic() > until:
                    return True
    except TakenOver:
        return False
    except (SheetRefused, SealBroken, FileNotFoundError) as error:
        stop(run, _sentence(error))
        return False
    finish(run, timezone.now())
    return False


def _steps(run: ImportRun, sheet: Sheet) -> Iterator[ImportTally]:
    """A dry run keeps what it saw in memory, so it runs in one go, and starts over if it was interrupted."""
    now = timezone.now()
    if run.status == Status.CHECKING:
        if run.rows_read:
            restart(run)
        return check(run, sheet, now=now)
    return advance(run, sheet, now=now)


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, SheetRefused) else "The upload is lost or altered. Send it again."


def resume(run: ImportRun, now: datetime) -> bool:
    """Record that a run is resumed. If a batch has failed too often, stop the run and return False."""
    if run.resumptions >= MOST_RESUMPTIONS:
        stop(run, f"The import keeps failing after row {run.rows_read:,}; see the log. Leads imported so far are kept.")
    return lease.resume(ImportRun.objects.under_way(), run, now)


def restart(run: ImportRun) -> None:
    """Clear the counts of an interrupted dry run. Raises TakenOver."""
    with transaction.atomic():
        claim(run)
        _forget(ImportRun.objects.filter(pk=run.pk))
    run.rows_read = 0


def _forget(runs: ImportRunQuerySet, **changes: Any) -> int:
    ImportProblem.objects.filter(run__in=runs).delete()
    return runs.update(rows_read=0, taken=0, flagged=0, refused=0, duplicates=0, **changes)


def finish(run: ImportRun, now: datetime) -> None:
    """Finish a run: a dry run waits for the operator's decision; an import is done and its upload deleted."""
    after = Status.CHECKED if run.status == Status.CHECKING else Status.DONE
    ImportRun.objects.filter(pk=run.pk, status=run.status).update(
        status=after, worked_at=now, finished_at=now if after == Status.DONE else None
    )
    if after == Status.DONE:
        discard_upload(run)


def stop(run: ImportRun, problem: str) -> None:
    """Stop a run that cannot continue. What was imported stays and is reported."""
    ImportRun.objects.filter(pk=run.pk, status=run.status).update(
        status=Status.FAILED, problem=problem[:300], finished_at=timezone.now()
    )


def discard_upload(run: ImportRun) -> None:
    """Delete the sealed upload; the run itself stays as the record of the result."""
    stored.discard(run.stored_as)
    ImportRun.objects.filter(pk=run.pk).update(stored_as="")


def purge_uploads(now: datetime) -> int:
    """Delete old uploads, and the runs of those that were never imported. Return how many."""
    old = list(ImportRun.objects.with_old_upload(now))
    for run in old:
        if run.status in (Status.MAPPING, Status.CHECKED):
            give_up(run)
        else:
            discard_upload(run)
    return len(old)


def give_up(run: ImportRun) -> None:
    """Delete an upload that was never imported, with its run and its dry run's results."""
    stored.discard(run.stored_as)
    run.delete()
