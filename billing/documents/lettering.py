"""The fonts of documents: two static cuts of Archivo for the Latin of Europe and Vietnam (see fonts/README.md)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unicodedata import category, normalize

from fpdf import FPDF
from fpdf.fonts import TTFFont

FAMILY = "Archivo"
FONTS = Path(__file__).parent / "fonts"
CUTS = {"": FONTS / "archivo-regular.ttf", "B": FONTS / "archivo-bold.ttf"}
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
INVISIBLE = {"Cc", "Cf"}


@contextmanager
def lettered(paper: FPDF) -> Iterator[tuple[TTFFont, ...]]:
    """Load the fonts. They are read as characters are needed, so their files stay open until the PDF is written."""
    for style, cut in CUTS.items():
        paper.add_font(FAMILY, style, cut)
    fonts = tuple(font for font in paper.fonts.values() if isinstance(font, TTFFont))
    try:
        yield fonts
    finally:
        for font in fonts:
            font.close()


def printable(text: str) -> str:
    """Return the text on one line. A character that the font lacks becomes its plain form if it has one (a full-width
    A, a ligature), else a crossed box, so that the reader sees something is missing."""
    composed = normalize("NFC", " ".join(text.split()))
    return "".join(_settable(character) for character in composed)


@cache
def _settable(character: str) -> str:
    if category(character) in INVISIBLE:
        return ""
    if ord(character) in _covered():
        return character
    plain = normalize("NFKC", character)
    return plain if all(ord(part) in _covered() for part in plain) else REPLACEMENT


@cache
def _covered() -> frozenset[int]:
    """Return only what every cut has, so that bold and regular never differ."""
    with lettered(FPDF()) as fonts:
        return frozenset.intersection(*(frozenset(font.cmap) for font in fonts))
