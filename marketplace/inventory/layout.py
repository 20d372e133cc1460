"""The columns of a vertical's stock, and how the database reads each from a lead.

Every column is a fixed-width number and never NULL, so that rows arrive in PostgreSQL's binary format and are used as
they are: ten million leads without a Python object each.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from leads.models import PhoneType, Vertical
from leads.places import STATES
from leads.schema.fields import Field, FieldType, Schema

STATE_CODES = ("", *sorted(STATES))
"""A state's number is its index here; 0 means no state."""
PHONE_TYPES = ("", *PhoneType.values)
BITS = 62
NO_DATE = -(2**31)
CENTURY = 20_000_000
"""Subtracted from a date's YYYYMMDD, so that it fits a narrow number."""


@dataclass(frozen=True)
class Item:
    """One column: its name, its type on the wire, and the SQL that reads it."""

    name: str
    wire: str
    expression: sql.Composable


@dataclass(frozen=True)
class Layout:
    """The columns of one version of a vertical's fields."""

    items: tuple[Item, ...]
    fields: tuple[Field, ...]

    @property
    def own(self) -> tuple[Item, ...]:
        """The columns that only this vertical has."""
        return self.items[len(ENVELOPE) :]

    @property
    def signature(self) -> str:
        """A hash that differs if the columns differ, or if they are read differently."""
        said = [[item.name, item.wire, repr(item.expression)] for item in self.items]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    @classmethod
    def of(cls, schema: Schema) -> "Layout":
        fields = schema.filterable
        own = (item for field in fields for item in _items_of(field))
        return cls((*ENVELOPE, *own), fields)


def schema_id(vertical: Vertical) -> int:
    """Return the id of the current version of the vertical's fields; 0 if it has none."""
    return vertical.newest_schema.pk if vertical.newest_schema else 0


def _item(name: str, wire: str, expression: LiteralString) -> Item:
    return Item(name, wire, sql.SQL(expression))


def _place_in(values: tuple[str, ...], expression: sql.Composable) -> sql.Composable:
    """Return SQL for the value's index in the list, whose first entry stands for everything else: 0 if not listed."""
    listed = sql.SQL("ARRAY[{}]::text[]").format(sql.SQL(", ").join(map(sql.Literal, values[1:])))
    return sql.SQL("coalesce(array_position({}, {}), 0)::int2").format(listed, expression)


def _place_of_state() -> sql.Composable:
    """Return the same for two-letter codes, but faster: 60 comparisons per lead took a tenth of the reading time."""
    listed = sql.Literal(f",{','.join(STATE_CODES[1:])},")
    return sql.SQL("(coalesce(strpos({}, ',' || nullif(lead.state, '') || ','), 0) + 2)::int2 / 3::int2").format(listed)


ENVELOPE = (
    _item("id", "i8", "lead.id"),
    _item("captured", "i8", "lead.captured_at"),
    Item("state", "i2", _place_of_state()),
    _item("zip", "i4", "coalesce(nullif(lead.postal_code, '')::int4, -1)"),
    _item("source", "i8", "lead.source_id"),
    Item("phone_type", "i2", _place_in(PHONE_TYPES, sql.SQL("lead.phone_type::text"))),
    _item("times_sold", "i2", "lead.times_sold::int2"),
    _item("legs_left", "i2", "lead.legs_left::int2"),
    _item("text", "i8", "consent.text_id"),
    _item("retained", "i4", "coalesce(consent.retained_until - date '2000-01-01', -2147483648)"),
)


def _items_of(field: Field) -> Iterator[Item]:
    """Yield one column per field; two for a range; one per ``BITS`` choices if several answers are allowed."""
    answer = sql.SQL("(lead.attributes -> {})").format(sql.Literal(field.name))
    text = sql.SQL("(lead.attributes ->> {})").format(sql.Literal(field.name))
    match field.type:
        case FieldType.CHOICE:
            yield Item(field.name, "i2", _place_in(("", *field.choices), text))
        case FieldType.CHOICES:
            for number, keys in enumerate(parts_of(field)):
                yield Item(f"{field.name}.{number}", "i8", _bits(answer, keys))
        case FieldType.FLAG:
            yield Item(field.name, "i2", _place_in(("", "false", "true"), sql.SQL("{}::text").format(answer)))
        case FieldType.NUMBER | FieldType.MONEY:
            yield Item(field.name, "f8", _number(answer))
        case FieldType.DATE:
            yield Item(field.name, "i4", _date(text))
        case FieldType.RANGE:
            for end in ("min", "max"):
                yield Item(f"{field.name}.{end}", "f8", _end(answer, end))


def parts_of(field: Field) -> list[list[str]]:
    """Return the field's choices in groups of as many as a column has bits."""
    keys = list(field.choices)
    return [keys[start : start + BITS] for start in range(0, len(keys), BITS)]


def _bits(answer: sql.Composable, keys: list[str]) -> sql.Composable:
    bits = [
        sql.SQL("CASE WHEN {} @> {}::jsonb THEN {}::int8 ELSE 0 END").format(
            answer, sql.Literal(f'["{key}"]'), sql.Literal(1 << place)
        )
        for place, key in enumerate(keys)
    ]
    return sql.SQL("({})").format(sql.SQL(" | ").join(bits))


def _number(answer: sql.Composable) -> sql.Composable:
    return sql.SQL("coalesce(CASE WHEN jsonb_typeof({0}) = 'number' THEN {0}::float8 END, 'NaN')").format(answer)


def _date(text: sql.Composable) -> sql.Composable:
    """Return SQL for YYYYMMDD as a number, which sorts as the text does."""
    return sql.SQL(
        r"coalesce(CASE WHEN {0} ~ '^\d{{4}}-\d\d-\d\d$' THEN replace({0}, '-', '')::int4 - {1} END, {2})"
    ).format(text, sql.Literal(CENTURY), sql.Literal(NO_DATE))


def _end(answer: sql.Composable, end: str) -> sql.Composable:
    """Return SQL for one end of a range: infinite if open, NaN if there is no range at all."""
    open_end = sql.Literal("-Infinity" if end == "min" else "Infinity")
    return sql.SQL("CASE WHEN jsonb_typeof({0}) = 'object' THEN {1} ELSE 'NaN' END").format(
        answer,
        sql.SQL(
            "coalesce(CASE WHEN jsonb_typeof({0} -> {1}) = 'number' THEN ({0} -> {1})::float8 END, {2}::float8)"
        ).format(answer, sql.Literal(end), open_end),
    )
