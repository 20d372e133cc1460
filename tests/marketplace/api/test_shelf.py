"""Verticals, listings and the card: their exact shapes, and what they never say."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Leg
from marketplace.models import PriceCurve
from tests.factories import make_source, make_text, make_vertical

pytestmark = pytest.mark.django_db


def row(lead, **changes):
    return {
        "id": str(lead.public_id),
        "vertical": "mortgage",
        "age_days": 40,
        "state": "OH",
        "area": "454xx",
        "phone_type": "unknown",
        "attributes": {"purpose": "Refinance", "loan_amount": "$240–260k"},
        "source": {
            "legal_name": lead.source.legal_name,
            "site": lead.source.site,
            "masked": False,
            "kind": "own_form",
            "grade": "B",
            "incentive": False,
        },
        "legs": {"authorized": 4, "sold": 0, "left": 4},
        "proof": "none",
        "channels": ["call", "email"],
        "price_cents": 220,
        **changes,
    }


def test_verticals_say_stock_prices_fields_and_filters(market, api):
    make_vertical("medicare", open_for_resale=False)
    market.leads(6, age=timedelta(days=10))
    market.lead(age=timedelta(days=100))

    closed, mortgage = sorted(api.get("verticals/").json()["results"], key=lambda one: one["open_for_resale"])

    assert (closed["slug"], closed["stock"], closed["price"]) == (
        "medicare",
        0,
        {"lowest_cents": None, "highest_cents": None},
    )
    assert set(mortgage) == {"slug", "name", "open_for_resale", "stock", "price", "fields", "filters"}
    assert mortgage["stock"] == 7
    assert mortgage["price"] == {"lowest_cents": 100, "highest_cents": 350}
    assert mortgage["fields"][1] == {
        "name": "loan_amount",
        "label": "Loan amount",
        "type": "money",
        "choices": {},
        "unit": "$",
        "filterable": True,
        "shown_before_sale": True,
    }
    filters = {one["field"]: one for one in mortgage["filters"]}
    assert filters["age_days"]["parameters"] == ["age_min", "age_max"]
    assert filters["near"]["parameters"] == ["near", "miles"]
    assert filters["features"] == {
        "field": "features",
        "label": "Features",
        "kind": "in",
        "parameters": ["features"],
        "choices": {"va": "VA", "fha": "FHA", "jumbo": "Jumbo"},
        "unit": "",
    }
    assert not {"diagnosis", "remark"} & set(filters)


def test_a_small_stock_is_not_counted(market, api):
    market.leads(4)

    assert api.get("verticals/").json()["results"][0]["stock"] == "<5"


def test_listings_answer_with_count_facets_price_results_and_next(market, api):
    market.leads(5, age=timedelta(days=10), state="TX", postal_code="")
    old = market.lead(attributes={"purpose": "purchase", "first_time": True, "loan_amount": 553_000})

    answer = api.get("listings/", "vertical=mortgage&sort=oldest&limit=1").json()

    assert set(answer) == {"count", "facets", "price", "results", "next"}
    assert answer["count"] == 6
    assert answer["price"] == {"lowest_cents": 220, "highest_cents": 350}
    assert answer["results"] == [
        row(old, attributes={"purpose": "Purchase", "loan_amount": "$540–560k", "first_time": "Yes"})
    ]
    assert answer["next"] == (
        f"http://testserver/api/v1/listings/?vertical=mortgage&sort=oldest&limit=1&after={old.public_id}"
    )
    facets = answer["facets"]
    assert facets["state"] == [
        {"value": "OH", "label": "Ohio", "count": "<5"},
        {"value": "TX", "label": "Texas", "count": 5},
    ]
    assert sorted(facets["purpose"], key=lambda one: one["value"]) == [
        {"value": "purchase", "label": "Purchase", "count": "<5"},
        {"value": "refinance", "label": "Refinance", "count": 5},
    ]
    assert facets["first_time"] == [{"value": "true", "label": "Yes", "count": "<5"}]
    assert facets["features"] == []
    assert facets["times_sold"] == [{"value": "0", "label": "0", "count": 6}]
    assert facets["age_days"][1:3] == [
        {"from": 8, "to": 30, "count": 5, "tier_cents": 350},
        {"from": 31, "to": 85, "count": "<5", "tier_cents": 220},
    ]
    assert len(facets["loan_amount"]) == 31
    assert facets["loan_amount"][0] == {"from": 250000.0, "to": 260000.0, "count": 5}
    assert (facets["loan_amount"][-1]["to"], facets["loan_amount"][-1]["count"]) == (None, "<5")


@pytest.mark.parametrize(("quantity", "shown"), [(0, 0), (1, "<5"), (4, "<5"), (5, 5)])
def test_counts_of_one_to_four_are_not_told(market, api, quantity, shown):
    market.leads(quantity)

    assert api.get("listings/", "vertical=mortgage").json()["count"] == shown


def test_pages_follow_next_and_miss_nobody(market, api):
    wanted = [str(market.lead(age=timedelta(days=30 + day)).public_id) for day in range(7)]

    found, url = [], "http://testserver/api/v1/listings/?vertical=mortgage&limit=3&state=OH"
    while url:
        page = api.client.get(url).json()
        found += [one["id"] for one in page["results"]]
        url = page["next"]

    assert found == wanted


@pytest.mark.parametrize(("order", "ages"), [("newest", [10, 40]), ("oldest", [40, 10]), ("cheapest", [40, 10])])
def test_the_order_is_asked_for(market, api, order, ages):
    market.lead()
    market.lead(age=timedelta(days=10))

    results = api.get("listings/", f"vertical=mortgage&sort={order}").json()["results"]

    assert [one["age_days"] for one in results] == ages


def test_filters_narrow_the_list(market, api):
    wanted = market.lead(state="TX", postal_code="")
    market.lead()

    results = api.get("listings/", "vertical=mortgage&state=TX&state=CA&age_min=30").json()["results"]

    assert results == [row(wanted, state="TX", area="")]


def test_a_masked_site_is_not_named(market, api):
    market.source = make_source(site="secret-site.example", site_masked=True)
    market.text = make_text(market.source)
    lead = market.lead()

    listings = api.get("listings/", "vertical=mortgage")
    card = api.get(f"listings/{lead.public_id}/")

    assert (listings.json()["results"][0]["source"]["site"], listings.json()["results"][0]["source"]["masked"]) == (
        None,
        True,
    )
    assert "Which website it came from: the source masks it." in card.json()["unknown"]
    assert b"secret-site" not in listings.content + card.content


def test_what_the_company_holds_is_left_out(market, api, other):
    market.leads(2)
    api.buy(vertical="mortgage", criteria=[], quantity=1)

    assert len(api.get("listings/", "vertical=mortgage").json()["results"]) == 1
    assert len(other.get("listings/", "vertical=mortgage").json()["results"]) == 2


def test_a_list_costs_the_same_number_of_queries_however_long(market, api):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert api.get("listings/", "vertical=mortgage&limit=100").status_code == 200
        return len(captured)

    market.leads(5)
    api.get("listings/", "vertical=mortgage")
    few = queries()
    market.leads(45)
    api.get("listings/", "vertical=mortgage")

    assert queries() == few
    assert len(api.get("listings/", "vertical=mortgage&limit=100").json()["results"]) == 50


def test_the_card_says_legs_consent_and_what_is_not_known(market, api):
    lead = market.lead(legs_authorized=2, legs_sold_elsewhere=1, flags=["income:not a number"])

    card = api.get(f"listings/{lead.public_id}/").json()

    assert card == {
        **row(lead, legs={"authorized": 2, "sold": 1, "left": 1}),
        "consent": {
            "version": "v3",
            "wording": "I agree that up to 5 companies may call me.",
            "sha256": market.text.sha256,
            "most_companies": 5,
            "retained_until": None,
        },
        "ledger": [
            {
                "number": 1,
                "market": "realtime",
                "status": "closed",
                "closed_reason": "sold_elsewhere",
                "counts_as_sold": True,
                "date": None,
            },
            {
                "number": 2,
                "market": "aged",
                "status": "open",
                "closed_reason": "",
                "counts_as_sold": False,
                "date": None,
            },
        ],
        "unknown": [
            "How the form was filled out: no consent certificate was kept, so there is no recording.",
            "Whether the phone is a mobile or a landline.",
            "1 answer on the form, left out as unreadable.",
        ],
        "bought": False,
        "stopped": False,
    }


def test_the_card_of_a_bought_lead_stays_and_says_when_the_person_stops(market, api, other):
    lead = market.lead()
    api.buy(leads=[str(lead.public_id)])
    Leg.objects.filter(lead=lead, status="open").update(status="closed", closed_reason="withdrawn")
    type(lead).objects.filter(pk=lead.pk).update(withdrawn_at=market.now)

    card = api.get(f"listings/{lead.public_id}/").json()

    assert (card["bought"], card["stopped"], card["price_cents"]) == (True, True, None)
    assert card["ledger"][0]["date"] == market.now.date().isoformat()
    assert other.get(f"listings/{lead.public_id}/").status_code == 404


def test_leads_that_are_not_for_sale_are_answered_like_none(market, api):
    sold_out, withdrawn = market.leads(2, legs_authorized=1)
    Leg.objects.filter(lead=sold_out).update(status="closed", closed_reason="expired")
    type(withdrawn).objects.filter(pk=withdrawn.pk).update(withdrawn_at=market.now)
    asked = [
        sold_out.public_id,
        withdrawn.public_id,
        "5f0f7a52-0000-4000-8000-000000000000",
        "x",
        sold_out.pk,
        "%00",
        "a/b",
    ]

    answers = {(answer.status_code, answer.content) for answer in (api.get(f"listings/{one}/") for one in asked)}

    assert answers == {(404, b'{"code":"not_found","message":"There is nothing here.","fields":{}}')}


def test_a_vertical_without_prices_says_so(market, api):
    empty = make_vertical("solar")

    answer = api.get("listings/", "vertical=solar")

    assert not PriceCurve.objects.filter(vertical=empty).exists()
    assert (answer.status_code, answer.json()["code"]) == (409, "no_price")
