"""The page: US Letter in the house style. It knows where things go, not what they mean."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos
from fpdf.prefs import ViewerPreferences

from billing.documents.lettering import FAMILY, printable

MARGIN = 54.0
BOTTOM = 64.0
HAIRLINE, HEAVY = 0.5, 1.5
# Printable text never contains a private-use character, so no name can be mistaken for the page count.
PAGES = "\ue000" * 5


class Ink(StrEnum):
    """The light theme of the market's color tokens."""

    FULL = "#111b16"
    SOFT = "#3f4b45"
    QUIET = "#5a655f"
    RULE = "#dbe2de"
    MARK_GROUND = "#0c2a1f"
    MARK = "#5fe0a6"


@dataclass(frozen=True)
class Voice:
    size: float
    leading: float
    style: Literal["", "B"] = ""
    ink: Ink = Ink.FULL


TITLE = Voice(26, 30, "B")
FIGURE = Voice(26, 30, "B")
SUM = Voice(12, 16, "B")
NAME = Voice(10, 14, "B")
BODY = Voice(9.5, 13.5)
STRONG = Voice(9.5, 13.5, "B")
NOTE = Voice(8.5, 12, ink=Ink.SOFT)
LABEL = Voice(8.5, 13.5, ink=Ink.QUIET)


class Paper(FPDF):
    """A PDF whose coordinates are points from the top left; ``left``, ``right`` and ``bottom`` bound the type area."""

    def __init__(self, *, title: str) -> None:
        super().__init__(unit="pt", format="letter")
        self.running_title = printable(title)
        self.on_new_page: Callable[[], None] | None = None
        self.left, self.right, self.bottom = MARGIN, self.w - MARGIN, self.h - BOTTOM
        self.set_margins(MARGIN, MARGIN - 6, MARGIN)
        self.set_auto_page_break(False)
        self.c_margin = 0
        self.alias_nb_pages(PAGES)
        self.set_lang("en-US")
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)

    def header(self) -> None:
        if self.page_no() == 1:
            return
        self.mark(self.left, self.t_margin, 14)
        self.set_y(self.t_margin)
        self.say(f"{self.running_title}, continued", STRONG, x=self.left + 22)
        self.set_y(self.t_margin + 32)

    def footer(self) -> None:
        self.set_y(self.bottom + 18)
        self.rule(HAIRLINE)
        self.set_y(self.bottom + 24)
        middle = self.left + 120
        self.say(f"Page {self.page_no()} of {PAGES}", LABEL, x=self.left)
        self.say(self.fitting(self.running_title, LABEL, self.right - middle), LABEL, x=middle, align=Align.R)

    def make_room(self, height: float) -> None:
        """Start a new page if this one has less than ``height`` left."""
        if self.y + height <= self.bottom:
            return
        self.add_page()
        if self.on_new_page:
            self.on_new_page()

    def mark(self, x: float, y: float, size: float) -> None:
        """Draw the logo: five falling legs, three sold and two open."""
        unit = size / 32
        self.set_fill_color(Ink.MARK_GROUND)
        self.rect(x, y, size, size, style="F", round_corners=True, corner_radius=5 * unit)
        self.set_fill_color(Ink.MARK)
        self.set_draw_color(Ink.MARK)
        self.set_line_width(1.2 * unit)
        for across, down, width in ((5.0, 6.0, 3.5), (9.6, 10.0, 3.5), (14.2, 14.0, 3.5)):
            self.rect(x + across * unit, y + down * unit, width * unit, (26 - down) * unit, style="F")
        for across, down, height in ((19.4, 18.6, 6.8), (24.0, 22.6, 2.8)):
            self.rect(x + across * unit, y + down * unit, 2.3 * unit, height * unit, style="D")

    def rule(self, weight: float, x: float | None = None) -> None:
        """Draw a line at the current height, from ``x`` or the left margin to the right margin."""
        start = self.left if x is None else x
        self.set_fill_color(Ink.FULL if weight == HEAVY else Ink.RULE)
        self.rect(start, self.y - weight / 2, self.right - start, weight, style="F")

    def say(self, text: str, voice: Voice, *, x: float, width: float | None = None, align: Align = Align.L) -> None:
        """Print one printable line between ``x`` and ``x + width``, or the right margin. The height does not change."""
        self.speak(voice)
        self.set_x(x)
        room = self.right - x if width is None else width
        self.cell(room, voice.leading, text, align=align, new_x=XPos.LEFT, new_y=YPos.TOP)

    def speak(self, voice: Voice) -> None:
        self.set_font(FAMILY, voice.style, voice.size)
        self.set_text_color(voice.ink)

    def width_of(self, text: str, voice: Voice) -> float:
        self.speak(voice)
        return float(self.get_string_width(text))

    def wrapped(self, text: str, voice: Voice, width: float) -> list[str]:
        """Return the text as printable lines, broken between words; only a word that is too wide is split."""
        whole = printable(text)
        if self.width_of(whole, voice) <= width:
            return [whole]
        lines = self.multi_cell(
            width, voice.leading, whole, align=Align.L, dry_run=True, output=MethodReturnValue.LINES
        )
        assert isinstance(lines, list)
        return lines

    def fitting(self, text: str, voice: Voice, width: float) -> str:
        first, *more = self.wrapped(text, voice, width)
        return f"{first} …" if more else first
