"""Files of requests to import, and the way through which an upload goes."""

import csv
import io
from datetime import datetime
from typing import Any

import xlsxwriter
from django.utils import timezone

from leads.intake.importing import import_job
from leads.intake.importing.columns import propose_columns
from leads.intake.importing.sheet import survey_head
from leads.models import ImportRun
from tests.factories import Market

ZONE = "America/New_York"


def row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A sound row; ``None`` as a change takes the column out."""
    values = {
        "First Name": "Pat",
        "Last Name": f"Example{number}",
        "Email": f"pat{number}@example.com",
        "Phone": f"(937) 200-{number:04d}",
        "Address": f"{number} Elm Street",
        "City": "Dayton",
        "State": "OH",
        "Zip": "45402",
        "SubmittedAt": "2026-10-08T07:28:07Z",
        "Purpose": "refinance",
        "LoanAmount": "250000",
        "Remark": "calls after five",
        "LegsAuthorized": "4",
        "LegsSold": "1",
        "ConsentText": "v3",
        "ConsentUrl": "https://quotes.example.com/mortgage?email=pat@example.com#form",
        "IP": "192.0.2.7",
        **changes,
    }
    return {header: value for header, value in values.items() if value is not None}


def as_csv(rows: list[dict[str, Any]], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def as_xlsx(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "remove_timezone": True}) as workbook:
        sheet = workbook.add_worksheet()
        instant = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for place, header in enumerate(rows[0]):
            sheet.write(0, place, header)
        for number, values in enumerate(rows, 1):
            for place, value in enumerate(values.values()):
                if isinstance(value, datetime):
                    sheet.write_datetime(number, place, value, instant)
                else:
                    sheet.write(number, place, value)
    return out.getvalue()


def uploaded(market: Market, data: bytes, **changes: Any) -> ImportRun:
    """A run whose upload was received and whose columns were guessed."""
    values = {"timezone": ZONE, "file_name": "requests.csv", "started_by": "desk@example.com", **changes}
    run = ImportRun(source=market.source, vertical=market.vertical, **values)
    import_job.receive(run, io.BytesIO(data))
    with import_job.open_upload(run) as sheet:
        found = survey_head(sheet)
    run.columns = values.get("columns") or propose_columns(run.source, run.vertical, found.headers, found.samples)
    run.save()
    return run


def worked(run: ImportRun, state: str = ImportRun.Status.RUNNING) -> ImportRun:
    """The run after the background task is through with it."""
    assert import_job.begin(run, state, timezone.now())
    run = ImportRun.objects.get(pk=run.pk)
    while import_job.work_on(run):
        run = ImportRun.objects.get(pk=run.pk)
    return ImportRun.objects.get(pk=run.pk)


def imported(market: Market, rows: list[dict[str, Any]], **changes: Any) -> ImportRun:
    return worked(uploaded(market, as_csv(rows), **changes))


def counts(run: ImportRun) -> tuple[int, int, int, int]:
    return run.taken, run.flagged, run.refused, run.duplicates


def problems(run: ImportRun) -> list[tuple[int, str, str, str]]:
    return list(run.problems.values_list("row", "outcome", "field", "reason"))
