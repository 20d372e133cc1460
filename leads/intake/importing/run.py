"""The run: a file goes in batch by batch; each batch, its counts and its problems are one transaction.

So a killed run has lost at most the batch it was in, and goes on at the row where the last one ended. Whoever works on
a run locks it for the batch and finds it at the row he left it at, or leaves it to the one who moved it on.
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
# Python's threads take turns of 5 ms. Who writes has to wait for a turn after each answer of the database, unless who
# reads ahead lets go by himself, which he has the time for.
ROWS_A_TURN = 4
PAUSE_SECONDS = 0.0001

DUPLICATE = ImportProblem.Outcome.DUPLICATE
REFUSED = ImportProblem.Outcome.REFUSED
FLAGGED = ImportProblem.Outcome.FLAGGED

Take = Callable[[list[Capture]], list[CaptureOutcome | None]]


@dataclass
class ImportTally:
    """What became of some rows, and why: the four counts part the rows (see the package's docstring)."""

    taken: int = 0
    flagged: int = 0
    refused: int = 0
    duplicates: int = 0
    problems: list[tuple[int, str, Problem]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.taken + self.flagged + self.refused + self.duplicates

    def add(self, row: int, reading: Reading, outcome: CaptureOutcome | None, window_days: int) -> None:
        """Count one row. ``outcome`` is None for a row that made no request, or one the database would not have."""
        if problem := _refusal(reading, outcome):
            self.refused += 1
            self.problems += [(row, REFUSED, refusal) for refusal in problem]
            return
        if outcome is CaptureOutcome.REPEATED:
            self.duplicates += 1
            self.problems.append((row, DUPLICATE, Problem("row", "is a request we have already")))
            return
        if outcome is CaptureOutcome.LINKED:
            self.duplicates += 1
            reason = f"is of a person who asked within {window_days} days"
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
        return [Problem("row", "is of a person who asked not to be sold")]
    if outcome is CaptureOutcome.CERTIFICATE_USED:
        return [Problem("trustedform_url", "proves another request already")]
    return [Problem("row", "holds something the database refuses")] if outcome is None else []


def advance(run: ImportRun, sheet: Sheet, *, now: datetime) -> Iterator[ImportTally]:
    """Take the rows that were not read yet, a batch a step. Raises TakenOver, SheetRefused."""

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
    """What ``advance`` would do to the whole file; takes nothing. Raises SheetRefused."""
    memory = Memory(run.vertical)

    def take(captures: list[Capture]) -> list[CaptureOutcome | None]:
        return list(foresee_leads(captures, memory, now=now))

    row = 0
    for readings in _readings(run, sheet.headers, sheet.rows, now):
        tally = _tally(readings, take, row, run.vertical.duplicate_window_days)
        row += tally.rows
        yield tally


def check(run: ImportRun, sheet: Sheet, *, now: datetime) -> Iterator[ImportTally]:
    """A dry run whose counts and problems are kept with the run. Raises TakenOver, SheetRefused."""
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
        raise SheetRefused("The vertical has no fields yet: give it a schema first.")
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
    """The same batches, the next one read while the database writes this one: half the time on two cores."""
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
    """All at once; if the database refuses one of them, one by one, so that it spoils nothing but itself."""
    try:
        return [captured.outcome for captured in capture_leads(captures, now=now)]
    except (DataError, IntegrityError):
        if len(captures) == 1:
            return [None]
    return [outcome for capture in captures for outcome in _captured([capture], now)]


def claim(run: ImportRun) -> None:
    """Lock the run for this transaction; it must be where we left it. Raises TakenOver."""
    mine = ImportRun.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        pk=run.pk, status=run.status, rows_read=run.rows_read
    )
    if not mine:
        raise TakenOver
