"""Columns: everything that can be said of a bought lead, each under one name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from leads.cells import Cell
from leads.fields import Field, FieldType
from leads.identity import national_digits
from leads.models import FieldSchema, LeadKind, PhoneType
from leads.models.consent import Channel
from marketplace.exports.rows import SoldLead
from marketplace.models import Order

Write = Callable[[SoldLead], Cell]
CODE_LENGTH = 20  # the longest outside id that VICIdial keeps


@dataclass(frozen=True)
class Column:
    """``stays`` when it is written also for a person who stopped: which lead it was, and that it stopped."""

    name: str
    label: str
    group: str
    write: Write
    stays: bool = False

    def headed(self, label: str) -> "Column":
        """The same under the heading that another program knows it by."""
        return replace(self, label=label)


def fixed(text: str) -> Column:
    """The same text for everybody, where a program insists on one."""
    return Column("", "", "", lambda lead: text)


def lead_code(lead: SoldLead) -> str:
    return lead.sale.lead_id.hex[:CODE_LENGTH]


def summary(lead: SoldLead) -> str:
    """The answers in one line, for programs that have no field for each."""
    return "; ".join(
        f"{field.label}: {field.display(lead.sale.attributes[field.name])}"
        for field in lead.fields
        if field.name in lead.sale.attributes
    )


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _digits(phone: str) -> str:
    return national_digits(phone) if phone else ""


def _site(lead: SoldLead) -> str:
    return "masked" if lead.source.site_masked else lead.source.site


def _channels(lead: SoldLead) -> str:
    return ", ".join(Channel(channel).label for channel in lead.text.channels)


SALE, PERSON, REQUEST, PROOF, ANSWERS = "The sale", "The person", "The request", "The proof", "The answers"
_ENVELOPE = [
    Column("lead_id", "Lead id", SALE, lambda lead: str(lead.sale.lead_id), stays=True),
    Column("status", "Status", SALE, lambda lead: lead.stopped or "active", stays=True),
    Column("bought_at", "Bought at, UTC", SALE, lambda lead: _instant(lead.sale.sold_at)),
    Column("price", "Price, dollars", SALE, lambda lead: Decimal(lead.sale.price_cents).scaleb(-2)),
    Column("exclusive", "Exclusive", SALE, lambda lead: "Yes" if lead.sale.exclusive else "No"),
    Column("first_name", "First name", PERSON, lambda lead: lead.person.first_name),
    Column("last_name", "Last name", PERSON, lambda lead: lead.person.last_name),
    Column("full_name", "Full name", PERSON, lambda lead: lead.person.full_name),
    Column("phone", "Phone, 10 digits", PERSON, lambda lead: _digits(lead.person.phone)),
    Column("phone_11", "Phone, 1 and 10 digits", PERSON, lambda lead: lead.person.phone.lstrip("+")),
    Column("second_phone", "Second phone", PERSON, lambda lead: _digits(lead.person.second_phone)),
    Column("email", "E-mail", PERSON, lambda lead: lead.person.email),
    Column("street", "Street", PERSON, lambda lead: lead.person.street),
    Column("city", "City", PERSON, lambda lead: lead.person.city),
    Column("state", "State", PERSON, lambda lead: lead.sale.state),
    Column("postal_code", "ZIP", PERSON, lambda lead: lead.sale.postal_code),
    Column("vertical", "Vertical", REQUEST, lambda lead: lead.schema.vertical.name),
    Column("captured_at", "Asked at, UTC", REQUEST, lambda lead: _instant(lead.sale.captured_at)),
    Column("age_days", "Age at the sale, days", REQUEST, lambda lead: lead.age_days),
    Column("kind", "Made by", REQUEST, lambda lead: LeadKind(lead.sale.kind).label),
    Column("phone_type", "Phone type", REQUEST, lambda lead: PhoneType(lead.sale.phone_type).label),
    Column("companies_allowed", "Companies allowed", REQUEST, lambda lead: lead.sale.legs_authorized),
    Column("sold_before", "Sold before", REQUEST, lambda lead: lead.sold_before),
    Column("source", "Source", REQUEST, lambda lead: lead.source.legal_name),
    Column("site", "Site", REQUEST, _site),
    Column("consent_version", "Consent wording", PROOF, lambda lead: lead.text.version),
    Column("consent_given_at", "Consent given at, UTC", PROOF, lambda lead: _instant(lead.sale.consent_given_at)),
    Column("consent_page", "Consent page", PROOF, lambda lead: lead.sale.consent_page),
    Column("channels", "Consent covers", PROOF, _channels),
    Column("trustedform_url", "TrustedForm certificate", PROOF, lambda lead: lead.sale.trustedform_url),
    Column("leadid_token", "LeadiD token", PROOF, lambda lead: str(lead.sale.leadid_token or "")),
    Column("retained_until", "Recording kept until", PROOF, lambda lead: str(lead.sale.retained_until or "")),
]
ENVELOPE = {column.name: column for column in _ENVELOPE}
LEAD_CODE = Column("lead_code", "Lead code", SALE, lead_code, stays=True)
NOTES = Column("notes", "Notes", SALE, lambda lead: lead.stopped or summary(lead), stays=True)
OWN_ORDER = Column("order", "Order", SALE, lambda lead: "")


def columns_for(order: Order) -> dict[str, Column]:
    """Every column that a file of this order may have: the order's, the envelope's, then its leads' answers."""
    number = order.number
    found = {"lead_id": ENVELOPE["lead_id"], "order": replace(OWN_ORDER, write=lambda lead: number), **ENVELOPE}
    for field in fields_of(order):
        name = field.name if field.name not in found else f"answer_{field.name}"
        found.setdefault(name, Column(name, field.label, ANSWERS, _answer(field.name)))
    return found


def fields_of(order: Order) -> list[Field]:
    """The questions behind the order's leads, each once, newest wording first."""
    schemas = FieldSchema.objects.filter(pk__in=order.sales.order_by().values("lead__schema"))
    found: dict[str, Field] = {}
    for schema in schemas.order_by("vertical__position", "vertical__name", "-version"):
        for field in schema.parsed:
            found.setdefault(field.name, field)
    return list(found.values())


def _answer(name: str) -> Write:
    def write(lead: SoldLead) -> Cell:
        field = lead.fields.by_name.get(name)
        value = lead.sale.attributes.get(name)
        return "" if field is None or value is None else written(field, value)

    return write


def written(field: Field, value: Any) -> Cell:
    """An answer as a program reads it: numbers bare, choices by their labels, a range as from-to."""
    match field.type:
        case FieldType.NUMBER | FieldType.MONEY:
            return value if isinstance(value, int | float) else str(value)
        case FieldType.RANGE:
            return _range(value.get("min"), value.get("max"))
        case FieldType.DATE | FieldType.TEXT:
            return str(value)
        case _:
            return field.display(value)


def _range(low: int | None, high: int | None) -> str:
    if low is None:
        return f"under {high}"
    if high is None:
        return f"over {low}"
    return f"{low}-{high}"
