"""Fill standing orders: one that is due buys the leads within its max price, or records why not and when to retry.

Steps, in one transaction: lock the order · check its company, hours and caps · ask the inventory for leads within its
max price · quote and buy as many as caps and money allow, like any other order · write the fill. So a worker that is
killed leaves nothing half done, and the next one starts over.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from billing.ledger import NotEnoughMoney
from buyers.models import StandingOrder
from leads.criteria.clauses import Between, CriteriaError
from marketplace.inventory.forecast import Outlook, outlook
from marketplace.inventory.query import Sort, StockQuery
from marketplace.inventory.startup import NotReady
from marketplace.models import Order, StandingFill
from marketplace.orders.checkout import STANDING, NotAllThere, OrderAttempt, check_terms, place
from marketplace.orders.quotes import Quote, quote
from marketplace.orders.request import HIGHEST_PRICE_CENTS, Selection
from marketplace.prices.pricing import NoCurve, curve_in_force
from marketplace.standing_orders.caps import Money, money_of, room_of
from marketplace.standing_orders.hours import hours_of
from marketplace.standing_orders.outcomes import DAILY, HOURLY, SOON, FillOutcome

log = structlog.get_logger("marketplace.standing_orders")
BATCH = 5_000
AT_ONCE = 5_000
RUN_SECONDS = 50
"""A run stops after this time, before the queue would kill it in the middle of an order; the next one continues."""


def fill_due(clock: Callable[[], datetime]) -> int:
    """Check every order that is due, highest max price first, then oldest. Return how many were checked."""
    due = StandingOrder.objects.due(clock()).buying().best_first().values_list("pk", flat=True)
    until = time.monotonic() + RUN_SECONDS
    return sum(_look_safely(pk, clock()) for pk in list(due[:BATCH]) if time.monotonic() < until)


def _look_safely(pk: int, now: datetime) -> bool:
    try:
        return look_at(pk, now)
    except Exception:  # any failure: the other orders are due too
        log.exception("a standing order could not be filled", standing=pk)
        failed = {"outcome": "failed", "facts": {}, "looked_at": now, "due_at": now + HOURLY}
        return bool(StandingOrder.objects.due(now).filter(pk=pk).update(**failed))


@transaction.atomic
def look_at(pk: int, now: datetime) -> bool:
    """Check the order and record the outcome. False if it is no longer due or another worker has it."""
    due = StandingOrder.objects.due(now).buying().select_related("vertical", "buyer", "placed_by")
    order = due.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(pk=pk).first()
    if order is None:
        return False
    found = consider(order, now)
    StandingOrder.objects.filter(pk=pk).update(
        outcome=found.code, facts=found.facts, looked_at=now, due_at=found.due_at
    )
    return True


def consider(order: StandingOrder, now: datetime) -> FillOutcome:
    """Return what the order does now, and do it. The caller's transaction holds its row lock."""
    if stopped := _stopped(order, now) or _used_up(order, now):
        return stopped
    try:
        query = stock_query_of(order, now)
    except CriteriaError:
        return FillOutcome("unreadable", None)
    except NoCurve:
        return FillOutcome("no_price", now + HOURLY)
    max_price_cents = max_price_of(order)
    try:
        ahead = outlook(query, max_price_cents)
    except NotReady:
        return FillOutcome("not_ready", now + SOON)
    if not ahead.within:
        return _out_of_reach(ahead, max_price_cents, now)
    return _buy(_Purchase(order, query, money_of(order), now), ahead)


def max_price_of(order: StandingOrder) -> int:
    """Return the most it pays for a lead, in cents: max price or price filter, if lower. A search has no max price."""
    asked = order.wanted.of("price")
    asked_cents = asked.high if isinstance(asked, Between) else None
    return min(int(cents) for cents in (order.max_price_cents, asked_cents, HIGHEST_PRICE_CENTS) if cents is not None)


def stock_query_of(order: StandingOrder, now: datetime) -> StockQuery:
    """Return the order's query of the inventory. Raises CriteriaError, NoCurve."""
    curve = curve_in_force(order.vertical, now)
    return StockQuery(order.vertical, order.wanted, curve, now, order.buyer, order.exclusive)


