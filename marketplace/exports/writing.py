"""Writing: a shape becomes bytes, batch by batch, the same bytes each time."""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from leads.cells import Cell, cell_text
from marketplace.exports.columns import Column
from marketplace.exports.rows import SoldLead, batches
from marketplace.exports.shape import Shape
from marketplace.exports.workbook import workbook
from marketplace.models.file import FileFormat

BYTE_ORDER_MARK = "\ufeff".encode()
Batches = Iterable[list[list[Cell]]]


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

    def add_leads(self, leads: list[SoldLead]) -> None:
        self.rows += len(leads)
        self.tombstones += sum(1 for lead in leads if lead.stopped)

    def add_bytes(self, chunk: bytes) -> bytes:
        self.size += len(chunk)
        self.digest.update(chunk)
        return chunk


def write(shape: Shape, count: Count) -> Iterator[bytes]:
    """The file, in chunks; ``count`` has its whole measure when the last one is out."""
    heading = [column.label for column in shape.columns] if shape.preset.heading else None
    cells = _cells(shape, count)
    if shape.format == FileFormat.XLSX:
        chunks = workbook(heading, cells)
    else:
        chunks = _csv(heading, cells, marked=shape.format == FileFormat.MARKED_CSV)
    return map(count.add_bytes, chunks)


def _cells(shape: Shape, count: Count) -> Iterator[list[list[Cell]]]:
    for leads in batches(shape.order, first=shape.first, quantity=shape.rows):
        count.add_leads(leads)
        yield [row_of(lead, shape.columns) for lead in leads]


def row_of(lead: SoldLead, columns: list[Column]) -> list[Cell]:
    """One row; of a person who stopped, only which lead it was and why nothing else stands there."""
    if lead.stopped:
        return [column.write(lead) if column.stays else "" for column in columns]
    return [column.write(lead) for column in columns]


def _csv(heading: list[str] | None, cells: Batches, *, marked: bool) -> Iterator[bytes]:
    if marked:
        yield BYTE_ORDER_MARK
    if heading is not None:
        yield _lines([heading])
    for rows in cells:
        yield _lines([[cell_text(cell) for cell in row] for row in rows])


def _lines(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
