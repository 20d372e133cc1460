"""Cells: what one may hold, and how we keep the program that opens the file from running its text."""

import re
from decimal import Decimal

Cell = str | int | float | Decimal

# Nearly all text: printable ASCII that starts with a letter or a digit. It needs no further checks.
_PLAIN = re.compile(r"[A-Za-z0-9][ -~]*")
# Control characters except the line feed, lone surrogates, and characters that XML forbids.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Spreadsheets skip blank characters before they look for a formula; the escapes in _RUN are the full-width versions.
_BLANK = "\\s\u00a0\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
_RUN = re.compile(f"[{_BLANK}]*[-=+@|%\uff1d\uff0b\uff0d\uff20\uff05\0-\x1f\x7f-\x9f]")


def guard(text: str) -> str:
    """Return the text without control characters, with an apostrophe before anything a spreadsheet would run."""
    if not text or _PLAIN.fullmatch(text):
        return text
    guarded = _RUN.match(text) is not None
    clean = _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    return f"'{clean}" if guarded or _RUN.match(clean) else clean


def cell_text(cell: Cell) -> str:
    """Return the cell as text for a file. Numbers are our own, typed by the schema, and need no guard."""
    return guard(cell) if isinstance(cell, str) else str(cell)
