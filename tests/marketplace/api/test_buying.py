"""Quotes, orders and the wallet: exact answers, once per key, whole or nothing."""

import hashlib
from datetime import timedelta

import pytest
import time_machine

from billing.ledger import balance_cents
from buyers.models import Approval
from leads.models import Leg
from marketplace.exports.manifest import work_on
from marketplace.models import Order, Sale

pytestmark = pytest.mark.django_db
NOTHING = b'{"code":"not_found","message":"There is nothing here.","fields":{}}'


def nothing_moved(api):
    assert not Sale.objects.exists()
    assert not Order.objects.exists()
    assert not Leg.objects.filter(status="sold").exists()
    assert balance_cents(api.buyer) == 100_000


def close(lead):
    Leg.objects.filter(lead=lead).update(status="closed", closed_reason="expired")


def test_a_quote_for_criteria_says_what_it_would_cost(market, api):
    market.leads(2, age=timedelta(days=10))
    market.lead()

    answer = api.quote(
        vertical="mortgage",
        criteria=[{"field": "state", "in": ["OH"]}],
        quantity=9,
        sort="cheapest",
        max_price_cents=350,
    )

    said = answer.json()
    assert answer.status_code == 200
    assert set(said) == {"token", "quantity", "total_cents", "expires_at", "lines", "unavailable"}
    assert (said["quantity"], said["total_cents"], said["unavailable"]) == (3, 920, [])
    assert said["lines"] == [
        {"quantity": 2, "unit_cents": 350, "amount_cents": 700, "youngest_days": 10, "oldest_days": 10, "lead": None},
        {"quantity": 1, "unit_cents": 220, "amount_cents": 220, "youngest_days": 40, "oldest_days": 40, "lead": None},
    ]


def test_a_quote_for_named_leads_says_which_are_not_to_be_had(market, api):
    lead, gone = market.leads(2)
    close(gone)

    said = api.quote(leads=[str(lead.public_id), str(gone.public_id)], exclusive=True).json()

    assert said["lines"] == [
        {
            "quantity": 1,
            "unit_cents": 660,
            "amount_cents": 660,
            "youngest_days": 40,
            "oldest_days": 40,
            "lead": str(lead.public_id),
        }
    ]
    assert said["unavailable"] == [{"lead": str(gone.public_id), "reason": "sold_out"}]


def test_an_order_is_filled_and_paid(market, api):
    market.leads(3)

    answer = api.buy(vertical="mortgage", criteria=[], quantity=2)

    order = Order.objects.get()
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers
    assert answer.json() == {
        "id": str(order.public_id),
        "number": order.number,
        "status": "filled",
        "quantity": 2,
        "filled": 2,
        "replaced": 0,
        "refused": [],
        "quoted_cents": 440,
        "total_cents": 440,
        "placed_at": order.placed_at.isoformat().replace("+00:00", "Z"),
        "lines": [{"vertical": "Mortgage", "exclusive": False, "quantity": 2, "unit_cents": 220, "amount_cents": 440}],
    }
    assert (Sale.objects.count(), balance_cents(api.buyer)) == (2, 99_560)
    assert api.get(f"orders/{order.public_id}/").json() == answer.json()


def test_the_same_key_is_answered_with_the_same_order(market, api):
    market.leads(3)
    token = api.quote(vertical="mortgage", criteria=[], quantity=1).json()["token"]
    first = api.order(token)

    again = api.order(token)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (Sale.objects.count(), balance_cents(api.buyer)) == (1, 99_780)


def test_the_same_key_is_answered_after_the_quote_has_expired(market, api):
    market.lead()
    token = api.quote(vertical="mortgage", criteria=[], quantity=1).json()["token"]
    first = api.order(token)

    with time_machine.travel(market.now + timedelta(hours=1)):
        again = api.order(token)

    assert (again.status_code, again.content) == (200, first.content)


def test_the_same_key_for_another_order_is_refused(market, api):
    market.leads(3)
    api.buy(vertical="mortgage", criteria=[], quantity=1)

    answer = api.buy(vertical="mortgage", criteria=[], quantity=2)

    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert Sale.objects.count() == 1


