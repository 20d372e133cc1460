"""The description holds, and so does the page made of it."""

from io import StringIO

import pytest
from django.core.management import call_command

from marketplace.api.schema import described
from marketplace.orders.request import MOST_LEADS, MOST_NAMED

pytestmark = pytest.mark.django_db
OPERATIONS = {
    ("get", "/api/v1/verticals/"): "list_verticals",
    ("get", "/api/v1/listings/"): "list_listings",
    ("get", "/api/v1/listings/{public_id}/"): "get_listing",
    ("post", "/api/v1/quotes/"): "create_quote",
    ("get", "/api/v1/orders/"): "list_orders",
    ("post", "/api/v1/orders/"): "place_order",
    ("get", "/api/v1/orders/background/{public_id}/"): "get_background_order",
    ("get", "/api/v1/orders/{public_id}/"): "get_order",
    ("get", "/api/v1/orders/{public_id}/file.csv"): "get_order_file",
    ("get", "/api/v1/orders/{public_id}/manifest/"): "get_order_manifest",
    ("get", "/api/v1/returns/"): "list_returns",
    ("post", "/api/v1/returns/"): "create_returns",
    ("get", "/api/v1/returns/reasons/"): "list_return_reasons",
    ("get", "/api/v1/returns/{public_id}/"): "get_return",
    ("get", "/api/v1/standing-orders/"): "list_standing_orders",
    ("post", "/api/v1/standing-orders/"): "create_standing_order",
    ("get", "/api/v1/standing-orders/{public_id}/"): "get_standing_order",
    ("patch", "/api/v1/standing-orders/{public_id}/"): "update_standing_order",
    ("delete", "/api/v1/standing-orders/{public_id}/"): "end_standing_order",
    ("get", "/api/v1/wallet/"): "get_wallet",
}


def test_the_description_is_valid_and_whole():
    written = StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=written)

    assert '"openapi": "3.0.3"' in written.getvalue()


def test_anybody_may_read_the_description(stranger):
    schema = stranger.get("schema/").json()

    found = {
        (method, path): said["operationId"]
        for path, methods in schema["paths"].items()
        for method, said in methods.items()
    }
    assert found == OPERATIONS
    assert schema["components"]["securitySchemes"]["ApiKey"]["name"] == "Authorization"
    for path, methods in schema["paths"].items():
        for said in methods.values():
            assert said["security"] == [{"ApiKey": []}], path
            assert {"400", "401", "429"} <= set(said["responses"]), path


def test_refusals_are_declared_with_their_codes_and_headers():
    said = described()["paths"]["/api/v1/orders/"]["post"]
    shapes = described()["components"]["schemas"]

    assert set(said["responses"]) == {"200", "201", "202", "400", "401", "402", "403", "409", "422", "429", "503"}
    assert all("Retry-After" in said["responses"][status]["headers"] for status in ("202", "409", "429", "503"))
    assert shapes["Refusal503"]["properties"]["code"]["enum"] == ["counting"]
    assert "already_owned" in shapes["Refused"]["properties"]["reason"]["enum"]
    assert {"not_all_there", "too_many_under_way"} <= set(shapes["Refusal409"]["properties"]["code"]["enum"])
    (key,) = [one for one in said["parameters"] if one["name"] == "Idempotency-Key"]
    assert key["schema"] == {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[ -~]+$"}


def test_bodies_are_declared_with_the_bounds_that_are_checked():
    shapes = described()["components"]["schemas"]

    assert shapes["Selection"]["properties"]["quantity"]["maximum"] == MOST_LEADS
    leads = shapes["NamedLeads"]["properties"]["leads"]
    assert (leads["minItems"], leads["maxItems"]) == (1, MOST_NAMED)
    assert shapes["PatchedStandingOrderChange"]["properties"]["name"]["maxLength"] == 80
    assert {name for name, shape in shapes.items() if shape.get("additionalProperties") is False} == {
        *("Selection", "NamedLeads", "PlaceOrder", "Claim", "Claims"),
        *("StandingOrderRequest", "PatchedStandingOrderChange"),
    }


def test_the_page_shows_every_operation(stranger):
    page = stranger.get("docs/").content.decode()

    for (method, path), name in OPERATIONS.items():
        assert f'<section class="sheet" id="{name}">' in page
        assert f"<code>{method.upper()} {path}</code>" in page
    assert "<script>" not in page and " style=" not in page


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_the_page_is_only_read(stranger, method):
    assert stranger.client.generic(method, "/api/v1/docs/").status_code == 405
