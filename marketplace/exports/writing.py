"""Write a shape as bytes, batch by batch, the same bytes each time."""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from leads.cells import Cell, cell_text
from marketplace.exports.batch import Batch, batches
from marketplace.exports.shape import Shape
from marketplace.exports.workbook import workbook
from marketplace.models.file import FileFormat

BYTE_ORDER_MARK = "\ufeff".encode()
QUOTED_COMMA, QUOTED_BREAK = '","', '"\r\n"'
PRINTABLE = bytes(range(ord(" "), ord("~") + 1))
DOUBTFUL = re.compile(b'"[-=+@|% ]')  # a cell whose first character ``guard`` must check
Columns = list[Sequence[Cell]]  # of one batch


@dataclass
class Count:
    """A file's row counts, size and digest, computed while it is written."""

    rows: int = 0
    tombstones: int = 0
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        return str(self.digest.hexdigest())

    def add_leads(self, batch: Batch) -> None:
        self.rows += batch.size
        self.tombstones += sum(map(bool, batch.stopped))

    def add_bytes(self, chunk: bytes) -> bytes:
        self.size += len(chunk)
        self.digest.update(chunk)
        return chunk


def write(shape: Shape, count: Count) -> Iterator[bytes]:
    """Yield the file in chunks; ``count`` is complete after the last one."""
    heading = [column.label for column in shape.columns] if shape.preset.heading else None
    cells = _cells(shape, count)
    if shape.format == FileFormat.XLSX:
        chunks = workbook(heading, (list(zip(*columns, strict=True)) for columns in cells))
    else:
        chunks = _csv(heading, cells, marked=shape.format == FileFormat.MARKED_CSV)
    return map(count.add_bytes, chunks)


def _cells(shape: Shape, count: Count) -> Iterator[Columns]:
    for batch in batches(shape.order, first=shape.first, quantity=shape.rows):
        count.add_leads(batch)
        yield [column.cells(batch) for column in shape.columns]


def _csv(heading: list[str] | None, cells: Iterable[Columns], *, marked: bool) -> Iterator[bytes]:
    if marked:
        yield BYTE_ORDER_MARK
    if heading is not None:
        yield _careful_line(heading)
    for columns in cells:
        yield lines_of(columns)


def lines_of(columns: Columns) -> bytes:
    """Return one line per row, every cell in quotation marks. Nearly always all are plain, and no cell is checked
    individually."""
    rows = [QUOTED_COMMA.join(row) for row in zip(*map(_texts, columns), strict=True)]
    lines = _quoted(rows)
    if _is_plain(lines, len(columns), len(rows)):
        return lines
    typed = zip(*columns, strict=True)
    return b"".join([_line(row, cells) for row, cells in zip(rows, typed, strict=True)])


def _texts(column: Sequence[Cell]) -> Sequence[str]:
    """Return the cells as text. Most columns are text already: joining them finds out faster than checking each."""
    try:
        "".join(column)  # type: ignore[arg-type]  # raises if a cell is not text
    except TypeError:
        return list(map(str, column))
    return column  # type: ignore[return-value]


def _quoted(rows: Sequence[str]) -> bytes:
    return f'"{QUOTED_BREAK.join(rows)}"\r\n'.encode(errors="surrogatepass")  # _careful_line drops bad characters


def _is_plain(lines: bytes, cells: int, rows: int) -> bool:
    """Whether no line needs a closer look: printable ASCII, no quotation mark inside, nothing a program might run."""
    return (
        lines.translate(None, PRINTABLE) == b"\r\n" * rows
        and lines.count(b'"') == 2 * cells * rows
        and not DOUBTFUL.search(lines)
    )


def _line(row: str, cells: Sequence[Cell]) -> bytes:
    line = _quoted([row])
    return line if _is_plain(line, len(cells), 1) else _careful_line(cells)


def _careful_line(cells: Sequence[Cell]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([cell_text(cell) for cell in cells])
    return text.getvalue().encode()
