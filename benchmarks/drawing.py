"""Charts of the figures as SVG, readable in light and dark, in the colors of ``static/css/tokens.css``.

Two kinds: each figure against its goal (one size), and each figure over the sizes it was measured at.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any
from xml.sax.saxutils import escape

Line = dict[str, Any]
Sizes = dict[int, list[Line]]

# The tokens sheet, ink, ink-soft, ink-quiet, rule, stock and price-line in sRGB, which every renderer supports.
LIGHT = {"sheet": "#fff", "ink": "#111b16", "soft": "#3f4b45", "quiet": "#5a655f"}
LIGHT |= {"rule": "#dbe2de", "stock": "#2b805e", "price": "#dd410d"}
DARK = {"sheet": "#101814", "ink": "#e8efeb", "soft": "#bac3bf", "quiet": "#9aa49f"}
DARK |= {"rule": "#262f2a", "stock": "#4ca680", "price": "#fe7551"}
RULES = (
    ("text", "font: 12px Archivo, system-ui, sans-serif; fill: var(--ink)"),
    (".title", "font-size: 17px; font-weight: 650"),
    (".quiet", "fill: var(--quiet)"),
    (".end", "text-anchor: end"),
    (".middle", "text-anchor: middle"),
    (".sheet", "fill: var(--sheet)"),
    (".rule", "stroke: var(--rule)"),
    (".goal", "stroke: var(--ink); stroke-width: 1.5"),
    (".ours", "stroke: var(--stock); stroke-width: 2; fill: none"),
    (".over", "stroke: var(--price); stroke-width: 2; fill: none"),
    (".theirs", "stroke: var(--quiet); stroke-width: 1.5; stroke-dasharray: 3 3; fill: none"),
    (".met", "fill: var(--stock); stroke: none"),
    (".missed", "fill: var(--price); stroke: none"),
    (".their-dot", "fill: var(--sheet); stroke: var(--quiet); stroke-width: 1.5"),
)
WIDTH = 960


def draw_goals(lines: Iterable[Line], leads: int) -> str:
    """Draw a row per goal: how much of the allowed value was used, on a log scale. Left of the line is met."""
    rows = [_Row.of(line) for line in lines if line["goal"]]
    scale = _Scale.over([row.share for row in rows if row.share] + [1.0], 440, 650)
    height = 96 + 26 * len(rows)
    body = [_text(24, 34, f"Goals at {leads:,} leads", "title"), _text(24, 54, HOW_TO_READ, "quiet")]
    for power in range(scale.low, scale.high + 1):
        place = scale.of(10.0**power)
        body.append(_line(place, 72, place, height - 34, "goal" if power == 0 else "rule"))
        body.append(_text(place, height - 16, "goal" if power == 0 else f"{10.0**power:g} ×", "quiet middle"))
    for number, row in enumerate(rows):
        body += row.drawn(86 + 26 * number, scale)
    return _picture(WIDTH, height, f"Goals at {leads:,} leads", body)


HOW_TO_READ = "How much of what the goal allows was used. Green, left of the line: met. Orange: missed."


@dataclass(frozen=True)
class _Row:
    """``share`` is 1 at the goal and less if better; 0 if the goal is zero and was met."""

    name: str
    share: float
    met: bool
    said: str

    @classmethod
    def of(cls, line: Line) -> "_Row":
        of, sign, bound = line["goal"].split()
        measured, limit = line[of], float(bound)
        if sign == ">=":
            measured, limit = limit, measured
        share = measured / limit if limit else float(measured)
        return cls(line["name"], share, line["holds"], f"{_said(line)}; {_wanted(of, sign, float(bound))}")

    def drawn(self, top: float, scale: "_Scale") -> Iterator[str]:
        dot = "met" if self.met else "missed"
        yield _text(424, top + 4, _shortened(self.name, 64), "end")
        yield _text(664, top + 4, self.said, "quiet")
        if self.share:
            place = scale.of(self.share)
            yield _line(scale.of(1), top, place, top, "ours" if self.met else "over")
            yield f'<circle class="{dot}" cx="{place:.1f}" cy="{top}" r="5"/>'
        else:
            yield _text(scale.start + 6, top + 4, "none")


def _said(line: Line) -> str:
    value = f"{_number(line['value'])} {line['unit']}"
    return f"{value}, {_times(line['ratio'])}" if line["ratio"] and line["goal"].startswith("ratio") else value


def _number(value: float) -> str:
    """Format with three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _times(ratio: float) -> str:
    return f"{ratio:.3g} × the floor" if ratio >= 0.05 else f"1/{1 / ratio:,.0f} of the peer"


