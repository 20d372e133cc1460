"""Lists of own customers: accepting and removing them.

A list must not reveal to its sender whether a person's lead is for sale. See docs/decisions.md for what can be done
about that and what cannot; the limits here are part of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from django.db import transaction

from buyers.models import Buyer, CustomerList, OwnCustomer, User
from buyers.own_customers.columns import CustomerColumns, find_columns
from buyers.own_customers.digests import read_row
from buyers.own_customers.list_job import discard_upload
from leads.intake.importing import stored
from leads.intake.importing.converting import workbook_as_csv
from leads.intake.importing.import_job import fingerprint
from leads.intake.importing.sheet import Sheet, SheetFormat, open_sheet, recognise, survey, survey_head

LEAST_PEOPLE = 25
MOST_A_DAY = 5
MOST_KEPT = 50
DAY = timedelta(hours=24)
Status = CustomerList.Status


class ListRefused(Exception):
    """The list is not accepted and nothing of it is stored. The message is fit to show the sender."""


@dataclass(frozen=True)
class Upload:
    """An uploaded file; ``phone`` and ``email`` name its columns if the file's own names are not clear."""

    file: BinaryIO
    name: str
    phone: str = ""
    email: str = ""


def receive(upload: Upload, *, buyer: Buyer, user: User | None, now: datetime) -> CustomerList:
    """Return a new list, waiting to be read, or the list that the same file already made.

    Raises ListRefused, ColumnsUnclear, SheetRefused.
    """
    form = recognise(upload.file)
    sha256, _ = fingerprint(upload.file)
    if before := buyer.customer_lists.kept().filter(file_sha256=sha256).first():
        return before
    check_may_send(buyer, now)
    upload.file.seek(0)
    with _as_csv(upload.file, form) as (file, csv_form):
        columns, rows = _look_through(file, csv_form, upload)
        file.seek(0)
        stored_as = stored.store(stored.chunks_of(file))
    made = CustomerList(
        buyer=buyer,
        uploaded_by=user,
        file_name=upload.name[:120],
        file_sha256=sha256,
        stored_as=stored_as,
        sheet_format=csv_form.as_json(),
        columns=columns.as_json(),
        rows_total=rows,
        created_at=now,
        worked_at=now,
    )
    kept: CustomerList | None = None
    try:
        kept = _keep(made)
        return kept
    finally:
        if kept is not made:
            stored.discard(stored_as)


def check_may_send(buyer: Buyer, now: datetime) -> None:
    """Raises ListRefused."""
    if buyer.closed_at is not None or not buyer.approvals.granted().exists():
        raise ListRefused("You can upload lists once your company is approved for a vertical.")
    if buyer.customer_lists.in_work().exists():
        raise ListRefused("We are still reading your last list. Upload the next one when it is done.")
    if buyer.customer_lists.filter(created_at__gt=now - DAY).count() >= MOST_A_DAY:
        raise ListRefused(f"You can upload at most {MOST_A_DAY} lists in 24 hours. Combine them into one file.")
    if buyer.customer_lists.kept().count() >= MOST_KEPT:
        raise ListRefused(f"You can keep at most {MOST_KEPT} lists. Remove an old one first.")


@contextmanager
def _as_csv(file: BinaryIO, form: SheetFormat) -> Iterator[tuple[BinaryIO, SheetFormat]]:
    if form.kind != "xlsx":
        yield file, form
        return
    with workbook_as_csv(file) as converted:
        yield converted, SheetFormat()


def _look_through(file: BinaryIO, form: SheetFormat, upload: Upload) -> tuple[CustomerColumns, int]:
    """Return the columns to read and the number of rows. Raises if it is not a list, or has too few people."""
    with open_sheet(file, form) as sheet:
        columns = find_columns(survey_head(sheet), phone=upload.phone, email=upload.email)
    file.seek(0)
    with open_sheet(file, form) as sheet:
        people = _people_at_least(sheet, columns)
    if people < LEAST_PEOPLE:
        raise ListRefused(
            f"A list must have at least {LEAST_PEOPLE} people with a valid phone number or email address, so that it"
            f" cannot single anyone out. We found {people}."
        )
    file.seek(0)
    with open_sheet(file, form) as sheet:
        return columns, survey(sheet).rows


def _people_at_least(sheet: Sheet, columns: CustomerColumns) -> int:
    """Return how many different people there are, counting only up to the minimum for a list."""
    people: set[bytes] = set()
    for number, cells in enumerate(sheet.rows, 1):
        people.update(read_row(number, cells, columns.phones, columns.emails).digests[:1])
        if len(people) == LEAST_PEOPLE:
            break
    return len(people)


@transaction.atomic
def _keep(made: CustomerList) -> CustomerList:
    """Save a company's lists one at a time, so that the limits hold. Raises ListRefused."""
    buyer = Buyer.objects.select_for_update(no_key=True).get(pk=made.buyer_id)
    if same := buyer.customer_lists.kept().filter(file_sha256=made.file_sha256).first():
        return same
    check_may_send(buyer, made.created_at)
    made.save(force_insert=True)
    return made


def remove(customer_list: CustomerList, *, now: datetime) -> bool:
    """Stop excluding the list's people, unless another list has them. Return False if it was already removed."""
    with transaction.atomic():
        mine = CustomerList.objects.select_for_update(no_key=True).get(pk=customer_list.pk)
        if mine.status == Status.REMOVED:
            return False
        OwnCustomer.objects.on_list(mine).delete()
        mine.status, mine.removed_at = Status.REMOVED, now
        mine.save(update_fields=["status", "removed_at"])
    discard_upload(mine)
    return True


def remove_all(buyer: Buyer, *, now: datetime) -> int:
    """Remove all of the company's lists and return how many there were."""
    return sum(remove(one, now=now) for one in buyer.customer_lists.exclude(status=Status.REMOVED).order_by("pk"))
