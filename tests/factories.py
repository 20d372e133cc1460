"""Test data, created by the product's own functions."""

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.ledger import credit_wallet
from buyers.models import Approval, Buyer, Membership, Role, User
from leads.intake.capture import Capture, Evidence, capture_leads
from leads.models import ConsentText, Lead, Source, Vertical
from leads.models.contact import Person
from leads.models.vertical import add_schema_version
from marketplace.models import PriceCurve, PriceTier, VolumeStep
from marketplace.returns.starting_policies import load_returns

PASSWORD = "a long enough password"
FIELDS = [
    {
        "name": "purpose",
        "label": "Wants",
        "type": "choice",
        "choices": {"refinance": "Refinance", "purchase": "Purchase", "home_equity": "Home equity"},
        "filterable": True,
    },
    {"name": "loan_amount", "label": "Loan amount", "type": "money", "unit": "$", "filterable": True, "minimum": 0},
    {
        "name": "features",
        "label": "Features",
        "type": "choices",
        "choices": {"va": "VA", "fha": "FHA", "jumbo": "Jumbo"},
        "filterable": True,
    },
    {"name": "first_time", "label": "First time", "type": "flag", "filterable": True},
    {"name": "rate", "label": "Present rate", "type": "number", "unit": "%", "filterable": True},
    {"name": "property_value", "label": "Property value", "type": "range", "unit": "$", "filterable": True},
    {"name": "needed_by", "label": "Needed by", "type": "date", "filterable": True},
    {"name": "diagnosis", "label": "Diagnosis", "type": "choice", "choices": {"a": "A", "b": "B"}, "sensitive": True},
    {"name": "remark", "label": "Remark", "type": "text"},
]
TIERS = [(0, 500), (8, 350), (31, 220), (86, 100), (366, 35)]
_numbers = itertools.count(1)


@dataclass
class Market:
    vertical: Vertical
    source: Source
    text: ConsentText
    curve: PriceCurve
    buyer: Buyer
    user: User
    now: datetime = field(default_factory=timezone.now)

    def lead(self, **changes: Any) -> Lead:
        return self.leads(1, **changes)[0]

    def leads(self, quantity: int, **changes: Any) -> list[Lead]:
        return make_leads(self, quantity, **changes)


def make_market(slug: str = "mortgage") -> Market:
    vertical = make_vertical(slug)
    source = make_source()
    text = make_text(source)
    user = make_user()
    buyer = make_buyer(user, vertical)
    credit_wallet(
        buyer=buyer, cents=100_000, reference=f"first {buyer.pk}", memo="Paid by wire", actor="test", now=timezone.now()
    )
    return Market(vertical, source, text, make_curve(vertical), buyer, user)


def credit(buyer: Buyer, cents: int, reference: str) -> None:
    credit_wallet(buyer=buyer, cents=cents, reference=reference, memo="", actor="test", now=timezone.now())


def make_vertical(slug: str = "mortgage", **changes: Any) -> Vertical:
    values = {"name": slug.title(), "trade": "Lending", "window_minutes": 15, "default_legs": 4, **changes}
    vertical, made = Vertical.objects.get_or_create(slug=slug, defaults=values)
    if made:
        add_schema_version(vertical, FIELDS)
        load_returns()
    return vertical


def make_source(**changes: Any) -> Source:
    number = next(_numbers)
    values = {
        "slug": f"source-{number}",
        "legal_name": f"Source {number} LLC",
        "address": "1 Main Street, Dayton, OH 45402",
        "phone": "(937) 555-0100",
        "site": f"quotes{number}.example",
        "grade": "B",
        **changes,
    }
    return Source.objects.create(**values)


def make_text(
    source: Source, most_companies: int = 5, version: str = "v3", channels: tuple[str, ...] = ("call", "email")
) -> ConsentText:
    return ConsentText.objects.create(
        source=source,
        version=version,
        wording=f"I agree that up to {most_companies} companies may call me.",
        channels=list(channels),
        most_companies=most_companies,
    )


@transaction.atomic
def make_curve(
    vertical: Vertical, *, effective_at: datetime | None = None, tiers: Any = TIERS, **changes: Any
) -> PriceCurve:
    version = vertical.curves.count() + 1
    curve = PriceCurve.objects.create(
        vertical=vertical,
        version=version,
        effective_at=effective_at or timezone.now() - timedelta(days=1000 - version),
        **{"floor_cents": 10, **changes},
    )
    PriceTier.objects.bulk_create(PriceTier(curve=curve, from_day=day, cents=cents) for day, cents in tiers)
    VolumeStep.objects.create(curve=curve, from_quantity=500, multiplier=Decimal("0.95"))
    return curve


def make_user(email: str | None = None, **changes: Any) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.com", PASSWORD, **changes)


def make_buyer(user: User | None = None, *verticals: Vertical, role: Role = Role.OWNER) -> Buyer:
    number = next(_numbers)
    buyer = Buyer.objects.create(
        legal_name=f"Buyer {number} Inc",
        trade="Lending",
        street="2 Main Street",
        city="Dayton",
        state="OH",
        postal_code="45402",
        phone="(937) 555-0101",
    )
    if user:
        Membership.objects.create(user=user, buyer=buyer, role=role)
    for vertical in verticals:
        Approval.objects.create(buyer=buyer, vertical=vertical, status="granted", decided_at=timezone.now())
    return buyer


def make_person(number: int | None = None) -> Person:
    number = number or next(_numbers)
    return Person(
        first_name="Pat",
        last_name=f"Example{number}",
        phone=f"+1937{2000000 + number}",
        email=f"pat{number}@example.com",
        street=f"{number} Elm Street",
        city="Dayton",
    )


def make_capture(market: Market, *, age: timedelta = timedelta(days=40), **changes: Any) -> Capture:
    captured_at = changes.pop("captured_at", market.now - age)
    text = changes.pop("text", market.text)
    evidence = Evidence(text=text, given_at=captured_at, page="https://quotes.example/mortgage", ip_address="192.0.2.7")
    values: dict[str, Any] = {
        "vertical": market.vertical,
        "schema": market.vertical.newest_schema,
        "source": market.source,
        "external_id": uuid.uuid4().hex,
        "captured_at": captured_at,
        "state": "OH",
        "postal_code": "45402",
        "person": make_person(),
        "evidence": evidence,
        "legs_authorized": 4,
        "attributes": {"purpose": "refinance", "loan_amount": 250000},
        **changes,
    }
    return Capture(**values)


def make_leads(market: Market, quantity: int, **changes: Any) -> list[Lead]:
    captured = capture_leads([make_capture(market, **changes) for _ in range(quantity)], now=market.now)
    found = Lead.objects.in_bulk([one.lead_id for one in captured])
    return [found[one.lead_id] for one in captured]


def legless_lead(market: Market) -> Lead:
    """Create a lead with its consent but no legs, copied from another lead's rows."""
    lead = market.lead()
    consent, lead.pk, lead.public_id, lead.external_id = lead.consent, None, uuid.uuid4(), uuid.uuid4().hex
    lead.times_sold = lead.legs_realtime = lead.legs_left = 0
    lead.save(force_insert=True)
    consent.pk, consent.lead = None, lead
    consent.save(force_insert=True)
    return lead