def _wanted(of: str, sign: str, bound: float) -> str:
    words = "at most" if sign == "<=" else "at least"
    return f"{words} {bound:,.4g}" if of == "value" or bound >= 0.05 else f"{words} 1/{1 / bound:,.0f}"


PANEL, PANEL_HEIGHT, ACROSS, TITLE = 304, 176, 3, 46


def draw_growth(sizes: Sizes) -> str:
    """Draw a panel per figure: its value and its floor or peer at each size, both axes logarithmic."""
    keys = list(dict.fromkeys(line["key"] for lines in sizes.values() for line in lines))
    found = {key: _measured(key, sizes) for key in keys}
    panels = {key: points for key, points in found.items() if len(points) > 1 and all(p[1]["value"] for p in points)}
    height = 76 + PANEL_HEIGHT * ceil(len(panels) / ACROSS)
    title = "Growth with the number of leads"
    body = [_text(24, 34, title, "title"), _text(24, 54, HOW_IT_GROWS, "quiet")]
    for number, (key, points) in enumerate(panels.items()):
        left, top = 24 + PANEL * (number % ACROSS), 84 + PANEL_HEIGHT * (number // ACROSS)
        body += _panel(key, points, left, top, list(sizes))
    return _picture(WIDTH, height, title, body)


HOW_IT_GROWS = "Green: ours. Grey, dashed: the floor or peer of the same run. Both axes are logarithmic."


def _measured(key: str, sizes: Sizes) -> list[tuple[int, Line]]:
    return [(leads, line) for leads, lines in sizes.items() for line in lines if line["key"] == key]


def _panel(key: str, points: list[tuple[int, Line]], left: float, top: float, sizes: list[int]) -> Iterator[str]:
    across = _Scale(log10(sizes[0]), log10(sizes[-1]), left + 12, left + PANEL - 50)
    ours = [(leads, line["value"]) for leads, line in points]
    theirs = [(leads, line["floor"]) for leads, line in points if line["floor"]]
    upward = _Scale.over([value for _, value in ours + theirs], top + PANEL_HEIGHT - 62, top + 40)
    for number, part in enumerate(textwrap.wrap(key, TITLE)[:2]):
        yield _text(left, top + 15 * number, part)
    yield _line(left, top + PANEL_HEIGHT - 40, left + PANEL - 36, top + PANEL_HEIGHT - 40, "rule")
    for leads in sizes:
        yield _text(across.of(leads), top + PANEL_HEIGHT - 26, _count(leads), "quiet middle")
    yield from _curve(theirs, across, upward, "theirs", "their-dot")
    yield from _curve(ours, across, upward, "ours", "met")
    for leads, line in points:
        label = _number(line["value"]) + (f" {line['unit']}" if leads == points[-1][0] else "")
        aside = 19 if (line["floor"] or 0) > line["value"] else -9  # away from the other line
        yield _text(across.of(leads), upward.of(line["value"]) + aside, label, "middle")


def _curve(points: list[tuple[int, float]], across: "_Scale", upward: "_Scale", line: str, dot: str) -> Iterator[str]:
    places = [(across.of(leads), upward.of(value)) for leads, value in points]
    yield f'<polyline class="{line}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
    for x, y in places:
        yield f'<circle class="{dot}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


@dataclass(frozen=True)
class _Scale:
    """Maps powers of ten to positions."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> "_Scale":
        logs = [log10(value) for value in values]
        low = floor(min(logs))
        return cls(low, max(ceil(max(logs)), low + 1), start, end)

    def of(self, value: float) -> float:
        return self.start + (self.end - self.start) * (log10(value) - self.low) / (self.high - self.low)


def _count(leads: int) -> str:
    return f"{leads // 1_000_000} M" if leads >= 1_000_000 else f"{leads // 1000} k"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _picture(width: int, height: int, title: str, body: Iterable[str]) -> str:
    rules = "\n".join(f"{selector} {{ {rule} }}" for selector, rule in RULES)
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {_tokens(DARK)} }} }}"
    style = f":root {{ {_tokens(LIGHT)} }}\n{dark}\n{rules}"
    parts = "\n".join((f"<title>{escape(title)}</title>", f"<style>\n{style}\n</style>", _sheet(width, height), *body))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'{head} role="img">\n{parts}\n</svg>\n'


def _sheet(width: int, height: int) -> str:
    return f'<rect class="sheet" width="{width}" height="{height}" rx="6"/>'


def _tokens(colors: dict[str, str]) -> str:
    return "; ".join(f"--{name}: {color}" for name, color in colors.items())
