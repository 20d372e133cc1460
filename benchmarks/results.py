"""Results: the figures of each size as JSON lines under ``docs/benchmarks``, and the charts drawn from them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.drawing import draw_goals, draw_growth
from benchmarks.figures import Figure

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"
Line = dict[str, Any]


def line_of(figure: Figure, leads: int, machine: str, day: str) -> Line:
    return {**figure.as_dict(), "key": figure.key, "leads": leads, "machine": machine, "measured": day}


def as_json(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False)


def keep(lines: Iterable[Line], leads: int) -> None:
    """Save these lines. A figure measured again replaces its old line; the others stay unchanged."""
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{leads}.jsonl"
    known = {line["key"]: line for line in _read(file)}
    known |= {line["key"]: line for line in lines}
    file.write_text("".join(f"{as_json(line)}\n" for line in known.values()))
    draw()


def draw() -> None:
    """Draw each size against its goals, and every figure measured at more than one size."""
    sizes = {int(file.stem): _read(file) for file in FOLDER.glob("*.jsonl")}
    for leads, lines in sizes.items():
        (FOLDER / f"{leads}.svg").write_text(draw_goals(lines, leads))
    (FOLDER / "growth.svg").write_text(draw_growth(dict(sorted(sizes.items()))))


def _read(file: Path) -> list[Line]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
