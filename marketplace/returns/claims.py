"""Claim returns: a buyer returns one lead or many; each gets its own answer, all in one transaction.

Steps: lock the wallet (one buyer's claims take turns) · validate each claim, cheapest check first · run the automatic
check if the reason has one · record accepted returns and hold the source's earning for them · credit the ones the
automatic check confirmed. A refused claim leaves nothing behind and can be made again.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from billing.ledger import lock_wallet
from billing.payouts.earnings import WHILE_WAITING, hold_earnings
from buyers.models import Buyer
from marketplace.models import Return, ReturnReason, ReturnStep, Sale
from marketplace.models.returning import MACHINE
from marketplace.returns.automatic_checks import Finding, find
from marketplace.returns.credits import credit
from marketplace.returns.limits import Limits

MOST_CLAIMS = 2_000
LONGEST_WORDS = 2_000


class ReturnRefused(Exception):
    """The return was not accepted and nothing moved. ``code`` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Claim:
    """One lead and why it is returned: a reason's code, and what happened."""

    lead: uuid.UUID
    reason: str
    words: str = ""


@dataclass(frozen=True)
class Claimant:
    """Who returns leads, and when. ``actor`` is the member or API key as the history shows it."""

    buyer: Buyer
    actor: str
    now: datetime


@dataclass(frozen=True)
class ClaimResult:
    """``returned`` is the new return, or the existing one if the refusal is ``returned_before``."""

    claim: Claim
    returned: Return | None = None
    refusal: ReturnRefused | None = None
    finding: Finding | None = None

    @property
    def is_accepted(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True)
class ClaimTally:
    """The results of a list of claims, in three parts that add up to the whole."""

    answers: Sequence[ClaimResult]

    @property
    def credited(self) -> list[Return]:
        return [one for one in self._taken if one.status == Return.Status.CREDITED]

    @property
    def waiting(self) -> list[Return]:
        return [one for one in self._taken if one.is_waiting]

    @property
    def refused(self) -> list[ClaimResult]:
        return [answer for answer in self.answers if not answer.is_accepted]

    @property
    def credited_cents(self) -> int:
        return sum(one.cents for one in self.credited)

    @property
    def _taken(self) -> list[Return]:
        return [answer.returned for answer in self.answers if answer.is_accepted and answer.returned]


def ask(claim: Claim, asker: Claimant) -> Return:
    """Return one lead. Raises ReturnRefused."""
    (answer,) = ask_all([claim], asker)
    if answer.refusal or answer.returned is None:
        raise answer.refusal or AssertionError("a claim is accepted or refused")
    return answer.returned


@transaction.atomic
def ask_all(claims: Sequence[Claim], asker: Claimant) -> list[ClaimResult]:
    """Return leads; one result per claim, in the same order. Raises ValueError for more than MOST_CLAIMS."""
    if len(claims) > MOST_CLAIMS:
        raise ValueError(f"at most {MOST_CLAIMS} claims at once")
    lock_wallet(asker.buyer)
    counter = _Counter(claims, asker)
    answers = [counter.answer(claim) for claim in claims]
    _record([answer for answer in answers if answer.is_accepted], asker)
    return answers


def preview(claims: Sequence[Claim], asker: Claimant) -> list[ClaimResult]:
    """Return what ``ask_all`` would return now, without doing anything."""
    with transaction.atomic():
        answers = ask_all(claims, asker)
        transaction.set_rollback(True)
    return answers


