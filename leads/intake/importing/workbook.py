"""A program: reads a workbook on standard input and writes its first sheet as CSV, within tight limits of its own.

It is started by ``converting.py`` and imports nothing of ours, so that it starts fast and holds no keys.
"""

import csv
import io
import resource
import sys
import zipfile
from datetime import date, datetime
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

MEGABYTE = 1024 * 1024
MOST_BYTES = 50 * MEGABYTE
MOST_UNPACKED = 400 * MEGABYTE
MOST_TIMES_PACKED = 100
MOST_PARTS = 2_000
LIMITS = (
    (resource.RLIMIT_AS, 1024 * MEGABYTE),
    (resource.RLIMIT_CPU, 30),
    (resource.RLIMIT_FSIZE, 1024 * MEGABYTE),
    (resource.RLIMIT_CORE, 0),
)
REFUSED = 2


class WorkbookRefused(Exception):
    """The message is fit for the person who sent the file."""


def main() -> int:
    for kind, limit in LIMITS:
        resource.setrlimit(kind, (limit, limit))
    try:
        convert(sys.stdin.buffer.read(MOST_BYTES + 1), sys.stdout)
    except WorkbookRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return REFUSED
    return 0


def convert(packed: bytes, out: io.TextIOBase | Any) -> None:
    """Write the first sheet. Raises WorkbookRefused."""
    if len(packed) > MOST_BYTES:
        raise WorkbookRefused("A workbook may have 50 MB: save it as CSV.")
    check_package(packed)
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(packed)).get_sheet_by_index(0)
    except (CalamineError, IndexError) as error:
        raise WorkbookRefused("The workbook is damaged: no sheet of it can be read.") from error
    writer = csv.writer(out)
    for row in sheet.iter_rows():
        writer.writerow([text_of(cell) for cell in row])


def check_package(packed: bytes) -> None:
    """A workbook is a zip of XML: refuse what is none, and what would unpack to more than any workbook does."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(packed)).infolist()
    except zipfile.BadZipFile as error:
        raise WorkbookRefused("The file is damaged.") from error
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise WorkbookRefused("This is a zip archive, but no XLSX workbook.")
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED or unpacked > MOST_TIMES_PACKED * len(packed):
        raise WorkbookRefused("The workbook unpacks to far more than it seems: save it as CSV.")


def text_of(cell: Any) -> str:
    """The cell as a CSV would have it; whole numbers without a point, dates in ISO."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    sys.exit(main())
