"""Labels: the answers a buyer may read before buying a lead, in words.

Exact amounts could identify a person, so money is shown as a band whose width is a fifth of its leading digit's place:
$553,000 becomes $540–560k. Sensitive answers and free text are not shown at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from leads.schema.fields import Field, FieldType, Schema


@dataclass(frozen=True)
class ShownAnswer:
    """One answer as a buyer sees it before the sale."""

    name: str
    label: str
    text: str


def shown_answers(attributes: Mapping[str, Any], schema: Schema) -> Iterator[ShownAnswer]:
    """Yield the person's answers that may be shown before the sale, in the schema's order."""
    for field in schema.shown:
        if (value := attributes.get(field.name)) is not None:
            yield ShownAnswer(field.name, field.label, shown_text(field, value))


def shown_text(field: Field, value: object) -> str:
    if field.type == FieldType.MONEY and isinstance(value, int | float):
        return money_band(value)
    if field.type == FieldType.RANGE and field.unit == "$" and isinstance(value, dict) and len(value) == 2:
        return _band(value["min"], value["max"])
    return field.display(value)


def money_band(dollars: float) -> str:
    """Return a band such as ``$540–560k`` for 553,000; only $0 is exact."""
    if dollars <= 0:
        return "$0"
    step = max(1, 2 * 10 ** (floor(log10(dollars)) - 1))
    low = int(dollars // step * step)
    return _band(low, low + step)


def _band(low: float, high: float) -> str:
    return f"${_short(low, high)}–{_short(high)}{_unit(high)}"


def _unit(dollars: float) -> str:
    return "M" if dollars >= 1_000_000 else "k" if dollars >= 10_000 else ""


def _short(dollars: float, beside: float | None = None) -> str:
    """Return the number without its unit; ``beside`` is the amount whose unit applies to both."""
    scale = {"M": 1_000_000, "k": 1_000, "": 1}[_unit(beside or dollars)]
    return f"{dollars / scale:,.10g}"


def headline_fields(schema: Schema) -> list[Field]:
    """Return up to four fields to show as list columns: the first choice, the first amount, and two more choices."""
    choices = [field for field in schema.shown if field.type == FieldType.CHOICE]
    amounts = [field for field in schema.shown if field.type in (FieldType.MONEY, FieldType.RANGE)]
    return [*choices[:1], *amounts[:1], *choices[1:3]]