def test_a_part_is_sold_only_when_a_part_was_allowed(market, api):
    leads = market.leads(3)
    token = api.quote(leads=[str(lead.public_id) for lead in leads]).json()["token"]
    close(leads[1])
    gone = {"lead": str(leads[1].public_id), "reason": "sold_out"}

    whole = api.order(token)
    assert whole.status_code == 409
    assert whole.json() == {
        "code": "not_all_there",
        "message": "Only 2 of 3 leads are left at the quoted price. Nothing was charged.",
        "fields": {},
        "left": 2,
        "refused": [gone],
    }
    nothing_moved(api)

    part = api.order(token, "k2", allow_partial=True).json()
    assert (part["status"], part["filled"], part["refused"], part["total_cents"]) == ("partial", 2, [gone], 440)
    assert sum(line["amount_cents"] for line in part["lines"]) == 100_000 - balance_cents(api.buyer)


def test_what_is_missing_from_a_selection_is_said(market, api):
    leads = market.leads(3)
    token = api.quote(vertical="mortgage", criteria=[], quantity=3).json()["token"]
    close(leads[1])

    part = api.order(token, allow_partial=True).json()

    assert part["refused"] == [{"lead": None, "reason": "sold_out", "quantity": 1}]


def test_an_empty_quote_cannot_be_ordered(market, api):
    for order_request in (
        {"vertical": "mortgage", "criteria": [], "quantity": 1},
        {"leads": ["5f0f7a52-0000-4000-8000-000000000000"]},
    ):
        quoted = api.quote(**order_request).json()
        answer = api.order(quoted["token"])

        assert (quoted["quantity"], answer.status_code, answer.json()["code"]) == (0, 409, "empty_quote")
        nothing_moved(api)


def test_an_empty_wallet_is_said_with_both_sums(market, other):
    market.leads(30, age=timedelta(days=10))

    answer = other.buy(vertical="mortgage", criteria=[], quantity=30)

    assert answer.status_code == 402
    assert answer.json() == {
        "code": "not_enough_money",
        "message": "There is not enough money in the wallet.",
        "fields": {},
        "balance_cents": 5_000,
        "needed_cents": 10_500,
    }
    assert not Sale.objects.exists()
    assert balance_cents(other.buyer) == 5_000


def test_a_company_without_approval_is_refused(market, api):
    market.lead()
    Approval.objects.update(status="refused")

    answer = api.buy(vertical="mortgage", criteria=[], quantity=1)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_approved")
    nothing_moved(api)


def test_a_quote_is_good_for_ten_minutes(market, api):
    market.lead()
    token = api.quote(vertical="mortgage", criteria=[], quantity=1).json()["token"]

    with time_machine.travel(market.now + timedelta(minutes=11)):
        answer = api.order(token)

    assert (answer.status_code, answer.json()["code"]) == (409, "quote_expired")
    nothing_moved(api)


def test_altered_and_foreign_quotes_are_refused_alike(market, api, other):
    market.lead()
    token = other.quote(vertical="mortgage", criteria=[], quantity=1).json()["token"]

    answers = {api.order(one).content for one in (token, token[:-4], f"{token}A", "é", "x" * 9_000, "{}")}

    assert answers == {b'{"code":"bad_quote","message":"This is not one of your quotes. Get a new one.","fields":{}}'}
    nothing_moved(api)


