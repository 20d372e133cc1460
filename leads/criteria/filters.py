"""A FilterSet built from a vertical's schema reads Criteria from parameters, for the page's form and for the API.

Parameters: ``state=CA&state=TX`` (any of), ``loan_amount_min=…&loan_amount_max=…`` (from–to), ``first_time=true``,
``channels=call&channels=text`` (all of), ``near=90210&miles=25``, ``postal_code=90210,90211``. Ages are ``age_min`` and
``age_max`` in days, prices ``price_min`` and ``price_max`` in dollars. Anything else is refused, never ignored.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import django_filters
from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from leads.criteria.clauses import FARTHEST_MILES, AllOf, Between, Clause, CriteriaError, Is, Near, OneOf
from leads.criteria.criteria import Criteria, filter_fields_of, read_clause
from leads.criteria.filter_fields import FilterField
from leads.models import Lead, Vertical
from leads.models.lead import LeadQuerySet

SHORT_NAMES = {"age_days": "age"}
LONGEST_VALUE = 200
LONGEST_LIST = 6000
USUAL_MILES = 25.0
MOST_PARAMETERS = 300
YES_NO = [("true", "Yes"), ("false", "No")]
NOT_ONE = {"invalid_choice": "Choose one of the listed values."}  # Django's message repeats the input


class FilterRefused(ValueError):
    """The parameters are invalid. ``fields`` maps a parameter to sentences."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(said)}" for name, said in fields.items()))
        self.fields = fields


class ListField(forms.CharField):
    """Values separated by commas or spaces, or sent several times."""

    widget = forms.TextInput

    def clean(self, value: Any) -> list[str]:
        return str(super().clean(value)).replace(",", " ").split()


class CriteriaFilterSet(django_filters.FilterSet):
    """One vertical's filters. ``criteria`` is what they ask for, ``qs`` the leads that satisfy it; subclasses are made
    by ``filters_of``."""

    vertical: Vertical
    filter_fields: dict[str, FilterField]

    class Meta:
        model = Lead
        fields: list[str] = []

    def __init__(self, data: QueryDict, queryset: LeadQuerySet | None = None, *, now: datetime | None = None) -> None:
        """Only what was asked needs a filter and a field: each is copied for a form, and there are dozens."""
        self.__dict__["base_filters"] = {name: made for name, made in type(self).base_filters.items() if name in data}
        self.now = now or timezone.now()
        super().__init__(data, queryset)

    def filter_queryset(self, queryset: LeadQuerySet) -> LeadQuerySet:
        """The Criteria's reading in SQL. ``price`` needs leads annotated with ``price_cents``. Raises FilterRefused."""
        return queryset.filter(self.criteria.as_q(self.now))

    @cached_property
    def criteria(self) -> Criteria:
        """What the parameters ask for. Raises FilterRefused."""
        if not self.is_valid():
            raise FilterRefused({name: [str(e) for e in errors] for name, errors in self.form.errors.items()})
        said = self.form.cleaned_data
        clauses = []
        for name, filter_field in self.filter_fields.items():
            item = {
                key: value
                for key, value in _SAID[filter_field.kind](filter_field, said).items()
                if value not in (None, "", [])
            }
            try:
                clauses += [read_clause({"field": name, **item}, self.filter_fields)] if item else []
            except CriteriaError as error:
                raise FilterRefused({next(iter(parameters_of(filter_field))): [error.message]}) from error
        return Criteria(self.vertical.slug, tuple(clauses), self.filter_fields)


def read_filters(
    vertical: Vertical,
    data: QueryDict,
    leads: LeadQuerySet | None = None,
    *,
    besides: Iterable[str] = (),
    now: datetime | None = None,
) -> CriteriaFilterSet:
    """The vertical's filters with these parameters, over these leads. ``besides`` names parameters that are no filters.

    Raises FilterRefused for parameters that are unknown, repeated where only one is allowed, too many or too long.
    """
    filters = filters_of(vertical)
    _refuse_strange(filters.base_filters, data, set(besides))
    return filters(_without_blanks(data), leads, now=now)


def _without_blanks(data: QueryDict) -> QueryDict:
    """A form without scripts also sends its empty inputs; they ask for nothing."""
    filled = QueryDict(mutable=True)
    for name, values in data.lists():
        filled.setlist(name, [value for value in values if value])
    return filled


def filters_of(vertical: Vertical) -> type[CriteriaFilterSet]:
    """Return the FilterSet class for a vertical's current schema."""
    schema = vertical.newest_schema
    key = (vertical.pk, schema.pk if schema else 0)
    if key not in _BUILT:
        _BUILT[key] = _build(vertical)
    return _BUILT[key]


# One class per version of a vertical's fields, because a version never changes.
_BUILT: dict[tuple[int, int], type[CriteriaFilterSet]] = {}


def _build(vertical: Vertical) -> type[CriteriaFilterSet]:
    filter_fields = filter_fields_of(vertical.schema)
    declared = {name: made for filter_field in filter_fields.values() for name, made in _filters_for(filter_field)}
    named = f"{vertical.slug.title().replace('-', '')}Filters"
    return type(named, (CriteriaFilterSet,), {**declared, "vertical": vertical, "filter_fields": filter_fields})


