"""Columns: everything we can export about a bought lead, each under one name, written for a whole batch at once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from leads.cells import Cell
from leads.models import FieldSchema, LeadKind, PhoneType, Source
from leads.models.consent import Channel
from leads.people.identity import national_digits
from leads.schema.fields import Field, FieldType, Schema
from marketplace.exports.batch import Batch
from marketplace.exports.rows import SoldLead
from marketplace.models import Order

Write = Callable[[Batch], Sequence[Cell]]
NUMBERS = (int, float)
CODE_LENGTH = 20  # the longest external id that VICIdial stores


@dataclass(frozen=True)
class Column:
    """A column of a file. ``stays`` if it is also written for a person who opted out: the lead's id and its status."""

    name: str
    label: str
    group: str
    write: Write
    stays: bool = False

    def headed(self, label: str) -> "Column":
        """Return the same column under the heading that another program expects."""
        return replace(self, label=label)

    def cells(self, batch: Batch) -> Sequence[Cell]:
        """Return one cell per lead; empty for a person who opted out, unless the column stays."""
        written = self.write(batch)
        if self.stays or not any(batch.stopped):
            return written
        return ["" if stopped else cell for stopped, cell in zip(batch.stopped, written, strict=True)]


def fixed(text: str) -> Column:
    """Return a column with the same text in every row, for programs that require one."""
    return Column("", "", "", lambda batch: [text] * batch.size)


def summary(lead: SoldLead) -> str:
    """Return the answers in one line, for programs without a field for each."""
    return _in_one_line(lead.fields, lead.sale.attributes)


def _in_one_line(fields: Schema, answers: dict[str, Any]) -> str:
    return "; ".join(
        f"{field.label}: {field.display(answers[field.name])}" for field in fields if field.name in answers
    )


def _notes(batch: Batch) -> list[str]:
    return [
        stopped or _in_one_line(schema.parsed, answers)
        for stopped, schema, answers in zip(batch.stopped, batch.schemas, batch.answers, strict=True)
    ]


def _codes(batch: Batch) -> list[str]:
    return [lead.replace("-", "")[:CODE_LENGTH] for lead in batch.sold.lead_id]


def _instants(texts: Iterable[str]) -> list[str]:
    """Return ``2026-01-02T03:04:05Z`` for the database's ``2026-01-02 03:04:05.678+00``."""
    return [f"{text[:10]}T{text[11:19]}Z" for text in texts]


@lru_cache(maxsize=4096)
def _dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _digits(phone: str) -> str:
    return national_digits(phone) if phone else ""


def _site(source: Source) -> str:
    return "masked" if source.site_masked else source.site


@lru_cache(maxsize=64)
def _channels(codes: tuple[str, ...]) -> str:
    return ", ".join(Channel(code).label for code in codes)


def _or_blank(texts: Iterable[str | None]) -> list[str]:
    return [text or "" for text in texts]


def _labels(choices: Iterable[tuple[str, Any]], keys: Iterable[str]) -> list[str]:
    labels = {key: str(label) for key, label in choices}
    return [labels[key] for key in keys]


