"""The responses to server errors."""

import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(client, monkeypatch):
    client.raise_request_exception = False

    def fail(*args, **kwargs):
        raise RuntimeError("a secret: pat@example.com")

    monkeypatch.setattr("marketplace.context.stock_by_vertical", fail)
    monkeypatch.setattr("marketplace.storefront.views.stock_by_vertical", fail)
    monkeypatch.setattr("marketplace.api.schema.OpenApi.get", fail)
    return client


def test_a_broken_page_says_so_and_nothing_of_what_broke(broken):
    answer = broken.get("/")

    assert answer.status_code == 500
    assert b"secret" not in answer.content
    assert b"<h1" in answer.content


def test_a_broken_api_answers_in_json(broken):
    answer = broken.get("/api/v1/schema/")

    assert (answer.status_code, answer["Content-Type"]) == (500, "application/json")
    assert answer.json()["code"] == "broken"


@pytest.mark.parametrize("path", ["/api/", "/api/v2/orders/", "/api/v1/nothing/"])
def test_an_address_of_no_api_is_answered_in_json(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