def parameters_of(filter_field: FilterField) -> tuple[str, ...]:
    """The names under which a field is filtered in a query string."""
    short = SHORT_NAMES.get(filter_field.name, filter_field.name)
    if filter_field.kind == "span":
        return (f"{short}_min", f"{short}_max")
    return ("near", "miles") if filter_field.kind == "near" else (short,)


def _uncopied(choices: Mapping[str, str]) -> Callable[[], list[tuple[str, str]]]:
    """Return the choices as a callable, which is not copied for each form: copying fifty states takes longer
    than the rest of the form."""
    pairs = list(choices.items())
    return lambda: pairs


def _filters_for(filter_field: FilterField) -> Iterator[tuple[str, django_filters.Filter]]:
    names = parameters_of(filter_field)
    if filter_field.kind == "span":
        yield from ((name, _end_filter(filter_field)) for name in names)
    elif filter_field.kind == "near":
        yield "near", django_filters.CharFilter(label="Near a ZIP", max_length=5)
        yield "miles", django_filters.NumberFilter(label="Miles", min_value=0, max_value=FARTHEST_MILES)
    elif filter_field.kind == "is":
        yield names[0], django_filters.ChoiceFilter(label=filter_field.label, choices=YES_NO, error_messages=NOT_ONE)
    elif filter_field.choices is None:
        yield names[0], _ListFilter(label=filter_field.label, max_length=LONGEST_LIST)
    else:
        yield (
            names[0],
            django_filters.MultipleChoiceFilter(
                label=filter_field.label, choices=_uncopied(filter_field.choices), error_messages=NOT_ONE
            ),
        )


class _ListFilter(django_filters.Filter):
    field_class = ListField


def _end_filter(filter_field: FilterField) -> django_filters.Filter:
    if filter_field.is_date:
        return django_filters.DateFilter(label=filter_field.label)
    return django_filters.NumberFilter(label=filter_field.label, max_digits=16)


def _said_span(filter_field: FilterField, said: dict[str, Any]) -> dict[str, Any]:
    low, high = (_plain(filter_field, said.get(name)) for name in parameters_of(filter_field))
    return {"min": low, "max": high}


def _plain(filter_field: FilterField, end: Any) -> Any:
    if end is None:
        return None
    if not isinstance(end, Decimal):
        return end.isoformat()
    amount = end * 100 if filter_field.unit == "cents" else end
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _said_near(filter_field: FilterField, said: dict[str, Any]) -> dict[str, Any]:
    if not said.get("near") and said.get("miles") is None:
        return {}
    miles = said.get("miles")
    return {"zip": said.get("near") or "?", "miles": USUAL_MILES if miles is None else float(miles)}


_SAID: dict[str, Any] = {
    "in": lambda filter_field, said: {"in": said.get(filter_field.name) or []},
    "has": lambda filter_field, said: {"has": said.get(filter_field.name) or []},
    "is": lambda filter_field, said: {"is": {"true": True, "false": False}.get(said.get(filter_field.name) or "")},
    "span": _said_span,
    "near": _said_near,
}


def _refuse_strange(known: dict[str, django_filters.Filter], data: MultiValueDict[str, str], besides: set[str]) -> None:
    if sum(len(values) for _, values in data.lists()) > MOST_PARAMETERS:
        raise FilterRefused({"filters": [f"Send at most {MOST_PARAMETERS} values."]})
    several = {name for name, made in known.items() if isinstance(made, django_filters.MultipleChoiceFilter)}
    for name, values in data.lists():
        if name not in known and name not in besides:
            raise FilterRefused({name[:40]: ["This filter does not exist."]})
        if len(values) > 1 and name not in several | {"lead"}:
            raise FilterRefused({name: ["Use this filter only once."]})
        longest = LONGEST_LIST if isinstance(known.get(name), _ListFilter) else LONGEST_VALUE
        if any(len(value) > longest or "\x00" in value for value in values):
            raise FilterRefused({name: ["This value is too long or is not text."]})


def query_of(criteria: Criteria) -> list[tuple[str, str]]:
    """The parameters that ask for the same: the way back from a Criteria to a URL."""
    return [pair for clause in criteria.clauses for pair in _pairs(criteria.filter_fields[clause.field], clause)]


def _pairs(filter_field: FilterField, clause: Clause) -> Iterator[tuple[str, str]]:
    names = parameters_of(filter_field)
    match clause:
        case OneOf(values=values) | AllOf(values=values) if filter_field.choices is not None:
            yield from ((names[0], value) for value in values)
        case OneOf(values=values) | AllOf(values=values):
            yield names[0], ",".join(values)
        case Is(answer=answer):
            yield names[0], "true" if answer else "false"
        case Between(low=low, high=high):
            yield from (
                (name, _written(filter_field, end))
                for name, end in zip(names, (low, high), strict=True)
                if end is not None
            )
        case Near(postal_code=postal_code, miles=miles):
            yield "near", postal_code
            yield "miles", f"{miles:g}"


def _written(filter_field: FilterField, end: float | str) -> str:
    if isinstance(end, str):
        return end
    return f"{end / 100:.2f}" if filter_field.unit == "cents" else f"{end:.10g}"
