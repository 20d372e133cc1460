"""Read one page of bought leads with their contacts decrypted for the buyer. Files are read in ``batch.py``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Model, QuerySet

from leads.models import ConsentText, FieldSchema, Source
from leads.models.contact import Person, open_person
from leads.models.lead import DAY
from leads.schema.fields import Schema
from marketplace.models.sale import SaleQuerySet

NOBODY = Person()


class SaleRow(NamedTuple):
    """One row of the query, in the order of FIELDS."""

    sale_id: int
    sold_at: datetime
    price_cents: int
    exclusive: bool
    lead_id: UUID
    captured_at: datetime
    state: str
    postal_code: str
    attributes: dict[str, Any]
    withdrawn_at: datetime | None
    sealed: bytes | None
    schema_id: int


FIELDS = [
    "id",
    "sold_at",
    "price_cents",
    "exclusive",
    "lead__public_id",
    "lead__captured_at",
    "lead__state",
    "lead__postal_code",
    "lead__attributes",
    "lead__withdrawn_at",
    "lead__contact__sealed",
    "lead__schema_id",
]


class SoldLead(NamedTuple):
    """A bought lead with its contact decrypted, in memory only. ``stopped`` says why it may no longer be shown."""

    sale: SaleRow
    person: Person
    stopped: str
    schema: FieldSchema

    @property
    def age_days(self) -> int:
        """The age at the sale, in whole days."""
        return (self.sale.sold_at - self.sale.captured_at) // DAY

    @property
    def fields(self) -> Schema:
        return self.schema.parsed


class _Fetched(dict[int, Any]):
    """Rows that many leads share, each fetched once."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__()
        self.rows = rows

    def __missing__(self, key: int) -> Model:
        found: Model = self.rows.get(pk=key)
        self[key] = found
        return found

    def each(self, keys: Sequence[int]) -> list[Any]:
        """Return the row for each key, fetching missing ones in one query."""
        if unknown := set(keys) - self.keys():
            self.update(self.rows.in_bulk(unknown))
        return [self[key] for key in keys]


class Known:
    """Rows that sales share, by id."""

    def __init__(self) -> None:
        self.sources = _Fetched(Source.objects.all())
        self.texts = _Fetched(ConsentText.objects.all())
        self.schemas = _Fetched(FieldSchema.objects.select_related("vertical"))


class Reader:
    """Decrypts sales one by one; caches the rows they share."""

    def __init__(self) -> None:
        self.known = Known()

    def read(self, sales: SaleQuerySet) -> list[SoldLead]:
        return [self._open(SaleRow(*row)) for row in sales.values_list(*FIELDS)]

    def _open(self, row: SaleRow) -> SoldLead:
        stopped = reason_stopped(row.withdrawn_at, row.sealed)
        person = NOBODY if stopped or row.sealed is None else open_person(bytes(row.sealed), row=str(row.lead_id))
        return SoldLead(row, person, stopped, self.known.schemas[row.schema_id])


def reason_stopped(withdrawn_at: object, sealed: bytes | None) -> str:
    if withdrawn_at is not None:
        return "withdrawn"
    return "erased" if sealed is None else ""
