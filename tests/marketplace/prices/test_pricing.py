"""Prices: the stages by hand, and the SQL twin equal to the function."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest

from leads.models import Lead
from marketplace.prices.pricing import Curve, NoCurve, curve_in_force, frozen, price_of, priced
from tests.factories import Market, make_curve, make_leads, make_source, make_text

STAIRS = ((0, 500), (8, 350), (31, 220), (86, 100), (366, 35))
GRADES = {"A": Decimal("1.2"), "B": Decimal(1), "C": Decimal("0.8"), "D": Decimal("0.5")}


def curve(**changes):
    values = {"id": 1, "version": 1, "vertical_id": 1, "floor_cents": 20, "tiers": STAIRS, "grades": GRADES}
    return Curve(
        **{**values, "exclusive": Decimal(3), "volume": ((500, Decimal("0.95")), (2000, Decimal("0.9"))), **changes}
    )


@pytest.mark.parametrize(
    ("age", "grade", "exclusive", "quantity", "cents"),
    [
        (0, "B", False, 1, 500),
        (7, "B", False, 1, 500),
        (8, "B", False, 1, 350),
        (365, "B", False, 1, 100),
        (366, "B", False, 1, 35),
        (9999, "B", False, 1, 35),
        (8, "A", False, 1, 420),
        (8, "C", False, 1, 280),
        (366, "D", False, 1, 20),  # 17.5 rounds to 18, under the floor of 20
        (8, "B", True, 1, 1050),
        (8, "B", False, 499, 350),
        (8, "B", False, 500, 333),  # 332.5 rounds half up, once
        (8, "A", True, 2000, 1134),
    ],
)
def test_a_price_by_hand(age, grade, exclusive, quantity, cents):
    assert curve().price_cents(age_days=age, grade=grade, exclusive=exclusive, quantity=quantity) == cents


def test_before_the_first_step_the_first_step_holds():
    assert curve(tiers=((5, 300), (9, 200))).price_cents(age_days=0, grade="B") == 300


def test_a_price_never_rises_with_age_nor_falls_under_the_floor():
    dice = random.Random(3)
    for _ in range(300):
        days = sorted(dice.sample(range(800), 6))
        cents = sorted((dice.randint(1, 3000) for _ in days), reverse=True)
        one = curve(tiers=tuple(zip(days, cents, strict=True)), floor_cents=dice.randint(1, 50))
        for grade in "ABCD":
            prices = [one.price_cents(age_days=age, grade=grade) for age in range(0, 820, 7)]
            assert prices == sorted(prices, reverse=True)
            assert min(prices) >= one.floor_cents


@pytest.mark.django_db
def test_the_sql_twin_agrees_to_the_cent(market):
    dice = random.Random(5)
    for grade in "ABCD":
        source = make_source(grade=grade)
        text = make_text(source)
        own = Market(market.vertical, source, text, market.curve, market.buyer, market.user, market.now)
        for age in [0, 7, 8, 30, 31, 85, 86, 365, 366, 800]:
            make_leads(own, 1, age=timedelta(days=age, seconds=dice.choice([0, 1, 86_399])))
    one = frozen(market.curve)

    for exclusive, quantity in [(False, 1), (True, 1), (False, 500), (True, 700)]:
        leads = priced(
            Lead.objects.select_related("source"), one, now=market.now, exclusive=exclusive, quantity=quantity
        )
        said = [
            (lead.price_cents, price_of(lead, one, now=market.now, exclusive=exclusive, quantity=quantity))
            for lead in leads
        ]
        assert len(said) == 40
        assert [sql for sql, _ in said] == [own for _, own in said]


@pytest.mark.django_db
def test_the_newest_version_that_took_effect_is_in_force(market):
    make_curve(market.vertical, effective_at=market.now - timedelta(days=1), tiers=[(0, 777)])
    make_curve(market.vertical, effective_at=market.now + timedelta(days=1), tiers=[(0, 999)])

    assert curve_in_force(market.vertical, market.now).tiers == ((0, 777),)
    assert curve_in_force(market.vertical, market.now + timedelta(days=1)).tiers == ((0, 999),)


@pytest.mark.django_db
def test_without_a_curve_there_is_no_price(market):
    with pytest.raises(NoCurve):
        curve_in_force(market.vertical, market.now - timedelta(days=5000))
