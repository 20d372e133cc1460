"""The report: the result of an import, for people and as CSV."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db.models import Count

from leads.intake.importing.run import ImportTally
from leads.models import ImportProblem, ImportRun
from leads.schema.common_columns import ENVELOPE

HEADERS = ("row", "outcome", "field", "reason")
LABELS = {field.name: field.label for field in ENVELOPE} | {"row": "The row"}

ReportLine: TypeAlias = tuple[int | str, str, str, str]


@dataclass(frozen=True, order=True)
class Reason:
    """One reason for one field and outcome."""

    outcome: str
    field: str
    reason: str

    @property
    def label(self) -> str:
        return LABELS.get(self.field, self.field.replace("_", " ").capitalize())


def reasons_of(run: ImportRun) -> list[tuple[Reason, int]]:
    """Return every reason with its count, the most frequent first within each outcome."""
    rows = run.problems.order_by().values_list("outcome", "field", "reason").annotate(times=Count("pk"))
    return _sorted({Reason(outcome, name, reason): times for outcome, name, reason, times in rows})


def reasons_in(tallies: Iterable[ImportTally]) -> list[tuple[Reason, int]]:
    """Return the same for results that are not stored: the command's dry run."""
    return _sorted(
        Counter(
            Reason(outcome, problem.field, problem.reason)
            for tally in tallies
            for _, outcome, problem in tally.problems
        )
    )


def _sorted(counts: dict[Reason, int]) -> list[tuple[Reason, int]]:
    order: list[str] = [ImportProblem.Outcome.REFUSED, ImportProblem.Outcome.FLAGGED, ImportProblem.Outcome.DUPLICATE]
    return sorted(counts.items(), key=lambda item: (order.index(item[0].outcome), -item[1], item[0]))


def lines_of(run: ImportRun) -> Iterator[ReportLine]:
    """Yield every problem of the run, in row order."""
    yield from run.problems.order_by("row", "id").values_list("row", "outcome", "field", "reason").iterator()


def lines_in(tally: ImportTally) -> Iterator[ReportLine]:
    for row, outcome, problem in tally.problems:
        yield row, outcome, problem.field, problem.reason


class _Echo:
    """A file for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def as_csv(lines: Iterable[ReportLine]) -> Iterator[str]:
    """Yield CSV line by line: row, outcome, field, reason."""
    writer: Any = csv.writer(_Echo())
    yield writer.writerow(HEADERS)
    for line in lines:
        yield writer.writerow(line)
