"""Consent: the text people saw, and the proof that they saw it. Neither ever changes."""

import hashlib
import json
from datetime import date, datetime, timedelta
from functools import lru_cache

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from leads.people.sealing import key_ring

LAPSING = timedelta(days=90)


class Channel(models.TextChoices):
    CALL = "call", "Call"
    TEXT = "text", "Text"
    EMAIL = "email", "Email"


class ConsentText(models.Model):
    """One consent text of one source: which channels it covers and how many companies it lets call."""

    source = models.ForeignKey("leads.Source", on_delete=models.PROTECT, related_name="consent_texts")
    version = models.CharField(max_length=40)
    wording = models.TextField()
    channels = ArrayField(models.CharField(max_length=5, choices=Channel), help_text="call, text, email")
    most_companies = models.PositiveSmallIntegerField(help_text="The most companies that may call under this text.")
    named_partners = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    sha256 = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["source", "version"]
        constraints = [
            models.UniqueConstraint(fields=["source", "version"], name="consent_text_version_is_unique"),
            models.CheckConstraint(condition=Q(most_companies__range=(1, 20)), name="consent_text_companies_1_to_20"),
            models.CheckConstraint(condition=Q(channels__len__gte=1), name="consent_text_covers_a_channel"),
        ]
        triggers = [pgtrigger.Protect(name="consent_text_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.source}, {self.version}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.sha256 = hashlib.sha256(self.wording.encode()).hexdigest()
        super().save(*args, **kwargs)  # type: ignore[arg-type]


@lru_cache(maxsize=10_000)
def text_numbered(pk: int) -> ConsentText:
    """Return a consent text by its key. It never changes, so it is read only once."""
    return ConsentText.objects.get(pk=pk)


class Consent(models.Model):
    """The proof of consent for one lead. The person's IP address and user agent are sealed like the contact."""

    lead = models.OneToOneField("leads.Lead", on_delete=models.PROTECT, related_name="consent")
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, related_name="consents", db_index=False)
    given_at = models.DateTimeField()
    page = models.CharField(max_length=300, help_text="The page that showed the text, without query or fragment.")
    sealed_machine = models.BinaryField(null=True, help_text="IP address and user agent, sealed.")
    trustedform_url = models.CharField(max_length=200, blank=True)
    leadid_token = models.UUIDField(null=True)
    retained_until = models.DateField(null=True, help_text="How long the certificate provider keeps the recording.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["trustedform_url"], condition=~Q(trustedform_url=""), name="consent_certificate_used_once"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="consent_is_never_deleted", operation=pgtrigger.Delete),
            # The IP address and user agent may be resealed, but only under a different key.
            pgtrigger.Trigger(
                name="consent_is_immutable",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF (to_jsonb(OLD) - 'sealed_machine') <> (to_jsonb(NEW) - 'sealed_machine')
                        OR (OLD.sealed_machine IS DISTINCT FROM NEW.sealed_machine AND coalesce(
                            get_byte(OLD.sealed_machine, 0) = get_byte(NEW.sealed_machine, 0), true)) THEN
                        RAISE EXCEPTION 'the evidence of a consent never changes'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_is_immutable';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="consent_allows_the_legs",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="new_consents"),
                declare=[("wrong", "record")],
                func="""
                    SELECT text.most_companies AS allowed, lead.legs_authorized AS asked INTO wrong
                    FROM new_consents AS consent
                    JOIN leads_lead AS lead ON lead.id = consent.lead_id
                    JOIN leads_consenttext AS text ON text.id = consent.text_id
                    WHERE lead.legs_authorized > text.most_companies LIMIT 1;
                    IF FOUND THEN
                        RAISE EXCEPTION 'consent allows % companies, the lead has % legs', wrong.allowed, wrong.asked
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_allows_the_legs';
                    END IF;
                    PERFORM 1 FROM new_consents AS consent
                    JOIN leads_lead AS lead ON lead.id = consent.lead_id
                    JOIN leads_source AS source ON source.id = lead.source_id
                    JOIN leads_consenttext AS text ON text.id = consent.text_id
                    WHERE text.source_id <> lead.source_id OR source.kind = 'compiled' LIMIT 1;
                    IF FOUND THEN
                        RAISE EXCEPTION 'the consent text must be its source''s own, and the source not compiled'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_is_to_its_source';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"consent of lead {self.lead_id}"

    def proof_state(self, now: datetime) -> str:
        return proof_state(self.retained_until, now)


def proof_state(retained_until: date | None, now: datetime) -> str:
    """Return ``retained``, ``lapsing`` (soon, see LAPSING), ``lapsed``, or ``none`` without a certificate."""
    if retained_until is None:
        return "none"
    left = retained_until - now.date()
    if left < timedelta(0):
        return "lapsed"
    return "lapsing" if left <= LAPSING else "retained"


def seal_machine(ip_address: str, user_agent: str, *, row: str) -> bytes | None:
    """Seal the person's IP address and user agent, for the lead with this public id. Return None if both are empty."""
    if not ip_address and not user_agent:
        return None
    plain = json.dumps({"ip_address": ip_address, "user_agent": user_agent[:300]})
    return key_ring().seal(plain.encode(), row=f"machine|{row}")


def open_machine(sealed: bytes, *, row: str) -> dict[str, str]:
    """Return ``ip_address`` and ``user_agent``. Raises SealBroken."""
    machine: dict[str, str] = json.loads(key_ring().unseal(sealed, row=f"machine|{row}"))
    return machine
