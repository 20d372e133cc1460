"""Writing: a shape becomes bytes, batch by batch, the same bytes each time."""

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
QUOTED_COMMA = '","'
DOUBTFUL = re.compile('"[-=+@|% ]')  # a cell whose first character ``guard`` must look at
Columns = list[Sequence[Cell]]  # of one batch


@dataclass
class Count:
    """What a file comes to, counted while it is written."""

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
    """The file, in chunks; ``count`` has its whole measure when the last one is out."""
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
        yield line_of(heading).encode()
    for columns in cells:
        yield "".join([line_of(row) for row in zip(*columns, strict=True)]).encode()


def line_of(row: Sequence[Cell]) -> str:
    """Every cell in quotation marks. Nearly every line is plain as a whole, and then no cell is looked at alone."""
    cells = f'"{QUOTED_COMMA.join(map(str, row))}"'
    if cells.isascii() and cells.isprintable() and cells.count('"') == 2 * len(row) and not DOUBTFUL.search(cells):
        return f"{cells}\r\n"
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([cell_text(cell) for cell in row])
    return text.getvalue()
