"""The lines of a document and their totals, in columns that line up on every page."""

from collections.abc import Sequence
from dataclasses import dataclass

from fpdf.enums import Align

from billing.documents.document import DocumentLine
from billing.documents.sheet import BODY, HAIRLINE, HEAVY, LABEL, NOTE, SUM, Paper, Voice
from billing.money import dollars

PADDING = 5.0
AMOUNT, EACH, QUANTITY = 92.0, 72.0, 64.0
TOTALS = 240.0
# A row up to this height is never split across pages.
UNBROKEN = 160.0
HEAD_ROOM = 3 * (BODY.leading + 2 * PADDING)


@dataclass(frozen=True)
class TableColumns:
    """Where each column ends. The quantity and unit price columns appear only if a line has them."""

    text: float
    quantity: float | None
    each: float | None
    currency: str

    @classmethod
    def of(cls, lines: Sequence[DocumentLine], right: float, currency: str) -> "TableColumns":
        edge = right - AMOUNT
        each = edge if any(line.unit_cents is not None for line in lines) else None
        edge -= EACH if each else 0
        quantity = edge if any(line.quantity is not None for line in lines) else None
        edge -= QUANTITY if quantity else 0
        return cls(text=edge, quantity=quantity, each=each, currency=currency)


def set_lines(sheet: Paper, lines: Sequence[DocumentLine], currency: str) -> None:
    """Print one row per line with hairlines between, under column headings that repeat on every page."""
    columns = TableColumns.of(lines, sheet.right, currency)
    sheet.make_room(HEAD_ROOM)
    _set_head(sheet, columns)
    sheet.on_new_page = lambda: _set_head(sheet, columns)
    for line in lines:
        _set_line(sheet, columns, line)
    sheet.on_new_page = None


def set_totals(sheet: Paper, totals: Sequence[tuple[str, int]]) -> None:
    """Print the totals under the amounts, together on one page; a heavy rule opens the last one."""
    *before, total = totals
    x = sheet.right - TOTALS
    sheet.make_room(len(before) * (BODY.leading + 2 * PADDING) + SUM.leading + 2 * PADDING)
    for row in before:
        _set_total(sheet, row, BODY, x)
        sheet.rule(HAIRLINE, x)
    sheet.rule(HEAVY, x)
    _set_total(sheet, total, SUM, x)


def _set_head(sheet: Paper, columns: TableColumns) -> None:
    sheet.say("Description", LABEL, x=sheet.left)
    _set_figure(sheet, "Quantity", LABEL, columns.quantity)
    _set_figure(sheet, "Each", LABEL, columns.each)
    _set_figure(sheet, f"Amount, {columns.currency}", LABEL, sheet.right)
    sheet.set_y(sheet.y + LABEL.leading + 2)
    sheet.rule(HEAVY)


def _set_line(sheet: Paper, columns: TableColumns, line: DocumentLine) -> None:
    width = columns.text - sheet.left
    first, *more = sheet.wrapped(line.text, BODY, width)
    said = [(BODY, text) for text in more]
    if line.detail:
        said += [(NOTE, text) for text in sheet.wrapped(line.detail, NOTE, width)]
    sheet.make_room(min(BODY.leading + sum(voice.leading for voice, _ in said) + 2 * PADDING, UNBROKEN))
    sheet.set_y(sheet.y + PADDING)
    sheet.say(first, BODY, x=sheet.left, width=width)
    _set_figures(sheet, columns, line)
    sheet.set_y(sheet.y + BODY.leading)
    for voice, text in said:
        sheet.make_room(voice.leading)
        sheet.say(text, voice, x=sheet.left, width=width)
        sheet.set_y(sheet.y + voice.leading)
    sheet.set_y(sheet.y + PADDING)
    sheet.rule(HAIRLINE)


def _set_figures(sheet: Paper, columns: TableColumns, line: DocumentLine) -> None:
    if line.quantity is not None:
        _set_figure(sheet, f"{line.quantity:,}", BODY, columns.quantity)
    if line.unit_cents is not None:
        _set_figure(sheet, dollars(line.unit_cents), BODY, columns.each)
    _set_figure(sheet, dollars(line.cents), BODY, sheet.right)


def _set_figure(sheet: Paper, figure: str, voice: Voice, end: float | None) -> None:
    if end is not None:
        sheet.say(figure, voice, x=end - AMOUNT, width=AMOUNT, align=Align.R)


def _set_total(sheet: Paper, row: tuple[str, int], voice: Voice, x: float) -> None:
    label, cents = row
    sheet.set_y(sheet.y + PADDING)
    sheet.say(sheet.fitting(label, voice, TOTALS - AMOUNT), voice, x=x)
    _set_figure(sheet, dollars(cents), voice, sheet.right)
    sheet.set_y(sheet.y + voice.leading + PADDING)
