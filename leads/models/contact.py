"""The contact: sealed, found only by its digests, and erased by one UPDATE."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
import pgtrigger
from django.db import models
from django.db.models import Q

from leads.people.sealing import KeyRing, SealBroken, key_ring


@dataclass(frozen=True)
class Person:
    """A decrypted contact: phones in E.164, email in lowercase. Kept in memory only."""

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


def _refuse_unreachable(rows: str, name: str) -> str:
    """Return the body of trigger ``name``: each contact of these rows' leads is erased or has a digest."""
    return f"""
        IF EXISTS (
            SELECT FROM {rows} AS changed JOIN leads_contact AS contact ON contact.lead_id = changed.lead_id
            WHERE contact.erased_at IS NULL
                AND NOT EXISTS (SELECT FROM leads_contactdigest AS digest WHERE digest.lead_id = changed.lead_id)
        ) THEN
            RAISE EXCEPTION 'a contact has no phone and no email address'
                USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';
        END IF;
        RETURN NULL;
    """  # noqa: S608  (the names of transition tables)


class Contact(models.Model):
    """The contact of one lead. Erasing it is one UPDATE: a trigger deletes the digests."""

    lead = models.OneToOneField("leads.Lead", on_delete=models.PROTECT, related_name="contact")
    sealed = models.BinaryField(null=True)
    erased_at = models.DateTimeField(null=True)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(erased_at=None, sealed__isnull=False) | Q(erased_at__isnull=False, sealed=None),
                name="contact_is_whole_or_erased",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="contact_is_never_deleted", operation=pgtrigger.Delete),
            # Digests are written first, so that the statement that adds contacts finds theirs.
            pgtrigger.Trigger(
                name="contact_can_be_reached",
                level=pgtrigger.Statement,
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                referencing=pgtrigger.Referencing(new="new_contacts"),
                func=_refuse_unreachable("new_contacts", "contact_can_be_reached"),
            ),
            pgtrigger.Trigger(
                name="contact_erased_forgets_digests",
                operation=pgtrigger.UpdateOf("erased_at"),
                when=pgtrigger.After,
                condition=pgtrigger.Q(new__erased_at__isnull=False),
                func="DELETE FROM leads_contactdigest WHERE lead_id = NEW.lead_id; RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"contact of lead {self.lead_id}"

    def open(self, row: str) -> Person:
        """Return the person. ``row`` is the lead's public id. Raises SealBroken, also for an erased contact."""
        if self.sealed is None:
            raise SealBroken("this contact was erased")
        return open_person(bytes(self.sealed), row=row)


class DigestKind(models.TextChoices):
    PHONE = "phone", "Phone"
    EMAIL = "email", "Email"


class ContactDigestQuerySet(models.QuerySet["ContactDigest"]):
    def known_as(self, digests: Iterable[bytes]) -> "ContactDigestQuerySet":
        """Rows of people identified by one of these digests."""
        return self.filter(digest__in=list(digests))


class ContactDigest(models.Model):
    """The keyed digest of one of a person's phones or email addresses (see ``people/identity.py``).

    Two leads belong to the same person if a digest matches. An erased contact has none.
    """

    pk = models.CompositePrimaryKey("lead", "digest")
    lead = models.ForeignKey("leads.Lead", on_delete=models.PROTECT, related_name="digests", db_index=False)
    kind = models.CharField(max_length=5, choices=DigestKind)
    digest = models.BinaryField(max_length=32)

    objects = ContactDigestQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=DigestKind.values), name="digest_kind_is_known")]
        indexes = [models.Index(fields=["digest"], include=["lead"], name="digest_by_person")]
        triggers = [
            pgtrigger.Protect(name="digest_is_never_changed", operation=pgtrigger.Update),
            pgtrigger.Trigger(
                name="digest_of_nobody_erased",
                level=pgtrigger.Statement,
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                referencing=pgtrigger.Referencing(new="new_digests"),
                func="""
                    IF EXISTS (
                        SELECT FROM new_digests JOIN leads_contact AS contact USING (lead_id)
                        WHERE contact.erased_at IS NOT NULL
                    ) THEN
                        RAISE EXCEPTION 'an erased contact cannot get a digest'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'digest_of_nobody_erased';
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="digest_stays_while_needed",
                level=pgtrigger.Statement,
                operation=pgtrigger.Delete,
                when=pgtrigger.After,
                referencing=pgtrigger.Referencing(old="old_digests"),
                func=_refuse_unreachable("old_digests", "digest_stays_while_needed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of lead {self.lead_id}"


def seal_person(person: Person, *, row: str, ring: KeyRing | None = None, nonce: bytes | None = None) -> bytes:
    """Encrypt a contact. Pass ``ring`` and a ``nonce`` of its own to seal thousands."""
    filled: dict[str, Any] = {name: value for name, value in vars(person).items() if value}
    return (ring or key_ring()).seal(orjson.dumps(filled), row=f"contact|{row}", nonce=nonce)


def open_person(sealed: bytes, *, row: str, ring: KeyRing | None = None) -> Person:
    """Decrypt a contact. Pass ``ring`` to open thousands: looking it up takes longer than opening one."""
    return Person(**orjson.loads((ring or key_ring()).unseal(sealed, row=f"contact|{row}")))


class Suppression(models.Model):
    """A person whose leads must not be sold. Survives erasure; each reason is a separate row, so that a name taken off
    a state list does not undo what the person told us."""

    class Reason(models.TextChoices):
        OWN_STOP = "own_stop", "Asked us to stop"
        DO_NOT_CALL = "dnc", "Do-not-call list"
        STATE_LIST = "drop", "State deletion list"

    kind = models.CharField(max_length=5, choices=DigestKind)
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
