"""A request as we receive it, with its evidence and every value in its normal form."""

import os
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeAlias

from leads.models import ConsentText, FieldSchema, ImportRun, LeadKind, PhoneType, Source, Vertical
from leads.models.contact import DigestKind, Person
from leads.people.identity import email_digest, phone_digest

Digests: TypeAlias = dict[bytes, DigestKind]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The proof of consent. ``page`` has no query or fragment; IP address and user agent are sealed when stored."""

    text: ConsentText
    given_at: datetime
    page: str
    ip_address: str = ""
    user_agent: str = ""
    trustedform_url: str = ""
    leadid_token: uuid.UUID | None = None
    retained_until: date | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """One request, with every value in its normal form (see ``identity.py`` and ``fields.py``)."""

    vertical: Vertical
    schema: FieldSchema
    source: Source
    external_id: str
    captured_at: datetime
    state: str
    person: Person
    evidence: Evidence
    legs_authorized: int
    legs_sold_elsewhere: int = 0
    postal_code: str = ""
    kind: LeadKind = LeadKind.FORM
    phone_type: PhoneType = PhoneType.UNKNOWN
    attributes: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    import_run: ImportRun | None = None
    # The contact's digests, computed here because one thread reads a file's rows and another writes them.
    digests: Digests = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digests", _digests(self.person))


@dataclass(frozen=True, slots=True)
class Fresh:
    """A request being added, its number, and the first lead from the same person's request, if there is one."""

    capture: Capture
    number: int
    original: int | None
    public_id: uuid.UUID


def random_ids(quantity: int) -> list[uuid.UUID]:
    """Draw public ids at once: each call of the system releases Python's lock, which the reading thread then takes."""
    drawn = os.urandom(16 * quantity)
    return [uuid.UUID(bytes=drawn[start : start + 16], version=4) for start in range(0, len(drawn), 16)]


def _digests(person: Person) -> Digests:
    phones = dict.fromkeys(
        [phone_digest(phone) for phone in (person.phone, person.second_phone) if phone], DigestKind.PHONE
    )
    return {**phones, email_digest(person.email): DigestKind.EMAIL} if person.email else phones
