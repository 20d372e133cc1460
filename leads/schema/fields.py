"""A vertical's fields: their types, how a value is read from text, and what a schema is.

A schema is data: a JSON list of fields, versioned per vertical. Values are stored in ``Lead.attributes``:

=========  =================================================================
choice     the choice's key, a string
choices    a list of keys, in the schema's order
number     a JSON number
money      whole dollars, an integer (people's loans; our own prices are in cents)
flag       true or false
date       ``YYYY-MM-DD``
text       a string; never filterable
range      ``{"min": 100000, "max": 150000}``; an open end is omitted
=========  =================================================================
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Any

from django.db import models


class FieldType(models.TextChoices):
    CHOICE = "choice", "Choice (one)"
    CHOICES = "choices", "Choices (several)"
    NUMBER = "number", "Number"
    MONEY = "money", "Money (whole dollars)"
    FLAG = "flag", "Yes or no"
    DATE = "date", "Date"
    TEXT = "text", "Text"
    RANGE = "range", "Range (from–to)"


RANGED = {FieldType.NUMBER, FieldType.MONEY, FieldType.RANGE, FieldType.DATE}
CHOOSING = {FieldType.CHOICE, FieldType.CHOICES}
LONGEST_TEXT = 200
UNSPOKEN = re.compile(r"[^a-z0-9+<>]+")
LARGEST = Decimal(10) ** 12
DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y", "%Y%m%d")
YES = {"y", "yes", "true", "t", "1", "x", "on"}
# Spreadsheets run a cell that starts with these; the escapes are the full-width versions of = + - @ %.
FORMULA_STARTS = "=+-@|% \uff1d\uff0b\uff0d\uff20\uff05"
FORMULA = re.compile(r"\W*[=\uff1d]|[+@\uff0b\uff20-]+\s*[A-Za-z.]+[(|]")
NO = {"n", "no", "false", "f", "0", "off"}


class BadValue(ValueError):
    """The text is not a valid value for the field. The message gives the reason, never the value."""


@dataclass(frozen=True)
class Field:
    """One question on a form. ``choices`` maps keys to labels; the bounds apply to number, money and range."""

    name: str
    label: str
    type: FieldType
    choices: dict[str, str] = field(default_factory=dict)
    unit: str = ""
    filterable: bool = False
    sensitive: bool = False
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[str, ...] = ()

    @property
    def shown_before_sale(self) -> bool:
        """Whether it is shown before the sale: not if sensitive, or free text (people write their names into it)."""
        return not self.sensitive and self.type != FieldType.TEXT

    @property
    def can_filter(self) -> bool:
        return self.filterable and self.shown_before_sale

    @cached_property
    def keys_by_spelling(self) -> dict[str, str]:
        """Keys by the loose spelling of the key and of its label; the first choice wins."""
        spelled = [(_loose(text), key) for key, label in self.choices.items() for text in (key, label)]
        return dict(reversed(spelled))

    def read(self, raw: str) -> Any:
        """Return the value that ``raw`` stands for. Raises BadValue."""
        value = _READERS[self.type](self, raw.strip())
        for bound in _numbers_of(value):
            if self.minimum is not None and bound < self.minimum:
                raise BadValue("is below the minimum for this field")
            if self.maximum is not None and bound > self.maximum:
                raise BadValue("is above the maximum for this field")
        return value

    def display(self, value: Any) -> str:
        """Return the value as people read it."""
        match self.type:
            case FieldType.CHOICE:
                return self.choices.get(value, str(value))
            case FieldType.CHOICES:
                return ", ".join(self.choices.get(key, str(key)) for key in value)
            case FieldType.FLAG:
                return "Yes" if value else "No"
            case FieldType.MONEY:
                return f"${value:,}"
            case FieldType.RANGE:
                return _display_range(value, self.unit)
            case _:
                return f"{value} {self.unit}".strip()


@dataclass(frozen=True)
class Schema:
    """The fields of one version, in order."""

    fields: tuple[Field, ...]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> "Schema":
        return cls(tuple(_field_from_json(item) for item in items))

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {item.name: item for item in self.fields}

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    @property
    def filterable(self) -> tuple[Field, ...]:
        return tuple(item for item in self.fields if item.can_filter)

    @property
    def shown(self) -> tuple[Field, ...]:
        return tuple(item for item in self.fields if item.shown_before_sale)

    def as_shown_by(self, newest: "Schema") -> "Schema":
        """Return the fields shown before the sale; what a newer version hid or dropped is hidden in old leads too."""
        shown = {item.name for item in newest.shown}
        return Schema(tuple(item for item in self.shown if item.name in shown))


def _field_from_json(item: dict[str, Any]) -> Field:
    known = {key: value for key, value in item.items() if key in Field.__dataclass_fields__}
    return Field(
        **{
            **known,
            "type": FieldType(item["type"]),
            "choices": dict(item.get("choices", {})),
            "aliases": tuple(item.get("aliases", ())),
        }
    )


def stored_form(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the fields as the database stores them: choices as pairs, because jsonb loses the order of keys."""
    return [
        {**item, "choices": [list(pair) for pair in dict(item["choices"]).items()]} if item.get("choices") else item
        for item in items
    ]


