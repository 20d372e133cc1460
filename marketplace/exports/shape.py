"""The shape of a file: order, preset, columns, format and part. The same shape gives the same bytes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from marketplace.exports.columns import Column, columns_for
from marketplace.exports.presets import OWN, PRESETS, Preset
from marketplace.models import Export, Order
from marketplace.models.file import FileFormat

MOST_COLUMNS = 200


class ShapeRefused(ValueError):
    """There is no such file. ``field`` names the faulty field; the message is a sentence for the person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Shape:
    order: Order
    preset: Preset
    format: FileFormat
    chosen: tuple[str, ...] = ()
    part: int = 1

    @cached_property
    def columns(self) -> list[Column]:
        available = columns_for(self.order)
        return self.preset.pick({name: available[name] for name in self.chosen} if self.chosen else available)

    @property
    def first(self) -> int:
        """The number of the order's leads before this part."""
        return (self.part - 1) * (self.preset.limit or 0)

    @property
    def rows(self) -> int:
        left = self.order.filled - self.first
        return min(left, self.preset.limit) if self.preset.limit else left

    @property
    def parts(self) -> int:
        return parts_of(self.order, self.preset)

    @property
    def filename(self) -> str:
        part = f"-part{self.part}" if self.parts > 1 else ""
        ending = "xlsx" if self.format == FileFormat.XLSX else "csv"
        return f"remainder-{self.order.number}-{self.preset.name}{part}.{ending}"

    @property
    def query(self) -> str:
        """The shape as a query string."""
        return urlencode(
            [("preset", self.preset.name), ("format", self.format), ("part", self.part)]
            + [("columns", name) for name in self.chosen]
        )


def parts_of(order: Order, preset: Preset) -> int:
    return max(1, -(-order.filled // preset.limit)) if preset.limit else 1


def shape_of(
    order: Order, preset: str = "plain", format: str = FileFormat.CSV, columns: Iterable[str] = (), part: int = 1
) -> Shape:
    """Return the requested shape. Raises ShapeRefused."""
    if preset not in PRESETS:
        raise ShapeRefused("preset", f"Choose one of these presets: {', '.join(PRESETS)}.")
    found = PRESETS[preset]
    if format not in found.formats:
        raise ShapeRefused("format", f"{found.title} files come as {', '.join(item.value for item in found.formats)}.")
    parts = parts_of(order, found)
    if not 1 <= part <= parts:
        raise ShapeRefused("part", f"This file has {parts} part{'' if parts == 1 else 's'}.")
    chosen = tuple(dict.fromkeys(columns))
    _check_columns(order, found, chosen)
    return Shape(order, found, FileFormat(format), chosen, part)


def _check_columns(order: Order, preset: Preset, chosen: Sequence[str]) -> None:
    if preset.name != OWN:
        if chosen:
            raise ShapeRefused("columns", "Select columns only for the “own” preset; the others are fixed.")
        return
    if not chosen:
        raise ShapeRefused("columns", "Select at least one column.")
    if len(chosen) > MOST_COLUMNS or set(chosen) - columns_for(order).keys():
        raise ShapeRefused("columns", "This order does not have one of these columns.")


def shape_of_export(export: Export) -> Shape:
    """Return an export's shape. Raises ShapeRefused if it can no longer be written."""
    return shape_of(export.order, export.preset, export.format, export.columns, export.part)
