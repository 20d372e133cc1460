"""The description holds, and so does the page made of it."""

from io import StringIO

import pytest
from django.core.management import call_command
from rest_framework import serializers

from marketplace.api import examples
from marketplace.api import serializers as shapes

pytestmark = pytest.mark.django_db
OPERATIONS = {
    ("get", "/api/v1/verticals/"): "list_verticals",
    ("get", "/api/v1/listings/"): "list_listings",
    ("get", "/api/v1/listings/{public_id}/"): "get_listing",
    ("post", "/api/v1/quotes/"): "quote",
    ("get", "/api/v1/orders/"): "list_orders",
    ("post", "/api/v1/orders/"): "place_order",
    ("get", "/api/v1/orders/background/{public_id}/"): "get_background_order",
    ("get", "/api/v1/orders/{public_id}/"): "get_order",
    ("get", "/api/v1/orders/{public_id}/file.csv"): "get_order_file",
    ("get", "/api/v1/orders/{public_id}/manifest/"): "get_order_manifest",
    ("get", "/api/v1/returns/"): "list_returns",
    ("post", "/api/v1/returns/"): "hand_back",
    ("get", "/api/v1/returns/reasons/"): "list_return_reasons",
    ("get", "/api/v1/returns/{public_id}/"): "get_return",
    ("get", "/api/v1/standing-orders/"): "list_standing_orders",
    ("post", "/api/v1/standing-orders/"): "place_standing_order",
    ("get", "/api/v1/standing-orders/{public_id}/"): "get_standing_order",
    ("patch", "/api/v1/standing-orders/{public_id}/"): "change_standing_order",
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
            assert {"401", "429"} <= set(said["responses"]), path


def test_the_page_shows_every_operation(stranger):
    page = stranger.get("docs/").content.decode()

    for (method, path), name in OPERATIONS.items():
        assert f'<section class="sheet" id="{name}">' in page
        assert f"<code>{method.upper()} {path}</code>" in page
    assert "<script>" not in page and " style=" not in page


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_the_page_is_only_read(stranger, method):
    assert stranger.client.generic(method, "/api/v1/docs/").status_code == 405


def same_shape(value, shape):
    if isinstance(shape, serializers.ListSerializer):
        assert isinstance(value, list)
        for item in value:
            same_shape(item, shape.child)
    elif isinstance(shape, serializers.Serializer):
        optional = {name for name, field in shape.fields.items() if not field.required and not field.read_only}
        assert set(shape.fields) - optional <= set(value) <= set(shape.fields)
        for name, item in value.items():
            same_shape(item, shape.fields[name])


@pytest.mark.parametrize(
    ("example", "shape"),
    [
        (examples.LISTINGS[0], shapes.ListingsSerializer()),
        (examples.QUOTES[0], shapes.QuoteRequestSerializer()),
        (examples.QUOTES[1], shapes.QuoteRequestSerializer()),
        (examples.QUOTES[2], shapes.QuoteSerializer()),
        (examples.ORDERS[0], shapes.OrderRequestSerializer()),
        (examples.ORDERS[1], shapes.PlacedOrderSerializer()),
    ],
)
def test_examples_have_the_shapes_they_illustrate(example, shape):
    same_shape(example.value, shape)
