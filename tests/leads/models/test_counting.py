"""What a lead says of its legs: counted by the database, in the statement that changes them."""

from datetime import timedelta

import pytest
from django.db import connection

from leads.intake.capture import capture_lead
from leads.models import Lead, Leg
from tests.factories import legless_lead, make_capture, make_leads, make_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    return make_market()


def counts(lead):
    lead.refresh_from_db()
    return lead.times_sold, lead.legs_realtime, lead.legs_left


def updates_of_leads():
    """Rows of leads that this transaction wrote anew so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_tuples_updated('leads_lead'::regclass)")
        return cursor.fetchone()[0]


def test_a_lead_counts_its_legs_in_the_statement_that_changes_them(market):
    lead = legless_lead(market)
    Leg.objects.bulk_create(Leg(lead=lead, number=number) for number in (1, 2, 3))
    Leg.objects.create(lead=lead, number=4, status="closed", closed_reason="sold_elsewhere")
    assert counts(lead) == (1, 3, 0)

    lead.legs.filter(number__in=[1, 2]).update(market="aged", aged_at=market.now)
    assert counts(lead) == (1, 1, 2)

    lead.legs.filter(number=1).update(status="sold")
    assert counts(lead) == (2, 1, 1)

    lead.legs.filter(status="open").update(status="closed", closed_reason="expired")
    assert counts(lead) == (2, 0, 0)


def test_one_statement_over_many_leads_counts_each_for_itself(market):
    leads = make_leads(market, 3)
    others = make_market("solar").leads(1)

    Leg.objects.filter(lead__in=leads, number__lte=2).update(status="sold")

    assert [counts(lead) for lead in leads] == [(2, 0, 2)] * 3
    assert counts(others[0]) == (0, 0, 4)


@pytest.mark.parametrize(
    ("age", "for_resale", "expected"),
    [
        (timedelta(days=40), True, (1, 0, 3)),
        (timedelta(minutes=1), True, (1, 3, 0)),
        (timedelta(minutes=1), False, (1, 3, 0)),
        (timedelta(days=40), False, (1, 0, 0)),
    ],
)
def test_a_captured_lead_and_its_legs_say_the_same(market, age, for_resale, expected):
    market.vertical.open_for_resale = for_resale
    market.vertical.save()

    taken = capture_lead(make_capture(market, age=age, legs_sold_elsewhere=1), now=market.now)

    lead = Lead.objects.get(pk=taken.lead_id)
    legs = list(lead.legs.all())
    assert counts(lead) == expected
    assert len(legs) == lead.legs_authorized
    assert sum(leg.counts_as_sold for leg in legs) == expected[0]
    assert sum(leg.status == "open" and leg.market == "realtime" for leg in legs) == expected[1]
    assert sum(leg.status == "open" and leg.market == "aged" for leg in legs) == expected[2]
    shut = sum(leg.closed_reason == "not_for_resale" for leg in legs)
    assert shut == len(legs) - sum(expected)


def test_a_lead_that_comes_with_its_counts_is_written_once(market):
    before = updates_of_leads()

    make_leads(market, 3, legs_sold_elsewhere=1)
    assert updates_of_leads() == before

    Leg.objects.create(lead=legless_lead(market), number=1)
    assert updates_of_leads() == before + 1


def test_counts_that_a_lead_had_wrong_are_put_right_by_its_next_leg(market):
    lead = legless_lead(market)
    Leg.objects.bulk_create(Leg(lead=lead, number=number) for number in (1, 2))
    Lead.objects.filter(pk=lead.pk).update(times_sold=2, legs_realtime=0)

    Leg.objects.create(lead=lead, number=3)

    assert counts(lead) == (0, 3, 0)