def _read_choice(item: Field, raw: str) -> str:
    key = item.keys_by_spelling.get(_loose(raw))
    if key is None:
        raise BadValue("is not one of the choices")
    return key


def _read_choices(item: Field, raw: str) -> list[str]:
    parts = [part for part in re.split(r"[,;|]", raw) if part.strip()]
    chosen = {_read_choice(item, part) for part in parts}
    return [key for key in item.choices if key in chosen]


def _read_number(item: Field, raw: str) -> int | float:
    number = _decimal(raw)
    return int(number) if number == number.to_integral_value() else float(number)


def _read_money(item: Field, raw: str) -> int:
    return int(_decimal(raw).quantize(Decimal(1), ROUND_HALF_UP))


def _read_flag(item: Field, raw: str) -> bool:
    if raw.lower() in YES:
        return True
    if raw.lower() in NO:
        return False
    raise BadValue("is not yes or no")


def _read_date(item: Field, raw: str) -> str:
    for pattern in DATE_FORMATS:
        try:
            return datetime.strptime(raw[:10], pattern).date().isoformat()  # noqa: DTZ007  (a date has no zone)
        except ValueError:
            continue
    raise BadValue("is not a valid date")


def _read_text(item: Field, raw: str) -> str:
    return plain_text(raw)


def plain_text(raw: str, longest: int = LONGEST_TEXT) -> str:
    """Return the text without control characters or anything a spreadsheet would run. Raises BadValue for a formula."""
    text = " ".join(raw.split())
    if not text.isprintable():
        text = "".join(character for character in text if character.isprintable())
    if FORMULA.match(text):
        raise BadValue("looks like a formula")
    return text.lstrip(FORMULA_STARTS)[:longest].rstrip()


def _read_range(item: Field, raw: str) -> dict[str, int]:
    text = raw.lower().replace("–", "-").replace(" to ", "-")
    upto = re.match(r"^(?:under|less than|up to|below|<=?)\s*(.+)$", text)
    over = re.match(r"^(?:over|more than|above|from|>=?)\s*(.+)$", text) or re.match(
        r"^(.+?)\s*(?:\+|or more|and up)$", text
    )
    if upto:
        return {"max": _read_money(item, upto[1])}
    if over:
        return {"min": _read_money(item, over[1])}
    low, dash, high = text.partition("-")
    ends = {"min": _read_money(item, low), "max": _read_money(item, high if dash else low)}
    if ends["min"] > ends["max"]:
        raise BadValue("has a minimum above its maximum")
    return ends


_READERS = {
    FieldType.CHOICE: _read_choice,
    FieldType.CHOICES: _read_choices,
    FieldType.NUMBER: _read_number,
    FieldType.MONEY: _read_money,
    FieldType.FLAG: _read_flag,
    FieldType.DATE: _read_date,
    FieldType.TEXT: _read_text,
    FieldType.RANGE: _read_range,
}


def _decimal(raw: str) -> Decimal:
    """Read ``$1,250.00``, ``250k``, ``1.2M`` and plain numbers; refuse ``1e5`` and signs in odd places."""
    match = re.fullmatch(r"(-?)\s*\$?\s*(\d{1,3}(?:,\d{3})+|\d+)?(\.\d+)?\s*([kKmM]?)%?", raw.strip())
    if not match or not (match[2] or match[3]):
        raise BadValue("is not a number")
    try:
        number = Decimal(f"{match[1]}{(match[2] or '0').replace(',', '')}{match[3] or ''}")
    except InvalidOperation as error:
        raise BadValue("is not a number") from error
    number *= {"k": 1000, "m": 1_000_000}.get(match[4].lower(), 1)
    if abs(number) > LARGEST:
        raise BadValue("is too large")
    return number


@lru_cache(maxsize=10_000)  # a file repeats the same few values
def _loose(text: str) -> str:
    return UNSPOKEN.sub(" ", text.lower()).strip()


def _numbers_of(value: Any) -> list[float]:
    if isinstance(value, dict):
        return list(value.values())
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _display_range(value: dict[str, int], unit: str) -> str:
    low, high = value.get("min"), value.get("max")
    money = "$" if unit == "$" else ""
    tail = "" if money else f" {unit}".rstrip()
    if low is None:
        return f"up to {money}{high:,}{tail}"
    if high is None:
        return f"{money}{low:,}{tail} or more"
    return f"{money}{low:,}–{high:,}{tail}" if low != high else f"{money}{low:,}{tail}"
