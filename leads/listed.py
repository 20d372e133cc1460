"""A lead as criteria, prices, rows and the API read it: without its person, and with a price."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from leads.models import Consent, ConsentText, Lead, Source, Vertical
from leads.models.consent import proof_state
from leads.models.lead import DAY, area_of


@dataclass(slots=True)
class Proof:
    """What a buyer is told of the consent before the sale."""

    text: ConsentText
    retained_until: date | None

    def proof_state(self, now: datetime) -> str:
        return proof_state(self.retained_until, now)


@dataclass(slots=True)
class ListedLead:
    """One lead at one price. Pages create sixty at a time, for which the model's constructor takes longer than reading
    them. ``price_cents`` is None for a lead without a price."""

    id: int
    public_id: uuid.UUID
    captured_at: datetime
    state: str
    postal_code: str
    phone_type: str
    legs_authorized: int
    times_sold: int
    legs_left: int
    attributes: dict[str, Any]
    vertical: Vertical
    source: Source
    consent: Consent | Proof
    price_cents: int | None = None

    @classmethod
    def of(cls, lead: Lead, price_cents: int | None) -> Self:
        """Return the lead as it is listed. Its vertical, source, consent and consent text should be loaded."""
        return cls(
            id=lead.pk,
            public_id=lead.public_id,
            captured_at=lead.captured_at,
            state=lead.state,
            postal_code=lead.postal_code,
            phone_type=lead.phone_type,
            legs_authorized=lead.legs_authorized,
            times_sold=lead.times_sold,
            legs_left=lead.legs_left,
            attributes=lead.attributes,
            vertical=lead.vertical,
            source=lead.source,
            consent=lead.consent,
            price_cents=price_cents,
        )

    def age_days(self, now: datetime) -> int:
        """Return whole days since the request: floor((now - captured_at) / 24 h)."""
        return (now - self.captured_at) // DAY

    @property
    def area(self) -> str:
        """The part of the ZIP that may be shown before the sale."""
        return area_of(self.postal_code)
