"""Pricing: what a lead costs, as a pure function and as the same calculation in SQL.

Price = tier × grade × exclusivity × volume, in these stages:

1. *Age*: whole days since the person's request, ``floor((now - captured_at) / 24 h)``.
2. *Tier*: the cents of the last step at or before that age; before the first step, the first step.
3. *Multipliers*: for the source's grade, for an exclusive sale, for the order's volume.
4. *Rounding*: once, half up, to a cent; never below the curve's floor.

Guarantee: for the same curve, grade and quantity, the price never rises with age.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from django.db.models import Case, Expression, IntegerField, Value, When
from django.db.models.fields import DecimalField
from django.db.models.functions import Cast, Greatest, Round

from leads.listed import ListedLead
from leads.models import Grade, Lead, Vertical
from leads.models.lead import DAY, LeadQuerySet
from marketplace.models import PriceCurve


class NoCurve(Exception):
    """The vertical has no active price curve, so its leads have no price."""


@dataclass(frozen=True)
class Curve:
    """A price curve in memory; steps ascend: ``tiers`` (from_day, cents), ``volume`` (from_quantity, multiplier)."""

    id: int
    version: int
    vertical_id: int
    floor_cents: int
    tiers: tuple[tuple[int, int], ...]
    grades: dict[str, Decimal]
    exclusive: Decimal
    volume: tuple[tuple[int, Decimal], ...] = ()

    def tier_cents(self, age_days: int) -> int:
        """Return the price in cents of a grade B lead of this age, before any multiplier."""
        reached = [cents for from_day, cents in self.tiers if from_day <= age_days]
        return reached[-1] if reached else self.tiers[0][1]

    def volume_multiplier(self, quantity: int) -> Decimal:
        return ([multiplier for start, multiplier in self.volume if start <= quantity] or [Decimal(1)])[-1]

    def price_cents(self, *, age_days: int, grade: str, exclusive: bool = False, quantity: int = 1) -> int:
        """Return the price of one lead, in cents."""
        factor = self.grades[grade] * self.volume_multiplier(quantity)
        if exclusive:
            factor *= self.exclusive
        return rounded_cents(self.tier_cents(age_days) * factor, self.floor_cents)


def rounded_cents(cents: Decimal, floor_cents: int) -> int:
    """Round half up to a cent, but never below the floor."""
    return max(floor_cents, int(cents.quantize(Decimal(1), ROUND_HALF_UP)))


def frozen(curve: PriceCurve) -> Curve:
    """Return the curve in memory; tiers and volume steps should be prefetched."""
    return Curve(
        id=curve.pk,
        version=curve.version,
        vertical_id=curve.vertical_id,
        floor_cents=curve.floor_cents,
        tiers=tuple(sorted((tier.from_day, tier.cents) for tier in curve.tiers.all())),
        grades={grade: curve.multiplier_of(grade) for grade in Grade.values},
        exclusive=curve.exclusive,
        volume=tuple(sorted((step.from_quantity, step.multiplier) for step in curve.volume_steps.all())),
    )


def curve_in_force(vertical: Vertical, now: datetime) -> Curve:
    """Return the vertical's active curve. Raises NoCurve."""
    found = PriceCurve.objects.in_force(now).filter(vertical=vertical).values_list("pk", flat=True).first()
    return curve_with_prices(found, vertical)


def curve_with_prices(curve_id: int | None, vertical: Vertical) -> Curve:
    """Return the vertical's curve by id. Raises NoCurve if there is none or it has no prices."""
    curve = None if curve_id is None else curve_numbered(curve_id)
    if curve is None or not curve.tiers:
        raise NoCurve(f"{vertical} has no prices yet.")
    return curve


def curves_in_force(now: datetime) -> dict[int, Curve]:
    """Return the active curves by vertical id."""
    found = map(curve_numbered, PriceCurve.objects.in_force(now).values_list("pk", flat=True))
    return {curve.vertical_id: curve for curve in found if curve.tiers}


@lru_cache(maxsize=256)
def curve_numbered(curve_id: int) -> Curve:
    """Return a curve that took effect, by id. The database never changes it, so it is read once."""
    return frozen(PriceCurve.objects.with_steps().get(pk=curve_id))


def price_of(
    lead: Lead | ListedLead, curve: Curve, *, now: datetime, exclusive: bool = False, quantity: int = 1
) -> int:
    """Return this lead's price in cents; its source should be loaded."""
    return curve.price_cents(
        age_days=lead.age_days(now), grade=lead.source.grade, exclusive=exclusive, quantity=quantity
    )


def priced(
    leads: LeadQuerySet, curve: Curve, *, now: datetime, exclusive: bool = False, quantity: int = 1
) -> LeadQuerySet:
    """Annotate ``price_cents``, the same as ``price_of`` but in SQL, for leads of the curve's vertical."""
    return leads.annotate(price_cents=price_expression(curve, now=now, exclusive=exclusive, quantity=quantity))


def price_expression(curve: Curve, *, now: datetime, exclusive: bool = False, quantity: int = 1) -> Expression:
    factor = curve.volume_multiplier(quantity) * (curve.exclusive if exclusive else 1)
    product = Cast(_tier_case(curve.tiers, now), _exact()) * _grade_case(curve, factor)
    # PostgreSQL rounds numeric half away from zero; prices are positive, so this rounds half up.
    return Greatest(Cast(Round(product), IntegerField()), Value(curve.floor_cents))


def _tier_case(tiers: Sequence[tuple[int, int]], now: datetime) -> Case:
    oldest_first = sorted(tiers, reverse=True)
    whens = [When(captured_at__lte=now - from_day * DAY, then=Value(cents)) for from_day, cents in oldest_first]
    return Case(*whens, default=Value(tiers[0][1]), output_field=IntegerField())


def _grade_case(curve: Curve, factor: Decimal) -> Case:
    whens = [
        When(source__grade=grade, then=Value(multiplier * factor, _exact()))
        for grade, multiplier in curve.grades.items()
    ]
    return Case(*whens, output_field=_exact())


def _exact() -> "DecimalField[Decimal, Decimal]":
    return DecimalField(max_digits=20, decimal_places=10)
