"""Background orders: large orders, accepted at once and placed by a worker, in one transaction like any other.

Stages: the quote and the terms are checked, the request is recorded · a worker claims it until its lease ends · the
order is placed, and its progress written on a second connection · the order and its result are committed together.
A killed worker leaves nothing behind; the next one starts over. If two workers think the order is theirs, the later
claim wins, and the other's transaction is rolled back.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, F, OuterRef

from billing.ledger import NotEnoughMoney
from buyers.models import Buyer
from leads.jobs.lease import TakenOver
from leads.jobs.second_connection import connection_aside
from marketplace.inventory.startup import NotReady
from marketplace.models import BackgroundOrder, Order
from marketplace.models.background_order import LEASE
from marketplace.orders.checkout import OrderAttempt, OrderRefused, check_terms, made_before, place, placed_before
from marketplace.orders.quotes import QuoteRefused, open_token, read_token
from marketplace.orders.sales import Progress

LARGE = 5_000  # for more leads than this, the page does not wait
MOST_UNDER_WAY = 3
MOST_TRIES = 5
FAILED = "We could not place the order. Nothing was charged, and we are looking into it."

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]
Status = BackgroundOrder.Status


class TooManyBackgroundOrders(OrderRefused):
    code = "too_many_under_way"


def is_large(attempt: OrderAttempt) -> bool:
    """Whether a worker should place it; never for a token that is not one of this buyer's."""
    try:
        return read_token(attempt.token, buyer=attempt.buyer).quantity > LARGE
    except QuoteRefused:
        return False


def ask_for(attempt: OrderAttempt) -> BackgroundOrder:
    """Record the order for a worker and return it; the same key returns the same one. The quote must be valid now, and
    may expire while the order waits its turn.

    Raises OrderRefused, QuoteRefused; then nothing is recorded.
    """
    if asked := asked_before(attempt):
        return asked
    quoted = open_token(attempt.token, buyer=attempt.buyer, now=attempt.now)
    check_terms(attempt.buyer, quoted)
    with transaction.atomic():
        Buyer.objects.select_for_update(no_key=True).get(pk=attempt.buyer.pk)
        # A double click waits above; both clicks get the first one's result.
        return asked_before(attempt) or _write_down(attempt, quoted.quantity)


def asked_before(attempt: OrderAttempt) -> BackgroundOrder | None:
    """Return the background order already requested with the same key. Raises KeyReused."""
    return made_before(BackgroundOrder.objects.filter(buyer=attempt.buyer), attempt)


def _write_down(attempt: OrderAttempt, total: int) -> BackgroundOrder:
    if BackgroundOrder.objects.under_way().filter(buyer=attempt.buyer).count() >= MOST_UNDER_WAY:
        raise TooManyBackgroundOrders(f"{MOST_UNDER_WAY} of your large orders are in progress. Wait for one to finish.")
    return BackgroundOrder.objects.create(
        buyer=attempt.buyer,
        placed_by=attempt.user,
        token=attempt.token,
        idempotency_key=attempt.key,
        fingerprint=attempt.fingerprint,
        allow_partial=attempt.allow_partial,
        total=total,
        asked_at=attempt.now,
    )


def work_on(background_order_id: int, *, clock: Clock) -> None:
    """Place the order, or end it with the reason why not. Safe to call at any time, any number of times."""
    mine = _claim(background_order_id, clock())
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
        log.warning("background order %s was taken over by another worker", mine.public_id)


def _claim(background_order_id: int, now: datetime) -> BackgroundOrder | None:
    """Claim the order until its lease ends. None if a worker has it or another of its buyer's orders, or it has ended.

    The orders of one company take turns at its wallet anyway: a second one would only lose its lease while it waits.
    """
    others = BackgroundOrder.objects.filter(buyer=OuterRef("buyer"), status=Status.WORKING, leased_until__gt=now)
    free = BackgroundOrder.objects.due(now).filter(~Exists(others.exclude(pk=OuterRef("pk"))), pk=background_order_id)
    if not free.update(status=Status.WORKING, tries=F("tries") + 1, done=0, leased_until=now + LEASE):
        return None
    mine = BackgroundOrder.objects.select_related("buyer", "placed_by").get(pk=background_order_id)
    if mine.tries > MOST_TRIES:
        log.error("background order %s failed %s times", mine.public_id, MOST_TRIES)
        _refuse(mine, "failed", FAILED, now)
        return None
    return mine


def _place(mine: BackgroundOrder, clock: Clock, told: Progress) -> None:
    """Place it. Raises OrderRefused, QuoteRefused, NotEnoughMoney, TakenOver; then nothing was sold or charged."""
    attempt = _placement(mine, clock())
    if placed := placed_before(attempt):
        return _finish(mine, placed, clock())
    quoted = read_token(mine.token, buyer=mine.buyer)
    check_terms(mine.buyer, quoted)
    try:
        with transaction.atomic():
            _finish(mine, place(attempt, quoted, told=told), clock())
    except IntegrityError:
        # Another request with the same key ran at the same time. It has committed by now, and its order is ours.
        placed = placed_before(attempt)
        if placed is None:
            raise
        _finish(mine, placed, clock())


def _placement(background_order: BackgroundOrder, now: datetime) -> OrderAttempt:
    return OrderAttempt(
        background_order.buyer,
        background_order.placed_by,
        background_order.token,
        background_order.idempotency_key,
        background_order.allow_partial,
        now,
    )


def _progress_of(mine: BackgroundOrder, aside: BaseDatabaseWrapper, clock: Clock) -> Progress:
    """Return a function that records, visible to all at once, how many are sold, and extends the lease."""

    def told(sold: int) -> None:
        with aside.cursor() as cursor:
            cursor.execute(
                "UPDATE marketplace_backgroundorder SET done = %s, leased_until = %s"
                " WHERE id = %s AND tries = %s AND status = 'working'",
                [sold, clock() + LEASE, mine.pk, mine.tries],
            )

    return told


def _let_go(mine: BackgroundOrder) -> None:
    """Put it back to wait, since the inventory is still loading. This does not count as a try."""
    latest = BackgroundOrder.objects.filter(pk=mine.pk, tries=mine.tries, status=Status.WORKING)
    latest.update(status=Status.WAITING, leased_until=None, tries=F("tries") - 1)


def _finish(mine: BackgroundOrder, order: Order, now: datetime) -> None:
    _end(mine, status=Status.DONE, order=order, done=order.filled, ended_at=now)


def _refuse(mine: BackgroundOrder, code: str, problem: str, now: datetime) -> None:
    try:
        _end(mine, status=Status.REFUSED, code=code, problem=problem[:300], ended_at=now)
    except TakenOver:
        log.warning("background order %s was taken over by another worker", mine.public_id)


def _end(mine: BackgroundOrder, **changes: object) -> None:
    """End it; only the worker of the latest try can. Raises TakenOver."""
    latest = BackgroundOrder.objects.filter(pk=mine.pk, tries=mine.tries, status=Status.WORKING)
    if not latest.update(**changes):
        raise TakenOver
