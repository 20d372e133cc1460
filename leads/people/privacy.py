"""Privacy: a stop, a suppression and an erasure. Each is safe to repeat, and none touches the evidence of consent.

Guarantee: when a verb here returns, no open leg is left to sell, whatever sales and captures ran beside it: leads are
locked in id order as sales lock them, and a suppression takes its turn with the captures of every vertical.
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
    """The person stopped this request: what is unsold is closed, and the lead is never sold again."""
    _withdraw([lead.pk], now)
    lead.refresh_from_db()


@transaction.atomic
def suppress_person(digests: Mapping[bytes, DigestKind], *, reason: Suppression.Reason, now: datetime) -> int:
    """The person behind these digests is never sold again, under any lead. Returns how many leads that stopped.

    The person's other phones and addresses, as far as our leads tell them, are suppressed with these.
    """
    _wait_for_captures()
    return _suppress(traces_of(dict(digests)), reason, now)


@transaction.atomic
def suppress_person_of(lead: Lead, *, reason: Suppression.Reason, now: datetime) -> int:
    """The same for the person of a lead. Returns how many leads that stopped."""
    _wait_for_captures()
    return _suppress(traces_of({}, [lead.pk]), reason, now)


def suppress_address(*, phone: str = "", email: str = "", reason: Suppression.Reason, now: datetime) -> int:
    """The same for a phone in E.164 or an email address in its normal form."""
    digests = {phone_digest(phone): DigestKind.PHONE} if phone else {}
    if email:
        digests[email_digest(email)] = DigestKind.EMAIL
    return suppress_person(digests, reason=reason, now=now)


@transaction.atomic
def erase_contact(lead: Lead, now: datetime) -> None:
    """Forget who asked. The lead is withdrawn with it, since nobody could be called; evidence and sales stay."""
    withdraw_lead(lead, now)
    Contact.objects.readable().filter(lead=lead).update(sealed=None, erased_at=now)


def _suppress(traces: Traces, reason: Suppression.Reason, now: datetime) -> int:
    Suppression.objects.bulk_create(
        [Suppression(kind=kind, digest=digest, reason=reason) for digest, kind in sorted(traces.digests.items())],
        ignore_conflicts=True,
    )
    return _withdraw(traces.leads, now)


def _withdraw(lead_ids: Collection[int], now: datetime) -> int:
    """Locks the leads, stops them, closes their open legs. Answers how many were not stopped before."""
    locked = list(
        Lead.objects.select_for_update(no_key=True).filter(pk__in=lead_ids).order_by("pk").values_list("pk", flat=True)
    )
    # A stop that had to wait for a sale comes after that sale, whatever its own clock said.
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
    """Captures of a vertical take turns under this lock: one that runs has not seen the suppression, the next will."""
    with connection.cursor() as cursor:
        for vertical in Vertical.objects.order_by("pk").values_list("pk", flat=True):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('capture'), %s)", [vertical])
