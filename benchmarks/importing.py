"""A file of people through the operator's import, compared with COPY of the finished rows into tables like ours."""

import csv
import io
import statistics
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from benchmarks.figures import Figure, Goal, seconds, settle
from benchmarks.stock import Market
from leads.intake.importing.import_job import fingerprint, finish
from leads.intake.importing.run import advance
from leads.intake.importing.sheet import open_sheet, recognise
from leads.models import ImportRun

ROUNDS = 3
MOST = 100_000
COLUMNS = "first_name last_name email phone street city state postal_code captured_at external_id"
ANSWERS = "purpose property_value property_type credit"
HEADINGS = [*COLUMNS.split(), *ANSWERS.split()]
EXCHANGES = [number for number in range(200, 1000) if number % 100 != 11 and number != 555]
LEADS = "SELECT id FROM leads_lead WHERE import_run_id = {run}"
PARTS = {
    "leads_lead": "SELECT * FROM leads_lead WHERE import_run_id = {run}",
    "leads_contactdigest": f"SELECT * FROM leads_contactdigest WHERE lead_id IN ({LEADS})",
    "leads_contact": f"SELECT * FROM leads_contact WHERE lead_id IN ({LEADS})",
    "leads_consent": f"SELECT * FROM leads_consent WHERE lead_id IN ({LEADS})",
    "leads_leg": f"SELECT * FROM leads_leg WHERE lead_id IN ({LEADS})",
}


def measure(market: Market, leads: int) -> Iterator[Figure]:
    """Import the requested number of rows, in three files of different people."""
    rows = min(MOST, leads) // ROUNDS
    taken, least = [], []
    with TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            file = Path(folder) / f"{number}.csv"
            _write_file(file, rows, _imported())
            settle()
            run = _run(market, file)
            taken.append(seconds(partial(_import, run, file)))
            least.append(_bare_seconds(run))
            file.unlink()
    ours, floor = rows / statistics.median(taken), rows / statistics.median(least)
    yield Figure(f"import {ROUNDS} × {rows:,} CSV rows", ours, "rows/s", floor, Goal("value", at_least=4000))


def _imported() -> int:
    """Return how many rows were imported before; their people are known."""
    return ImportRun.objects.aggregate(rows=Sum("rows_read"))["rows"] or 0


def _write_file(file: Path, rows: int, first: int) -> None:
    asked = timezone.now() - timedelta(days=200)
    with file.open("w", newline="") as out:
        sheet = csv.writer(out)
        sheet.writerow(HEADINGS)
        for one in range(first, first + rows):
            sheet.writerow(_cells(one, asked + timedelta(seconds=one)))


def _cells(one: int, asked_at: datetime) -> list[object]:
    phone = f"(937) {EXCHANGES[one // 10_000]}-{one % 10_000:04}"
    person = ["Pat", f"Example{one}", f"pat{one}@example.com", phone, f"{one} Elm Street", "Dayton", "OH", "45402"]
    return [*person, f"{asked_at:%Y-%m-%d %H:%M:%S}", f"r{one}", "refinance", 50_000 + one, "condo", "good"]


def _run(market: Market, file: Path) -> ImportRun:
    return ImportRun(
        source=market.sources[0],
        vertical=market.vertical("mortgage"),
        file_name=file.name,
        columns={heading: heading for heading in HEADINGS},
        default_consent_text=market.text,
        default_legs=4,
        status=ImportRun.Status.RUNNING,
    )


def _import(run: ImportRun, file: Path) -> None:
    with file.open("rb") as opened:
        form = recognise(opened)
        run.file_sha256, run.file_bytes = fingerprint(opened)
        run.save()
        opened.seek(0)
        with open_sheet(opened, form) as sheet:
            taken = sum(tally.taken for tally in advance(run, sheet, now=timezone.now()))
    finish(run, timezone.now())
    assert taken == run.rows_read, "every row was meant to be taken"


def _bare_seconds(run: ImportRun) -> float:
    """COPY the resulting rows into tables with the same columns, checks and indexes, but no triggers."""
    with connection.cursor() as cursor:
        finished = {}
        for table, rows in PARTS.items():
            cursor.execute(f"CREATE TABLE finished_{table} (LIKE {table} INCLUDING ALL)")
            with cursor.copy(f"COPY ({rows.format(run=run.pk)}) TO STDOUT") as copy:
                finished[table] = io.BytesIO(b"".join(copy))
        settle()
        taken = sum(seconds(partial(_copy_in, table, finished[table])) for table in PARTS)
        for table in PARTS:
            cursor.execute(f"DROP TABLE finished_{table}")
    return taken


def _copy_in(table: str, rows: io.BytesIO) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY finished_{table} FROM STDIN") as copy:
        while chunk := rows.read(256 * 1024):
            copy.write(chunk)
