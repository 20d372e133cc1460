"""What a standing order would have bought in the last 30 days, counted from the leads themselves.

A lead *comes within reach* when it is first for sale, old enough and cheap enough, at today's prices. It counts if
that happened in the last 30 days, one of its legs was open then, and it fits the other filters. A lead that came
outside the order's hours or over a cap waits for the next hour with room. Purchases other buyers would have made
first are unknown, and leads within reach before the 30 days began are left out.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import Case, Count, DurationField, Exists, F, Min, OuterRef, Q, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest, TruncHour
from django.db.models.lookups import GreaterThanOrEqual

from buyers.models import StandingOrder
from leads.criteria.clauses import Between
from leads.criteria.criteria import Criteria
from leads.models import Grade, Lead, Leg, Market
from leads.models.lead import DAY, LeadQuerySet
from marketplace.inventory.query import not_owned_by
from marketplace.prices.pricing import Curve, price_expression
from marketplace.standing_orders.caps import WINDOWS
from marketplace.standing_orders.hours import hours_of

SPAN = timedelta(days=30)
HOUR = timedelta(hours=1)
PATIENCE_SECONDS = 4
OF_THEIR_TIME = ("age_days", "price", "times_sold", "legs_left")


@dataclass(frozen=True)
class LastMonth:
    """``came`` leads came within reach; ``bought`` of them fit hours, caps and budget, for ``cents``."""

    came: int
    bought: int
    cents: int


@dataclass(frozen=True)
class _Reach:
    """The ages, in whole days, at which a lead of one grade is wanted; with no end, from then on."""

    from_day: int
    before_day: int | None


def last_month(order: StandingOrder, curve: Curve, now: datetime) -> LastMonth | None:
    """Return the counts, or None if counting takes longer than a person waits. The order need not be saved."""
    start = now - SPAN
    came = _came(order, curve, now).filter(Q(reached_at__gt=start, reached_at__lte=now))
    hourly = came.order_by().annotate(hour=TruncHour("reached_at")).values("hour")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{PATIENCE_SECONDS}s"])
            rows = list(hourly.annotate(leads=Count("id"), cents=Sum("cost")).values_list("hour", "leads", "cents"))
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except OperationalError:
        return None
    return _replayed(order, {hour: (leads, int(cents)) for hour, leads, cents in rows}, start, now)


def _came(order: StandingOrder, curve: Curve, now: datetime) -> LeadQuerySet:
    """Return all leads that ever came within reach, annotated with ``reached_at`` and their ``cost`` at that time."""
    reaches = {grade: reach for grade in Grade.values if (reach := _reach(order, curve, grade))}
    criteria = order.wanted
    for field in OF_THEIR_TIME:
        criteria = criteria.without(field)
    leads = Lead.objects.in_vertical(order.vertical).filter(criteria.as_q(now), source__grade__in=reaches)
    leads = not_owned_by(leads, order.buyer, timedelta(days=order.vertical.duplicate_window_days))
    listed = Leg.objects.filter(lead=OuterRef("pk"), market=Market.AGED).order_by().values("lead")
    leads = leads.annotate(listed_at=listed.annotate(first=Min("aged_at")).values("first"))
    leads = leads.filter(listed_at__isnull=False)
    leads = leads.annotate(reached_at=Greatest(F("listed_at"), F("captured_at") + _days(reaches, "from_day")))
    leads = leads.filter(_in_time(reaches)).filter(_open_then(order)).filter(*_as_sold_then(order.wanted))
    cost = price_expression(curve, now=F("reached_at"), exclusive=order.exclusive)  # type: ignore[arg-type]
    return leads.annotate(cost=cost)


def _reach(order: StandingOrder, curve: Curve, grade: str) -> _Reach | None:
    """Return None for a grade that never drops to the max price or never fits the filters."""
    age, price = _ends(order.wanted, "age_days"), _ends(order.wanted, "price")
    days = [0, *(day for day, _ in curve.tiers if day)]
    costs = [(day, curve.price_cents(age_days=day, grade=grade, exclusive=order.exclusive)) for day in days]
    most = min((cents for cents in (order.max_price_cents, price[1]) if cents is not None), default=None)
    cheap = next((day for day, cents in costs if most is None or cents <= most), None)
    if cheap is None:
        return None
    too_cheap = next((day for day, cents in costs if price[0] is not None and cents < price[0]), None)
    ends = [end for end in (too_cheap, None if age[1] is None else age[1] + 1) if end is not None]
    return _Reach(max(cheap, age[0] or 0), min(ends, default=None))


def _ends(criteria: Criteria, field: str) -> tuple[int | None, int | None]:
    clause = criteria.of(field)
    if not isinstance(clause, Between):
        return None, None
    low, high = (None if end is None else int(end) for end in (clause.low, clause.high))
    return low, high


def _days(reaches: dict[str, _Reach], end: str) -> Case:
    whens = [
        When(source__grade=grade, then=Value(getattr(reach, end) * DAY, DurationField()))
        for grade, reach in reaches.items()
        if getattr(reach, end) is not None
    ]
    return Case(*whens, default=Value(None, DurationField()), output_field=DurationField())


def _in_time(reaches: dict[str, _Reach]) -> Q:
    """Whether the lead was not yet too old or too cheap when it came within reach."""
    endless = [grade for grade, reach in reaches.items() if reach.before_day is None]
    wanted = Q(source__grade__in=endless)
    if len(endless) < len(reaches):
        wanted |= Q(reached_at__lt=F("captured_at") + _days(reaches, "before_day"))
    return wanted


def _open_then(order: StandingOrder) -> Q:
    legs = Leg.objects.filter(lead=OuterRef("pk"))
    ended_later = Q(ended_at=None, status__in=["open", "held"]) | Q(ended_at__gt=OuterRef("reached_at"))
    was_open = Q(Exists(legs.filter(ended_later, market=Market.AGED, aged_at__lte=OuterRef("reached_at"))))
    return was_open & ~Q(Exists(legs.filter(_SOLD_THEN))) if order.exclusive else was_open


_SOLD = Q(status="sold") | Q(closed_reason="sold_elsewhere")
_SOLD_THEN = _SOLD & (Q(ended_at=None) | Q(ended_at__lte=OuterRef("reached_at")))


def _as_sold_then(criteria: Criteria) -> Iterable[Q]:
    """Yield the filters on times sold and legs left, as they stood when the lead came within reach."""
    legs = Leg.objects.filter(lead=OuterRef("pk")).order_by().values("lead")
    left = Q(market=Market.AGED, aged_at__lte=OuterRef("reached_at")) & (
        Q(ended_at=None, status__in=["open", "held"]) | Q(ended_at__gt=OuterRef("reached_at"))
    )
    for field, counted in (("times_sold", _SOLD_THEN), ("legs_left", left)):
        low, high = _ends(criteria, field)
        number = Coalesce(legs.filter(counted).annotate(number=Count("id")).values("number"), 0)
        if low is not None:
            yield Q(GreaterThanOrEqual(number, low))
        if high is not None:
            yield ~Q(GreaterThanOrEqual(number, high + 1))


def _replayed(
    order: StandingOrder, hourly: dict[datetime, tuple[int, int]], start: datetime, now: datetime
) -> LastMonth:
    """Replay hour by hour: buy the leads that came or wait, as far as hours, caps and budget allow."""
    hours, bought = hours_of(order), _Bought(order)
    waiting, worth = 0, 0
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour <= now:
        leads, cents = hourly.get(hour, (0, 0))
        waiting, worth = waiting + leads, worth + cents
        if waiting and hours.opening(hour) < hour + HOUR:
            taken, paid = bought.take(hour, waiting, worth)
            waiting, worth = waiting - taken, worth - paid
        hour += HOUR
    return LastMonth(sum(leads for leads, _ in hourly.values()), bought.leads, bought.cents)


class _Bought:
    """What the replay has bought so far."""

    def __init__(self, order: StandingOrder) -> None:
        self._caps = [(getattr(order, name), window, deque[tuple[datetime, int]]()) for name, window in WINDOWS.items()]
        self._order = order
        self.leads = 0
        self.cents = 0

    def take(self, hour: datetime, waiting: int, worth: int) -> tuple[int, int]:
        """Return how many of the waiting leads are bought and for how many cents, each at their average price."""
        most = min([waiting, *self._rooms(hour)])
        if self._order.budget_cents is not None:
            most = min(most, (self._order.budget_cents - self.cents) * waiting // max(1, worth))
        paid = worth * most // waiting
        self.leads, self.cents = self.leads + most, self.cents + paid
        for _, _, fills in self._caps:
            fills.append((hour, most))
        return most, paid

    def _rooms(self, hour: datetime) -> Iterable[int]:
        if self._order.total_cap is not None:
            yield self._order.total_cap - self.leads
        for cap, window, fills in self._caps:
            while fills and fills[0][0] <= hour - window:
                fills.popleft()
            if cap is not None:
                yield cap - sum(leads for _, leads in fills)
