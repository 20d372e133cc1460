"""Decide returns: our team credits or refuses once, a second person again on appeal; the buyer may withdraw a claim.

Guarantee: the first decision stands. The wallet is locked, then the return; a return no longer in review cannot be
decided, and the database enforces that too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction

from billing.ledger import lock_wallet
from billing.payouts.earnings import WHILE_WAITING, hold_earning
from buyers.models import User
from marketplace.models import Return, ReturnStep
from marketplace.returns import credits
from marketplace.returns.claims import LONGEST_WORDS
from marketplace.returns.limits import Limits

Status = Return.Status
LONGEST_FINDING = 300


class DecisionRefused(Exception):
    """Nothing was decided. The message tells the person why."""


def credit(returned: Return, *, by: User, finding: str, now: datetime) -> Return:
    """Credit the lead's price. Raises DecisionRefused."""
    with _waiting(returned) as locked:
        _check_decider(locked, by, finding)
        credits.credit(locked, finding=finding.strip(), by=by, now=now)
    return locked


def refuse(returned: Return, *, by: User, finding: str, now: datetime) -> Return:
    """Refuse the return; after the first refusal the buyer may appeal once. Raises DecisionRefused."""
    with _waiting(returned) as locked:
        _check_decider(locked, by, finding)
        again = locked.status == Status.APPEALED
        due = locked.sale.returnable_until or now
        if not again:
            locked.appeal_until = now + timedelta(days=locked.reason.vertical.return_policy.appeal_days)
            due = max(due, locked.appeal_until)
        status = Status.REFUSED_FINALLY if again else Status.REFUSED
        credits.close(locked, status, finding=finding.strip(), by=by, now=now)
        hold_earning(locked.sale.leg_id, due)
    return locked


def appeal(returned: Return, *, actor: str, words: str, now: datetime) -> Return:
    """Appeal a refusal, in time and with new information. Raises DecisionRefused."""
    with _locked(returned) as locked:
        if locked.status != Status.REFUSED:
            raise DecisionRefused("Only a refused return can be appealed, and only once.")
        if not locked.may_be_appealed(now):
            raise DecisionRefused("The time to appeal is over.")
        if not words.strip() or len(words) > LONGEST_WORDS:
            raise DecisionRefused(f"Describe what we missed, in {LONGEST_WORDS:,} characters or fewer.")
        _check_place(locked)
        locked.status = Status.APPEALED
        locked.answer_by = now + timedelta(days=locked.reason.vertical.return_policy.decide_days)
        locked.save(update_fields=["status", "answer_by"])
        credits.note(locked, ReturnStep.Kind.APPEALED, actor=actor, words=words.strip(), now=now)
        hold_earning(locked.sale.leg_id, WHILE_WAITING)
    return locked


def take_back(returned: Return, *, actor: str, now: datetime) -> Return:
    """Withdraw the claim: the buyer keeps the lead, for good. Raises DecisionRefused."""
    with _waiting(returned) as locked:
        locked.status, locked.decided_at = Status.TAKEN_BACK, now
        locked.save(update_fields=["status", "decided_at"])
        credits.note(locked, ReturnStep.Kind.TAKEN_BACK, actor=actor, words="", now=now)
        hold_earning(locked.sale.leg_id, locked.sale.returnable_until or now)
    return locked


@contextmanager
def _locked(returned: Return) -> Iterator[Return]:
    with transaction.atomic():
        lock_wallet(returned.buyer)
        waiting = Return.objects.select_for_update(of=("self",)).select_related(
            "buyer", "sale__order", "sale__lead__contact", "reason__vertical__return_policy"
        )
        yield waiting.get(pk=returned.pk)


@contextmanager
def _waiting(returned: Return) -> Iterator[Return]:
    with _locked(returned) as locked:
        if not locked.is_waiting:
            raise DecisionRefused(f"This return is no longer in review: {locked.get_status_display().lower()}.")
        yield locked


def _check_place(refused: Return) -> None:
    """Check that no other lead has used the place this refusal freed up. Raises DecisionRefused."""
    limits = Limits([refused.sale.order_id])
    if not limits.has_room(refused.sale):
        raise DecisionRefused(f"{limits.in_words(refused.sale)} The place of this lead went to another lead.")


def _check_decider(returned: Return, by: User, finding: str) -> None:
    if not finding.strip() or len(finding) > LONGEST_FINDING:
        raise DecisionRefused(f"Explain the decision in {LONGEST_FINDING} characters or fewer. The buyer will read it.")
    if returned.buyer.memberships.filter(user=by).exists():
        raise DecisionRefused("You are a member of this company, so someone else must decide.")
    if returned.decided_by_id == by.pk:
        raise DecisionRefused("You made the first decision, so someone else must decide the appeal.")
