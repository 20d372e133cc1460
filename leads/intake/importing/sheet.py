"""Sheets: CSV with any delimiter and encoding, or the first sheet of a workbook, as rows of text.

The limits on an upload are here. We detect the file type from its bytes, never from its name.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from typing import BinaryIO

import charset_normalizer

from leads.intake.importing.converting import SheetRefused, workbook_as_csv

MOST_ROWS = 1_000_000
MOST_COLUMNS = 400
LONGEST_CELL = 10_000
LONGEST_LINE = MOST_COLUMNS * LONGEST_CELL
HEAD_BYTES = 256 * 1024
SAMPLE_ROWS = 50
SAMPLES = 3
LONGEST_SAMPLE = 60

DELIMITERS = ",;\t|"
ZIP_MAGIC = b"PK\x03\x04"
OLD_WORKBOOK_MAGIC = b"\xd0\xcf\x11\xe0"
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
OLDER_ENCODINGS = ["mac_roman", "cp850", "cp437", "latin_1"]


@dataclass(frozen=True)
class SheetFormat:
    """How to read the bytes. ``kind`` is csv or xlsx; a workbook is converted to CSV first."""

    kind: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Sheet:
    """Unique headers, and the rows below them without blank lines."""

    headers: list[str]
    rows: Iterator[list[str]]


def recognise(file: BinaryIO) -> SheetFormat:
    """Detect the kind of sheet from its bytes, and rewind the file. Raises SheetRefused."""
    head = file.read(HEAD_BYTES)
    if not head.strip():
        raise SheetRefused("The file is empty.")
    if head.startswith(ZIP_MAGIC):
        file.seek(0)
        return SheetFormat(kind="xlsx")
    if head.startswith(OLD_WORKBOOK_MAGIC):
        raise SheetRefused("This is an old (.xls) or locked workbook. Save it as .xlsx or CSV and upload that.")
    encoding = _encoding(head, file)
    file.seek(0)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if not _is_text(text):
        raise SheetRefused("This is not a CSV or XLSX file. Upload one of those.")
    return SheetFormat(encoding=encoding, delimiter=_delimiter(text))


@contextmanager
def open_sheet(file: BinaryIO, form: SheetFormat) -> Iterator[Sheet]:
    """Open the sheet as a stream. Raises SheetRefused, also while rows are being read."""
    if form.kind == "xlsx":
        with workbook_as_csv(file) as converted, open_sheet(converted, SheetFormat()) as sheet:
            yield sheet
        return
    errors = "strict" if form.encoding.startswith("utf") else "replace"
    text = io.TextIOWrapper(file, encoding=form.encoding, errors=errors, newline="")
    try:
        yield _sheet(_records(text, form.delimiter))
    finally:
        text.detach()  # otherwise the file would be closed too


@dataclass(frozen=True)
class Survey:
    """What a pass through the file found. ``samples`` are personal data: shown to staff, never stored."""

    headers: list[str]
    samples: dict[str, list[str]]
    rows: int


def survey(sheet: Sheet) -> Survey:
    """Survey the whole file. Raises SheetRefused if it has too many rows, or one that cannot be read."""
    head = survey_head(sheet)
    rows = head.rows + sum(1 for _ in sheet.rows)
    if rows > MOST_ROWS:
        raise SheetRefused(f"The file has {rows:,} rows. The limit is {MOST_ROWS:,}, so split it and upload the parts.")
    return Survey(head.headers, head.samples, rows)


def survey_head(sheet: Sheet) -> Survey:
    """Survey only the first rows."""
    found: dict[str, list[str]] = {header: [] for header in sheet.headers}
    rows = list(islice(sheet.rows, SAMPLE_ROWS))
    for row in rows:
        for header, cell in zip(sheet.headers, row, strict=False):
            if cell.strip() and len(found[header]) < SAMPLES:
                found[header].append(cell.strip()[:LONGEST_SAMPLE])
    return Survey(sheet.headers, found, len(rows))


def _sheet(records: Iterator[list[str]]) -> Sheet:
    headers = next(records, None)
    if headers is None:
        raise SheetRefused("The file is empty.")
    if len(headers) > MOST_COLUMNS:
        raise SheetRefused(f"The file has {len(headers):,} columns. The limit is {MOST_COLUMNS}.")
    return Sheet(_unique(headers), records)


def _records(text: io.TextIOWrapper, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(_lines(text), delimiter=delimiter)
    number = 0
    try:
        for record in reader:
            if any(cell and not cell.isspace() for cell in record):
                yield record
                number += 1
    except csv.Error as error:
        raise SheetRefused(
            f"We cannot read the file after row {number}: a quotation mark is not closed, or a cell is too long."
        ) from error
    except UnicodeError as error:
        raise SheetRefused(f"We cannot read the file after row {number}: the text encoding is broken there.") from error


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise SheetRefused("A line of the file is too long. Check that it is a CSV file.")
        yield line.replace("\0", "") if "\0" in line else line


def _unique(headers: list[str]) -> list[str]:
    """Return headers as people see them: an empty one becomes "Column 3", a second "Phone" becomes "Phone (2)"."""
    seen: dict[str, int] = {}
    names = []
    for position, header in enumerate(headers, 1):
        name = " ".join("".join(part for part in header if part.isprintable() or part.isspace()).split())[:80]
        name = name or f"Column {position}"
        seen[name] = seen.get(name, 0) + 1
        names.append(f"{name} ({seen[name]})" if seen[name] > 1 else name)
    return names


def _encoding(head: bytes, file: BinaryIO) -> str:
    for bom, encoding in BOMS:
        if head.startswith(bom):
            return encoding
    if head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if head[::2].count(0) > len(head) // 4:
        return "utf-16-be"
    file.seek(0)
    if _is_utf8(file):
        return "utf-8"
    return _legacy_encoding(head)


def _legacy_encoding(head: bytes) -> str:
    """Prefer the Windows encoding if it fits: a detector only guesses among old encodings, and names are too short."""
    try:
        head.decode("cp1252")
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(head, cp_isolation=OLDER_ENCODINGS).best()
        return best.encoding if best else "cp1252"
    return "cp1252"


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(HEAD_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_text(text: str) -> bool:
    odd = sum(1 for character in text if not (character.isprintable() or character.isspace() or character == "\0"))
    return odd * 20 < len(text)


def _delimiter(text: str) -> str:
    """Return the delimiter that makes most records as wide as the first; on a tie, the one that makes it wider."""

    def fit(delimiter: str) -> tuple[int, int]:
        reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
        try:
            widths = [len(record) for record in islice(reader, SAMPLE_ROWS) if record]
        except csv.Error:
            return (0, 0)
        return (sum(width == widths[0] for width in widths), widths[0]) if widths and widths[0] > 1 else (0, 0)

    return max(DELIMITERS, key=fit)
