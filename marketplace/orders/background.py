"""Placing: large orders, taken in at once and placed by a worker, in one transaction like any other.

Stages: the quote and the terms are checked, the wish is written down · a worker claims it, until its lease ends · the
order is placed; how far it is, is written on a connection of its own · order and end of the placing are committed
together. A worker that was killed left nothing; the next one starts over. Of two that think it is theirs, the later
claim wins: the other's transaction is undone.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, F, OuterRef

from billing.ledger import NotEnoughMoney
from buyers.models import Buyer
from marketplace.inventory.startup import NotReady
from marketplace.models import Order, Placing
from marketplace.models.placing import LEASE
from marketplace.ops.second_connection import connection_aside
from marketplace.orders.checkout import KeyReused, OrderRefused, Placement, check_terms, place, placed_before
from marketplace.orders.quotes import QuoteRefused, open_token, read_token
from marketplace.orders.sales import Progress

LARGE = 5_000  # more leads than this are not waited for by a request
MOST_UNDER_WAY = 3
MOST_TRIES = 5
FAILED = "It could not be placed. Nothing was charged; we look into it."

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]
State = Placing.State


class TooManyPlacings(OrderRefused):
    code = "too_many_under_way"


class TakenOver(Exception):
    """Another worker has this placing by now; what this one did must not be kept."""


def is_large(placement: Placement) -> bool:
    """Whether a worker is to place it. A token that is none of this buyer's is no large order either."""
    try:
        return read_token(placement.token, buyer=placement.buyer).quantity > LARGE
    except QuoteRefused:
        return False


def ask_for(placement: Placement) -> Placing:
    """The placing, waiting for a worker; the same key answers with the same one. The quote has to be good now, and may
    run out while the order waits its turn.

    Raises OrderRefused, QuoteRefused; then nothing waits.
    """
    if asked := asked_before(placement):
        return asked
    quoted = open_token(placement.token, buyer=placement.buyer, now=placement.now)
    check_terms(placement.buyer, quoted)
    with transaction.atomic():
        Buyer.objects.select_for_update(no_key=True).get(pk=placement.buyer.pk)
        # A double click waited here.
        return asked_before(placement) or _write_down(placement, quoted.quantity)


def asked_before(placement: Placement) -> Placing | None:
    """What was asked for under the same key. Raises KeyReused."""
    asked = Placing.objects.filter(buyer=placement.buyer, idempotency_key=placement.key).first()
    if asked and _placement(asked, asked.asked_at).fingerprint != placement.fingerprint:
        raise KeyReused("This key was used for another order.")
    return asked


def _write_down(placement: Placement, total: int) -> Placing:
    if Placing.objects.under_way().filter(buyer=placement.buyer).count() >= MOST_UNDER_WAY:
        raise TooManyPlacings(f"{MOST_UNDER_WAY} large orders of yours are being placed. Wait for one of them first.")
    return Placing.objects.create(
        buyer=placement.buyer,
        placed_by=placement.user,
        token=placement.token,
        idempotency_key=placement.key,
        allow_partial=placement.allow_partial,
        total=total,
        asked_at=placement.now,
    )


def work_on(placing_id: int, *, clock: Clock) -> None:
    """Place the order, or end with the reason why not. Safe to call by anybody at any time."""
    mine = _claim(placing_id, clock())
    if mine is None:
        return
    try:
        with connection_aside() as aside:
            _place(mine, clock, _progress_of(mine, aside, clock))
    except (OrderRefused, QuoteRefused) as refusal:
        _refuse(mine, getattr(refusal, "code", "bad_quote"), str(refusal), clock())
    except NotEnoughMoney as refusal:
        _refuse(mine, "not_enough_money", str(refusal), clock())
    except NotReady:
        _let_go(mine)
    except TakenOver:
        log.warning("placing %s was taken over by another worker", mine.public_id)


def _claim(placing_id: int, now: datetime) -> Placing | None:
    """The placing, ours until its lease ends; None when somebody has it, or its buyer's other one, or it has ended.

    The orders of one company take turns at its wallet anyway: the second would only lose its lease while it waits.
    """
    others = Placing.objects.filter(buyer=OuterRef("buyer"), state=State.WORKING, leased_until__gt=now)
    free = Placing.objects.due(now).filter(~Exists(others.exclude(pk=OuterRef("pk"))), pk=placing_id)
    if not free.update(state=State.WORKING, tries=F("tries") + 1, done=0, leased_until=now + LEASE):
        return None
    mine = Placing.objects.select_related("buyer", "placed_by").get(pk=placing_id)
    if mine.tries > MOST_TRIES:
        log.error("placing %s failed %s times", mine.public_id, MOST_TRIES)
        _refuse(mine, "failed", FAILED, now)
        return None
    return mine


def _place(mine: Placing, clock: Clock, told: Progress) -> None:
    """Raises OrderRefused, QuoteRefused, NotEnoughMoney, TakenOver; then nothing was sold or charged."""
    placement = _placement(mine, clock())
    if placed := placed_before(placement):
        return _finish(mine, placed, clock())
    quoted = read_token(mine.token, buyer=mine.buyer)
    check_terms(mine.buyer, quoted)
    try:
        with transaction.atomic():
            _finish(mine, place(placement, quoted, told=told), clock())
    except IntegrityError:
        # Somebody ordered under the same key at the same moment: that is committed by now, and is the order.
        placed = placed_before(placement)
        if placed is None:
            raise
        _finish(mine, placed, clock())


def _placement(placing: Placing, now: datetime) -> Placement:
    return Placement(
        placing.buyer, placing.placed_by, placing.token, placing.idempotency_key, placing.allow_partial, now
    )


def _progress_of(mine: Placing, aside: BaseDatabaseWrapper, clock: Clock) -> Progress:
    """Writes where everybody sees it at once how many are sold, and that somebody is still at it."""

    def told(sold: int) -> None:
        with aside.cursor() as cursor:
            cursor.execute(
                "UPDATE marketplace_placing SET done = %s, leased_until = %s"
                " WHERE id = %s AND tries = %s AND state = 'working'",
                [sold, clock() + LEASE, mine.pk, mine.tries],
            )

    return told


def _let_go(mine: Placing) -> None:
    """The shelf cannot be looked at yet: that is nobody's failure, and it waits on."""
    latest = Placing.objects.filter(pk=mine.pk, tries=mine.tries, state=State.WORKING)
    latest.update(state=State.WAITING, leased_until=None, tries=F("tries") - 1)


def _finish(mine: Placing, order: Order, now: datetime) -> None:
    _end(mine, state=State.DONE, order=order, done=order.filled, ended_at=now)


def _refuse(mine: Placing, code: str, problem: str, now: datetime) -> None:
    try:
        _end(mine, state=State.REFUSED, code=code, problem=problem[:300], ended_at=now)
    except TakenOver:
        log.warning("placing %s was taken over by another worker", mine.public_id)


def _end(mine: Placing, **changes: object) -> None:
    """Only the worker of the latest try ends it. Raises TakenOver."""
    latest = Placing.objects.filter(pk=mine.pk, tries=mine.tries, state=State.WORKING)
    if not latest.update(**changes):
        raise TakenOver
