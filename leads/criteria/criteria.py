"""Criteria: one language for what somebody wants.

A Criteria describes the leads somebody wants from one vertical, as data::

    {"vertical": "mortgage", "all": [
        {"field": "state", "in": ["CA", "TX"]},
        {"field": "loan_amount", "min": 200000},
        {"field": "age_days", "min": 30, "max": 90},
        {"field": "channels", "has": ["call", "text"]},
        {"field": "incentive", "is": false},
        {"field": "near", "zip": "90210", "miles": 25}]}

It is evaluated in three ways, which property tests hold equal: ``as_q`` queries the database (the authority),
``accepts`` decides for one lead, and each clause's ``among`` is the set of leads in an in-memory index that satisfy it.
The fields are the common ones (``common_fields.py``) and the vertical's own. None reaches personal data: criteria can
only use what is in those two lists.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Q

from leads.criteria.clauses import CLAUSE_KINDS, Clause, CriteriaError
from leads.criteria.common_fields import ENVELOPE
from leads.criteria.filter_fields import FilterField, filter_field_of
from leads.listed import ListedLead
from leads.models.vertical import Vertical
from leads.schema.fields import Schema

MOST_CLAUSES = 40


@dataclass(frozen=True)
class Criteria:
    """The conditions a lead must meet, all of them. Build one with ``read_criteria`` or ``Criteria.anything``."""

    vertical: str
    clauses: tuple[Clause, ...]
    filter_fields: Mapping[str, FilterField]

    @classmethod
    def anything(cls, vertical: Vertical) -> "Criteria":
        """Return criteria that accept every lead of the vertical."""
        return cls(vertical.slug, (), filter_fields_of(vertical.schema))

    def as_q(self, now: datetime) -> Q:
        """Return the query filter. ``price`` needs a queryset annotated with ``price_cents``."""
        return reduce(and_, (self.q_of(clause, now) for clause in self.clauses), Q(vertical__slug=self.vertical))

    def q_of(self, clause: Clause, now: datetime) -> Q:
        return self.filter_fields[clause.field].as_q(clause, now)

    def accepts(self, lead: ListedLead, now: datetime) -> bool:
        """Whether this lead meets the criteria."""
        return lead.vertical.slug == self.vertical and all(
            clause.accepts(self.filter_fields[clause.field].value_of(lead, now)) for clause in self.clauses
        )

    def without(self, field: str) -> "Criteria":
        """Return the same criteria without the clause on one field."""
        return Criteria(self.vertical, tuple(c for c in self.clauses if c.field != field), self.filter_fields)

    def of(self, field: str) -> Clause | None:
        """Return the clause on a field, if there is one."""
        return next((clause for clause in self.clauses if clause.field == field), None)

    def as_json(self) -> dict[str, Any]:
        return {"vertical": self.vertical, "all": [clause.as_json() for clause in self.clauses]}

    def sentences(self) -> Iterator[tuple[str, str]]:
        """Yield (field, the condition in words), for chips and receipts."""
        for clause in self.clauses:
            yield clause.field, self.filter_fields[clause.field].in_words(clause)


def filter_fields_of(schema: Schema) -> dict[str, FilterField]:
    """Return every field that criteria may use in a vertical with this schema, by name."""
    return {**ENVELOPE, **{item.name: filter_field_of(item) for item in schema.filterable}}


def read_criteria(order_request: Any, vertical_named: Callable[[str], Vertical | None]) -> Criteria:
    """Build a Criteria from its JSON form. Raises CriteriaError, whose ``field`` says where."""
    if not isinstance(order_request, dict) or set(order_request) - {"vertical", "all"}:
        raise CriteriaError("criteria", "Criteria must be an object with “vertical” and “all”.")
    vertical = vertical_named(str(order_request.get("vertical", "")))
    if vertical is None:
        raise CriteriaError("vertical", "There is no such vertical.")
    clauses = order_request.get("all", [])
    if not isinstance(clauses, list) or len(clauses) > MOST_CLAUSES:
        raise CriteriaError("all", f"“all” must be a list of at most {MOST_CLAUSES} clauses.")
    filter_fields = filter_fields_of(vertical.schema)
    return Criteria(vertical.slug, _once_each(read_clause(item, filter_fields) for item in clauses), filter_fields)


def read_clause(item: Any, filter_fields: Mapping[str, FilterField]) -> Clause:
    """Build one clause from its JSON form. Raises CriteriaError."""
    name = item.get("field") if isinstance(item, dict) else None
    if not isinstance(name, str) or name not in filter_fields:
        raise CriteriaError(str(name)[:40], "You cannot filter by this field here.")
    said = {key: value for key, value in item.items() if key != "field"}
    filter_field = filter_fields[name]
    kind = CLAUSE_KINDS[filter_field.kind]
    return filter_field.check(kind.read(name, said))


def _once_each(clauses: Iterator[Clause]) -> tuple[Clause, ...]:
    found: dict[str, Clause] = {}
    for clause in clauses:
        if clause.field in found:
            raise CriteriaError(clause.field, "Use this field only once.")
        found[clause.field] = clause
    return tuple(found.values())
