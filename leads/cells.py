"""Cells: what may stand in one, and how text is kept from being run by the program that opens the file."""

import re
from decimal import Decimal

Cell = str | int | float | Decimal

# Nearly every text: printable ASCII that begins with a letter or a digit. It needs no second look.
_PLAIN = re.compile(r"[A-Za-z0-9][ -~]*")
# Control characters but the line feed; half characters and those that XML forbids.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Spreadsheets skip blank characters before they look for a formula; the escapes in _RUN are the full-width twins.
_BLANK = "\\s\u00a0\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
_RUN = re.compile(f"[{_BLANK}]*[-=+@|%\uff1d\uff0b\uff0d\uff20\uff05\0-\x1f\x7f-\x9f]")


def guard(text: str) -> str:
    """The text without control characters, and with an apostrophe before what a spreadsheet would run."""
    if not text or _PLAIN.fullmatch(text):
        return text
    guarded = _RUN.match(text) is not None
    clean = _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    return f"'{clean}" if guarded or _RUN.match(clean) else clean


def cell_text(cell: Cell) -> str:
    """The cell as a file holds it. Numbers are our own, typed by the schema, and want no guard."""
    return guard(cell) if isinstance(cell, str) else str(cell)
