"""Refusals have one shape, whatever is asked; nothing that is asked breaks the server."""

from urllib.parse import quote as quoted

import pytest

from marketplace.inventory.live import Inventory, NotReady
from marketplace.models import Order, Sale

pytestmark = pytest.mark.django_db
PATHS = [
    "verticals/",
    "listings/",
    "listings/x/",
    "orders/",
    "orders/x/",
    "orders/x/file.csv",
    "orders/x/manifest/",
    "wallet/",
]


def is_refusal(answer, status):
    said = answer.json()
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert list(said)[:3] == ["code", "message", "fields"]
    assert isinstance(said["message"], str) and said["message"]
    assert all(isinstance(one, list) for one in said["fields"].values())
    return said


@pytest.mark.parametrize("header", [None, "Api-Key", "Api-Key wrong", "Bearer x", "Api-Key \xff"])
def test_without_a_key_that_works_every_address_is_shut(stranger, header):
    headers = {"Authorization": header} if header else {}
    answers = [stranger.client.get(f"/api/v1/{path}", headers=headers) for path in PATHS]
    answers += [stranger.post(path, {}, **headers) for path in ("quotes/", "orders/")]

    for answer in answers:
        is_refusal(answer, 401)
        assert answer.headers["WWW-Authenticate"] == 'Api-Key realm="api"'


def test_a_session_opens_nothing(market, stranger):
    stranger.client.force_login(market.user)

    is_refusal(stranger.get("wallet/"), 401)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused_and_tell_nothing(api, method):
    for path in [*PATHS, "quotes/"]:
        answer = api.client.generic(method, f"/api/v1/{path}", b"{}", "application/json")
        assert is_refusal(answer, 405)["code"] == "method_not_allowed"


def test_what_is_read_is_not_written_to(api):
    for path in set(PATHS) - {"orders/"}:
        is_refusal(api.post(path, {}), 405)


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override"])
def test_a_method_is_not_overridden(api, header):
    assert api.client.get("/api/v1/quotes/", headers={header: "POST"}).status_code == 405


@pytest.mark.parametrize("path", ["", "nope/", "orders", "wallet/x/", "quotes/x/", "schema", "a/../orders", "%00"])
def test_addresses_that_are_none_are_answered_in_json(stranger, path):
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        answer = stranger.client.generic(method, f"/api/v1/{path}", b"", "application/json")
        assert is_refusal(answer, 404) == {"code": "not_found", "message": "There is nothing here.", "fields": {}}


@pytest.mark.parametrize("accept", ["text/html", "text/csv", "application/xml", "*/*", "nonsense"])
def test_answers_are_json_whatever_would_be_accepted(api, accept):
    assert api.client.get("/api/v1/wallet/", headers={"Accept": accept}).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("query", ["format=json", "buyer=1", "self=1", "x" * 3000 + "=1", "a=1&a=2", "%00=1", "=1"])
def test_unknown_parameters_are_refused(market, api, query):
    for path in PATHS:
        said = is_refusal(api.get(path, ("vertical=mortgage&" if path == "listings/" else "") + query), 400)
        assert said["code"] == "invalid"
        assert len(next(iter(said["fields"]))) <= 40


def test_posts_take_no_parameters(api):
    is_refusal(api.client.post("/api/v1/quotes/?limit=1", {}, content_type="application/json"), 400)
    is_refusal(api.client.post("/api/v1/orders/?limit=1", {}, content_type="application/json"), 400)


NASTY = [
    "",
    "\x00",
    "%",
    "'",
    '"',
    "\\",
    "-1",
    "1e9",
    "NaN",
    "٣",
    "9" * 40,
    "x" * 500,
    "{}",
    "[]",
    "null",
    "💥",
    "..",
    "' OR 1=1 --",
]
PARAMETERS = ["vertical", "sort", "after", "limit"]
FILTERS = [
    "state",
    "age_min",
    "age_max",
    "price_max",
    "near",
    "miles",
    "postal_code",
    "zip_prefix",
    "loan_amount_min",
    "first_time",
    "channels",
    "needed_by_min",
    "times_sold_max",
    "proof",
]


