"""Batches: an order's leads, read a batch at a time and kept as columns, one list per value.

Each batch is a separate query that starts after the last row of the previous one: memory stays flat, no transaction
is held open while a slow client downloads, and a person who opts out during a download is left out of later batches.
Columns, because a file of 100,000 rows has five million cells: work done once per column is not done per cell.
Instants and ids are the text that the database writes anyway.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F, IntegerField, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, ExtractDay

from leads.models import ConsentText, FieldSchema, Source
from leads.models.contact import Person, open_person
from leads.people.sealing import key_ring
from marketplace.exports.rows import NOBODY, Known, reason_stopped
from marketplace.models import Order
from marketplace.models.sale import SaleQuerySet

BATCH = 2000


class Sold(NamedTuple):
    """The result of one query, in the order of FIELDS. Instants are the database's text, in UTC."""

    sale_id: Sequence[int]
    sold_at: Sequence[str]
    price_cents: Sequence[int]
    exclusive: Sequence[bool]
    lead_id: Sequence[str]
    captured_at: Sequence[str]
    age_days: Sequence[int]
    state: Sequence[str]
    postal_code: Sequence[str]
    phone_type: Sequence[str]
    kind: Sequence[str]
    attributes: Sequence[str]
    legs_authorized: Sequence[int]
    withdrawn_at: Sequence[str | None]
    sealed: Sequence[bytes | None]
    consent_given_at: Sequence[str]
    consent_page: Sequence[str]
    trustedform_url: Sequence[str]
    leadid_token: Sequence[str | None]
    retained_until: Sequence[str | None]
    source_id: Sequence[int]
    schema_id: Sequence[int]
    text_id: Sequence[int]
    sold_before: Sequence[int]


def _text(name: str) -> Cast:
    return Cast(name, TextField())


_AGE = ExpressionWrapper(F("sold_at") - F("lead__captured_at"), DurationField())
FIELDS: tuple[str | Combinable, ...] = (
    "id",
    _text("sold_at"),
    "price_cents",
    "exclusive",
    _text("lead__public_id"),
    _text("lead__captured_at"),
    Cast(ExtractDay(_AGE), IntegerField()),
    "lead__state",
    "lead__postal_code",
    "lead__phone_type",
    "lead__kind",
    _text("lead__attributes"),
    "lead__legs_authorized",
    _text("lead__withdrawn_at"),
    "lead__contact__sealed",
    _text("lead__consent__given_at"),
    "lead__consent__page",
    "lead__consent__trustedform_url",
    _text("lead__consent__leadid_token"),
    _text("lead__consent__retained_until"),
    "lead__source_id",
    "lead__schema_id",
    "lead__consent__text_id",
    "sold_before",
)


class Batch:
    """Some sales of one order with their contacts decrypted, in memory only. Every list has one item per sale."""

    def __init__(self, sold: Sold, known: Known) -> None:
        self.sold = sold
        self.size = len(sold.sale_id)
        self.sources: list[Source] = known.sources.each(sold.source_id)
        self.texts: list[ConsentText] = known.texts.each(sold.text_id)
        self.versions: dict[int, FieldSchema] = {key: known.schemas[key] for key in set(sold.schema_id)}

    @cached_property
    def stopped(self) -> list[str]:
        """Why a person's contact may no longer be shown; empty for all others."""
        return list(map(reason_stopped, self.sold.withdrawn_at, self.sold.sealed))

    @cached_property
    def people(self) -> list[Person]:
        """The contacts; an empty one for a person who opted out."""
        ring = key_ring()
        return [
            NOBODY if stopped or sealed is None else open_person(sealed, row=lead, ring=ring)
            for stopped, sealed, lead in zip(self.stopped, self.sold.sealed, self.sold.lead_id, strict=True)
        ]

    @property
    def schemas(self) -> list[FieldSchema]:
        return [self.versions[key] for key in self.sold.schema_id]

    @cached_property
    def answers(self) -> list[dict[str, Any]]:
        return list(map(orjson.loads, self.sold.attributes))


def batches(order: Order, *, first: int = 0, quantity: int | None = None) -> Iterator[Batch]:
    """Yield the order's leads in order of sale, starting at number ``first``, at most ``quantity``."""
    known = Known()
    left = order.filled - first if quantity is None else min(quantity, order.filled - first)
    rows = _read(order.sales.order_by("id")[first : first + min(BATCH, left)]) if left > 0 else []
    while rows:
        yield Batch(Sold(*zip(*rows, strict=True)), known)
        left -= len(rows)
        behind = order.sales.filter(id__gt=rows[-1][0]).order_by("id")
        rows = _read(behind[: min(BATCH, left)]) if left > 0 else []


def _read(sales: SaleQuerySet) -> list[tuple[Any, ...]]:
    """Return rows straight from the driver: nothing in FIELDS needs Django to convert it."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Reading so few rows takes less time than starting a parallel worker.
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.execute(*sales.values_list(*FIELDS).query.sql_with_params())
        return cursor.fetchall()
