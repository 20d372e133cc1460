"""XLSX as a stream: one sheet, written to the response as it is generated.

The usual library (xlsxwriter) first writes the sheet to a file, and a killed process leaves that file behind with
everybody's phone number. The part of the format that we need is small: a zip archive with streamed entries, and cells
that are plain text: no cell is a formula or a link.
"""

from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from leads.cells import Cell, cell_text

LONGEST_CELL = 32_767
BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)  # the current time would make each copy a different file
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_FRAME = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="Leads" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
_SHEET_BEGINS = (
    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_SHEET_ENDS = "</sheetData></worksheet>"


class _Drain:
    """The archive's output: it only moves forward, and is emptied after each batch."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self.pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: there is no buffer to flush."""

    def close(self) -> None:
        """Do nothing: there is no file to close."""

    def take(self) -> bytes:
        taken, self.pieces = b"".join(self.pieces), []
        return taken


def workbook(heading: list[str] | None, batches: Iterable[Sequence[Sequence[Cell]]]) -> Iterator[bytes]:
    """Yield the file in chunks, one per batch. Without a heading, the first row is the first lead."""
    drain = _Drain()
    with ZipFile(drain, "w") as archive:
        for name, content in _FRAME.items():
            archive.writestr(_entry(name), _XML + content)
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w") as sheet:
            sheet.write((_XML + _SHEET_BEGINS).encode())
            if heading is not None:
                sheet.write(_row(heading).encode())
            for rows in batches:
                sheet.write("".join(map(_row, rows)).encode())
                yield drain.take()
            sheet.write(_SHEET_ENDS.encode())
    yield drain.take()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, BEGINNING_OF_TIME)
    entry.compress_type = ZIP_DEFLATED
    return entry


def _row(cells: Sequence[Cell]) -> str:
    return f"<row>{''.join(map(_cell, cells))}</row>"


def _cell(cell: Cell) -> str:
    if not isinstance(cell, str):
        return f"<c><v>{cell}</v></c>"
    if not cell:
        return "<c/>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(cell_text(cell)[:LONGEST_CELL])}</t></is></c>'
