"""Reading: the leads that an order bought, opened a batch at a time.

Each batch is a query of its own, begun behind the last row of the one before: memory stays flat, no transaction is
held while a slow line drains, and a person who stops while a file is on its way is out of every later batch.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from leads.fields import Schema
from leads.models import ClosedReason, ConsentText, FieldSchema, Leg, Source
from leads.models.contact import Person, open_person
from leads.models.lead import DAY
from marketplace.models import Order
from marketplace.models.order import SaleQuerySet

BATCH = 500
NOBODY = Person()


class SaleRow(NamedTuple):
    """What one sale's query answers, in the order of FIELDS and then SOLD_BEFORE."""

    sale_id: int
    sold_at: datetime
    price_cents: int
    exclusive: bool
    lead_id: UUID
    captured_at: datetime
    state: str
    postal_code: str
    phone_type: str
    kind: str
    attributes: dict[str, Any]
    legs_authorized: int
    withdrawn_at: datetime | None
    sealed: bytes | None
    consent_given_at: datetime
    consent_page: str
    trustedform_url: str
    leadid_token: UUID | None
    retained_until: date | None
    source_id: int
    schema_id: int
    text_id: int
    sold_before: int


FIELDS = [
    "id",
    "sold_at",
    "price_cents",
    "exclusive",
    "lead__public_id",
    "lead__captured_at",
    "lead__state",
    "lead__postal_code",
    "lead__phone_type",
    "lead__kind",
    "lead__attributes",
    "lead__legs_authorized",
    "lead__withdrawn_at",
    "lead__contact__sealed",
    "lead__consent__given_at",
    "lead__consent__page",
    "lead__consent__trustedform_url",
    "lead__consent__leadid_token",
    "lead__consent__retained_until",
    "lead__source_id",
    "lead__schema_id",
    "lead__consent__text_id",
]

# Neither part of it ever changes, so a file says the same each time. A leg's number would not do: one that was held and
# given up is sold after its later ones.
_HAD_BEFORE = Q(closed_reason=ClosedReason.SOLD_ELSEWHERE) | Q(sale__lt=OuterRef("pk"))
_LEGS_BEFORE = Leg.objects.filter(_HAD_BEFORE, lead=OuterRef("lead")).order_by().values("lead")
SOLD_BEFORE = Coalesce(Subquery(_LEGS_BEFORE.annotate(n=Count("pk")).values("n")), Value(0))


class SoldLead(NamedTuple):
    """A bought lead with its person in the clear; in memory only. ``stopped`` says why it may no longer be told."""

    sale: SaleRow
    person: Person
    stopped: str
    source: Source
    text: ConsentText
    schema: FieldSchema

    @property
    def age_days(self) -> int:
        """Whole days from the request to the sale."""
        return (self.sale.sold_at - self.sale.captured_at) // DAY

    @property
    def sold_before(self) -> int:
        """How many companies had it before: elsewhere, or from us by an earlier sale."""
        return self.sale.sold_before

    @property
    def fields(self) -> Schema:
        return self.schema.parsed


class _Known(dict[int, Any]):
    """Rows that many leads share, fetched once each."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__()
        self.rows = rows

    def __missing__(self, key: int) -> Model:
        found: Model = self.rows.get(pk=key)
        self[key] = found
        return found


class Reader:
    """Opens sales one by one; keeps what they share."""

    def __init__(self) -> None:
        self.sources = _Known(Source.objects.all())
        self.texts = _Known(ConsentText.objects.all())
        self.schemas = _Known(FieldSchema.objects.select_related("vertical"))

    def read(self, sales: SaleQuerySet) -> list[SoldLead]:
        return [self._open(SaleRow(*row)) for row in sales.values_list(*FIELDS, SOLD_BEFORE)]

    def _open(self, row: SaleRow) -> SoldLead:
        stopped = reason_stopped(row.withdrawn_at, row.sealed)
        person = NOBODY if stopped or row.sealed is None else open_person(bytes(row.sealed), row=str(row.lead_id))
        return SoldLead(
            row, person, stopped, self.sources[row.source_id], self.texts[row.text_id], self.schemas[row.schema_id]
        )


def reason_stopped(withdrawn_at: datetime | None, sealed: bytes | None) -> str:
    if withdrawn_at is not None:
        return "withdrawn"
    return "erased" if sealed is None else ""


def batches(order: Order, *, first: int = 0, quantity: int | None = None) -> Iterator[list[SoldLead]]:
    """The order's leads from number ``first`` on, in the order of their sales, at most ``quantity``."""
    reader = Reader()
    left = order.filled - first if quantity is None else min(quantity, order.filled - first)
    found = reader.read(order.sales.order_by("id")[first : first + min(BATCH, left)]) if left > 0 else []
    while found:
        yield found
        left -= len(found)
        behind = order.sales.filter(id__gt=found[-1].sale.sale_id).order_by("id")
        found = reader.read(behind[: min(BATCH, left)]) if left > 0 else []
