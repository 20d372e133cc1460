"""A lead as a row and as a card: the label that a buyer reads before they pay."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from leads.listed import ListedLead
from leads.models import Channel, Lead, Leg, LegStatus, Market, SourceKind
from leads.schema.fields import Field, Schema
from leads.schema.labels import headline_fields, shown_text

KIND_NAMES = dict(SourceKind.choices)


@dataclass(frozen=True)
class ChannelMark:
    name: str
    icon: str
    allowed: bool

    @property
    def text(self) -> str:
        return f"{self.name.lower()}s allowed" if self.allowed else f"no {self.name.lower()}s"


@dataclass(frozen=True)
class LeadRow:
    """One lead for sale, in words. ``cells`` are the vertical's own columns, empty if not answered."""

    lead: ListedLead
    now: datetime
    cells: tuple[str, ...]

    @cached_property
    def age_days(self) -> int:
        return self.lead.age_days(self.now)

    @property
    def price_cents(self) -> int | None:
        return self.lead.price_cents

    @cached_property
    def title(self) -> str:
        return self.cells[0] if self.cells and self.cells[0] else self.lead.vertical.name

    @cached_property
    def place(self) -> str:
        return f"{self.lead.state} {self.lead.area}".strip()

    @cached_property
    def proof_state(self) -> str:
        return self.lead.consent.proof_state(self.now)

    @property
    def made_by(self) -> str:
        return KIND_NAMES[self.lead.source.kind]

    @property
    def proof_text(self) -> str:
        until = self.lead.consent.retained_until
        match self.proof_state:
            case "retained":
                return f"Until {until:%b %Y}"
            case "lapsing":
                return f"{(until - self.now.date()).days} d left" if until else ""
            case "lapsed":
                return "Lapsed"
        return "None"

    @property
    def channels(self) -> tuple[ChannelMark, ...]:
        return _marks(frozenset(self.lead.consent.text.channels))


@lru_cache
def _marks(allowed: frozenset[str]) -> tuple[ChannelMark, ...]:
    icons = {Channel.CALL: "phone", Channel.TEXT: "text", Channel.EMAIL: "mail"}
    return tuple(ChannelMark(channel.label, icon, channel in allowed) for channel, icon in icons.items())


def rows_of(leads: list[ListedLead], schema: Schema, now: datetime) -> list[LeadRow]:
    fields = headline_fields(schema)
    return [LeadRow(lead, now, tuple(_cell(lead, field) for field in fields)) for lead in leads]


def _cell(lead: ListedLead, field: Field) -> str:
    value = lead.attributes.get(field.name)
    return "" if value is None else shown_text(field, value)


@dataclass(frozen=True)
class LegSlot:
    """One leg of a lead, as its stub on the lead's page shows it."""

    leg: Leg
    mine: bool
    now: datetime

    @property
    def status(self) -> str:
        """The stub's color: open, closed, or for a sold leg its market, aged or realtime."""
        if self.leg.status in (LegStatus.OPEN, LegStatus.HELD):
            return "open"
        if self.leg.counts_as_sold:
            return "aged" if self.leg.market == Market.AGED else "realtime"
        return "closed"

    @property
    def heading(self) -> str:
        if self.leg.is_held(self.now):
            return "On hold"
        if self.leg.status in (LegStatus.OPEN, LegStatus.HELD):
            return "Open" if self.leg.market == Market.AGED else "Open, real-time"
        if self.mine:
            return "Yours"
        return "Sold" if self.leg.counts_as_sold else "Closed"

    @property
    def detail(self) -> str:
        if self.leg.status == LegStatus.CLOSED:
            return self.leg.get_closed_reason_display()
        return f"{self.leg.get_market_display()} market"


def slots_of(lead: Lead, own_legs: set[int], now: datetime) -> Iterator[LegSlot]:
    for leg in lead.legs.all():
        yield LegSlot(leg, leg.pk in own_legs, now)
