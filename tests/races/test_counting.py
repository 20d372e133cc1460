"""Counting legs while others sell them, with real connections."""

import threading
import time
from contextlib import closing

import pytest
from django.db import connection, connections

from leads.models import Leg
from tests.factories import legless_lead, make_market

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
SECONDS = 10


def until_somebody_waits():
    """Raise TimeoutError if nobody starts to wait for a lock."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise TimeoutError


def test_a_leg_that_is_sold_while_another_is_added_stays_counted():
    lead = legless_lead(make_market())
    Leg.objects.bulk_create(Leg(lead=lead, number=number) for number in (1, 2))

    def add():
        try:
            Leg.objects.create(lead=lead, number=3)
        finally:
            connections.close_all()

    adding = threading.Thread(target=add)
    with closing(connections.create_connection("default")) as seller, seller.cursor() as cursor:
        seller.set_autocommit(False)
        cursor.execute("UPDATE leads_leg SET status = 'sold' WHERE lead_id = %s AND number = 1", [lead.pk])
        adding.start()
        until_somebody_waits()
        seller.commit()
    adding.join(SECONDS)

    lead.refresh_from_db()
    assert (lead.times_sold, lead.legs_realtime, lead.legs_left) == (1, 2, 0)
