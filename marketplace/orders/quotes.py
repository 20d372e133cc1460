"""Quotes: what an order request costs now, sealed for ten minutes.

A quote is not stored: its token carries the request, the curves and the amounts, sealed for one buyer. Its curves stay
valid even if the operator changes prices in the meantime; no lead costs more than its line says, and a lead that got
cheaper is charged at the lower price. If a source's grade goes up in the meantime, too few leads may be left at the
quoted prices; then the buyer is asked again.
"""

import base64
import binascii
import json
import uuid
import zlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from buyers.models import Buyer
from leads.models import Lead
from leads.models.lead import DAY, LeadQuerySet
from leads.people.sealing import SealBroken, key_ring
from marketplace.inventory.pages import Lot, lots
from marketplace.inventory.query import Sort, StockQuery
from marketplace.orders.ownership import OwnedPeople
from marketplace.orders.request import (
    NamedLeads,
    OrderRequest,
    OrderRequestRefused,
    Selection,
    read_order_request,
    vertical_named,
)
from marketplace.prices.pricing import Curve, curve_in_force, curves_in_force, price_of

LIFE = timedelta(minutes=10)


class QuoteRefused(Exception):
    """The token is not one of this buyer's quotes, or was altered."""


class QuoteExpired(QuoteRefused):
    """The quote is more than ten minutes old."""


@dataclass(frozen=True)
class QuoteLine:
    """Leads at one price, or one lead if leads were named. Ages are in whole days."""

    quantity: int
    unit_cents: int
    youngest_days: int
    oldest_days: int
    lead: uuid.UUID | None = None

    @property
    def amount_cents(self) -> int:
        return self.quantity * self.unit_cents


