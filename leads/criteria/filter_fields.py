"""The fields that criteria can use: each with its label, its SQL filter and its value on one lead."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from leads.criteria.clauses import AllOf, Between, Clause, CriteriaError, Is, Near, OneOf
from leads.listed import ListedLead
from leads.schema.fields import Field, FieldType

KIND_OF_TYPE = {
    FieldType.CHOICE: "in",
    FieldType.CHOICES: "in",
    FieldType.FLAG: "is",
    FieldType.NUMBER: "span",
    FieldType.MONEY: "span",
    FieldType.RANGE: "span",
    FieldType.DATE: "span",
}


@dataclass(frozen=True)
class FilterField:
    """``kind`` is the kind of clause. ``choices`` lists the allowed values, if that is a closed list;
    ``lowest`` and ``highest`` bound the numbers."""

    name: str
    label: str
    kind: str
    as_q: Callable[[Any, datetime], Q]
    value_of: Callable[[ListedLead, datetime], Any]
    choices: dict[str, str] | None = None
    lowest: float | None = None
    highest: float | None = None
    unit: str = ""
    is_date: bool = False
    whole: bool = False
    normalise: Callable[[str], str | None] | None = None

    def check(self, clause: Clause) -> Clause:
        """Return the clause in its normal form. Raises CriteriaError for a value that can never match."""
        match clause:
            case OneOf() | AllOf():
                return replace(clause, values=tuple(self._known(value) for value in clause.values))
            case Between(low=low, high=high):
                for end in (low, high):
                    self._check_end(end)
            case Near() if not clause.area:
                raise CriteriaError(self.name, "Enter a ZIP code that exists.")
        return clause

    def _known(self, value: str) -> str:
        known = self.normalise(value) if self.normalise else value
        if known is None or (self.choices is not None and known not in self.choices):
            raise CriteriaError(self.name, f"{self.label}: not a valid value.")
        return known

    def _check_end(self, end: float | str | None) -> None:
        if end is None:
            return
        if self.is_date:
            _check_date(self.name, end)
        elif isinstance(end, str):
            raise CriteriaError(self.name, f"{self.label}: enter a number.")
        elif self.whole and end != int(end):
            raise CriteriaError(self.name, f"{self.label}: enter a whole number.")
        elif (self.lowest is not None and end < self.lowest) or (self.highest is not None and end > self.highest):
            low, high = (f"{bound:,g}" if bound is not None else "…" for bound in (self.lowest, self.highest))
            raise CriteriaError(self.name, f"{self.label}: enter a number from {low} to {high}.")

    def in_words(self, clause: Clause) -> str:
        """Return the condition in words, as a chip shows it."""
        match clause:
            case OneOf(values=values):
                return " or ".join(self._label(value) for value in values[:4]) + (" …" if len(values) > 4 else "")
            case AllOf(values=values):
                return f"{self.label}: {' and '.join(self._label(value) for value in values)}"
            case Is(answer=answer):
                return f"{self.label}: {'yes' if answer else 'no'}"
            case Between(low=low, high=high):
                return f"{self.label} {self._span_in_words(low, high)}"
            case Near(postal_code=postal_code, miles=miles):
                return f"within {miles:g} miles of {postal_code}"
        return self.label

    def _label(self, value: str) -> str:
        return (self.choices or {}).get(value, value)

    def _span_in_words(self, low: float | str | None, high: float | str | None) -> str:
        if low == high:
            return self._amount(low)
        if low is None:
            return f"up to {self._amount(high)}"
        return f"from {self._amount(low)}" if high is None else f"{self._amount(low)} to {self._amount(high)}"

    def _amount(self, end: float | str | None) -> str:
        if isinstance(end, str) or end is None:
            return str(end)
        if self.unit == "cents":
            return f"${end / 100:,.2f}"
        return f"${end:,.0f}" if self.unit == "$" else f"{end:,g} {self.unit}".strip()


def _check_date(name: str, end: float | str) -> None:
    try:
        written = date.fromisoformat(str(end)).isoformat()
    except ValueError:
        written = ""
    if written != end:  # Python also reads 20261122 and 2026-W47-7, which sort differently as text
        raise CriteriaError(name, "Enter a date, such as 2026-11-22.")


def column_span(path: str) -> Callable[[Between, datetime], Q]:
    """Return the SQL filter for a from–to clause on a column, or on an answer that sorts the way it reads."""

    def as_q(clause: Between, now: datetime) -> Q:
        wanted = Q()
        if clause.low is not None:
            wanted &= Q(**{f"{path}__gte": clause.low})
        if clause.high is not None:
            wanted &= Q(**{f"{path}__lte": clause.high})
        return wanted

    return as_q


def column_in(path: str) -> Callable[[OneOf, datetime], Q]:
    """Return the SQL filter for a one-of clause on a column or a single-value answer."""
    return lambda clause, now: Q(**{f"{path}__in": clause.values})


def filter_field_of(item: Field) -> FilterField:
    """Return the filter field for one of a vertical's own fields."""
    money = item.type == FieldType.MONEY or item.unit == "$"
    return FilterField(
        name=item.name,
        label=item.label,
        kind=KIND_OF_TYPE[item.type],
        as_q=_ATTRIBUTE_READINGS.get(item.type, column_span)(f"attributes__{item.name}"),
        value_of=lambda lead, now: lead.attributes.get(item.name),
        choices=item.choices or None,
        lowest=item.minimum,
        highest=item.maximum,
        unit="$" if money else item.unit,
        is_date=item.type == FieldType.DATE,
    )


def _attribute_any(path: str) -> Callable[[OneOf, datetime], Q]:
    return lambda clause, now: reduce(or_, (Q(**{f"{path}__contains": [value]}) for value in clause.values))


def _attribute_is(path: str) -> Callable[[Is, datetime], Q]:
    # The lookup is explicit, so that a field's own name is never mistaken for one.
    return lambda clause, now: Q(**{f"{path}__exact": clause.answer})


def _attribute_touches(path: str) -> Callable[[Between, datetime], Q]:
    def as_q(clause: Between, now: datetime) -> Q:
        wanted = Q(**{f"{path}__isnull": False})
        if clause.low is not None:
            wanted &= Q(**{f"{path}__max__gte": clause.low}) | Q(**{f"{path}__max__isnull": True})
        if clause.high is not None:
            wanted &= Q(**{f"{path}__min__lte": clause.high}) | Q(**{f"{path}__min__isnull": True})
        return wanted

    return as_q


_ATTRIBUTE_READINGS: dict[FieldType, Callable[[str], Callable[[Any, datetime], Q]]] = {
    FieldType.CHOICE: column_in,
    FieldType.CHOICES: _attribute_any,
    FieldType.FLAG: _attribute_is,
    FieldType.RANGE: _attribute_touches,
}
