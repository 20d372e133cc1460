"""Lists of own customers: taken in, and removed again.

A list must not tell its sender whether somebody is on the shelf. What can be done about that, and what cannot, stands
in docs/decisions.md; the limits here are part of it.
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
    """The list is not taken, and nothing of it kept. The message is fit for who sent it."""


@dataclass(frozen=True)
class Upload:
    """A file as it came in; ``phone`` and ``email`` name columns where the file's own names do not tell."""

    file: BinaryIO
    name: str
    phone: str = ""
    email: str = ""


def receive(upload: Upload, *, buyer: Buyer, user: User | None, now: datetime) -> CustomerList:
    """The list, waiting to be read; the same file again answers with the list that it made.

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
        raise ListRefused("Lists are for companies that are approved for some kind of leads. Yours is not yet.")
    if buyer.customer_lists.in_work().exists():
        raise ListRefused("A list of yours is being read just now. Send the next one when it is done.")
    if buyer.customer_lists.filter(created_at__gt=now - DAY).count() >= MOST_A_DAY:
        raise ListRefused(f"A company sends at most {MOST_A_DAY} lists in 24 hours. Put what you have into one file.")
    if buyer.customer_lists.kept().count() >= MOST_KEPT:
        raise ListRefused(f"{MOST_KEPT} lists are kept at most. Remove old ones first.")


@contextmanager
def _as_csv(file: BinaryIO, form: SheetFormat) -> Iterator[tuple[BinaryIO, SheetFormat]]:
    if form.kind != "xlsx":
        yield file, form
        return
    with workbook_as_csv(file) as converted:
        yield converted, SheetFormat()


def _look_through(file: BinaryIO, form: SheetFormat, upload: Upload) -> tuple[CustomerColumns, int]:
    """Which columns count, and how many rows there are. Raises when it is no list, or one of too few people."""
    with open_sheet(file, form) as sheet:
        columns = find_columns(survey_head(sheet), phone=upload.phone, email=upload.email)
    file.seek(0)
    with open_sheet(file, form) as sheet:
        people = _people_at_least(sheet, columns)
    if people < LEAST_PEOPLE:
        raise ListRefused(
            f"The file has {people} people with a phone or an e-mail address that can be read; a list has at least"
            f" {LEAST_PEOPLE}, so that it asks about nobody in particular."
        )
    file.seek(0)
    with open_sheet(file, form) as sheet:
        return columns, survey(sheet).rows


def _people_at_least(sheet: Sheet, columns: CustomerColumns) -> int:
    """Different people, counted no further than to the least that a list must have."""
    people: set[bytes] = set()
    for number, cells in enumerate(sheet.rows, 1):
        people.update(read_row(number, cells, columns.phones, columns.emails).digests[:1])
        if len(people) == LEAST_PEOPLE:
            break
    return len(people)


@transaction.atomic
def _keep(made: CustomerList) -> CustomerList:
    """Lists of one company are taken in one after the other, so that the limits hold. Raises ListRefused."""
    buyer = Buyer.objects.select_for_update(no_key=True).get(pk=made.buyer_id)
    if same := buyer.customer_lists.kept().filter(file_sha256=made.file_sha256).first():
        return same
    check_may_send(buyer, made.created_at)
    made.save(force_insert=True)
    return made


def remove(customer_list: CustomerList, *, now: datetime) -> bool:
    """Its people count no longer, unless another list has them. False if it was removed before."""
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
    """Answers how many lists."""
    return sum(remove(one, now=now) for one in buyer.customer_lists.exclude(status=Status.REMOVED).order_by("pk"))