@dataclass(frozen=True)
class Quote:
    """A priced order request. ``unavailable`` are named leads that this buyer cannot have, with reasons. ``last_at`` is
    when the lead that comes last in the selection's sort order was requested."""

    buyer_id: int
    order_request: OrderRequest
    lines: tuple[QuoteLine, ...]
    curves: dict[int, int]
    quoted_at: datetime
    unavailable: tuple[tuple[uuid.UUID, str], ...] = ()
    last_at: datetime | None = None

    @property
    def quantity(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def total_cents(self) -> int:
        return sum(line.amount_cents for line in self.lines)

    @property
    def highest_cents(self) -> int:
        return max((line.unit_cents for line in self.lines), default=0)

    @property
    def places(self) -> dict[int, int]:
        """The number of leads at each price in cents."""
        places: Counter[int] = Counter()
        for line in self.lines:
            places[line.unit_cents] += line.quantity
        return places

    @property
    def expires_at(self) -> datetime:
        return self.quoted_at + LIFE

    def ends_before(self, cents: int, asked_at: datetime) -> bool:
        """Whether a lead at this price, requested at this time, sorts after all leads in the quote."""
        if self.last_at is None or isinstance(self.order_request, NamedLeads):
            return False
        match self.order_request.sort:
            case Sort.NEWEST:
                return asked_at < self.last_at
            case Sort.OLDEST:
                return asked_at > self.last_at
            case Sort.CHEAPEST:
                return (-cents, asked_at) < (-self.highest_cents, self.last_at)

    @property
    def unit_of(self) -> dict[uuid.UUID, int]:
        """The quoted price of each named lead, in cents."""
        return {line.lead: line.unit_cents for line in self.lines if line.lead}


def quote(order_request: OrderRequest, *, buyer: Buyer, now: datetime) -> Quote:
    """Return what the request costs this buyer now. Raises NoCurve."""
    return (
        _quote_selection(order_request, buyer, now)
        if isinstance(order_request, Selection)
        else _quote_named(order_request, buyer, now)
    )


def stock_query_of(order_request: Selection, *, curve: Curve, buyer: Buyer, quantity: int, now: datetime) -> StockQuery:
    """Return the inventory query that fills a selection; ``quantity`` sets the volume discount."""
    vertical = vertical_named(order_request.criteria.vertical)
    if vertical is None:
        raise QuoteRefused("We do not resell leads in this vertical.")
    return StockQuery(vertical, order_request.criteria, curve, now, buyer, order_request.exclusive, quantity)


def _quote_selection(order_request: Selection, buyer: Buyer, now: datetime) -> Quote:
    vertical = vertical_named(order_request.criteria.vertical)
    if vertical is None:
        raise QuoteRefused("We do not resell leads in this vertical.")
    curve = curve_in_force(vertical, now)
    volume = order_request.quantity
    while True:
        query = stock_query_of(order_request, curve=curve, buyer=buyer, quantity=volume, now=now)
        found = lots(query, order_request.sort, volume, max_price_cents=order_request.max_price_cents)
        quantity = sum(lot.quantity for lot in found)
        if curve.volume_multiplier(quantity) == curve.volume_multiplier(volume):
            lines = tuple(_line(lot, now) for lot in found)
            return Quote(
                buyer.pk,
                order_request,
                lines,
                {vertical.pk: curve.id},
                now,
                last_at=_last_of(found, order_request.sort),
            )
        volume = quantity  # too few for that volume discount, so price again at the quantity found


def _last_of(found: list[Lot], sort: Sort) -> datetime | None:
    """Return when the last lead of the selection was requested. Lots start with the most expensive."""
    if not found:
        return None
    match sort:
        case Sort.NEWEST:
            return min(lot.oldest_at for lot in found)
        case Sort.OLDEST:
            return max(lot.newest_at for lot in found)
        case Sort.CHEAPEST:
            return found[0].oldest_at


def _line(lot: Lot, now: datetime) -> QuoteLine:
    return QuoteLine(lot.quantity, lot.cents, (now - lot.newest_at) // DAY, (now - lot.oldest_at) // DAY)


def _quote_named(order_request: NamedLeads, buyer: Buyer, now: datetime) -> Quote:
    curves = curves_in_force(now)
    found = {lead.public_id: lead for lead in _named_leads(order_request, now)}
    available, unavailable = _sorted_out(
        order_request, found, curves, OwnedPeople(buyer.pk, [lead.pk for lead in found.values()], now=now)
    )
    lines = tuple(_named_line(lead, curves[lead.vertical_id], order_request, len(available), now) for lead in available)
    used = {lead.vertical_id: curves[lead.vertical_id].id for lead in available}
    return Quote(buyer.pk, order_request, lines, used, now, tuple(unavailable))


def _sorted_out(
    order_request: NamedLeads, found: dict[uuid.UUID, Lead], curves: dict[int, Curve], owned_people: OwnedPeople
) -> tuple[list[Lead], list[tuple[uuid.UUID, str]]]:
    """Return the leads that this buyer can have, and the others with the reason."""
    available: list[Lead] = []
    unavailable: list[tuple[uuid.UUID, str]] = []
    held = {lead.pk for lead in found.values() if owned_people.has(lead.pk)}
    for public_id in order_request.leads:
        lead = found.get(public_id)
        reason = (
            _owned_how(lead, owned_people)
            if lead and lead.pk in held
            else why_not(lead, order_request.exclusive, curves)
        )
        if reason is None and lead and owned_people.has(lead.pk):
            reason = "same_person"
        if reason or lead is None:
            unavailable.append((public_id, reason or "unknown"))
        else:
            owned_people.take(lead.pk)
            available.append(lead)
    return available, unavailable


def _owned_how(lead: Lead, owned_people: OwnedPeople) -> str:
    return "own_customer" if owned_people.brought(lead.pk) else "already_owned"


def _named_line(lead: Lead, curve: Curve, order_request: NamedLeads, volume: int, now: datetime) -> QuoteLine:
    age = lead.age_days(now)
    cents = price_of(lead, curve, now=now, exclusive=order_request.exclusive, quantity=volume)
    return QuoteLine(1, cents, age, age, lead.public_id)


def _named_leads(order_request: NamedLeads, now: datetime) -> LeadQuerySet:
    named = Lead.objects.filter(public_id__in=order_request.leads).select_related("source", "vertical")
    return named.with_legs_held(now=now)


def why_not(lead: Lead | None, exclusive: bool, curves: dict[int, Curve]) -> str | None:
    """Return a reason code if a named lead cannot be sold to a company that does not own it; None if it can.

    The lead must be annotated with ``legs_held``.
    """
    if lead is None or lead.withdrawn_at or not lead.vertical.open_for_resale:
        return "unknown"
    held: int = lead.legs_held  # type: ignore[attr-defined]
    if lead.legs_left == 0:
        return "sold_out"
    if lead.legs_left <= held:
        return "being_paid"
    if exclusive and (lead.times_sold or held):
        return "not_exclusive"
    return None if lead.vertical_id in curves else "no_price"


def token_of(quoted: Quote) -> str:
    """Return the quote as a text token; only its buyer can use it, and nobody can read or change it."""
    plain = json.dumps(
        {
            "request": quoted.order_request.as_json(),
            "lines": [
                [line.quantity, line.unit_cents, line.youngest_days, line.oldest_days, line.lead and line.lead.hex]
                for line in quoted.lines
            ],
            "curves": list(quoted.curves.items()),
            "at": quoted.quoted_at.isoformat(),
            "last": quoted.last_at and quoted.last_at.isoformat(),
        },
        separators=(",", ":"),
    )
    sealed = key_ring().seal(zlib.compress(plain.encode()), row=_row(quoted.buyer_id))
    return _as_text(sealed)


def _as_text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def open_token(token: str, *, buyer: Buyer, now: datetime) -> Quote:
    """Open a token's quote. Raises QuoteRefused if altered or another buyer's, QuoteExpired if too old."""
    quoted = read_token(token, buyer=buyer)
    if now >= quoted.expires_at:
        raise QuoteExpired("This quote has expired: quotes are good for ten minutes. Get a new one.")
    return quoted


def order_request_in(token: str, *, buyer: Buyer) -> OrderRequest | None:
    """Return the request in this buyer's token, expired or not, to quote it again; None if the token is not theirs."""
    try:
        return read_token(token, buyer=buyer).order_request
    except QuoteRefused:
        return None


def read_token(token: str, *, buyer: Buyer) -> Quote:
    """Open a token's quote, however old. Raises QuoteRefused."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        if _as_text(sealed) != token:
            raise ValueError("not the canonical encoding of these bytes")
        said: dict[str, Any] = json.loads(zlib.decompress(key_ring().unseal(sealed, row=_row(buyer.pk))))
    except (binascii.Error, ValueError, SealBroken) as error:
        raise QuoteRefused("This is not one of your quotes. Get a new one.") from error
    try:
        order_request = read_order_request(said["request"])
    except OrderRequestRefused as error:
        raise QuoteRefused("The filters for these leads have changed since your quote. Get a new one.") from error
    return Quote(
        buyer_id=buyer.pk,
        order_request=order_request,
        lines=tuple(
            QuoteLine(quantity, cents, youngest, oldest, uuid.UUID(lead) if lead else None)
            for quantity, cents, youngest, oldest, lead in said["lines"]
        ),
        curves=dict(said["curves"]),
        quoted_at=datetime.fromisoformat(said["at"]),
        last_at=datetime.fromisoformat(last) if (last := said.get("last")) else None,
    )


def _row(buyer_id: int) -> str:
    return f"quote|{buyer_id}"
