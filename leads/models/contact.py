"""The person: sealed, reachable through digests only, and erased by one UPDATE."""

from dataclasses import dataclass
from typing import Any

import orjson
import pgtrigger
from django.db import models
from django.db.models import Q

from leads.people.sealing import KeyRing, SealBroken, key_ring


@dataclass(frozen=True)
class Person:
    """A contact in the clear: phones in E.164, e-mail in lower case. Lives in memory only."""

    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    second_phone: str = ""
    email: str = ""
    street: str = ""
    city: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def __repr__(self) -> str:
        return "Person(sealed)"  # a traceback or a log line must not print one


class ContactQuerySet(models.QuerySet["Contact"]):
    def readable(self) -> "ContactQuerySet":
        """Contacts that were not erased."""
        return self.filter(erased_at=None)

    def of_phone_or_email(self, phone_digest: bytes | None, email_digest: bytes | None) -> "ContactQuerySet":
        """Contacts of the person these digests belong to."""
        wanted = Q(pk=None)
        if phone_digest:
            wanted |= Q(phone_digest=phone_digest) | Q(second_phone_digest=phone_digest)
        if email_digest:
            wanted |= Q(email_digest=email_digest)
        return self.filter(wanted)


class Contact(models.Model):
    """One to one with a lead. Digests stay behind an erasure only where a suppression needs them, in its own table."""

    lead = models.OneToOneField("leads.Lead", on_delete=models.PROTECT, related_name="contact")
    sealed = models.BinaryField(null=True)
    phone_digest = models.BinaryField(null=True, max_length=32)
    second_phone_digest = models.BinaryField(null=True, max_length=32)
    email_digest = models.BinaryField(null=True, max_length=32)
    erased_at = models.DateTimeField(null=True)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(erased_at=None, sealed__isnull=False)
                | Q(
                    erased_at__isnull=False,
                    sealed=None,
                    phone_digest=None,
                    second_phone_digest=None,
                    email_digest=None,
                ),
                name="contact_is_whole_or_erased",
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=False) | Q(phone_digest__isnull=False) | Q(email_digest__isnull=False),
                name="contact_can_be_reached",
            ),
        ]
        indexes = [
            models.Index(fields=["phone_digest"], condition=Q(phone_digest__isnull=False), name="contact_by_phone"),
            models.Index(
                fields=["second_phone_digest"],
                condition=Q(second_phone_digest__isnull=False),
                name="contact_by_second_phone",
            ),
            models.Index(fields=["email_digest"], condition=Q(email_digest__isnull=False), name="contact_by_email"),
        ]
        triggers = [pgtrigger.Protect(name="contact_is_never_deleted", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"contact of lead {self.lead_id}"

    def open(self, row: str) -> Person:
        """The person. ``row`` is the lead's public id. Raises SealBroken, also for an erased contact."""
        if self.sealed is None:
            raise SealBroken("this contact was erased")
        return open_person(bytes(self.sealed), row=row)


def seal_person(person: Person, *, row: str, ring: KeyRing | None = None) -> bytes:
    filled: dict[str, Any] = {name: value for name, value in vars(person).items() if value}
    return (ring or key_ring()).seal(orjson.dumps(filled), row=f"contact|{row}")


def open_person(sealed: bytes, *, row: str, ring: KeyRing | None = None) -> Person:
    """``ring`` for who opens thousands: asking for it takes longer than opening."""
    return Person(**orjson.loads((ring or key_ring()).unseal(sealed, row=f"contact|{row}")))


class Suppression(models.Model):
    """A person who must not be sold. Survives erasure; each reason is a row of its own, so that a state list
    that takes a name back does not undo what the person told us."""

    class Kind(models.TextChoices):
        PHONE = "phone", "Phone"
        EMAIL = "email", "E-mail"

    class Reason(models.TextChoices):
        OWN_STOP = "own_stop", "Asked us to stop"
        DO_NOT_CALL = "dnc", "Do-not-call list"
        STATE_LIST = "drop", "State deletion list"

    kind = models.CharField(max_length=5, choices=Kind)
    digest = models.BinaryField(max_length=32)
    reason = models.CharField(max_length=8, choices=Reason)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "kind", "reason"], name="suppression_is_unique"),
        ]
        triggers = [pgtrigger.Protect(name="suppression_is_never_changed", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_reason_display()}"
