"""Waking: the market moved, and the standing orders that this concerns are due.

What moves the market: leads that were listed, freed or corrected · sources that were graded anew · curves that took
effect · wallets that were filled. Time moves it too, and each order that was looked at knows its next instant itself;
a lead that comes later changes by itself at its birthdays and at midnight, and both are looked into a day ahead.
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
from leads.models import Lead, Vertical
from leads.models.lead import DAY, LeadQuerySet
from marketplace.inventory.feed import Changes, Cursor, FeedLost, changes_since, here
from marketplace.models import StandingWatch
from marketplace.prices.pricing import Curve, curves_in_force, price_of

# With more leads than that at once, every order of their verticals takes a look itself.
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
    """This process's own."""
    return Percolator()


@transaction.atomic
def wake(now: datetime) -> int:
    """Everything that moved since the last time. Answers how many orders are woken; none while another is at it."""
    StandingWatch.objects.bulk_create([StandingWatch(pk=1)], ignore_conflicts=True)
    watch = StandingWatch.objects.select_for_update(skip_locked=True).first()
    if watch is None:
        return 0
    woken = _follow_feed(watch, now) + _follow_curves(watch, now) + _follow_wallets(now)
    watch.save(update_fields=["cursor", "curves"])
    return woken


def _follow_feed(watch: StandingWatch, now: datetime) -> int:
    """The orders are caught up with after the feed was read: one that is placed meanwhile looks at the shelf itself."""
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
    """A source that says something else of itself changes what its leads are, as if each had been listed."""
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
    """Where these leads are, or anything of these sources: each vertical is asked whether it has one."""
    theirs = Lead.objects.for_sale().filter(vertical=OuterRef("pk"), source__in=sources)
    selling = Vertical.objects.filter(Exists(theirs)).values_list("pk", flat=True)
    return {*selling, *leads.order_by().values_list("vertical_id", flat=True).distinct()}


@dataclass
class Woken:
    """Orders that are due now, and those that are due later with the instant."""

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
    """Who wants one of these leads, now or at an instant of the next day."""
    woken, curves = Woken(now), curves_in_force(now)
    for lead in leads:
        curve = curves.get(lead.vertical_id)
        for at in _turns(lead, now) if curve else ():
            assert curve is not None
            woken.add(_wanting_at(lead, curve, at), at)
    return woken


def _turns(lead: Lead, now: datetime) -> Iterator[datetime]:
    """Now, and when within a day the lead becomes another one by itself: a day older, or its proof nearer its end."""
    yield now
    yield lead.captured_at + (lead.age_days(now) + 1) * DAY
    midnight = (now + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    if lead.consent.proof_state(midnight) != lead.consent.proof_state(now):
        yield midnight


def _wanting_at(lead: Lead, curve: Curve, at: datetime) -> BitMap:
    found = BitMap()
    for exclusive in (False, True) if lead.times_sold == 0 else (False,):
        if percolator().has_any(lead.vertical_id, exclusive=exclusive):
            lead.price_cents = price_of(lead, curve, now=at, exclusive=exclusive)  # type: ignore[attr-defined]
            found |= percolator().wanting(lead, at, exclusive=exclusive)
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
    """By the curves themselves, not by their instants: one may be written down just after it took effect."""
    curves = curves_in_force(now)
    fresh = [vertical for vertical, curve in curves.items() if curve.id not in watch.curves]
    watch.curves = sorted(curve.id for curve in curves.values())
    return _wake_all(now, fresh) if fresh else 0


def _follow_wallets(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WAKE_PAID, {"now": now})
        return cursor.rowcount
