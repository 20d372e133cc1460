"""The peers of browsing: the same rows in PostgreSQL and DuckDB, queried for the same count, facets and first page.

Both get what a careful engineer would give them: one vertical only, a typed column for each facet (no JSON, no joins),
the bounds of every histogram in advance, and one scan for all facets without a filter.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from django.db import connection

from leads.models import Vertical
from leads.schema.fields import Field, FieldType
from marketplace.prices.pricing import curve_in_force

BARS = 40
DAY_SECONDS = 86_400
ENVELOPE = {
    "state": "lead.state",
    "phone_type": "phone_type",
    "kind": "lead.kind",
    "grade": "source.grade",
    "incentive": "source.incentive",
    "times_sold": "times_sold",
    "proof": """CASE WHEN retained_until IS NULL THEN 'none' WHEN retained_until < current_date THEN 'lapsed'
        WHEN retained_until <= current_date + 90 THEN 'lapsing' ELSE 'retained' END""",
}
_FLAT = """
    DROP TABLE IF EXISTS benchmark.flat;
    CREATE UNLOGGED TABLE benchmark.flat AS
    SELECT lead.id, ceil(extract(epoch FROM captured_at))::bigint AS asked, lead.postal_code, {columns}
    FROM leads_lead AS lead JOIN leads_source AS source ON source.id = lead.source_id
    JOIN leads_consent AS consent ON consent.lead_id = lead.id
    WHERE vertical_id = {vertical} AND legs_left > 0;
    CREATE INDEX ON benchmark.flat (asked);
    CREATE INDEX ON benchmark.flat (state, asked);
    ANALYZE benchmark.flat;
"""
_FACETS = "SELECT {columns}, count(*), min(asked), max(asked) FROM {table} {where} GROUP BY GROUPING SETS ((), {sets})"
_OWN = "SELECT {column}, count(*) FROM {table} {where} GROUP BY 1"
_COPY = "COPY benchmark.flat TO STDOUT (FORMAT csv, HEADER)"
_RAW = "CREATE TABLE raw AS SELECT * FROM read_csv('{file}', types={{'postal_code': 'VARCHAR'}})"
_TEXTS = "SELECT column_name FROM duckdb_columns() WHERE table_name = 'raw' AND data_type = 'VARCHAR'"
_PAGE = "SELECT * FROM {table} {where} ORDER BY asked DESC LIMIT 50"


class Peers:
    """A copy of one vertical's leads for sale in each."""

    def __init__(self, vertical: Vertical, now: datetime) -> None:
        self.now = int(now.timestamp())
        self.tiers = [int(from_day) for from_day, _ in curve_in_force(vertical, now).tiers]
        fields = vertical.schema.filterable
        self.choices = [*ENVELOPE, *(one.name for one in fields if one.type in (FieldType.CHOICE, FieldType.FLAG))]
        self.numbers = [one for one in fields if one.type in (FieldType.NUMBER, FieldType.MONEY)]
        self._make_flat(vertical, fields)
        self.bounds = self._bounds()
        self.duck = duckdb.connect()
        self._copy_to_duck()

    def _make_flat(self, vertical: Vertical, fields: Sequence[Field]) -> None:
        own = {one.name: f"(attributes->>'{one.name}'){_CASTS.get(one.type, '')}" for one in fields}
        columns = ENVELOPE | {name: own[name] for name in own if name in self._names}
        listed = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
        with connection.cursor() as cursor:
            cursor.execute(_FLAT.format(columns=listed, vertical=vertical.pk))
            cursor.execute("VACUUM benchmark.flat")

    @property
    def _names(self) -> set[str]:
        return {*self.choices, *(one.name for one in self.numbers)}

    def _bounds(self) -> dict[str, tuple[float, float]]:
        ends = ", ".join(
            f"min({one.name}), percentile_disc(0.98) WITHIN GROUP (ORDER BY {one.name})" for one in self.numbers
        )
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {ends} FROM benchmark.flat")
            row = cursor.fetchone()
        return {one.name: (row[2 * place], row[2 * place + 1]) for place, one in enumerate(self.numbers)}

    def _copy_to_duck(self) -> None:
        """Store texts as enumerations, which DuckDB groups fastest."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "flat.csv"
            with file.open("wb") as out, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                out.writelines(copy)
            self.duck.execute(_RAW.format(file=file))
        texts = self.duck.execute(_TEXTS).fetchall()
        for (name,) in texts:
            kinds = f"SELECT DISTINCT {name} FROM raw WHERE {name} IS NOT NULL"
            self.duck.execute(f"CREATE TYPE {name}_kind AS ENUM ({kinds})")
        casts = ", ".join(f"{name}::{name}_kind AS {name}" for (name,) in texts)
        self.duck.execute(f"CREATE TABLE flat AS SELECT * REPLACE ({casts}) FROM raw; DROP TABLE raw")

    def statements(self, table: str, wanted: Mapping[str, str]) -> list[str]:
        """Return one query. ``wanted`` maps a facet to its condition, which is left out to count that facet."""
        expressions = self._expressions()
        free = [name for name in expressions if name not in wanted]
        facets = _FACETS.format(
            columns=", ".join(expressions[name] for name in free),
            sets=", ".join(f"({expressions[name]})" for name in free),
            table=table,
            where=_where(wanted),
        )
        own = [
            _OWN.format(
                column=expressions[name],
                table=table,
                where=_where({other: condition for other, condition in wanted.items() if other != name}),
            )
            for name in wanted
        ]
        return [facets, *own, _PAGE.format(table=table, where=_where(wanted))]

    def asked_between(self, youngest: int, oldest: int) -> str:
        """Return the condition on the age in whole days."""
        return f"asked <= {self.now - youngest * DAY_SECONDS} AND asked > {self.now - (oldest + 1) * DAY_SECONDS}"

    def _expressions(self) -> dict[str, str]:
        bars = {
            name: f"least({BARS - 1}, floor(({name} - {low}) * {BARS / (high - low)}))"
            for name, (low, high) in self.bounds.items()
        }
        steps = " ".join(
            f"WHEN asked > {self.now - day * DAY_SECONDS} THEN {place}" for place, day in enumerate(self.tiers[1:])
        )
        return {name: name for name in self.choices} | bars | {"age_days": f"CASE {steps} ELSE {len(self.tiers)} END"}

    def ask_postgres(self, wanted: Mapping[str, str]) -> None:
        with connection.cursor() as cursor:
            for statement in self.statements("benchmark.flat", wanted):
                cursor.execute(statement)
                cursor.fetchall()

    def ask_duck(self, wanted: Mapping[str, str]) -> None:
        for statement in self.statements("flat", wanted):
            self.duck.execute(statement).fetchall()

    def matching(self, wanted: Mapping[str, str]) -> int:
        """Return how many leads such a result counts."""
        found = self.duck.execute(f"SELECT count(*) FROM flat {_where(wanted)}").fetchone()
        assert found is not None
        return int(found[0])


_CASTS = {FieldType.NUMBER: "::float8", FieldType.MONEY: "::float8", FieldType.FLAG: "::boolean"}


def _where(wanted: Mapping[str, str]) -> str:
    return f"WHERE {' AND '.join(wanted.values())}" if wanted else ""
