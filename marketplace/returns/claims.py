"""Asking: a buyer hands back one lead or many, each answered for itself, all of them in one transaction.

Stages: the wallet is locked (one buyer's claims take turns) · each claim is checked, cheapest question first · the
machine looks where the reason is one that it decides · what stands is written down and its source's earning held ·
what the machine found right is credited. A refused claim leaves nothing behind and can be asked again.
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
    """The lead was not taken back, and nothing moved. ``code`` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Claim:
    """One lead and why it is handed back: a reason's code, and what happened."""

    lead: uuid.UUID
    reason: str
    words: str = ""


@dataclass(frozen=True)
class Claimant:
    """Who hands back, and when. ``actor`` is the member or the key, as the history will name it."""

    buyer: Buyer
    actor: str
    now: datetime


@dataclass(frozen=True)
class ClaimResult:
    """``returned`` is the new return, or with the refusal ``returned_before`` the one that there was."""

    claim: Claim
    returned: Return | None = None
    refusal: ReturnRefused | None = None
    finding: Finding | None = None

    @property
    def is_taken(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True)
class ClaimTally:
    """What came of a list of claims, in three parts that make up the whole."""

    answers: Sequence[ClaimResult]

    @property
    def credited(self) -> list[Return]:
        return [one for one in self._taken if one.status == Return.Status.CREDITED]

    @property
    def waiting(self) -> list[Return]:
        return [one for one in self._taken if one.is_waiting]

    @property
    def refused(self) -> list[ClaimResult]:
        return [answer for answer in self.answers if not answer.is_taken]

    @property
    def credited_cents(self) -> int:
        return sum(one.cents for one in self.credited)

    @property
    def _taken(self) -> list[Return]:
        return [answer.returned for answer in self.answers if answer.is_taken and answer.returned]


def ask(claim: Claim, asker: Claimant) -> Return:
    """Hand one lead back. Raises ReturnRefused."""
    (answer,) = ask_all([claim], asker)
    if answer.refusal or answer.returned is None:
        raise answer.refusal or AssertionError("a claim is taken or refused")
    return answer.returned


@transaction.atomic
def ask_all(claims: Sequence[Claim], asker: Claimant) -> list[ClaimResult]:
    """Hand leads back; an answer for each claim, in their order. Raises ValueError for more than MOST_CLAIMS."""
    if len(claims) > MOST_CLAIMS:
        raise ValueError(f"at most {MOST_CLAIMS} claims at once")
    lock_wallet(asker.buyer)
    counter = _Counter(claims, asker)
    answers = [counter.answer(claim) for claim in claims]
    _record([answer for answer in answers if answer.is_taken], asker)
    return answers


def preview(claims: Sequence[Claim], asker: Claimant) -> list[ClaimResult]:
    """What ``ask_all`` would answer now. Nothing is done."""
    with transaction.atomic():
        answers = ask_all(claims, asker)
        transaction.set_rollback(True)
    return answers


class _Counter:
    """Where claims are answered one after the other: each that is taken uses up a place of its order's limit."""

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
        """What a person is asked to decide has something to go by, and is not more than the order's share."""
        if finding and not finding.judgeable:
            raise ReturnRefused("nothing_to_judge", finding.sentence)
        if reason.evidence_needed and not claim.words:
            raise ReturnRefused("evidence_missing", f"“{reason}” wants a few words on what happened.")
        if not self.limits.has_room(sale):
            raise ReturnRefused(
                "limit_reached",
                f"{self.limits.in_words(sale)} Refused ones don't count, nor what a machine decides.",
            )


def _check(claim: Claim, sale: Sale, reason: ReturnReason | None, now: datetime, *, again: bool) -> None:
    """What is known without a look at the lead. Raises ReturnRefused."""
    if again:
        raise ReturnRefused("twice", "This lead was named before in the same list.")
    if hasattr(sale, "returned"):
        raise ReturnRefused("returned_before", "This lead was handed back before; a lead is handed back once.")
    if sale.returnable_until is None:
        raise ReturnRefused("not_returnable", "Leads like this one are sold for good.")
    if now > sale.returnable_until:
        raise ReturnRefused("too_late", f"It could be handed back until {sale.returnable_until:%B %-d, %Y, %H:%M} UTC.")
    if reason is None:
        raise ReturnRefused("unknown_reason", f"There is no such reason for {sale.lead.vertical} leads.")
    if len(claim.words) > LONGEST_WORDS:
        raise ReturnRefused("too_long", f"At most {LONGEST_WORDS:,} characters on what happened.")


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
    """Write everything in a few statements; then pay, in the leads' order, what the machine found right."""
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
    """What the buyer says, and what the machine says where it could not decide."""
    asked = ReturnStep(returned=answer.returned, kind=ReturnStep.Kind.ASKED, actor=asker.actor, at=asker.now)
    asked.say(answer.claim.words)
    yield asked
    if answer.finding and not answer.finding.holds:
        noted = ReturnStep(returned=answer.returned, kind=ReturnStep.Kind.NOTED, actor=MACHINE, at=asker.now)
        noted.say(answer.finding.sentence)
        yield noted
