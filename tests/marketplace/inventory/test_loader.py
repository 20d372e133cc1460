"""Reading the shelf as columns: what the database writes for each value, and rows that come in any pieces."""

import numpy as np
import pytest
from django.db import connection
from psycopg import sql

from marketplace.inventory import loader
from marketplace.inventory.layout import ENVELOPE, STATE_CODES, Layout
from marketplace.inventory.loader import gather

pytestmark = pytest.mark.django_db


def test_every_state_comes_as_its_place_in_the_list():
    said = [*STATE_CODES, "ZZ", "A", ",A", "A,"]
    (state,) = (item.expression for item in ENVELOPE if item.name == "state")
    asked = sql.SQL("SELECT {} FROM unnest(%s::text[]) WITH ORDINALITY AS lead (state, place) ORDER BY place")

    with connection.cursor() as cursor:
        cursor.execute(asked.format(state), [said])
        found = [place for (place,) in cursor.fetchall()]

    assert found == [*range(len(STATE_CODES)), 0, 0, 0, 0]


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_rows_are_whole_however_many_are_taken_at_once(market, monkeypatch, at_once):
    leads = {lead.pk for lead in market.leads(7)}
    monkeypatch.setattr(loader, "ROWS_AT_ONCE", at_once)
    told: list[int] = []

    columns = gather(market.vertical.pk, Layout.of(market.vertical.schema), progress=told.append)

    assert set(columns["id"].tolist()) == leads
    assert {len(values) for values in columns.values()} == {7}
    assert np.array_equal(np.unique(columns["times_sold"]), [0])
    assert sum(told) == 7


def test_an_empty_shelf_has_empty_columns(market):
    columns = gather(market.vertical.pk, Layout.of(market.vertical.schema))

    assert {len(values) for values in columns.values()} == {0}
