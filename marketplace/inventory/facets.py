"""Facets: how many leads each further choice would leave, each facet counted without its own filter.

The scan reads a row per lead with its facet values and, per clause of the criteria, whether it misses that clause.
A facet then counts the rows that miss nothing but, at most, the facet's own clause.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import (
    Case,
    DurationField,
    Expression,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import ExtractDay

from leads.clauses import Clause
from leads.envelope import LAPSING
from leads.fields import FieldType
from leads.wants import Want
from marketplace.inventory.shelf import Look
from marketplace.pricing import Curve

BARS = 40
UNCOUNTED = {"postal_code", "zip_prefix", "near", "legs_left", "price", "age_days"}
COLUMNS = {
    "state": "state",
    "phone_type": "phone_type",
    "kind": "source__kind",
    "grade": "source__grade",
    "incentive": "source__incentive",
    "times_sold": "times_sold",
    "channels": "consent__text__channels",
}


@dataclass
class Histogram:
    """Counts in equal steps from ``low`` to ``high``; the last bar holds all beyond."""

    low: float
    high: float
    bars: list[int]


@dataclass(frozen=True)
class AgeBand:
    """Stock of one tier of the curve. ``offered`` ignores the age filter; ``matching`` and ``proven`` do not."""

    from_day: int
    to_day: int | None
    price_cents: int
    offered: int
    matching: int
    proven: int


@dataclass
class Counts:
    """Everything the filter rail and the plot show."""

    matching: int
    offered: int
    lowest_cents: int | None
    highest_cents: int | None
    median_age_days: int | None
    proven: int
    never_sold: int
    choices: dict[str, dict[str, int]] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    bands: list[AgeBand] = field(default_factory=list)


def count(look: Look) -> Counts:
    """All counts of one look, in two statements."""
    scan = _Scan(look)
    counts, bounds = _summary(scan)
    bands: dict[str, dict[str, int]] = {}
    for name, value, quantity in scan.run(" UNION ALL ".join(_facet_parts(scan, bounds))):
        kind, _, facet = name.partition(":")
        if kind == "choice":
            counts.choices.setdefault(facet, {})[value] = quantity
        elif kind == "band":
            bands.setdefault(facet, {})[value] = quantity
        else:
            counts.histograms[facet].bars[int(value) - 1] += quantity
    counts.bands = _bands(look.curve, bands)
    return counts


class _Scan:
    """The statement every count is taken from: one row a lead, ``WITH look AS MATERIALIZED (…)``."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.clauses = {clause.field: clause for clause in look.criteria.clauses}
        self.wants = {name: want for name, want in look.criteria.wants.items() if name not in UNCOUNTED}
        misses = {f"miss_{name}": _misses(look, clause) for name, clause in self.clauses.items()}
        values = {f"value_{name}": _value(name, want) for name, want in self.wants.items()}
        columns = {"cost": F("price_cents"), "age": _age(look), "proof": _proof(look), "sold": F("times_sold")}
        columns = {**columns, **misses, **values}
        rows = look.shelf().annotate(**{f"{name}_": column for name, column in columns.items()})
        sql, self.params = rows.order_by().values_list(*(f"{name}_" for name in columns)).query.sql_with_params()
        self.head = f"WITH look ({', '.join(columns)}) AS MATERIALIZED ({sql})"
        self.misses = " + ".join(misses) or "0"

    def missing_only(self, name: str) -> str:
        """The condition under which a lead counts for a facet: it misses nothing but the facet's own clause."""
        return f"{self.misses} - miss_{name} = 0" if name in self.clauses else f"{self.misses} = 0"

    def run(self, body: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(f"{self.head} {body}", [*self.params, *params])
            return cursor.fetchall()


def _misses(look: Look, clause: Clause) -> Case:
    return Case(
        When(look.criteria.q_of(clause, look.now), then=Value(0)), default=Value(1), output_field=IntegerField()
    )


def _age(look: Look) -> Func:
    return ExtractDay(ExpressionWrapper(Value(look.now) - F("captured_at"), DurationField()))


def _proof(look: Look) -> Case:
    today = look.now.date()
    return Case(
        When(consent__retained_until=None, then=Value("none")),
        When(consent__retained_until__lt=today, then=Value("lapsed")),
        When(consent__retained_until__lte=today + LAPSING, then=Value("lapsing")),
        default=Value("retained"),
        output_field=TextField(),
    )


def _value(name: str, want: Want) -> Expression | F:
    if name == "evidence":
        return Value(None, output_field=TextField())  # counted from the column ``proof``
    if name in COLUMNS:
        return F(COLUMNS[name])
    return KeyTransform(name, "attributes")


def _summary(scan: _Scan) -> tuple[Counts, dict[str, tuple[float, float]]]:
    """The headline figures over what matches, and the bounds of each histogram over the whole shelf."""
    numeric = _numeric(scan)
    ends = "".join(
        f", min({_number(name)}), percentile_disc(0.98) WITHIN GROUP (ORDER BY {_number(name)})" for name in numeric
    )
    (row,) = scan.run(
        f"""SELECT count(*) FILTER (WHERE {scan.misses} = 0), count(*),
            min(cost) FILTER (WHERE {scan.misses} = 0), max(cost) FILTER (WHERE {scan.misses} = 0),
            percentile_disc(0.5) WITHIN GROUP (ORDER BY age) FILTER (WHERE {scan.misses} = 0),
            count(*) FILTER (WHERE {scan.misses} = 0 AND proof = 'retained'),
            count(*) FILTER (WHERE {scan.misses} = 0 AND sold = 0) {ends} FROM look"""
    )
    counts = Counts(*row[:7])
    pairs = zip(numeric, zip(row[7::2], row[8::2], strict=True), strict=True)
    bounds = {name: (float(low), float(high)) for name, (low, high) in pairs if low is not None and low < high}
    counts.histograms = {name: Histogram(low, high, [0] * BARS) for name, (low, high) in bounds.items()}
    return counts, bounds


def _numeric(scan: _Scan) -> list[str]:
    """The vertical's own number and money fields; ranges and dates have inputs but no bars."""
    types = {item.name: item.type for item in scan.look.vertical.schema.filterable}
    return [name for name in scan.wants if types.get(name) in (FieldType.NUMBER, FieldType.MONEY)]


def _number(name: str) -> str:
    return f"(value_{name} #>> '{{}}')::numeric"


def _facet_parts(scan: _Scan, bounds: dict[str, tuple[float, float]]) -> Iterator[str]:
    yield f"SELECT 'choice:evidence', proof, count(*) FROM look WHERE {scan.missing_only('evidence')} GROUP BY 2"
    for name, want in scan.wants.items():
        if name in bounds:
            yield _bars_part(scan, name, bounds[name])
        elif name != "evidence" and (want.choices or want.kind == "is" or name == "times_sold"):
            yield _choices_part(scan, name)
    yield from _band_parts(scan)


def _choices_part(scan: _Scan, name: str) -> str:
    source, value = "look", f"value_{name}::text"
    own = scan.look.vertical.schema.by_name.get(name)
    if name == "channels":
        source, value = f"look CROSS JOIN LATERAL unnest(value_{name}) AS each (item)", "item"
    elif own and own.type == FieldType.CHOICES:
        source, value = f"look CROSS JOIN LATERAL jsonb_array_elements_text(value_{name}) AS each (item)", "item"
    elif own:
        value = f"value_{name} #>> '{{}}'"
    return (
        f"SELECT 'choice:{name}', {value}, count(*) FROM {source}"
        f" WHERE {scan.missing_only(name)} AND value_{name} IS NOT NULL GROUP BY 2"
    )


def _bars_part(scan: _Scan, name: str, bounds: tuple[float, float]) -> str:
    low, high = bounds
    bucket = f"greatest(1, least({BARS}, width_bucket({_number(name)}, {low}, {high}, {BARS})))"
    return (
        f"SELECT 'bars:{name}', {bucket}::text, count(*) FROM look"
        f" WHERE {scan.missing_only(name)} AND value_{name} IS NOT NULL GROUP BY 2"
    )


def _band_parts(scan: _Scan) -> Iterator[str]:
    """Stock per tier of the curve, numbered from 1, youngest first."""
    starts = [int(from_day) for from_day, _ in scan.look.curve.tiers]
    band = f"width_bucket(greatest(age, {starts[0]})::int, ARRAY{starts})::text"
    wanted = {
        "offered": scan.missing_only("age_days"),
        "matching": f"{scan.misses} = 0",
        "proven": f"{scan.misses} = 0 AND proof = 'retained'",
    }
    for name, condition in wanted.items():
        yield f"SELECT 'band:{name}', {band}, count(*) FROM look WHERE {condition} GROUP BY 2"


def _bands(curve: Curve, stock: dict[str, dict[str, int]]) -> list[AgeBand]:
    ends = [from_day - 1 for from_day, _ in curve.tiers[1:]] + [None]
    found = [stock.get(name, {}) for name in ("offered", "matching", "proven")]
    return [
        AgeBand(from_day, end, cents, *(counted.get(str(number), 0) for counted in found))
        for number, ((from_day, cents), end) in enumerate(zip(curve.tiers, ends, strict=True), 1)
    ]
