"""Plausible answers to a vertical's questions, drawn from the shapes in ``answers.json``.

A shape depends on the field's type: weights of the choices, in order; percentages for multiple choices; the chance of
a yes; ``[lowest, typical, highest, step]`` for a number, amount or range, with the spread as an optional fifth; the
``[first, last]`` day of a date, counted from the request; a list of texts. ``only_for`` names the answers a question
depends on.
"""

import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

from leads.models import FieldSchema
from leads.schema.fields import Field, FieldType

SHAPES = Path(__file__).parent / "answers.json"
LEFT_BLANK = 0.04
SPREAD = 0.55  # of the logarithm: incomes and loans skew to the right

Draw: TypeAlias = Callable[[random.Random, date], Any]


class Answers:
    """Draws answers to one version of a vertical's questions. Fields without a shape stay blank."""

    def __init__(self, schema: FieldSchema) -> None:
        shapes = json.loads(SHAPES.read_text())[schema.vertical.slug]
        self.schema = schema
        self.only_for: dict[str, dict[str, list[Any]]] = shapes.pop("only_for", {})
        self.draws = {item.name: _draw(item, shapes[item.name]) for item in schema.parsed if item.name in shapes}

    def draw(self, chance: random.Random, asked_on: date) -> dict[str, Any]:
        drawn = {name: draw(chance, asked_on) for name, draw in self.draws.items() if chance.random() > LEFT_BLANK}
        return {name: value for name, value in drawn.items() if self._makes_sense(name, drawn)}

    def _makes_sense(self, name: str, drawn: dict[str, Any]) -> bool:
        return all(drawn.get(other) in values for other, values in self.only_for.get(name, {}).items())


def _draw(item: Field, shape: Any) -> Draw:
    match item.type:
        case FieldType.CHOICE:
            return partial(_one, list(item.choices), list(accumulate(shape)))
        case FieldType.CHOICES:
            return partial(_some, dict(zip(item.choices, shape, strict=True)))
        case FieldType.FLAG:
            return partial(_flag, shape)
        case FieldType.DATE:
            return partial(_day, *shape)
        case FieldType.TEXT:
            return partial(_one, shape, list(range(1, len(shape) + 1)))
        case FieldType.RANGE:
            return partial(_band, *shape)
        case _:
            return partial(_amount, shape[:4], shape[4] if len(shape) > 4 else SPREAD)


def _one(values: list[str], weights: list[float], chance: random.Random, _: date) -> str:
    return chance.choices(values, cum_weights=weights)[0]


def _some(percents: dict[str, float], chance: random.Random, _: date) -> list[str]:
    return [key for key, percent in percents.items() if chance.random() * 100 < percent]


def _flag(share: float, chance: random.Random, _: date) -> bool:
    return chance.random() < share


def _day(first: int, last: int, chance: random.Random, asked_on: date) -> str:
    return (asked_on + timedelta(days=chance.randint(first, last))).isoformat()


def _amount(shape: list[float], spread: float, chance: random.Random, _: date) -> float:
    lowest, typical, highest, step = shape
    drawn = min(max(typical * chance.lognormvariate(0, spread), lowest), highest)
    return round(round(drawn / step) * step, 3)


def _band(lowest: int, typical: int, highest: int, width: int, chance: random.Random, _: date) -> dict[str, int]:
    drawn = min(max(typical * chance.lognormvariate(0, SPREAD), lowest), highest - 1)
    start = int(drawn // width) * width
    return {"min": max(start, lowest), "max": start + width}
