"""The file form on an order's page: the choices, the last choice, and the submitted one."""

from dataclasses import dataclass
from itertools import groupby

from django.http import QueryDict

from marketplace.exports.columns import Column, columns_for
from marketplace.exports.presets import OWN, PRESETS, Preset
from marketplace.exports.shape import Shape, ShapeRefused, parts_of, shape_of
from marketplace.models import Export, Order

LAST = 999  # a column without a position goes after those that have one


@dataclass(frozen=True)
class ColumnChoice:
    """A column the buyer can choose, with its position last time."""

    column: Column
    position: int | None


def presets_for(order: Order) -> list[tuple[Preset, int]]:
    """Return every preset with the number of files that this order needs."""
    return [(preset, parts_of(order, preset)) for preset in PRESETS.values()]


def usual_shape(order: Order) -> Shape:
    """Return the shape of this buyer's last file of any order; plain CSV if there is none or it doesn't fit here."""
    last = Export.objects.filter(order__buyer=order.buyer_id).first()
    try:
        return shape_of(order, last.preset, last.format, last.columns) if last else shape_of(order)
    except ShapeRefused:
        return shape_of(order)


def column_groups(order: Order) -> list[tuple[str, list[ColumnChoice]]]:
    """Return the columns by group, with their positions in the buyer's last file with own columns."""
    last = Export.objects.filter(order__buyer=order.buyer_id, preset=OWN).first()
    positions = {name: position for position, name in enumerate(last.columns if last else (), 1)}
    choices = [ColumnChoice(column, positions.get(name)) for name, column in columns_for(order).items()]
    return [(group, list(found)) for group, found in groupby(choices, key=lambda choice: choice.column.group)]


def shape_asked(order: Order, asked: QueryDict) -> Shape:
    """Return the shape that a submitted form asks for. Raises ShapeRefused."""
    preset = asked.get("preset", "")
    columns = sorted(asked.getlist("columns"), key=lambda name: _number(asked.get(f"position_{name}"), LAST))
    part = _number(asked.get("part"), 1)
    return shape_of(order, preset, asked.get("format", ""), columns if preset == OWN else (), part)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 4 else otherwise
