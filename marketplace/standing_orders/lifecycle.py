"""Place standing orders, change their terms, pause and end them. Each action is safe to repeat."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from buyers.models import Buyer, StandingOrder, User
from leads.criteria.criteria import Criteria
from leads.models import Vertical
from marketplace.standing_orders.terms import StandingOrderTerms, TermsRefused, check_terms

MOST_ORDERS = 500


class StandingRefused(Exception):
    """Nothing was changed. The message tells the person why."""


@dataclass(frozen=True)
class NewStandingOrder:
    """The buyer, vertical and filters of a new standing order. ``placed_by`` is None for a program."""

    buyer: Buyer
    placed_by: User | None
    vertical: Vertical
    criteria: Criteria
    kind: str


@transaction.atomic
def place(new: NewStandingOrder, terms: StandingOrderTerms, *, now: datetime) -> StandingOrder:
    """Place a standing order; its first check runs within a minute. Raises TermsRefused, StandingRefused."""
    check_terms(terms, new.kind)
    buyer = Buyer.objects.select_for_update(no_key=True).get(pk=new.buyer.pk)
    if buyer.closed_at:
        raise StandingRefused("Your company's account is closed.")
    if new.buyer.standing_orders.unended().count() >= MOST_ORDERS:
        raise StandingRefused(
            f"A company can have up to {MOST_ORDERS} standing orders. End one before you add another."
        )
    return StandingOrder.objects.create(
        buyer=new.buyer,
        placed_by=new.placed_by,
        vertical=new.vertical,
        criteria=new.criteria.as_json()["all"],
        kind=new.kind,
        created_at=now,
        told_at=now,
        due_at=now,
        **terms.as_fields(),
    )


@transaction.atomic
def change(order: StandingOrder, terms: StandingOrderTerms, *, now: datetime) -> StandingOrder:
    """Change the terms from now on. Raises TermsRefused, StandingRefused."""
    check_terms(terms, order.kind)
    found = _unended(order)
    if terms.total_cap is not None and terms.total_cap < found.filled:
        raise TermsRefused("total_cap", f"Enter {found.filled:,} or more. This order already bought that many leads.")
    if terms.budget_cents is not None and terms.budget_cents < found.spent_cents:
        spent = found.spent_cents / 100
        raise TermsRefused("budget_cents", f"Enter ${spent:,.2f} or more. This order already spent that much.")
    # A search keeps its time of day, so that it sends one alert a day.
    due = {"due_at": now} if found.kind == StandingOrder.Kind.BUY else {}
    return _write(found, **terms.as_fields(), **due)


@transaction.atomic
def ask_otherwise(order: StandingOrder, criteria: Criteria, *, now: datetime) -> StandingOrder:
    """Change the filters and keep the terms. Raises StandingRefused."""
    return _write(_unended(order), criteria=criteria.as_json()["all"], due_at=now)


@transaction.atomic
def pause(order: StandingOrder, *, now: datetime) -> StandingOrder:
    """Stop buying and sending alerts until the order is resumed. Raises StandingRefused if it has ended."""
    found = _unended(order)
    return found if found.paused_at else _write(found, paused_at=now)


@transaction.atomic
def resume(order: StandingOrder, *, now: datetime) -> StandingOrder:
    """Resume the order. Raises StandingRefused if it has ended. Leads that came during the pause get no alert."""
    found = _unended(order)
    return _write(found, paused_at=None, due_at=now, told_at=now) if found.paused_at else found


@transaction.atomic
def end(order: StandingOrder, *, now: datetime) -> StandingOrder:
    """End the order for good. It stays on record with what it bought."""
    found = StandingOrder.objects.select_for_update(no_key=True).get(pk=order.pk)
    return found if found.ended_at else _write(found, ended_at=now, due_at=None)


def _unended(order: StandingOrder) -> StandingOrder:
    found = StandingOrder.objects.select_for_update(no_key=True).get(pk=order.pk)
    if found.ended_at:
        raise StandingRefused("This order has ended and cannot be changed. Place a new one.")
    return found


def _write(order: StandingOrder, **values: object) -> StandingOrder:
    for name, value in values.items():
        setattr(order, name, value)
    order.save(update_fields=list(values))
    return order
