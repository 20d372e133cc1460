"""Templates are read by people: a line fits on a screen, and what only a browser reads is a file of its own."""

from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
LONGEST_LINE = 160


def is_drawing(path):
    """Whether a template is nothing but the data of a drawing, whose lines may be as long as a path is."""
    return path.name == "_icons.html" or (path.name.startswith("_drawing_") and path.suffix == ".html")


def test_no_template_line_is_longer_than_160_characters():
    read = [path for path in sorted(TEMPLATES.rglob("*")) if path.is_file() and not is_drawing(path)]

    too_long = [
        f"{path.relative_to(TEMPLATES)}:{number} has {len(line)}"
        for path in read
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LONGEST_LINE
    ]

    assert len(read) > 150
    assert too_long == []


def test_a_drawing_holds_a_drawing_and_nothing_else():
    drawings = [path for path in sorted(TEMPLATES.rglob("*")) if is_drawing(path)]

    assert len(drawings) > 8
    for path in drawings:
        text = path.read_text().strip()
        assert text.startswith("<svg") and text.endswith("</svg>"), path
        assert "{" not in text, path
