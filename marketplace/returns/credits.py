"""Credit returns: pay the price back to the wallet once, and close the lead or request as the reason says."""

from datetime import datetime

from billing.ledger import give_back
from billing.payouts.earnings import hold_earning
from buyers.models import User
from leads.models import ClosedReason, Lead, Leg, LegStatus
from leads.people.privacy import withdraw_lead
from marketplace.models import Return, ReturnReason, ReturnStep, Sale
from marketplace.models.returning import MACHINE

Consequence = ReturnReason.Consequence


def credit(returned: Return, *, finding: str, by: User | None, now: datetime) -> None:
    """Credit a waiting return, decided by a person or automatically. The caller locks the wallet and the return."""
    sale = returned.sale
    hold_earning(sale.leg_id, sale.returnable_until or now)
    returned.transaction = give_back(
        buyer=returned.buyer,
        leg_id=sale.leg_id,
        cents=returned.cents,
        charge_source=returned.reason.charges_source,
        reference=str(returned.public_id),
        memo=f"Lead {sale.lead.short_id} of order {sale.order.number} returned: {returned.reason}",
        actor=str(by or MACHINE),
        now=now,
    )
    close(returned, Return.Status.CREDITED, finding=finding, by=by, now=now)
    _retire(sale, returned.reason, now)


def close(returned: Return, status: Return.Status, *, finding: str, by: User | None, now: datetime) -> None:
    """Record a decision. If a person decided, schedule the email to the buyer."""
    appealed = returned.status == Return.Status.APPEALED
    returned.status, returned.finding, returned.decided_at, returned.automatic = status, finding, now, by is None
    if by and appealed:
        returned.decided_again_by = by
    elif by:
        returned.decided_by = by
    returned.tell_at = now if by else None
    returned.save(update_fields=[*_DECIDED, "appeal_until", "transaction"])
    kind = ReturnStep.Kind.CREDITED if status == Return.Status.CREDITED else ReturnStep.Kind.REFUSED
    note(returned, kind, actor=str(by or MACHINE), words=finding, now=now)


_DECIDED = ["status", "finding", "decided_at", "automatic", "decided_by", "decided_again_by", "tell_at"]


def note(returned: Return, kind: ReturnStep.Kind, *, actor: str, words: str, now: datetime) -> ReturnStep:
    """Add a step to the return's history."""
    step = ReturnStep(returned=returned, kind=kind, actor=actor, at=now)
    step.say(words)
    step.save()
    return step


def _retire(sale: Sale, reason: ReturnReason, now: datetime) -> None:
    """End the lead or the request if the reason says so. The sold leg stays sold, so nobody can buy it again."""
    if reason.consequence == Consequence.STOP:
        withdraw_lead(sale.lead, now)
    elif reason.consequence == Consequence.LEAD:
        Lead.objects.select_for_update(no_key=True).get(pk=sale.lead_id)
        Leg.objects.filter(lead=sale.lead_id, status__in=[LegStatus.OPEN, LegStatus.HELD]).update(
            status=LegStatus.CLOSED, closed_reason=ClosedReason.FAULTY, ended_at=now
        )
