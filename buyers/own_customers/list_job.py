"""Read a list in batches, each in one transaction with its row counts. Safe to run twice, even at the same time."""

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.db import connection, transaction
from django.utils import timezone

from buyers.models import CustomerList, OwnCustomer
from buyers.own_customers.digests import Read, read_row
from leads.intake.importing import stored
from leads.intake.importing.converting import SheetRefused
from leads.intake.importing.sheet import Sheet, SheetFormat, open_sheet
from leads.jobs import lease
from leads.jobs.lease import MOST_RESUMPTIONS, TakenOver
from leads.people.sealing import SealBroken

BATCH = 5_000
SLICE_SECONDS = 60.0
PROBLEMS_KEPT = 200
Status = CustomerList.Status


def work_on(list_id: int, *, seconds: float = SLICE_SECONDS) -> bool:
    """Work on a list for about ``seconds``. Return True if there is more to do."""
    mine = CustomerList.objects.in_work().filter(pk=list_id).first()
    if mine is None:
        return False
    until = time.monotonic() + seconds
    try:
        for batch in _batches_left(mine):
            _take(mine, batch)
            if time.monotonic() > until:
                return True
        _end(mine)
    except TakenOver:
        return False
    except (SheetRefused, SealBroken, FileNotFoundError) as error:
        _stop(mine, str(error) if isinstance(error, SheetRefused) else "The upload is lost or altered. Send it again.")
    return False


def resume(customer_list: CustomerList, now: datetime) -> bool:
    """Record that a list is resumed. If a batch has failed too often, stop the list and return False."""
    if customer_list.resumptions >= MOST_RESUMPTIONS:
        _stop(customer_list, f"Reading keeps failing after row {customer_list.rows_read:,}. Upload the file again.")
    return lease.resume(CustomerList.objects.abandoned(now), customer_list, now)


def discard_spent() -> int:
    """Delete uploads of lists that were read, removed or given up. Return how many."""
    spent = list(CustomerList.objects.with_spent_upload())
    for one in spent:
        discard_upload(one)
    return len(spent)


def discard_upload(mine: CustomerList) -> None:
    """Delete the sealed upload; the list itself stays as the record of the result."""
    stored.discard(mine.stored_as)
    CustomerList.objects.filter(pk=mine.pk).update(stored_as="")


def _batches_left(mine: CustomerList) -> Iterator[list[Read]]:
    form = SheetFormat(**mine.sheet_format)
    with stored.open_stored(mine.stored_as) as file, open_sheet(file, form) as sheet:
        reads = _reads(sheet, mine)
        for _ in islice(sheet.rows, mine.rows_read):
            pass
        while batch := list(islice(reads, BATCH)):
            yield batch


def _reads(sheet: Sheet, mine: CustomerList) -> Iterator[Read]:
    phones, emails = mine.columns["phones"], mine.columns["emails"]
    return (read_row(number, cells, phones, emails) for number, cells in enumerate(sheet.rows, mine.rows_read + 1))


@transaction.atomic
def _take(mine: CustomerList, batch: list[Read]) -> None:
    """Write a batch and count it; ``mine`` is then at the row after it. Raises TakenOver."""
    _claim(mine)
    new = _write(mine, [digest for read in batch for digest in read.digests])
    good = [read for read in batch if read.digests]
    said = [[read.row, problem] for read in batch for problem in read.problems]
    mine.status = Status.READING
    mine.rows_read += len(batch)
    mine.taken += len(good)
    mine.refused += len(batch) - len(good)
    mine.people += len({read.digests[0] for read in good} & new)
    mine.problems = [*mine.problems, *said][:PROBLEMS_KEPT]
    mine.worked_at, mine.resumptions = timezone.now(), 0
    mine.save(
        update_fields=["status", "rows_read", "taken", "refused", "people", "problems", "worked_at", "resumptions"]
    )


def _claim(mine: CustomerList) -> None:
    """Lock the list; it must be at the row where we left it. Raises TakenOver."""
    still = CustomerList.objects.in_work().filter(pk=mine.pk, rows_read=mine.rows_read)
    if not still.select_for_update(no_key=True).exists():
        raise TakenOver


def _write(mine: CustomerList, digests: list[bytes]) -> set[bytes]:
    """Insert the digests. Return those that the list did not have yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO buyers_owncustomer (list_id, buyer_id, digest)
            SELECT %s, %s, unnest(%s::bytea[]) ON CONFLICT (buyer_id, digest, list_id) DO NOTHING RETURNING digest
            """,
            [mine.pk, mine.buyer_id, digests],
        )
        return {bytes(digest) for (digest,) in cursor.fetchall()}


def _end(mine: CustomerList) -> None:
    """Finish the list: from now on all its people count; the upload is deleted. Raises TakenOver."""
    with transaction.atomic():
        _claim(mine)
        now = timezone.now()
        CustomerList.objects.filter(pk=mine.pk).update(status=Status.DONE, done_at=now, worked_at=now)
    discard_upload(mine)


def _stop(mine: CustomerList, problem: str) -> None:
    """Fail a list whose file cannot be read to the end. Nothing of it is kept."""
    with transaction.atomic():
        if CustomerList.objects.in_work().filter(pk=mine.pk).update(status=Status.FAILED, problem=problem[:200]):
            OwnCustomer.objects.on_list(mine).delete()
    discard_upload(mine)