@pytest.mark.parametrize("key", [None, "", "x" * 101, "schlüssel", "tab\there", "standing order 1"])
def test_an_order_wants_a_key(market, api, key):
    market.lead()
    token = api.quote(vertical="mortgage", criteria=[], quantity=1).json()["token"]

    headers = {} if key is None else {"Idempotency-Key": key}
    answer = api.post("orders/", {"quote": token}, **headers)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["Idempotency-Key"])
    nothing_moved(api)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"allow_partial": "true"}, "allow_partial"),
        ({"allow_partial": 1}, "allow_partial"),
        ({"allow_partial": None}, "allow_partial"),
        ({"quote": ""}, "quote"),
        ({"quote": 5}, "quote"),
        ({"quote": None}, "quote"),
        ({"total_cents": 1}, "total_cents"),
        ({"buyer": 2}, "buyer"),
        ({"placed_by": 1}, "placed_by"),
    ],
)
def test_an_order_takes_nothing_else(market, api, more, field):
    market.lead()
    token = api.quote(vertical="mortgage", criteria=[], quantity=1).json()["token"]

    answer = api.post("orders/", {"quote": token, **more}, **{"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (400, "invalid", [field])
    nothing_moved(api)


def test_orders_are_listed_newest_first_in_pages(market, api, other):
    market.leads(8)
    other.buy(vertical="mortgage", criteria=[], quantity=1)
    placed = [api.buy(f"k{number}", vertical="mortgage", criteria=[], quantity=1).json() for number in range(3)]

    first = api.get("orders/", "limit=2").json()
    second = api.client.get(first["next"]).json()

    assert [one["id"] for one in first["results"]] == [placed[2]["id"], placed[1]["id"]]
    assert second == {"results": [{key: value for key, value in placed[0].items() if key != "lines"}], "next": None}


def test_another_company_s_order_is_answered_like_none(market, api, other):
    market.leads(2)
    theirs = other.buy(vertical="mortgage", criteria=[], quantity=1).json()["id"]
    asked = [theirs, "5f0f7a52-0000-4000-8000-000000000000", "x", "%00", theirs.upper() + "0", "1", "a/b"]

    for suffix in ("/", "/file.csv", "/manifest/"):
        answers = {
            (answer.status_code, answer.content) for answer in (api.get(f"orders/{one}{suffix}") for one in asked)
        }
        assert answers == {(404, NOTHING)}
    refused = {
        api.get("orders/", f"after={one}").content for one in (theirs, "5f0f7a52-0000-4000-8000-000000000000", "x")
    }
    assert len(refused) == 1


def test_the_wallet_says_what_it_holds_and_what_moved(market, api):
    market.lead()
    order = api.buy(vertical="mortgage", criteria=[], quantity=1).json()

    wallet = api.get("wallet/").json()

    assert wallet["balance_cents"] == 99_780
    assert [(one["kind"], one["cents"], one["memo"]) for one in wallet["entries"]] == [
        ("order", -220, f"1 lead, order {order['number']}"),
        ("credit", 100_000, "Paid by wire"),
    ]
    assert wallet["entries"][0]["reference"] == order["id"]
    assert set(wallet["entries"][0]) == {"at", "kind", "cents", "reference", "memo"}


def test_the_file_is_what_its_manifest_says(market, api):
    market.leads(3)
    order = api.buy(vertical="mortgage", criteria=[], quantity=3).json()["id"]

    manifest = api.get(f"orders/{order}/manifest/").json()
    file = api.get(f"orders/{order}/file.csv")

    content = b"".join(file.streaming_content)
    assert manifest == {"rows": 3, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert Order.objects.get().downloads.get().api_key == api.buyer.api_keys.get()


def test_the_file_has_the_columns_that_were_asked_for(market, api):
    lead = market.lead()
    order = api.buy(vertical="mortgage", criteria=[], quantity=1).json()["id"]

    file = api.get(f"orders/{order}/file.csv", "preset=own&columns=state,lead_id")

    assert b"".join(file.streaming_content).decode().split("\r\n")[1] == f'"OH","{lead.public_id}"'


@pytest.mark.parametrize(
    "query",
    [
        "preset=x",
        "preset=own",
        "preset=own&columns=ssn",
        "columns=state",
        "part=0",
        "part=9",
        "part=x",
        "format=xlsx",
        "part=1&part=1",
    ],
)
def test_a_file_that_there_is_not_is_refused(market, api, query):
    market.lead()
    order = api.buy(vertical="mortgage", criteria=[], quantity=1).json()["id"]

    answers = [api.get(f"orders/{order}/{what}", query) for what in ("file.csv", "manifest/")]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(400, "invalid")] * 2
    assert not Order.objects.get().downloads.exists()


def test_a_big_file_s_manifest_is_asked_for_again(market, api, monkeypatch):
    market.leads(2)
    order = api.buy(vertical="mortgage", criteria=[], quantity=2).json()["id"]
    asked = []
    monkeypatch.setattr("marketplace.exports.manifest.SMALL", 1)
    monkeypatch.setattr("marketplace.exports.tasks.build_export.delay", asked.append)

    answer = api.get(f"orders/{order}/manifest/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (202, "5")
    assert answer.json() == {"rows": 0, "bytes": 0, "sha256": ""}
    assert asked == [Order.objects.get().exports.get().pk]

    work_on(asked[0], market.now)
    assert api.get(f"orders/{order}/manifest/").json()["rows"] == 2
