"""Standing orders by program: placed, read, changed, ended; a company's own only, and every refusal by name."""

import json
import uuid
from datetime import timedelta

import pytest

from buyers.models import StandingOrder
from marketplace.models import StandingFill
from tests.marketplace.standing_orders.standing_cases import looked, wants

pytestmark = pytest.mark.django_db

OHIO = {"field": "state", "in": ["OH"]}
WANTED = {
    "vertical": "mortgage",
    "kind": "buy",
    "name": "Ohio",
    "criteria": [OHIO],
    "max_price_cents": 220,
    "daily_cap": 25,
}


def send(api, method, path, body=None):
    response = api.client.generic(
        method, f"/api/v1/{path}", json.dumps({} if body is None else body).encode(), "application/json"
    )
    return response.status_code, response.json()


def test_an_order_is_placed_and_read(api, market):
    status, placed = send(api, "POST", "standing-orders/", WANTED)

    order = StandingOrder.objects.get()
    assert status == 201
    assert placed["id"] == str(order.public_id)
    assert {name: placed[name] for name in WANTED} == WANTED
    assert (placed["status"], placed["filled"], placed["fills"], placed["budget_cents"]) == ("live", 0, [], None)
    assert placed["outcome"] == {"code": "new", "message": "Waiting for its first check, within a minute."}
    assert (order.buyer, order.placed_by) == (market.buyer, None)
    assert api.get(f"standing-orders/{order.public_id}/").json() == placed


def test_a_search_is_saved(api):
    status, placed = send(api, "POST", "standing-orders/", {"vertical": "mortgage", "kind": "alert", "name": "All"})

    assert (status, placed["kind"], placed["criteria"], placed["max_price_cents"]) == (201, "alert", [], None)


def test_fills_are_shown_with_their_orders(api, market):
    market.leads(2, age=timedelta(days=40))
    order = looked(wants(market), market.now)
    fill = StandingFill.objects.get()

    said = api.get(f"standing-orders/{order.public_id}/").json()

    assert said["fills"] == [
        {
            "number": 1,
            "order": str(fill.order.public_id),
            "leads": 2,
            "cents": 440,
            "filled_at": market.now.isoformat().replace("+00:00", "Z"),
        }
    ]
    assert said["outcome"] == {"code": "bought", "message": "Bought 2 leads for $4.40."}


def test_orders_are_listed_newest_first_by_pages(api, market):
    made = [wants(market, now=market.now + timedelta(seconds=number)) for number in range(3)]
    wanted = [str(order.public_id) for order in reversed(made)]

    first = api.get("standing-orders/", "limit=2").json()
    second = api.client.get(first["next"]).json()

    assert [one["id"] for one in first["results"] + second["results"]] == wanted
    assert second["next"] is None


def test_what_is_named_changes_and_the_rest_stays(api, market):
    order = wants(market, daily_cap=5, budget_cents=900)

    status, said = send(
        api,
        "PATCH",
        f"standing-orders/{order.public_id}/",
        {"max_price_cents": 100, "budget_cents": None, "criteria": [OHIO]},
    )

    assert (status, said["max_price_cents"], said["budget_cents"], said["daily_cap"]) == (200, 100, None, 5)
    assert said["criteria"] == [OHIO]


def test_an_order_is_paused_resumed_and_ended(api, market):
    address = f"standing-orders/{wants(market).public_id}/"

    assert send(api, "PATCH", address, {"status": "paused"})[1]["status"] == "paused"
    assert send(api, "PATCH", address, {"status": "live"})[1]["status"] == "live"
    assert send(api, "DELETE", address)[1]["status"] == "ended"
    assert send(api, "DELETE", address)[1]["status"] == "ended"

    status, said = send(api, "PATCH", address, {"status": "live"})
    assert (status, said["code"]) == (409, "standing_refused")
    assert StandingOrder.objects.get().ended_at is not None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"vertical": "nowhere"}, "vertical"),
        ({"vertical": 5}, "vertical"),
        ({"kind": "give"}, "kind"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"criteria": [{"field": "email", "in": ["x"]}]}, "email"),
        ({"criteria": "all"}, "criteria"),
        ({"max_price_cents": None}, "max_price_cents"),
        ({"max_price_cents": "220"}, "max_price_cents"),
        ({"max_price_cents": 2.5}, "max_price_cents"),
        ({"daily_cap": True}, "daily_cap"),
        ({"daily_cap": 0}, "daily_cap"),
        ({"weekdays": "1"}, "weekdays"),
        ({"weekdays": [1, "2"]}, "weekdays[1]"),
        ({"weekdays": [9]}, "weekdays[0]"),
        ({"weekdays": []}, "weekdays"),
        ({"exclusive": "no"}, "exclusive"),
        ({"sort": "dearest"}, "sort"),
        ({"time_zone": "Europe/Berlin"}, "time_zone"),
        ({"filled": 3}, "filled"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(api, change, field):
    status, said = send(api, "POST", "standing-orders/", {**WANTED, **change})

    assert (status, said["code"], list(said["fields"])) == (400, "invalid", [field])
    assert not StandingOrder.objects.exists()


@pytest.mark.parametrize("change", [{"status": "ended"}, {"status": []}, {"kind": "alert"}, {"max_price_cents": 0}])
def test_a_change_that_makes_no_sense_changes_nothing(api, market, change):
    order = wants(market)

    status, _ = send(api, "PATCH", f"standing-orders/{order.public_id}/", {"name": "Other", **change})

    assert status == 400
    assert StandingOrder.objects.get().name == "Wanted"


def test_anothers_is_no_order_at_all(api, other, market):
    order = wants(market)

    for method in ("GET", "PATCH", "DELETE"):
        theirs = send(other, method, f"standing-orders/{order.public_id}/")
        assert theirs == send(other, method, f"standing-orders/{uuid.uuid4()}/")
        assert theirs[0] == 404
    assert other.get("standing-orders/").json()["results"] == []
    assert StandingOrder.objects.get().ended_at is None
