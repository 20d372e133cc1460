"""Wake standing orders: make them due when the market moves in a way that affects them.

The market moves when leads are listed, released or corrected · sources get a new grade · price curves take effect ·
wallets are topped up. It also moves with time: an order that was checked knows when it is due next, and a lead that
came later changes when it turns a day older and at midnight; both are worked out a day ahead.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from pyroaring import BitMap

from buyers.models import StandingOrder
from buyers.standing_index.percolator import Percolator
from leads.listed import ListedLead
from leads.models import Lead, Vertical
from leads.models.lead import DAY, LeadQuerySet
from marketplace.inventory.feed import Changes, Cursor, FeedLost, changes_since, here
from marketplace.models import StandingWatch
from marketplace.prices.pricing import Curve, curves_in_force, price_of

# With more changed leads than this at once, every order of their verticals becomes due.
MOST_LEADS = 20_000

_WAKE = """
    UPDATE buyers_standingorder AS wanted SET due_at = least(wanted.due_at, woken.due_at)
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS woken (id, due_at)
    WHERE wanted.id = woken.id AND wanted.ended_at IS NULL AND wanted.paused_at IS NULL
        AND (wanted.total_cap IS NULL OR wanted.filled < wanted.total_cap)
        AND (wanted.due_at IS NULL OR wanted.due_at > woken.due_at)
"""
_WAKE_PAID = """
    UPDATE buyers_standingorder AS wanted SET due_at = %(now)s
    FROM billing_account AS wallet
    WHERE wanted.outcome = 'wallet' AND wanted.ended_at IS NULL AND wanted.paused_at IS NULL AND wanted.due_at > %(now)s
        AND wallet.kind = 'wallet' AND wallet.buyer_id = wanted.buyer_id
        AND wallet.balance_cents >= (wanted.facts ->> 'needed_cents')::bigint
"""


@lru_cache(maxsize=1)
def percolator() -> Percolator:
    """Return this process's own percolator."""
    return Percolator()


@transaction.atomic
def wake(now: datetime) -> int:
    """Wake orders for every change since the last call. Return how many; 0 while another worker is doing it."""
    StandingWatch.objects.bulk_create([StandingWatch(pk=1)], ignore_conflicts=True)
    watch = StandingWatch.objects.select_for_update(skip_locked=True).first()
    if watch is None:
        return 0
    woken = _follow_feed(watch, now) + _follow_curves(watch, now) + _follow_wallets(now)
    watch.save(update_fields=["cursor", "curves"])
    return woken


def _follow_feed(watch: StandingWatch, now: datetime) -> int:
    """Read the feed first, then the orders: one placed in between is due for its own first check anyway."""
    try:
        changes = changes_since(Cursor(watch.cursor)) if watch.cursor else None
    except FeedLost:
        changes = None
    if changes is None:
        watch.cursor = here().text
        return _wake_all(now)
    watch.cursor = changes.cursor.text
    return _wake_wanting(changes, now)


def _wake_wanting(changes: Changes, now: datetime) -> int:
    """A change to a source counts as a change to each of its leads, as if each had just been listed."""
    numbers = changes.leads | changes.corrected
    if changes.sources:
        theirs = Lead.objects.for_sale().filter(source__in=changes.sources).values_list("pk", flat=True)
        numbers |= set(theirs[: MOST_LEADS + 1])
    if not numbers:
        return 0
    leads = Lead.objects.for_sale().numbered(numbers)
    if len(numbers) > MOST_LEADS:
        return _wake_all(now, _verticals_of(leads, changes.sources))
    percolator().refresh()
    buyable = leads.filter(vertical__open_for_resale=True)
    return _wake_at(wanting(buyable.select_related("source", "consent__text"), now))


def _verticals_of(leads: LeadQuerySet, sources: Iterable[int]) -> set[int]:
    """Return the verticals of these leads and of all leads from these sources, with one lookup per vertical."""
    theirs = Lead.objects.for_sale().filter(vertical=OuterRef("pk"), source__in=sources)
    selling = Vertical.objects.filter(Exists(theirs)).values_list("pk", flat=True)
    return {*selling, *leads.order_by().values_list("vertical_id", flat=True).distinct()}


@dataclass
class Woken:
    """Orders that are due now, and orders due later with the time."""

    now: datetime
    at_once: BitMap = field(default_factory=BitMap)
    later: dict[int, datetime] = field(default_factory=dict)

    def add(self, orders: BitMap, at: datetime) -> None:
        if at <= self.now:
            self.at_once |= orders
            return
        for pk in orders - self.at_once:
            self.later[pk] = min(at, self.later.get(pk, at))

    def pairs(self) -> Iterator[tuple[int, datetime]]:
        yield from ((pk, self.now) for pk in self.at_once)
        yield from ((pk, at) for pk, at in self.later.items() if pk not in self.at_once)


def wanting(leads: Iterable[Lead], now: datetime) -> Woken:
    """Return the orders that want one of these leads now or at some time within the next day."""
    woken, curves = Woken(now), curves_in_force(now)
    for lead in leads:
        curve = curves.get(lead.vertical_id)
        for at in _turns(lead, now) if curve else ():
            assert curve is not None
            woken.add(_wanting_at(lead, curve, at), at)
    return woken


def _turns(lead: Lead, now: datetime) -> Iterator[datetime]:
    """Yield now and each time within a day when the lead changes by itself: in age, or in how long its proof lasts."""
    yield now
    yield lead.captured_at + (lead.age_days(now) + 1) * DAY
    midnight = (now + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    if lead.consent.proof_state(midnight) != lead.consent.proof_state(now):
        yield midnight


def _wanting_at(lead: Lead, curve: Curve, at: datetime) -> BitMap:
    found = BitMap()
    for exclusive in (False, True) if lead.times_sold == 0 else (False,):
        if percolator().has_any(lead.vertical_id, exclusive=exclusive):
            listed = ListedLead.of(lead, price_of(lead, curve, now=at, exclusive=exclusive))
            found |= percolator().wanting(listed, at, exclusive=exclusive)
    return found


def _wake_at(woken: Woken) -> int:
    pairs = list(woken.pairs())
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, [[pk for pk, _ in pairs], [at for _, at in pairs]])
        return cursor.rowcount


def _wake_all(now: datetime, verticals: Iterable[int] | None = None) -> int:
    orders = StandingOrder.objects.live().buying().with_room_in_total()
    if verticals is not None:
        orders = orders.filter(vertical__in=list(verticals))
    return orders.update(due_at=now)


def _follow_curves(watch: StandingWatch, now: datetime) -> int:
    """Compare the curves themselves, not their times: a curve may be saved just after it takes effect."""
    curves = curves_in_force(now)
    fresh = [vertical for vertical, curve in curves.items() if curve.id not in watch.curves]
    watch.curves = sorted(curve.id for curve in curves.values())
    return _wake_all(now, fresh) if fresh else 0


def _follow_wallets(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WAKE_PAID, {"now": now})
        return cursor.rowcount