class _Counter:
    """Checks claims one after another; each accepted one uses up a place in its order's return limit."""

    def __init__(self, claims: Iterable[Claim], asker: Claimant) -> None:
        self.asker = asker
        self.sales = {sale.lead.public_id: sale for sale in _sales_of(claims, asker.buyer)}
        verticals = {sale.lead.vertical_id for sale in self.sales.values()}
        offered = ReturnReason.objects.offered().filter(vertical__in=verticals)
        self.reasons = {(reason.vertical_id, reason.code): reason for reason in offered}
        self.limits = Limits(sale.order_id for sale in self.sales.values())
        self.asked: set[uuid.UUID] = set()

    def answer(self, claim: Claim) -> ClaimResult:
        sale = self.sales.get(claim.lead)
        try:
            return self._take(replace(claim, words=claim.words.strip()), sale)
        except ReturnRefused as refusal:
            return ClaimResult(claim, sale.returned if sale and refusal.code == "returned_before" else None, refusal)

    def _take(self, claim: Claim, sale: Sale | None) -> ClaimResult:
        if sale is None:
            raise ReturnRefused("unknown", "Your company did not buy this lead.")
        reason = self.reasons.get((sale.lead.vertical_id, claim.reason))
        _check(claim, sale, reason, self.asker.now, again=claim.lead in self.asked)
        assert reason is not None
        finding = find(sale, reason.decided_by)
        if not (finding and finding.holds):
            self._check_for_people(claim, sale, reason, finding)
            self.limits.take(sale)
        self.asked.add(claim.lead)
        return ClaimResult(claim, _new_return(sale, reason, finding, self.asker), finding=finding)

    def _check_for_people(self, claim: Claim, sale: Sale, reason: ReturnReason, finding: Finding | None) -> None:
        """Check that a claim for our team has evidence and is within its order's limit. Raises ReturnRefused."""
        if finding and not finding.judgeable:
            raise ReturnRefused("nothing_to_judge", finding.sentence)
        if reason.words_required and not claim.words:
            raise ReturnRefused("words_missing", f"Describe what happened. “{reason}” needs a short explanation.")
        if not self.limits.has_room(sale):
            raise ReturnRefused(
                "limit_reached",
                f"{self.limits.in_words(sale)} Refused returns and automatic decisions do not count.",
            )


def _check(claim: Claim, sale: Sale, reason: ReturnReason | None, now: datetime, *, again: bool) -> None:
    """Check what can be known without opening the lead. Raises ReturnRefused."""
    if again:
        raise ReturnRefused("twice", "This lead appears earlier in the same list.")
    if hasattr(sale, "returned"):
        raise ReturnRefused("returned_before", "This lead was already returned. A lead can be returned only once.")
    if sale.returnable_until is None:
        raise ReturnRefused("not_returnable", "Leads of this kind cannot be returned.")
    if now > sale.returnable_until:
        closed = f"{sale.returnable_until:%B %-d, %Y, %-I:%M %p}"
        raise ReturnRefused("too_late", f"The return window for this lead closed on {closed} UTC.")
    if reason is None:
        raise ReturnRefused("unknown_reason", f"Choose a return reason that is offered for {sale.lead.vertical} leads.")
    if len(claim.words) > LONGEST_WORDS:
        raise ReturnRefused("too_long", f"Describe what happened in {LONGEST_WORDS:,} characters or fewer.")


def _sales_of(claims: Iterable[Claim], buyer: Buyer) -> Iterable[Sale]:
    named = Sale.objects.of_buyer(buyer.pk).filter(lead__public_id__in={claim.lead for claim in claims})
    return named.select_related(
        "order",
        "buyer",
        "returned__reason",
        "lead__vertical__return_policy",
        "lead__source",
        "lead__consent__text",
        "lead__contact",
    )


def _new_return(sale: Sale, reason: ReturnReason, finding: Finding | None, asker: Claimant) -> Return:
    days = sale.lead.vertical.return_policy.decide_days
    return Return(
        sale=sale,
        buyer=asker.buyer,
        source=sale.lead.source,
        reason=reason,
        cents=sale.price_cents,
        finding=finding.sentence if finding else "",
        asked_at=asker.now,
        answer_by=asker.now + timedelta(days=days),
    )


def _record(answers: list[ClaimResult], asker: Claimant) -> None:
    """Write everything in a few statements; then credit what the automatic checks confirmed, in the leads' order."""
    returned = [answer.returned for answer in answers if answer.returned]
    Return.objects.bulk_create(returned)
    ReturnStep.objects.bulk_create(step for answer in answers for step in _first_steps(answer, asker))
    hold_earnings([one.sale.leg_id for one in returned], until=WHILE_WAITING)
    for answer in sorted(answers, key=_lead_of):
        if answer.returned and answer.finding and answer.finding.holds:
            credit(answer.returned, finding=answer.finding.sentence, by=None, now=asker.now)


def _lead_of(answer: ClaimResult) -> int:
    assert answer.returned is not None
    return answer.returned.sale.lead_id


def _first_steps(answer: ClaimResult, asker: Claimant) -> Iterable[ReturnStep]:
    """Yield the buyer's claim, and the automatic finding if it did not decide the claim."""
    asked = ReturnStep(returned=answer.returned, kind=ReturnStep.Kind.ASKED, actor=asker.actor, at=asker.now)
    asked.say(answer.claim.words)
    yield asked
    if answer.finding and not answer.finding.holds:
        noted = ReturnStep(returned=answer.returned, kind=ReturnStep.Kind.NOTED, actor=MACHINE, at=asker.now)
        noted.say(answer.finding.sentence)
        yield noted
