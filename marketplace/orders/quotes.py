"""Quotes: what a wish would cost now, sealed for ten minutes.

A quote is not stored: its token carries the wish, the curves and the sums, sealed for one buyer. Its curves hold
whatever the operator changes meanwhile; no lead is charged more than a line of it says, and what got cheaper is
charged cheaper. A source that was graded up meanwhile may leave too few leads at the quoted prices: then the buyer
is asked again.
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
    """The token is not a quote of this buyer, or was altered."""


class QuoteExpired(QuoteRefused):
    """Its ten minutes are over."""


@dataclass(frozen=True)
class QuoteLine:
    """Leads of one price; for named leads, one lead. Ages in whole days, youngest first."""

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
    """``unavailable`` are named leads that this buyer cannot have, with the reason. ``last_at`` is when the request was
    made that comes last in the selection's order."""

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
        """How many leads at which price, in cents."""
        places: Counter[int] = Counter()
        for line in self.lines:
            places[line.unit_cents] += line.quantity
        return places

    @property
    def expires_at(self) -> datetime:
        return self.quoted_at + LIFE

    def ends_before(self, cents: int, asked_at: datetime) -> bool:
        """Whether a lead at this price, of a request made then, comes behind all that was counted."""
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
        """For named leads: what each was quoted at."""
        return {line.lead: line.unit_cents for line in self.lines if line.lead}


def quote(order_request: OrderRequest, *, buyer: Buyer, now: datetime) -> Quote:
    """What the wish costs this buyer now. Raises NoCurve."""
    return (
        _quote_selection(order_request, buyer, now)
        if isinstance(order_request, Selection)
        else _quote_named(order_request, buyer, now)
    )


def stock_query_of(order_request: Selection, *, curve: Curve, buyer: Buyer, quantity: int, now: datetime) -> StockQuery:
    """The look at the shelf from which a selection is filled; ``quantity`` sets the volume discount."""
    vertical = vertical_named(order_request.criteria.vertical)
    if vertical is None:
        raise QuoteRefused("Leads of this vertical are not resold.")
    return StockQuery(vertical, order_request.criteria, curve, now, buyer, order_request.exclusive, quantity)


def _quote_selection(order_request: Selection, buyer: Buyer, now: datetime) -> Quote:
    vertical = vertical_named(order_request.criteria.vertical)
    if vertical is None:
        raise QuoteRefused("Leads of this vertical are not resold.")
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
        volume = quantity  # fewer than the discount supposes: priced again at the volume there is


def _last_of(found: list[Lot], sort: Sort) -> datetime | None:
    """When the request was made that comes last; the dearest lot is the first."""
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
    """The leads that this buyer can have, and the others with the reason."""
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
    """A reason code when a named lead cannot be sold to somebody who has not bought it; None when it can.

    The lead is annotated with ``legs_held``.
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
    """The quote as a text to hand out; only its buyer can use it, and nobody can read or change it."""
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
    """The quote behind a token. Raises QuoteRefused: altered or somebody else's; QuoteExpired: too old."""
    quoted = read_token(token, buyer=buyer)
    if now >= quoted.expires_at:
        raise QuoteExpired("This quote expired after ten minutes. Get a new one.")
    return quoted


def order_request_in(token: str, *, buyer: Buyer) -> OrderRequest | None:
    """What a token of this buyer asks for, expired or not, to quote it again; None when it is no token of his."""
    try:
        return read_token(token, buyer=buyer).order_request
    except QuoteRefused:
        return None


def read_token(token: str, *, buyer: Buyer) -> Quote:
    """The quote behind a token, however old. Raises QuoteRefused."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        if _as_text(sealed) != token:
            raise ValueError("another spelling of the same bytes")
        said: dict[str, Any] = json.loads(zlib.decompress(key_ring().unseal(sealed, row=_row(buyer.pk))))
    except (binascii.Error, ValueError, SealBroken) as error:
        raise QuoteRefused("This is not a quote of yours. Ask for a new one.") from error
    try:
        order_request = read_order_request(said["request"])
    except OrderRequestRefused as error:
        raise QuoteRefused("What can be asked here has changed meanwhile. Ask for a new quote.") from error
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
