"""Saved searches: one alert a day about everything new, to the person who saved them; if nothing is new, none.

New is what matches now and did not at the last alert: it was listed since, or now matches by its age, price or proof.
A search is leased for a while, its alert is sent, and only then is it marked as sent: if a worker dies in between, the
alert is sent twice rather than never.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from buyers.models import Role, StandingOrder
from leads.criteria.clauses import CriteriaError
from leads.criteria.filters import query_of
from leads.jobs import outbox
from leads.models import Lead
from marketplace.inventory.pages import best
from marketplace.inventory.query import Sort
from marketplace.inventory.small_counts import masked_text
from marketplace.inventory.startup import NotReady
from marketplace.prices.pricing import NoCurve, curve_in_force, priced
from marketplace.standing_orders.fill import stock_query_of

log = structlog.get_logger("marketplace.standing_orders")

# UTC: morning on the East Coast. Everyone is emailed at the same time, once a day about all their searches.
LETTER_HOUR = 12
MOST = 1_000


@dataclass(frozen=True)
class News:
    """What is new for one search: ``fresh`` leads, or ``more`` than that."""

    search: StandingOrder
    fresh: int
    more: bool

    @property
    def count_text(self) -> str:
        return f"{masked_text(self.fresh)}{' or more' if self.more else ''}"

    @property
    def url(self) -> str:
        """The page of leads that match the search, newest first."""
        pairs = [*query_of(self.search.wanted), ("sort", "newest")]
        return (
            settings.SITE_URL + reverse("storefront:browse", args=[self.search.vertical.slug]) + f"?{urlencode(pairs)}"
        )


def send_due(now: datetime) -> int:
    """Send the alerts that are due. Return how many searches were checked."""
    due = StandingOrder.objects.due(now).telling().filter(buyer__closed_at=None, vertical__open_for_resale=True)
    groups: dict[tuple[str, ...], list[StandingOrder]] = defaultdict(list)
    for search in outbox.take(due.select_related("vertical", "buyer", "placed_by"), now, column="due_at"):
        groups[_addresses(search)].append(search)
    return sum(_tell_safely(addresses, searches, now) for addresses, searches in groups.items())


def _tell_safely(addresses: tuple[str, ...], searches: list[StandingOrder], now: datetime) -> int:
    try:
        return _tell(addresses, searches, now)
    except Exception:  # any failure: other people's alerts are due too
        log.exception("alerts for saved searches could not be sent", standing=[search.pk for search in searches])
        return 0


def _addresses(search: StandingOrder) -> tuple[str, ...]:
    """Return the person who saved it while they are with the company, otherwise its owners."""
    people = search.buyer.memberships.filter(user__is_active=True)
    saver = people.filter(user=search.placed_by) if search.placed_by else people.none()
    found = saver if saver.exists() else people.filter(role=Role.OWNER)
    return tuple(found.order_by("user_id").values_list("user__email", flat=True))


def _tell(addresses: tuple[str, ...], searches: list[StandingOrder], now: datetime) -> int:
    try:
        found = [news_of(search, now) for search in searches]
    except NotReady:
        return 0  # the inventory is loading: they are checked later
    fresh = [news for news in found if news.fresh]
    if fresh and not _write(addresses, fresh):
        return 0  # we try again later
    return sum(_note(news, now) for news in found)


def news_of(search: StandingOrder, now: datetime) -> News:
    """Return what matches now and did not at the last alert."""
    try:
        numbers = best(stock_query_of(search, now), Sort.NEWEST, MOST + 1)
    except (CriteriaError, NoCurve):
        return News(search, 0, more=False)
    fresh = len(numbers) - _known_before(search, numbers)
    return News(search, min(fresh, MOST), more=fresh > MOST)


def _known_before(search: StandingOrder, numbers: list[int]) -> int:
    before = search.told_at or search.created_at
    try:
        curve = curve_in_force(search.vertical, before)
    except NoCurve:
        return 0
    listed = Lead.objects.numbered(numbers).listed_by(before)
    leads = priced(listed, curve, now=before, exclusive=search.exclusive)
    return leads.filter(search.wanted.as_q(before)).count()


def _write(addresses: Iterable[str], fresh: list[News]) -> bool:
    context = {
        "news": fresh,
        "standing": settings.SITE_URL + reverse("standing_orders:list"),
        "operator": settings.OPERATOR,
    }
    text = render_to_string("marketplace/standing_orders/email/saved_searches.txt", context)
    named = fresh[0].search.name if len(fresh) == 1 else f"{len(fresh)} saved searches"
    return outbox.send_to_each(f"Remainder: new leads for {named}", text, addresses)


def _note(news: News, now: datetime) -> int:
    facts = {"fresh": news.fresh, "more": news.more}
    told = {"outcome": "told", "facts": facts, "looked_at": now, "told_at": now, "due_at": next_letter(now)}
    return outbox.strike_off([news.search], now, column="due_at", **told)


def next_letter(now: datetime) -> datetime:
    at = now.replace(hour=LETTER_HOUR, minute=0, second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)
