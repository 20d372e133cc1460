import json
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import available_timezones

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from leads.intake.importing import report
from leads.intake.importing.columns import MappingIncomplete, check_columns, propose_columns
from leads.intake.importing.converting import SheetRefused
from leads.intake.importing.import_job import fingerprint, finish
from leads.intake.importing.run import ImportTally, TakenOver, advance, foresee
from leads.intake.importing.sheet import SheetFormat, Survey, open_sheet, recognise, survey
from leads.models import ConsentText, ImportRun, Source, Vertical

COUNTS = ("rows", "taken", "flagged", "refused", "duplicates")


def field_and_header(text: str) -> tuple[str, str]:
    field, equals, header = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"Write {text!r} as field=Header.")
    return field.strip(), header


class Command(BaseCommand):
    help = (
        "Import a file of requests (CSV or XLSX). If it is interrupted, run it again and it resumes where it stopped."
        " The last line is the row counts as JSON: rows = taken + flagged + refused + duplicates."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", required=True, help="the source's slug")
        parser.add_argument("--vertical", required=True, help="the vertical's slug")
        parser.add_argument("--timezone", required=True, help="for times without a zone, such as America/New_York")
        parser.add_argument("--dry-run", action="store_true", help="show what would happen, without adding anything")
        parser.add_argument("--report", type=Path, help="write every problem to this file as CSV")
        parser.add_argument("--consent-text", help="version of the consent text people saw, if the file does not say")
        parser.add_argument("--legs", type=int, help="number of companies that may call, if the file does not say")
        parser.add_argument(
            "--map", type=field_and_header, nargs="+", default=[], metavar="FIELD=HEADER", help="correct the guess"
        )

    def handle(self, *, file: Path, **options: Any) -> None:
        run = _described(file, options)
        try:
            if options["report"]:
                options["report"].open("a").close()  # better to fail now than after a hundred thousand rows
            with file.open("rb") as opened:
                self._import(run, opened, options)
        except OSError as error:
            raise CommandError(f"Cannot read or write {error.filename or file}: {error.strerror}.") from error
        except (SheetRefused, MappingIncomplete) as error:
            raise CommandError(str(error)) from error
        except TakenOver as error:
            raise CommandError("Another process is importing this file.") from error

    def _import(self, run: ImportRun, file: BinaryIO, options: dict[str, Any]) -> None:
        form = recognise(file)
        run.sheet_format = form.as_json()
        run.file_sha256, run.file_bytes = fingerprint(file)
        found = _survey(file, form)
        run.rows_total = found.rows
        run.columns = _columns(run, found, dict(options["map"]))
        if options["dry_run"]:
            self._foresee(run, file, form, options["report"])
        else:
            self._take(run, file, form, options["report"])

    def _foresee(self, run: ImportRun, file: BinaryIO, form: SheetFormat, report_to: Path | None) -> None:
        file.seek(0)
        with open_sheet(file, form) as sheet:
            tallies = list(self._shown(foresee(run, sheet, now=timezone.now()), run))
        _write_report(report_to, chain.from_iterable(map(report.lines_in, tallies)))
        self._tell(
            report.reasons_in(tallies), {name: sum(getattr(tally, name) for tally in tallies) for name in COUNTS}
        )

    def _take(self, run: ImportRun, file: BinaryIO, form: SheetFormat, report_to: Path | None) -> None:
        run = _unfinished(run) or run
        run.save()
        file.seek(0)
        with open_sheet(file, form) as sheet:
            for _ in self._shown(advance(run, sheet, now=timezone.now()), run):
                pass
        finish(run, timezone.now())
        run.refresh_from_db()
        _write_report(report_to, report.lines_of(run))
        counts = {name: getattr(run, name) for name in COUNTS if name != "rows"}
        self._tell(report.reasons_of(run), {"rows": run.rows_read, **counts})

    def _shown(self, tallies: Iterable[ImportTally], run: ImportRun) -> Iterator[ImportTally]:
        """Yield the same tallies, with a progress bar on the terminal."""
        with tqdm(total=run.rows_total, initial=run.rows_read, unit=" rows", file=sys.stderr, disable=None) as bar:
            for tally in tallies:
                yield tally
                bar.update(tally.rows)

    def _tell(self, reasons: list[tuple[report.Reason, int]], counts: dict[str, int]) -> None:
        for reason, times in reasons:
            self.stderr.write(f"{times:>9,}  {reason.outcome}: {reason.label}: {reason.reason}")
        self.stdout.write(json.dumps(counts))


def _described(file: Path, options: dict[str, Any]) -> ImportRun:
    """Return the run that the options describe. Raises CommandError."""
    source = Source.objects.filter(slug=options["source"]).first()
    vertical = Vertical.objects.filter(slug=options["vertical"]).first()
    if source is None:
        raise CommandError(f"There is no source “{options['source']}”.")
    if vertical is None:
        raise CommandError(f"There is no vertical “{options['vertical']}”.")
    if options["timezone"] not in available_timezones():
        raise CommandError(f"There is no time zone “{options['timezone']}”. Enter one such as America/New_York.")
    if options["legs"] is not None and not 1 <= options["legs"] <= 20:
        raise CommandError("--legs must be a number from 1 to 20.")
    return ImportRun(
        source=source,
        vertical=vertical,
        file_name=file.name[:120],
        timezone=options["timezone"],
        default_legs=options["legs"],
        default_consent_text=_consent_text(source, options["consent_text"]),
        status=ImportRun.Status.RUNNING,
        started_by="command",
    )


def _consent_text(source: Source, version: str | None) -> ConsentText | None:
    if version is None:
        return None
    text = source.consent_texts.filter(version=version).first()
    if text is None:
        raise CommandError(f"{source} has no consent text “{version}”.")
    return text


def _survey(file: BinaryIO, form: SheetFormat) -> Survey:
    file.seek(0)
    with open_sheet(file, form) as sheet:
        return survey(sheet)


def _columns(run: ImportRun, found: Survey, corrections: dict[str, str]) -> dict[str, str]:
    """Return the saved or guessed mapping with corrections. Raises MappingIncomplete."""
    proposed = propose_columns(run.source, run.vertical, found.headers, found.samples)
    kept = {field: header for field, header in proposed.items() if header not in corrections.values()}
    columns = {field: header for field, header in (kept | corrections).items() if header}
    check_columns(columns, found.headers, run.vertical.schema, has_default_consent=run.default_consent_text is not None)
    return columns


def _unfinished(run: ImportRun) -> ImportRun | None:
    """Return the same import if it was interrupted earlier, to resume it."""
    alike = {
        name: getattr(run, name) for name in ("file_sha256", "source", "vertical", "columns", "timezone", "status")
    }
    return ImportRun.objects.filter(**alike, stored_as="").first()


def _write_report(path: Path | None, lines: Iterable[report.ReportLine]) -> None:
    if path is not None:
        with path.open("w", encoding="utf-8", newline="") as out:
            out.writelines(report.as_csv(lines))