SALE, PERSON, REQUEST, PROOF, ANSWERS = "The sale", "The person", "The request", "The proof", "The answers"
_ENVELOPE = [
    Column("lead_id", "Lead id", SALE, lambda b: b.sold.lead_id, stays=True),
    Column("status", "Status", SALE, lambda b: [stopped or "active" for stopped in b.stopped], stays=True),
    Column("bought_at", "Bought at (UTC)", SALE, lambda b: _instants(b.sold.sold_at)),
    Column("price", "Price in dollars", SALE, lambda b: list(map(_dollars, b.sold.price_cents))),
    Column("exclusive", "Exclusive", SALE, lambda b: ["Yes" if whole else "No" for whole in b.sold.exclusive]),
    Column("first_name", "First name", PERSON, lambda b: [person.first_name for person in b.people]),
    Column("last_name", "Last name", PERSON, lambda b: [person.last_name for person in b.people]),
    Column("full_name", "Full name", PERSON, lambda b: [person.full_name for person in b.people]),
    Column("phone", "Phone, 10 digits", PERSON, lambda b: [_digits(person.phone) for person in b.people]),
    Column("phone_11", "Phone, 11 digits with 1", PERSON, lambda b: [person.phone.lstrip("+") for person in b.people]),
    Column("second_phone", "Second phone", PERSON, lambda b: [_digits(person.second_phone) for person in b.people]),
    Column("email", "Email", PERSON, lambda b: [person.email for person in b.people]),
    Column("street", "Street", PERSON, lambda b: [person.street for person in b.people]),
    Column("city", "City", PERSON, lambda b: [person.city for person in b.people]),
    Column("state", "State", PERSON, lambda b: b.sold.state),
    Column("postal_code", "ZIP", PERSON, lambda b: b.sold.postal_code),
    Column("vertical", "Vertical", REQUEST, lambda b: [schema.vertical.name for schema in b.schemas]),
    Column("captured_at", "Requested at (UTC)", REQUEST, lambda b: _instants(b.sold.captured_at)),
    Column("age_days", "Age at sale, in days", REQUEST, lambda b: b.sold.age_days),
    Column("kind", "Made by", REQUEST, lambda b: _labels(LeadKind.choices, b.sold.kind)),
    Column("phone_type", "Phone type", REQUEST, lambda b: _labels(PhoneType.choices, b.sold.phone_type)),
    Column("companies_allowed", "Companies allowed", REQUEST, lambda b: b.sold.legs_authorized),
    Column("sold_before", "Sold before", REQUEST, lambda b: b.sold.sold_before),
    Column("source", "Source", REQUEST, lambda b: [source.legal_name for source in b.sources]),
    Column("site", "Site", REQUEST, lambda b: list(map(_site, b.sources))),
    Column("consent_version", "Consent wording", PROOF, lambda b: [text.version for text in b.texts]),
    Column("consent_given_at", "Consent given at (UTC)", PROOF, lambda b: _instants(b.sold.consent_given_at)),
    Column("consent_page", "Consent page", PROOF, lambda b: b.sold.consent_page),
    Column("channels", "Consent covers", PROOF, lambda b: [_channels(tuple(text.channels)) for text in b.texts]),
    Column("trustedform_url", "TrustedForm certificate", PROOF, lambda b: b.sold.trustedform_url),
    Column("leadid_token", "LeadiD token", PROOF, lambda b: _or_blank(b.sold.leadid_token)),
    Column("retained_until", "Recording kept until", PROOF, lambda b: _or_blank(b.sold.retained_until)),
]
ENVELOPE = {column.name: column for column in _ENVELOPE}
LEAD_CODE = Column("lead_code", "Lead code", SALE, _codes, stays=True)
NOTES = Column("notes", "Notes", SALE, _notes, stays=True)
OWN_ORDER = Column("order", "Order", SALE, lambda b: [""] * b.size)


def columns_for(order: Order) -> dict[str, Column]:
    """Return every column a file of this order may have: the order's, the common ones, then its leads' answers."""
    number = order.number
    found = {
        "lead_id": ENVELOPE["lead_id"],
        "order": replace(OWN_ORDER, write=lambda batch: [number] * batch.size),
        **ENVELOPE,
    }
    for field in fields_of(order):
        name = field.name if field.name not in found else f"answer_{field.name}"
        found.setdefault(name, Column(name, field.label, ANSWERS, _answer(field.name)))
    return found


def fields_of(order: Order) -> list[Field]:
    """Return the questions of the order's leads, each once, in its newest wording."""
    schemas = FieldSchema.objects.filter(pk__in=order.sales.order_by().values("lead__schema"))
    found: dict[str, Field] = {}
    for schema in schemas.order_by("vertical__position", "vertical__name", "-version"):
        for field in schema.parsed:
            found.setdefault(field.name, field)
    return list(found.values())


def _answer(name: str) -> Write:
    def write(batch: Batch) -> Sequence[Cell]:
        """Return each answer by its own lead's version of the fields; a version may lack the question."""
        values = [answers.get(name) for answers in batch.answers]
        fields = {key: schema.parsed.by_name.get(name) for key, schema in batch.versions.items()}
        said = {key: _said(field, values) if field else [""] * batch.size for key, field in fields.items()}
        if len(said) == 1:
            return next(iter(said.values()))
        return [said[key][place] for place, key in enumerate(batch.sold.schema_id)]

    return write


def _said(field: Field, values: Sequence[Any]) -> Sequence[Cell]:
    """Return answers for programs: plain numbers, choices by label, ranges as from-to."""
    match field.type:
        case FieldType.NUMBER | FieldType.MONEY:
            return ["" if value is None else value if isinstance(value, NUMBERS) else str(value) for value in values]
        case FieldType.CHOICE:
            labels: dict[Any, str] = {None: "", **field.choices}
            return [labels.get(value, value) for value in values]
        case FieldType.FLAG:
            return ["" if value is None else "Yes" if value else "No" for value in values]
        case FieldType.RANGE:
            return ["" if value is None else _range(value) for value in values]
        case FieldType.DATE | FieldType.TEXT:
            return ["" if value is None else str(value) for value in values]
        case _:
            said = {key: field.display(key) for key in {tuple(value) for value in values if value is not None}}
            return ["" if value is None else said[tuple(value)] for value in values]


def _range(value: dict[str, int]) -> Cell:
    low, high = value.get("min"), value.get("max")
    if low is None:
        return f"under {high}"
    if high is None:
        return f"over {low}"
    return f"{low}-{high}"
