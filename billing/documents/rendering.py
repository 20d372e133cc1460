"""A document rendered as a PDF, from the letterhead down. The same document always gives the same bytes."""

from django.http import HttpResponse
from fpdf.enums import Align

from billing.documents.document import Document, Party
from billing.documents.lettering import lettered, printable
from billing.documents.sheet import BODY, FIGURE, HAIRLINE, HEAVY, LABEL, NAME, NOTE, STRONG, TITLE, Paper, Voice
from billing.documents.table import set_lines, set_totals
from billing.money import dollars

GAP = 24.0
HALF = 240.0
LABEL_WIDTH = 84.0
MEASURE = 380.0


def render(document: Document) -> bytes:
    """Return the document as a PDF."""
    title = f"{document.kind_title} {document.number}"
    sheet = Paper(title=title)
    sheet.set_title(printable(title))
    sheet.set_author(printable(document.operator.name))
    sheet.set_creation_date(document.issued_at)
    with lettered(sheet):
        _compose(sheet, document)
        return bytes(sheet.output())


def _compose(sheet: Paper, document: Document) -> None:
    sheet.add_page()
    _set_letterhead(sheet, document.operator)
    _set_title(sheet, document.kind_title, document.total)
    _set_parties(sheet, document.operator, document.party)
    _set_facts(sheet, _facts(document))
    set_lines(sheet, document.lines, document.currency)
    set_totals(sheet, document.totals)
    _set_notes(sheet, document.notes)


def _facts(document: Document) -> list[tuple[str, str]]:
    issued = f"{document.issued_at:%B} {document.issued_at.day}, {document.issued_at.year}"
    return [("Number", document.number), ("Issued", issued), *document.references]


def _set_letterhead(sheet: Paper, operator: Party) -> None:
    sheet.mark(sheet.left, sheet.y, 28)
    sheet.set_y(sheet.y + 7)
    _set_block(sheet, operator.name, NAME, sheet.left + 38, HALF)
    sheet.set_y(sheet.y + GAP)


def _set_title(sheet: Paper, kind_title: str, total: tuple[str, int]) -> None:
    """Set the document's title on the left and its total on the right."""
    top = sheet.y
    label, cents = total
    amount = dollars(cents)
    sheet.set_y(top + LABEL.leading)
    room = sheet.right - sheet.left - sheet.width_of(amount, FIGURE) - GAP
    _set_block(sheet, kind_title, TITLE, sheet.left, room)
    end = sheet.y
    sheet.set_y(top)
    sheet.say(sheet.fitting(label, LABEL, HALF), LABEL, x=sheet.left, align=Align.R)
    sheet.set_y(top + LABEL.leading)
    sheet.say(amount, FIGURE, x=sheet.left, align=Align.R)
    sheet.set_y(end + 8)
    sheet.rule(HEAVY)


def _set_parties(sheet: Paper, operator: Party, party: Party) -> None:
    top = sheet.y + 14
    ends = []
    for label, who, x in (("From", operator, sheet.left), ("To", party, sheet.right - HALF)):
        sheet.set_y(top)
        sheet.say(label, LABEL, x=x)
        sheet.set_y(sheet.y + LABEL.leading)
        _set_block(sheet, who.name, STRONG, x, HALF)
        for line in who.lines:
            _set_block(sheet, line, BODY, x, HALF)
        ends.append(sheet.y)
    sheet.set_y(max(ends))


def _set_facts(sheet: Paper, facts: list[tuple[str, str]]) -> None:
    """Set two facts per row, read across."""
    sheet.set_y(sheet.y + GAP)
    for start in range(0, len(facts), 2):
        sheet.make_room(LABEL.leading + 8)
        sheet.rule(HAIRLINE)
        top = sheet.y + 4
        ends = []
        for (label, value), x in zip(facts[start : start + 2], (sheet.left, sheet.right - HALF), strict=False):
            sheet.set_y(top)
            sheet.say(sheet.fitting(label, LABEL, LABEL_WIDTH - 6), LABEL, x=x)
            _set_block(sheet, value, BODY, x + LABEL_WIDTH, HALF - LABEL_WIDTH)
            ends.append(sheet.y)
        sheet.set_y(max(ends) + 4)
    sheet.set_y(sheet.y + GAP)


def _set_notes(sheet: Paper, notes: tuple[str, ...]) -> None:
    sheet.set_y(sheet.y + GAP)
    for note in notes:
        _set_block(sheet, note, NOTE, sheet.left, MEASURE)
        sheet.set_y(sheet.y + 4)


def _set_block(sheet: Paper, text: str, voice: Voice, x: float, width: float) -> None:
    for line in sheet.wrapped(text, voice, width):
        sheet.make_room(voice.leading)
        sheet.say(line, voice, x=x, width=width)
        sheet.set_y(sheet.y + voice.leading)


def pdf_response(document: Document, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return HttpResponse(render(document), content_type="application/pdf", headers=headers)
