"""Stripe's answers in our own types: whole cents, upper-case currencies, IDs, and nothing about people.

Read from objects of Stripe's SDK; a field that Stripe left out is None or empty here, never an error.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any


@dataclass(frozen=True)
class Movement:
    """One line of our balance at Stripe. ``net_cents`` is the change in balance; positive came in."""

    id: str
    category: str
    cents: int
    fee_cents: int
    net_cents: int
    currency: str
    at: datetime
    source_id: str
    payment_intent_id: str
    customer_id: str


@dataclass(frozen=True)
class Card:
    """A card or bank account. ``payment_method_id`` is its ID for later; ``is_card`` is false for a bank account."""

    payment_method_id: str
    is_card: bool
    brand: str
    last4: str
    expires: date | None

    def __str__(self) -> str:
        return f"{self.brand.capitalize() if self.is_card else 'Bank account'} ending {self.last4}"


@dataclass(frozen=True)
class Charge:
    id: str
    card: Card | None
    movement: Movement | None


@dataclass(frozen=True)
class Intent:
    """A payment at Stripe. ``reference`` is our payment's public ID, which we stored there."""

    id: str
    status: str
    cents: int
    received_cents: int
    currency: str
    livemode: bool
    customer_id: str
    reference: str
    charge: Charge | None
    problem: str

    @property
    def is_paid(self) -> bool:
        return self.status == "succeeded"


@dataclass(frozen=True)
class Checkout:
    """Stripe's page for one payment. It has an intent once somebody pressed its button."""

    id: str
    status: str
    payment_status: str
    url: str
    cents: int
    currency: str
    livemode: bool
    customer_id: str
    reference: str
    intent: Intent | None


@dataclass(frozen=True)
class RefundAnswer:
    """A refund at Stripe. ``reference`` is our refund's public ID; empty if it was made in Stripe's dashboard."""

    id: str
    status: str
    cents: int
    currency: str
    payment_intent_id: str
    reference: str
    movement: Movement | None
    problem: str

    @property
    def has_failed(self) -> bool:
        return self.status in ("failed", "canceled")


@dataclass(frozen=True)
class DisputeAnswer:
    id: str
    status: str
    cents: int
    currency: str
    livemode: bool
    payment_intent_id: str
    reason: str
    opened_at: datetime
    evidence_due_at: datetime | None
    movements: tuple[Movement, ...]


@dataclass(frozen=True)
class PayoutAnswer:
    """Stripe's payout to our own bank."""

    id: str
    status: str
    cents: int
    currency: str
    livemode: bool
    movement: Movement | None

    @property
    def has_failed(self) -> bool:
        return self.status in ("failed", "canceled")


@dataclass(frozen=True)
class TransferAnswer:
    """Money transferred to a source's account at Stripe. ``reference`` is our payout's public ID."""

    id: str
    cents: int
    reversed_cents: int
    currency: str
    livemode: bool
    account_id: str
    reference: str
    movement: Movement | None


def instant(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def id_of(value: Any) -> str:
    """Return the ID of something given as an ID, expanded, or missing."""
    return value if isinstance(value, str) else getattr(value, "id", None) or ""


def read_movement(found: Any) -> Movement | None:
    if found is None or isinstance(found, str):
        return None
    source = found.source
    return Movement(
        id=found.id,
        category=found.reporting_category,
        cents=found.amount,
        fee_cents=found.fee,
        net_cents=found.net,
        currency=found.currency.upper(),
        at=instant(found.created),
        source_id=id_of(source),
        payment_intent_id=id_of(getattr(source, "payment_intent", None)),
        customer_id=id_of(getattr(source, "customer", None)),
    )


def read_card(charge: Any) -> Card | None:
    details: Any = getattr(charge, "payment_method_details", None)
    found: Any = getattr(details, details.type, None) if details else None
    if found is None or not getattr(found, "last4", None):
        return None
    brand, year = getattr(found, "brand", None) or "", getattr(found, "exp_year", None)
    # A card is valid to the end of its month.
    expires = date(year + found.exp_month // 12, found.exp_month % 12 + 1, 1) if year else None
    return Card(id_of(getattr(charge, "payment_method", None)), details.type == "card", brand, found.last4, expires)


def read_charge(found: Any) -> Charge | None:
    if found is None or isinstance(found, str):
        return None
    return Charge(found.id, read_card(found), read_movement(found.balance_transaction))


def read_intent(found: Any) -> Intent | None:
    if found is None or isinstance(found, str):
        return None
    return Intent(
        id=found.id,
        status=found.status,
        cents=found.amount,
        received_cents=found.amount_received,
        currency=found.currency.upper(),
        livemode=found.livemode,
        customer_id=id_of(found.customer),
        reference=_reference(found, "payment"),
        charge=read_charge(found.latest_charge),
        problem=getattr(found.last_payment_error, "message", None) or "",
    )


def read_checkout(found: Any) -> Checkout:
    return Checkout(
        id=found.id,
        status=found.status,
        payment_status=found.payment_status,
        url=found.url or "",
        cents=found.amount_total or 0,
        currency=(found.currency or "").upper(),
        livemode=found.livemode,
        customer_id=id_of(found.customer),
        reference=found.client_reference_id or "",
        intent=read_intent(found.payment_intent),
    )


def read_refund(found: Any) -> RefundAnswer:
    return RefundAnswer(
        id=found.id,
        status=found.status or "pending",
        cents=found.amount,
        currency=found.currency.upper(),
        payment_intent_id=id_of(found.payment_intent),
        reference=_reference(found, "refund"),
        movement=read_movement(found.balance_transaction),
        problem=(getattr(found, "failure_reason", None) or "").replace("_", " "),
    )


def read_dispute(found: Any) -> DisputeAnswer:
    due = getattr(getattr(found, "evidence_details", None), "due_by", None)
    return DisputeAnswer(
        id=found.id,
        status=found.status,
        cents=found.amount,
        currency=found.currency.upper(),
        livemode=found.livemode,
        payment_intent_id=id_of(found.payment_intent),
        reason=found.reason or "",
        opened_at=instant(found.created),
        evidence_due_at=instant(due) if due else None,
        movements=tuple(one for each in found.balance_transactions if (one := read_movement(each))),
    )


def read_payout(found: Any) -> PayoutAnswer:
    movement = read_movement(found.balance_transaction)
    return PayoutAnswer(found.id, found.status, found.amount, found.currency.upper(), found.livemode, movement)


def read_transfer(found: Any) -> TransferAnswer:
    return TransferAnswer(
        id=found.id,
        cents=found.amount,
        reversed_cents=found.amount_reversed,
        currency=found.currency.upper(),
        livemode=found.livemode,
        account_id=id_of(found.destination),
        reference=_reference(found, "payout"),
        movement=read_movement(found.balance_transaction),
    )


def _reference(found: Any, name: str) -> str:
    return getattr(found.metadata, name, None) or ""
