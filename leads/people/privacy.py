"""Privacy: stop a request, suppress a person, erase a contact. Each is safe to repeat and keeps the proof of consent.

Guarantee: when one of these returns, no open leg is left to sell, whatever sales and captures ran at the same time:
leads are locked in id order, as sales lock them, and a suppression takes turns with the captures of every vertical.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import connection, transaction
from django.db.models import DateTimeField, Max, OuterRef, Subquery, Value
from django.db.models.functions import Greatest

from leads.models import ClosedReason, Contact, Lead, Leg, LegStatus, Suppression, Vertical
from leads.models.contact import DigestKind
from leads.people.identity import email_digest, phone_digest
from leads.people.same_person import Traces, traces_of


@transaction.atomic
def withdraw_lead(lead: Lead, now: datetime) -> None:
    """Stop this request for the person: its unsold legs are closed, and the lead is never sold again."""
    _withdraw([lead.pk], now)
    lead.refresh_from_db()


@transaction.atomic
def suppress_person(digests: Mapping[bytes, DigestKind], *, reason: Suppression.Reason, now: datetime) -> int:
    """Never sell the person behind these digests again, under any lead. Return how many leads this stopped.

    The person's other phones and email addresses, as far as our leads have them, are suppressed too.
    """
    _wait_for_captures()
    return _suppress(traces_of(dict(digests)), reason, now)


@transaction.atomic
def suppress_person_of(lead: Lead, *, reason: Suppression.Reason, now: datetime) -> int:
    """Suppress the person of a lead in the same way. Return how many leads this stopped."""
    _wait_for_captures()
    return _suppress(traces_of({}, [lead.pk]), reason, now)


def suppress_address(*, phone: str = "", email: str = "", reason: Suppression.Reason, now: datetime) -> int:
    """Suppress the person with this phone (E.164) or email address (normal form) in the same way."""
    digests = {phone_digest(phone): DigestKind.PHONE} if phone else {}
    if email:
        digests[email_digest(email)] = DigestKind.EMAIL
    return suppress_person(digests, reason=reason, now=now)


@transaction.atomic
def erase_contact(lead: Lead, now: datetime) -> None:
    """Erase the contact and withdraw the lead, since nobody could be called. Consent evidence and sales are kept."""
    withdraw_lead(lead, now)
    Contact.objects.readable().filter(lead=lead).update(sealed=None, erased_at=now)


def _suppress(traces: Traces, reason: Suppression.Reason, now: datetime) -> int:
    Suppression.objects.bulk_create(
        [Suppression(kind=kind, digest=digest, reason=reason) for digest, kind in sorted(traces.digests.items())],
        ignore_conflicts=True,
    )
    return _withdraw(traces.leads, now)


def _withdraw(lead_ids: Collection[int], now: datetime) -> int:
    """Lock the leads, stop them and close their open legs. Return how many were not stopped before."""
    locked = list(
        Lead.objects.select_for_update(no_key=True).filter(pk__in=lead_ids).order_by("pk").values_list("pk", flat=True)
    )
    # A stop that had to wait for a sale is dated no earlier than that sale, whatever its own clock says.
    last_sale = Leg.objects.filter(lead=OuterRef("pk"), status=LegStatus.SOLD).values("lead")
    stopped = Lead.objects.filter(pk__in=locked, withdrawn_at=None).update(
        withdrawn_at=Greatest(
            Value(now, DateTimeField()), Subquery(last_sale.annotate(at=Max("ended_at")).values("at"))
        )
    )
    Leg.objects.filter(lead__in=locked, status__in=[LegStatus.OPEN, LegStatus.HELD]).update(
        status=LegStatus.CLOSED, closed_reason=ClosedReason.WITHDRAWN, ended_at=now
    )
    return stopped


def _wait_for_captures() -> None:
    """Take each vertical's capture lock: a capture in progress has not seen the suppression; the next one will."""
    with connection.cursor() as cursor:
        for vertical in Vertical.objects.order_by("pk").values_list("pk", flat=True):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('capture'), %s)", [vertical])