@pytest.mark.parametrize("value", NASTY)
def test_hostile_parameters_are_refused_or_answered(market, api, value):
    """An empty filter says nothing, and numbers may be far away; the rest is a 400, never a 500."""
    for name in PARAMETERS:
        others = "" if name == "vertical" else "vertical=mortgage&"
        answer = api.get("listings/", f"{others}{name}={quoted(value)}")
        if not (name == "after" and value == ""):
            is_refusal(answer, 400)
    for name in FILTERS:
        answer = api.get("listings/", f"vertical=mortgage&{name}={quoted(value)}")
        assert answer.status_code in (200, 400), (name, value)
        if answer.status_code == 400:
            is_refusal(answer, 400)
            assert value == "" or len(value) < 3 or value not in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "vertical=mortgage&diagnosis=a",
        "vertical=mortgage&remark=x",
        "vertical=mortgage&email=pat@example.com",
        "vertical=mortgage&phone=9372000001",
        "vertical=mortgage&attributes__loan_amount=1",
        "vertical=mortgage&source__legal_name=x",
        "vertical=mortgage&sort=email",
        "vertical=mortgage&sort=-captured_at",
        "vertical=mortgage&limit=101",
        "vertical=mortgage&limit=0",
        "vertical=mortgage&limit=1&limit=2",
        "vertical=mortgage&vertical=mortgage",
        "vertical=mortgage&age_min=90&age_max=30",
        "vertical=mortgage&" + "&".join(f"state={number}" for number in range(400)),
        "vertical=mortgage&" + "&".join(f"a{number}=1" for number in range(2500)),
        "vertical=medicare",
        "",
    ],
)
def test_what_cannot_be_filtered_is_refused(market, api, query):
    is_refusal(api.get("listings/", query), 400)


LEAD = "5f0f7a52-0000-4000-8000-000000000000"
WISHES = [
    ({}, "vertical", "quantity"),
    ({"vertical": None}, "vertical", "quantity"),
    ({"vertical": ["mortgage"]}, "vertical", "quantity"),
    ({"vertical": "nope", "criteria": [], "quantity": 1}, "vertical"),
    ({"vertical": "x" * 5000, "criteria": [], "quantity": 1}, "vertical"),
    ({"criteria": None, "quantity": 1}, "criteria"),
    ({"criteria": "x", "quantity": 1}, "criteria"),
    ({"criteria": [1], "quantity": 1}, "criteria[0]"),
    ({"criteria": [{"field": "email", "in": ["x"]}], "quantity": 1}, "email"),
    ({"criteria": [{"field": "diagnosis", "in": ["a"]}], "quantity": 1}, "diagnosis"),
    ({"criteria": [{"field": ["state"], "in": ["OH"]}], "quantity": 1}, "['state']"),
    ({"criteria": [{"field": "state", "in": "OH"}], "quantity": 1}, "state"),
    ({"criteria": [{"field": "state", "in": []}], "quantity": 1}, "state"),
    ({"criteria": [{"field": "state", "in": [["OH"]]}], "quantity": 1}, "state"),
    ({"criteria": [{"field": "state", "in": ["OH"], "or": 1}], "quantity": 1}, "state"),
    ({"criteria": [{"field": "state", "in": ["OH"]}] * 2, "quantity": 1}, "state"),
    ({"criteria": [{"field": "state", "in": ["OH"]}] * 41, "quantity": 1}, "criteria"),
    ({"criteria": [{"field": "age_days", "min": "30"}], "quantity": 1}, "age_days"),
    ({"criteria": [{"field": "age_days", "min": 1.5}], "quantity": 1}, "age_days"),
    ({"criteria": [{"field": "age_days", "min": -1}], "quantity": 1}, "age_days"),
    ({"criteria": [{"field": "age_days", "min": True}], "quantity": 1}, "age_days"),
    ({"criteria": [{"field": "age_days", "min": None}], "quantity": 1}, "age_days"),
    ({"criteria": [{"field": "loan_amount", "min": 1e300}], "quantity": 1}, "loan_amount"),
    ({"criteria": [{"field": "loan_amount", "min": {"a": 1}}], "quantity": 1}, "loan_amount"),
    ({"criteria": [{"field": "needed_by", "min": "soon"}], "quantity": 1}, "needed_by"),
    ({"criteria": [{"field": "needed_by", "min": 5}], "quantity": 1}, "needed_by"),
    ({"criteria": [{"field": "first_time", "is": 1}], "quantity": 1}, "first_time"),
    ({"criteria": [{"field": "near", "zip": "00000", "miles": 5}], "quantity": 1}, "near"),
    ({"criteria": [{"field": "near", "zip": "٤٥٤٠٢", "miles": 5}], "quantity": 1}, "near"),
    ({"criteria": [{"field": "near", "zip": "45402", "miles": 1e9}], "quantity": 1}, "near"),
    ({"criteria": {"all": [], "any": []}, "quantity": 1}, "criteria"),
    ({"criteria": {"vertical": "solar", "all": []}, "quantity": 1}, "criteria"),
    ({"criteria": [], "quantity": 0}, "quantity"),
    ({"criteria": [], "quantity": -1}, "quantity"),
    ({"criteria": [], "quantity": 1.0}, "quantity"),
    ({"criteria": [], "quantity": "1"}, "quantity"),
    ({"criteria": [], "quantity": True}, "quantity"),
    ({"criteria": [], "quantity": None}, "quantity"),
    ({"criteria": [], "quantity": 100_001}, "quantity"),
    ({"criteria": []}, "quantity"),
    ({"criteria": [], "quantity": 1, "sort": "random"}, "sort"),
    ({"criteria": [], "quantity": 1, "sort": ["newest"]}, "sort"),
    ({"criteria": [], "quantity": 1, "sort": {}}, "sort"),
    ({"criteria": [], "quantity": 1, "sort": None}, "sort"),
    ({"criteria": [], "quantity": 1, "order": "newest"}, "order"),
    ({"criteria": [], "quantity": 0, "sort": "random", "exclusive": 1}, "quantity", "sort", "exclusive"),
    ({"criteria": [], "quantity": 1, "max_price_cents": 0}, "max_price_cents"),
    ({"criteria": [], "quantity": 1, "max_price_cents": 1.5}, "max_price_cents"),
    ({"criteria": [], "quantity": 1, "max_price_cents": "5"}, "max_price_cents"),
    ({"criteria": [], "quantity": 1, "exclusive": "yes"}, "exclusive"),
    ({"criteria": [], "quantity": 1, "exclusive": None}, "exclusive"),
    ({"criteria": [], "quantity": 1, "unit_cents": 1}, "unit_cents"),
    ({"criteria": [], "quantity": 1, "buyer": 1}, "buyer"),
    ({"leads": []}, "leads"),
    ({"leads": None}, "leads"),
    ({"leads": "x"}, "leads"),
    ({"leads": [None]}, "leads[0]"),
    ({"leads": [5]}, "leads[0]"),
    ({"leads": [[]]}, "leads[0]"),
    ({"leads": [{}]}, "leads[0]"),
    ({"leads": [LEAD, "x" * 5000]}, "leads[1]"),
    ({"leads": [LEAD] * 501}, "leads"),
    ({"leads": {LEAD: 1}}, "leads"),
    ({"leads": [LEAD], "quantity": 1}, "quantity"),
    ({"leads": [LEAD], "exclusive": 1}, "exclusive"),
]


