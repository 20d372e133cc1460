"""Placing standing orders, changing their terms, pausing and ending them. Each verb may run twice."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from buyers.models import Buyer, StandingOrder, User
from leads.criteria.criteria import Criteria
from leads.models import Vertical
from marketplace.standing_orders.terms import StandingOrderTerms, TermsRefused, check_terms

MOST_ORDERS = 500


class StandingRefused(Exception):
    """Nothing was changed. The message is for the person."""


@dataclass(frozen=True)
class NewStandingOrder:
    """Who wants what of which vertical. ``placed_by`` is None for a program."""

    buyer: Buyer
    placed_by: User | None
    vertical: Vertical
    criteria: Criteria
    kind: str


@transaction.atomic
def place(wish: NewStandingOrder, terms: StandingOrderTerms, *, now: datetime) -> StandingOrder:
    """A new standing order, looked at for the first time within the minute. Raises TermsRefused, StandingRefused."""
    check_terms(terms, wish.kind)
    buyer = Buyer.objects.select_for_update(no_key=True).get(pk=wish.buyer.pk)
    if buyer.closed_at:
        raise StandingRefused("Your company's account is closed.")
    if wish.buyer.standing_orders.unended().count() >= MOST_ORDERS:
        raise StandingRefused(f"A company has at most {MOST_ORDERS} standing orders. End one first.")
    return StandingOrder.objects.create(
        buyer=wish.buyer,
        placed_by=wish.placed_by,
        vertical=wish.vertical,
        criteria=wish.criteria.as_json()["all"],
        kind=wish.kind,
        created_at=now,
        told_at=now,
        due_at=now,
        **terms.as_fields(),
    )


@transaction.atomic
def change(order: StandingOrder, terms: StandingOrderTerms, *, now: datetime) -> StandingOrder:
    """Other terms from now on. Raises TermsRefused, StandingRefused."""
    check_terms(terms, order.kind)
    found = _unended(order)
    if terms.total_cap is not None and terms.total_cap < found.filled:
        raise TermsRefused("total_cap", f"It bought {found.filled:,} already; the cap cannot be lower.")
    if terms.budget_cents is not None and terms.budget_cents < found.spent_cents:
        spent = found.spent_cents / 100
        raise TermsRefused("budget_cents", f"It spent ${spent:,.2f} already; the budget cannot be lower.")
    # A search keeps its hour: one letter a day.
    due = {"due_at": now} if found.kind == StandingOrder.Kind.BUY else {}
    return _write(found, **terms.as_fields(), **due)


@transaction.atomic
def ask_otherwise(order: StandingOrder, criteria: Criteria, *, now: datetime) -> StandingOrder:
    """The same terms for other leads of the vertical. Raises StandingRefused."""
    return _write(_unended(order), criteria=criteria.as_json()["all"], due_at=now)


@transaction.atomic
def pause(order: StandingOrder, *, now: datetime) -> StandingOrder:
    """It buys and tells nothing until it is resumed. Raises StandingRefused for one that ended."""
    found = _unended(order)
    return found if found.paused_at else _write(found, paused_at=now)


@transaction.atomic
def resume(order: StandingOrder, *, now: datetime) -> StandingOrder:
    """Raises StandingRefused for one that ended. What came while a search was paused is not told afterwards."""
    found = _unended(order)
    return _write(found, paused_at=None, due_at=now, told_at=now) if found.paused_at else found


@transaction.atomic
def end(order: StandingOrder, *, now: datetime) -> StandingOrder:
    """For good; it stays to be looked at, with what it bought."""
    found = StandingOrder.objects.select_for_update(no_key=True).get(pk=order.pk)
    return found if found.ended_at else _write(found, ended_at=now, due_at=None)


def _unended(order: StandingOrder) -> StandingOrder:
    found = StandingOrder.objects.select_for_update(no_key=True).get(pk=order.pk)
    if found.ended_at:
        raise StandingRefused("It ended and stays as it is. Place a new one.")
    return found


def _write(order: StandingOrder, **values: object) -> StandingOrder:
    for name, value in values.items():
        setattr(order, name, value)
    order.save(update_fields=list(values))
    return order
