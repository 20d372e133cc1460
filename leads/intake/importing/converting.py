"""Convert a workbook to CSV in a separate process, so that a hostile file can break only that process."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, cast

PROGRAM = Path(__file__).with_name("workbook.py")
REFUSED = 2  # the program's exit code when its last line is a sentence that says why
SECONDS = 60


class SheetRefused(Exception):
    """The file cannot be read. The message is fit to show the person who sent it."""


@contextmanager
def workbook_as_csv(workbook: BinaryIO) -> Iterator[BinaryIO]:
    """Open the first sheet as CSV in UTF-8, in an unnamed file. Raises SheetRefused."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as converted:
        copyfileobj(workbook, given)
        given.seek(0)
        try:
            child = subprocess.run(
                [sys.executable, "-P", str(PROGRAM)],
                stdin=given,
                stdout=converted,
                stderr=subprocess.PIPE,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SheetRefused("The workbook takes too long to read. Save it as CSV and upload that.") from error
        if child.returncode == REFUSED:
            raise SheetRefused(child.stderr.decode().strip().splitlines()[-1])
        if child.returncode:
            raise SheetRefused("The workbook is damaged or too large to read. Save it as CSV and upload that.")
        converted.seek(0)
        yield cast(BinaryIO, converted)
