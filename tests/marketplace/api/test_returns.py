"""Handing back by program: each lead answered for itself, safe to repeat, and a company's own only."""

import uuid

import pytest

from billing.ledger import balance_cents
from marketplace.models import Return, ReturnPolicy
from tests.factories import digest_of
from tests.marketplace.returns.return_cases import CENTS, buy, generous, lead_of, standing, suppress_at

pytestmark = pytest.mark.django_db

WORDS = "Out of service, called twice."


@pytest.fixture
def order(market):
    return buy(market, 5)


def row(lead, reason="disconnected", **more):
    return {"lead": str(lead.public_id), "reason": reason, "words": WORDS, **more}


def handed(api, *rows):
    response = api.post("returns/", {"returns": list(rows)})
    assert response.status_code == 200, response.content
    return response.json()["results"]


def test_each_lead_is_answered_for_itself(api, market, order):
    suppress_at(digest_of(lead_of(order, 1)), market.now)
    stranger = market.lead()

    answers = handed(
        api,
        row(lead_of(order, 0)),
        row(lead_of(order, 1), "stopped-before", words=""),
        row(lead_of(order, 2)),
        row(stranger),
    )

    assert [(one["lead"], one["accepted"], one["code"]) for one in answers] == [
        (str(lead_of(order, 0).public_id), True, ""),
        (str(lead_of(order, 1).public_id), True, ""),
        (str(lead_of(order, 2).public_id), False, "limit_reached"),
        (str(stranger.public_id), False, "unknown"),
    ]
    assert [one["returned"] and one["returned"]["status"] for one in answers] == ["asked", "credited", None, None]
    assert answers[0]["message"] == ""
    assert "did not buy" in answers[3]["message"]
    assert balance_cents(market.buyer) == 100_000 - 4 * CENTS
    assert Return.objects.get(status="asked").steps.get().actor == "API key tests"


def test_the_same_call_again_is_answered_the_same_and_does_nothing(api, market, order):
    generous(market)
    rows = [row(lead_of(order, 0)), row(lead_of(order, 1), "made-up")]
    first = handed(api, *rows)
    before = standing(market)

    assert handed(api, *rows) == first
    assert standing(market) == before


def test_the_same_lead_for_another_reason_is_told_what_there_is(api, market, order):
    (first,) = handed(api, row(lead_of(order)))

    (again,) = handed(api, row(lead_of(order), "made-up"))

    assert (again["accepted"], again["code"]) == (False, "returned_before")
    assert again["returned"] == first["returned"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "returns"),
        ({"returns": []}, "returns"),
        ({"returns": {}}, "returns"),
        ({"returns": [{}] * 501}, "returns"),
        ({"returns": ["x"]}, "returns[0]"),
        ({"returns": [{"lead": "x", "reason": "y"}]}, "returns[0].lead"),
        ({"returns": [{"reason": "y"}]}, "returns[0].lead"),
        ({"returns": [{"lead": 3, "reason": "y"}]}, "returns[0].lead"),
        ({"returns": [{"lead": str(uuid.uuid4())}]}, "returns[0].reason"),
        ({"returns": [{"lead": str(uuid.uuid4()), "reason": "y", "price": 1}]}, "returns[0].price"),
        ({"returns": [{"lead": str(uuid.uuid4()), "reason": "y", "words": None}]}, "returns[0].words"),
        ({"returns": [{"lead": str(uuid.uuid4()), "reason": "y"}], "cents": 5}, "cents"),
    ],
)
def test_what_makes_no_sense_is_refused_whole(api, market, order, body, field):
    before = standing(market)

    response = api.post("returns/", body)

    assert (response.status_code, list(response.json()["fields"])) == (400, [field])
    assert standing(market) == before


def test_a_company_reads_its_own_returns_only(api, other, market, order):
    (mine,) = handed(api, row(lead_of(order)))
    number = mine["returned"]["id"]

    assert api.get(f"returns/{number}/").json() == mine["returned"]
    assert other.get(f"returns/{number}/").status_code == 404
    assert other.get("returns/no-id/").status_code == 404
    assert other.get("returns/").json() == {"results": [], "next": None}
    assert other.get("returns/", f"after={number}").status_code == 400


def test_the_list_is_paged_and_narrowed(api, market, order):
    generous(market)
    for place in range(3):
        handed(api, row(lead_of(order, place)))
    suppress_at(digest_of(lead_of(order, 3)), market.now)
    handed(api, row(lead_of(order, 3), "stopped-before"))

    first = api.get("returns/", "limit=3").json()
    rest = api.client.get(first["next"]).json()

    newest = [str(one.public_id) for one in Return.objects.all()]
    assert [one["id"] for one in first["results"] + rest["results"]] == newest
    assert rest["next"] is None
    assert [one["status"] for one in api.get("returns/", "status=credited").json()["results"]] == ["credited"]
    assert api.get("returns/", "status=mine").status_code == 400
    assert api.get("returns/", "page=2").status_code == 400


def test_reasons_are_told_where_leads_can_go_back(api, market):
    told = api.get("returns/reasons/").json()["results"]

    assert {one["vertical"] for one in told} == {"mortgage"}
    first = told[0]
    assert (first["code"], first["automatic"], first["words_required"]) == ("outside-criteria", True, True)
    ReturnPolicy.objects.update(window_days=0)
    assert api.get("returns/reasons/").json()["results"] == []
