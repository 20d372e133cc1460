"""The outlook of a limit, against a curve worked out by hand: (0, $5) (8, $3.50) (31, $2.20) (86, $1) (366, $0.35)."""

from datetime import timedelta

import pytest

from marketplace.inventory.forecast import Outlook, outlook
from tests.marketplace.inventory.test_readings import look_at

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_how_many_match_what_the_cheapest_costs_and_when_the_next_comes_down(market):
    market.lead(age=40 * DAY)
    ninth = market.lead(age=22 * DAY)
    market.lead(age=2 * DAY)

    assert outlook(look_at(market), 220) == Outlook(3, 1, 220, ninth.captured_at + 31 * DAY)
    assert outlook(look_at(market), 219) == Outlook(3, 0, 220, market.now - 40 * DAY + 86 * DAY)
    assert outlook(look_at(market), 500) == Outlook(3, 3, 220, None)
    assert outlook(look_at(market), 34) == Outlook(3, 0, 220, None)


def test_grades_reach_a_limit_at_different_ages(market):
    lead = market.lead(age=10 * DAY)
    market.curve.refresh_from_db()

    market.source.grade = "A"
    market.source.save(update_fields=["grade"])
    at_a = outlook(look_at(market), 230).reaches_at
    market.source.grade = "B"
    market.source.save(update_fields=["grade"])

    assert outlook(look_at(market), 230).reaches_at == lead.captured_at + 31 * DAY
    assert at_a == lead.captured_at + 86 * DAY


def test_a_lead_that_is_too_young_is_awaited_and_one_that_is_too_old_is_not(market):
    lead = market.lead(age=10 * DAY)

    old = look_at(market, [{"field": "age_days", "min": 90}])
    young = look_at(market, [{"field": "age_days", "max": 85}])

    assert outlook(old, 500) == Outlook(0, 0, None, lead.captured_at + 90 * DAY)
    assert outlook(young, 100) == Outlook(1, 0, 350, None)
    assert outlook(look_at(market, [{"field": "state", "in": ["TX"]}]), 100).reaches_at is None