def test_hostile_wishes_are_refused_by_name(market, api):
    for order_request, *fields in WISHES:
        if "criteria" in order_request and "vertical" not in order_request:
            order_request = {"vertical": "mortgage", **order_request}
        said = is_refusal(api.post("quotes/", order_request), 400)
        assert (order_request, said["code"], list(said["fields"])) == (order_request, "invalid", fields)
    assert not Order.objects.exists() and not Sale.objects.exists()


def test_a_refusal_does_not_repeat_what_was_sent(market, api):
    sent = "pat1@example.com"
    answers = [
        api.post("quotes/", {"vertical": sent, "criteria": [], "quantity": 1}),
        api.post("quotes/", {"vertical": "mortgage", "criteria": [{"field": "state", "in": [sent]}], "quantity": 1}),
        api.post("quotes/", {"leads": [sent]}),
        api.order(sent),
        api.get("listings/", f"vertical=mortgage&state={sent}"),
        api.get("listings/", f"vertical=mortgage&purpose={sent}"),
        api.get("listings/", f"vertical=mortgage&age_min={sent}"),
        api.get("listings/", f"vertical={sent}"),
        api.get(f"listings/{sent}/"),
    ]

    assert [sent in answer.content.decode() for answer in answers] == [False] * len(answers)
    assert all(answer.status_code in (400, 404) for answer in answers)


def test_while_the_inventory_is_counted_a_program_is_told_when_to_come_back(market, api, monkeypatch):
    def starting(inventory, query):
        raise NotReady(40)

    monkeypatch.setattr(Inventory, "result_of", starting)
    answers = [
        api.get("verticals/"),
        api.get("listings/", "vertical=mortgage"),
        api.quote(vertical="mortgage", criteria=[], quantity=1),
    ]

    for answer in answers:
        said = is_refusal(answer, 503)
        assert (said["code"], said["percent"], answer.headers["Retry-After"]) == ("counting", 40, "5")
