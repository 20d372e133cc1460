"""A program that reads a workbook from standard input and writes its first sheet as CSV, within its own tight limits.

``converting.py`` starts it. It imports none of our code, so that it starts fast and holds no keys.
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
    """The message is fit to show the person who sent the file."""


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
    """Write the first sheet as CSV. Raises WorkbookRefused."""
    if len(packed) > MOST_BYTES:
        raise WorkbookRefused("A workbook can be at most 50 MB. Save it as CSV and upload that.")
    check_package(packed)
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(packed)).get_sheet_by_index(0)
    except (CalamineError, IndexError) as error:
        raise WorkbookRefused("The workbook is damaged. We cannot read any sheet in it.") from error
    writer = csv.writer(out)
    for row in sheet.iter_rows():
        writer.writerow([text_of(cell) for cell in row])


def check_package(packed: bytes) -> None:
    """Raises WorkbookRefused for a file that is not a zip of XML, or unpacks to more than any real workbook."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(packed)).infolist()
    except zipfile.BadZipFile as error:
        raise WorkbookRefused("The file is damaged.") from error
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise WorkbookRefused("This is a zip archive, not an XLSX workbook.")
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED or unpacked > MOST_TIMES_PACKED * len(packed):
        raise WorkbookRefused("The workbook unpacks to far more data than we accept. Save it as CSV and upload that.")


def text_of(cell: Any) -> str:
    """Return the cell as CSV text: whole numbers without a decimal point, dates in ISO format."""
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
