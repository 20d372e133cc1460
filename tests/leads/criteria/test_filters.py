"""The face of Criteria: parameters in, criteria out, and back; nothing strange gets past."""

import pytest
from django.http import QueryDict

from leads.criteria.criteria import read_criteria
from leads.criteria.filters import FilterRefused, query_of, read_filters
from tests.leads.criteria.test_criteria import vertical_named

pytestmark = pytest.mark.django_db


def said(market, query, **changes):
    return read_filters(market.vertical, QueryDict(query), **changes).criteria.as_json()["all"]


@pytest.mark.parametrize(
    ("query", "clauses"),
    [
        ("", []),
        ("state=CA&state=OH", [{"field": "state", "in": ["CA", "OH"]}]),
        ("age_min=30&age_max=90", [{"field": "age_days", "min": 30, "max": 90}]),
        ("loan_amount_min=200000", [{"field": "loan_amount", "min": 200000}]),
        ("rate_max=3.5", [{"field": "rate", "max": 3.5}]),
        ("first_time=false", [{"field": "first_time", "is": False}]),
        ("channels=call&channels=email", [{"field": "channels", "has": ["call", "email"]}]),
        ("near=45402&miles=10", [{"field": "near", "zip": "45402", "miles": 10.0}]),
        ("postal_code=45402, 90210", [{"field": "postal_code", "in": ["45402", "90210"]}]),
        ("zip_prefix=454", [{"field": "zip_prefix", "in": ["454"]}]),
        ("price_max=1.65", [{"field": "price", "max": 165}]),
        ("needed_by_min=2026-01-31", [{"field": "needed_by", "min": "2026-01-31"}]),
        ("state=&age_min=", []),
    ],
)
def test_parameters_become_criteria_and_come_back(market, query, clauses):
    assert said(market, query) == clauses

    criteria = read_criteria({"vertical": "mortgage", "all": clauses}, vertical_named)
    back = QueryDict(mutable=True)
    for name, value in query_of(criteria):
        back.appendlist(name, value)
    assert said(market, back.urlencode()) == clauses


@pytest.mark.parametrize(
    "query",
    [
        "stat=CA",
        "state=XX",
        "state=ca%00",
        "email=a@example.com",
        "phone=9375550100",
        "last_name=Wagner",
        "contact__email_digest=x",
        "diagnosis=a",
        "remark=x",
        "attributes__loan_amount=5",
        "captured_at__gt=2020-01-01",
        "age_min=-1",
        "age_min=1e400",
        "age_min=NaN",
        "age_min=9&age_max=3",
        "age_min=1&age_min=2",
        "age_min=2.5",
        "loan_amount_min=99999999999999999999",
        "loan_amount_min=abc",
        "first_time=maybe",
        "near=45402&miles=100000",
        "near=00000&miles=5",
        "miles=5",
        "near=x",
        "postal_code=4540",
        "zip_prefix=abc",
        "price_max=0.001",
        "needed_by_min=2026-13-01",
        "state=" + "A" * 500,
        "&".join(f"state=CA&postal_code={n}" for n in range(400)),
        "page=10000000000000000000",
        "order_by=contact__sealed",
    ],
)
def test_strange_parameters_are_refused(market, query):
    with pytest.raises(FilterRefused) as refusal:
        said(market, query)

    assert refusal.value.fields


def test_other_parameters_pass_only_by_name(market):
    assert said(market, "sort=newest", besides=["sort"]) == []
    with pytest.raises(FilterRefused):
        said(market, "sort=newest")


def test_a_new_schema_version_is_seen_at_once(market):
    from leads.models import Vertical
    from leads.models.vertical import add_schema_version

    add_schema_version(
        market.vertical,
        [{"name": "colour", "label": "Colour", "type": "choice", "choices": {"r": "Red"}, "filterable": True}],
    )
    market.vertical = Vertical.objects.get(pk=market.vertical.pk)

    assert said(market, "colour=r") == [{"field": "colour", "in": ["r"]}]
    with pytest.raises(FilterRefused):
        said(market, "purpose=refinance")
