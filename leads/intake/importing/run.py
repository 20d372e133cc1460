"""The run: a file is imported in batches; each batch, its counts and its problems are one transaction.

So a killed run loses at most its current batch, and continues at the row where the last one ended. A worker locks the
run for each batch. If the run is not at the row where this worker left it, another one has it and this one stops.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from django.db import DataError, IntegrityError, transaction
from django.db.models import F

from leads.intake.capture import Capture, CaptureOutcome, capture_leads, foresee_leads
from leads.intake.dedupe import Memory
from leads.intake.importing.converting import SheetRefused
from leads.intake.importing.rows import Problem, Reading, RowReader
from leads.intake.importing.sheet import Sheet
from leads.jobs.lease import TakenOver
from leads.models import ImportProblem, ImportRun

BATCH = 1000
# Python's threads take turns of 5 ms. The writing thread would wait for its turn after each response of the database,
# so the thread that reads ahead pauses now and then, which it has the time for.
ROWS_A_TURN = 4
PAUSE_SECONDS = 0.0001

DUPLICATE = ImportProblem.Outcome.DUPLICATE
REFUSED = ImportProblem.Outcome.REFUSED
FLAGGED = ImportProblem.Outcome.FLAGGED

Take = Callable[[list[Capture]], list[CaptureOutcome | None]]


@dataclass
class ImportTally:
    """The results of some rows, with reasons: the four counts add up to the rows (see the package's docstring)."""

    taken: int = 0
    flagged: int = 0
    refused: int = 0
    duplicates: int = 0
    problems: list[tuple[int, str, Problem]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.taken + self.flagged + self.refused + self.duplicates

    def add(self, row: int, reading: Reading, outcome: CaptureOutcome | None, window_days: int) -> None:
        """Count one row. ``outcome`` is None for a row that made no request, or one that the database refused."""
        if problem := _refusal(reading, outcome):
            self.refused += 1
            self.problems += [(row, REFUSED, refusal) for refusal in problem]
            return
        if outcome is CaptureOutcome.REPEATED:
            self.duplicates += 1
            self.problems.append((row, DUPLICATE, Problem("row", "is a request that we already have")))
            return
        if outcome is CaptureOutcome.LINKED:
            self.duplicates += 1
            reason = f"is from a person with another request within {window_days} days"
            self.problems.append((row, DUPLICATE, Problem("row", reason)))
        elif reading.problems:
            self.flagged += 1
        else:
            self.taken += 1
        self.problems += [(row, FLAGGED, problem) for problem in reading.problems]


def _refusal(reading: Reading, outcome: CaptureOutcome | None) -> list[Problem]:
    if reading.capture is None:
        return reading.problems
    if outcome is CaptureOutcome.SUPPRESSED:
        return [Problem("row", "is from a person who opted out or is on a suppression list")]
    if outcome is CaptureOutcome.CERTIFICATE_USED:
        return [Problem("trustedform_url", "already proves another request")]
    return [Problem("row", "has a value that the database refuses")] if outcome is None else []


def advance(run: ImportRun, sheet: Sheet, *, now: datetime) -> Iterator[ImportTally]:
    """Import the rows that were not read yet; yield after each batch. Raises TakenOver, SheetRefused."""

    def take(captures: list[Capture]) -> list[CaptureOutcome | None]:
        return _captured(captures, now)

    rows = islice(sheet.rows, run.rows_read, None)
    for readings in _readings(run, sheet.headers, rows, now):
        with transaction.atomic():
            claim(run)
            tally = _tally(readings, take, run.rows_read, run.vertical.duplicate_window_days)
            write_down(run, tally, now)
        yield tally


def foresee(run: ImportRun, sheet: Sheet, *, now: datetime) -> Iterator[ImportTally]:
    """Yield what ``advance`` would do to the whole file, and import nothing. Raises SheetRefused."""
    memory = Memory(run.vertical)

    def take(captures: list[Capture]) -> list[CaptureOutcome | None]:
        return list(foresee_leads(captures, memory, now=now))

    row = 0
    for readings in _readings(run, sheet.headers, sheet.rows, now):
        tally = _tally(readings, take, row, run.vertical.duplicate_window_days)
        row += tally.rows
        yield tally


def check(run: ImportRun, sheet: Sheet, *, now: datetime) -> Iterator[ImportTally]:
    """Do a dry run, and store its counts and problems with the run. Raises TakenOver, SheetRefused."""
    for tally in foresee(run, sheet, now=now):
        with transaction.atomic():
            claim(run)
            write_down(run, tally, now)
        yield tally


def write_down(run: ImportRun, tally: ImportTally, now: datetime) -> None:
    """Add a batch's counts and problems to the run."""
    ImportRun.objects.filter(pk=run.pk).update(
        rows_read=F("rows_read") + tally.rows,
        taken=F("taken") + tally.taken,
        flagged=F("flagged") + tally.flagged,
        refused=F("refused") + tally.refused,
        duplicates=F("duplicates") + tally.duplicates,
        resumptions=0,
        worked_at=now,
    )
    ImportProblem.objects.bulk_create(
        ImportProblem(run=run, row=row, outcome=outcome, field=problem.field, reason=problem.reason)
        for row, outcome, problem in tally.problems
    )
    run.rows_read += tally.rows


def _readings(run: ImportRun, headers: list[str], rows: Iterator[list[str]], now: datetime) -> Iterator[list[Reading]]:
    schema = run.vertical.newest_schema
    if schema is None:
        raise SheetRefused("The vertical has no fields yet. Add its fields first.")
    lost = [header for header in run.columns.values() if header not in headers]
    if lost:
        raise SheetRefused(f"The file has no column “{lost[0]}”.")
    reader = RowReader(run, headers, schema, now)
    yield from _read_ahead(_politely(reader, batch) for batch in iter(lambda: list(islice(rows, BATCH)), []))


def _politely(reader: RowReader, batch: list[list[str]]) -> list[Reading]:
    readings = []
    for first in range(0, len(batch), ROWS_A_TURN):
        readings += [reader.read(cells) for cells in batch[first : first + ROWS_A_TURN]]
        time.sleep(PAUSE_SECONDS)
    return readings


def _read_ahead(batches: Iterator[list[Reading]]) -> Iterator[list[Reading]]:
    """Yield the same batches, reading the next while the database writes this one: half the time on two cores."""
    with ThreadPoolExecutor(max_workers=1) as other:
        upcoming = other.submit(next, batches, None)
        while batch := upcoming.result():
            upcoming = other.submit(next, batches, None)
            yield batch


def _tally(readings: list[Reading], take: Take, before: int, window_days: int) -> ImportTally:
    outcomes = iter(take([reading.capture for reading in readings if reading.capture]))
    tally = ImportTally()
    for row, reading in enumerate(readings, before + 1):
        tally.add(row, reading, next(outcomes) if reading.capture else None, window_days)
    return tally


def _captured(captures: list[Capture], now: datetime) -> list[CaptureOutcome | None]:
    """Capture all at once; if the database refuses one, capture one by one, so that only that one is refused."""
    try:
        return [captured.outcome for captured in capture_leads(captures, now=now)]
    except (DataError, IntegrityError):
        if len(captures) == 1:
            return [None]
    return [outcome for capture in captures for outcome in _captured([capture], now)]


def claim(run: ImportRun) -> None:
    """Lock the run for this transaction; it must be at the row where we left it. Raises TakenOver."""
    mine = ImportRun.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        pk=run.pk, status=run.status, rows_read=run.rows_read
    )
    if not mine:
        raise TakenOver
