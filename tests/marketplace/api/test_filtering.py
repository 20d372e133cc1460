"""The listings' filter set filters: its ``qs`` in SQL is the page that the inventory shows from memory."""

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings

from leads.criteria.criteria import read_criteria
from leads.criteria.filters import FilterRefused, query_of, read_filters
from marketplace.api.schema import described
from marketplace.inventory.pages import page
from marketplace.inventory.query import Sort, StockQuery
from marketplace.prices.pricing import frozen
from tests.leads.criteria.test_criteria import random_leads, vertical_named, wishes, with_proof

pytestmark = pytest.mark.django_db
OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def test_its_leads_are_those_of_the_inventory_s_page(market):
    with_proof(random_leads(market, 60), market)
    sizes = []

    @OFTEN
    @given(wishes)
    def agree(clauses):
        wanted = read_criteria({"vertical": "mortgage", "all": list(clauses)}, vertical_named)
        asked = QueryDict(mutable=True)
        for name, value in query_of(wanted):
            asked.appendlist(name, value)
        query = StockQuery(market.vertical, wanted, frozen(market.curve), market.now, market.buyer)

        filters = read_filters(market.vertical, asked, query.shelf(), now=market.now)

        assert set(filters.criteria.clauses) == set(wanted.clauses)
        shown = page(query, Sort.NEWEST, size=100).leads
        assert set(filters.qs.values_list("pk", flat=True)) == {lead.id for lead in shown}, clauses
        sizes.append(len(shown))

    agree()

    assert 0 < sum(sizes) < 60 * len(sizes)


def test_it_filters_nothing_when_a_parameter_is_invalid(market):
    filters = read_filters(market.vertical, QueryDict("age_min=x"))

    with pytest.raises(FilterRefused):
        _ = filters.qs


def test_its_parameters_are_declared_with_their_bounds():
    said = {one["name"]: one["schema"] for one in described()["paths"]["/api/v1/listings/"]["get"]["parameters"]}

    assert said["age_min"] == {"type": "integer", "minimum": 0, "maximum": 3650}
    assert said["price_max"] == {"type": "number", "minimum": 0, "maximum": 10_000}
    assert said["near"] == {"type": "string", "pattern": "^[0-9]{5}$"}
    assert said["source_kind"]["items"]["enum"][0] == "own_form"
    assert said["limit"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
