"""Privacy: a stop, a suppression and an erasure. Each is safe to repeat, and none touches the evidence of consent.

Guarantee: when a verb here returns, no open leg is left to sell, whatever sales and captures ran beside it: leads are
locked in id order as sales lock them, and a suppression takes its turn with the captures of every vertical.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction
from django.db.models import DateTimeField, Max, OuterRef, Subquery, Value
from django.db.models.functions import Greatest

from leads.models import ClosedReason, Contact, Lead, Leg, LegStatus, Suppression, Vertical
from leads.people.identity import email_digest, phone_digest
from leads.people.same_person import traces_of


@transaction.atomic
def withdraw_lead(lead: Lead, now: datetime) -> None:
    """The person stopped this request: what is unsold is closed, and the lead is never sold again."""
    _withdraw([lead.pk], now)
    lead.refresh_from_db()


@transaction.atomic
def suppress_person(
    *, phone_digest: bytes | None, email_digest: bytes | None, reason: Suppression.Reason, now: datetime
) -> int:
    """The person behind these digests is never sold again, under any lead. Answers how many leads that stopped.

    The person's other phones and addresses, as far as our leads tell them, are suppressed with these.
    """
    _wait_for_captures()
    traces = traces_of(phone_digest, email_digest)
    digests = [(Suppression.Kind.PHONE, traces.phones), (Suppression.Kind.EMAIL, traces.emails)]
    Suppression.objects.bulk_create(
        [Suppression(kind=kind, digest=digest, reason=reason) for kind, found in digests for digest in sorted(found)],
        ignore_conflicts=True,
    )
    return _withdraw(traces.leads, now)


def suppress_address(*, phone: str = "", email: str = "", reason: Suppression.Reason, now: datetime) -> int:
    """The same for a phone in E.164 or an e-mail address in its normal form."""
    return suppress_person(
        phone_digest=phone_digest(phone) if phone else None,
        email_digest=email_digest(email) if email else None,
        reason=reason,
        now=now,
    )


@transaction.atomic
def erase_contact(lead: Lead, now: datetime) -> None:
    """Forget who asked. The lead is withdrawn with it, since nobody could be called; evidence and sales stay."""
    withdraw_lead(lead, now)
    Contact.objects.readable().filter(lead=lead).update(
        sealed=None, phone_digest=None, second_phone_digest=None, email_digest=None, erased_at=now
    )


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