def _stopped(order: StandingOrder, now: datetime) -> FillOutcome | None:
    if not order.vertical.open_for_resale:
        return FillOutcome("closed", now + HOURLY)
    if not order.buyer.may_buy(order.vertical_id):
        return FillOutcome("not_approved", now + HOURLY)
    opens_at = hours_of(order).opening(now)
    return FillOutcome("hours", opens_at, {"until": opens_at.isoformat()}) if opens_at > now else None


def _used_up(order: StandingOrder, now: datetime) -> FillOutcome | None:
    room = room_of(order, now)
    if room.leads != 0:
        return None
    cap = {"cap": getattr(order, room.cap)}
    if room.until is None:
        return FillOutcome("complete", None, cap)
    return FillOutcome(room.cap, room.until, {**cap, "until": room.until.isoformat()})


def _out_of_reach(ahead: Outlook, max_price_cents: int, now: datetime) -> FillOutcome:
    due_at = now + DAILY if ahead.reaches_at is None else min(max(ahead.reaches_at, now + SOON), now + DAILY)
    facts = {
        "matching": ahead.matching,
        "cheapest_cents": ahead.cheapest_cents,
        "max_price_cents": max_price_cents,
        "reaches_at": ahead.reaches_at and ahead.reaches_at.isoformat(),
    }
    return FillOutcome("out_of_reach", due_at, facts)


@dataclass(frozen=True)
class _Purchase:
    order: StandingOrder
    query: StockQuery
    money: Money
    now: datetime

    @property
    def max_price_cents(self) -> int:
        assert self.order.max_price_cents is not None
        return min(self.order.max_price_cents, self.money.cents)


def _buy(purchase: _Purchase, ahead: Outlook) -> FillOutcome:
    assert ahead.cheapest_cents is not None
    if purchase.money.cents < ahead.cheapest_cents:
        return _short_of_money(purchase, ahead.cheapest_cents)
    quoted = _affordable(purchase, ahead.within)
    if not quoted.quantity:
        return FillOutcome("taken", purchase.now + SOON)
    try:
        bought = _place(purchase, quoted)
    except NotAllThere:
        return FillOutcome("taken", purchase.now + SOON)
    except NotEnoughMoney as short:
        facts = {"balance_cents": short.balance_cents, "needed_cents": short.needed_cents}
        return FillOutcome("wallet", purchase.now + SOON, facts)
    return FillOutcome("bought", purchase.now, {"leads": bought.filled, "cents": bought.total_cents})


def _short_of_money(purchase: _Purchase, needed_cents: int) -> FillOutcome:
    """A top-up or a higher budget wakes the order again."""
    left = "balance_cents" if purchase.money.bound == "wallet" else "left_cents"
    facts = {left: purchase.money.cents, "needed_cents": needed_cents}
    return FillOutcome(purchase.money.bound, purchase.now + DAILY, facts)


def _affordable(purchase: _Purchase, within: int) -> Quote:
    """Quote as many leads as are available, caps allow and the money covers, asking for fewer until it does."""
    quantity = min(within, AT_ONCE, room_of(purchase.order, purchase.now).leads or AT_ONCE)
    while True:
        quoted = quote(_selection(purchase, quantity), buyer=purchase.order.buyer, now=purchase.now)
        if quoted.total_cents <= purchase.money.cents:
            return quoted
        quantity = max(1, min(quoted.quantity - 1, quoted.quantity * purchase.money.cents // quoted.total_cents))


def _selection(purchase: _Purchase, quantity: int) -> Selection:
    order = purchase.order
    return Selection(purchase.query.criteria, quantity, Sort(order.sort), purchase.max_price_cents, order.exclusive)


@transaction.atomic
def _place(purchase: _Purchase, quoted: Quote) -> Order:
    """Write the order and its fill. Raises NotAllThere, NotEnoughMoney; then nothing is written."""
    order = purchase.order
    number = order.fills.count() + 1
    check_terms(order.buyer, quoted)
    name = f"{STANDING}{order.public_id} {number}"
    bought = place(OrderAttempt(order.buyer, order.placed_by, name, name, True, purchase.now), quoted)
    StandingFill.objects.create(
        standing=order,
        order=bought,
        number=number,
        leads=bought.filled,
        cents=bought.total_cents,
        filled_at=bought.placed_at,
    )
    return bought
