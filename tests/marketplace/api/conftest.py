import json
from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.test import Client

from buyers.companies.keys import create_key
from buyers.models import Buyer
from tests.factories import credit, make_buyer, make_user
from tests.marketplace.api.schema_check import check_answer


@dataclass
class Caller:
    """A company's program. Each of its answers is held to what the description declares."""

    buyer: Buyer | None
    key: str

    def __post_init__(self):
        self.client = Client(headers={"Authorization": f"Api-Key {self.key}"} if self.key else {})

    def get(self, path, query=""):
        answer = self.client.get(f"/api/v1/{path}", QUERY_STRING=query)
        check_answer("GET", f"/api/v1/{path}", answer)
        return answer

    def post(self, path, body, content_type="application/json", **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.client.generic("POST", f"/api/v1/{path}", raw, content_type, headers=headers)
        check_answer("POST", f"/api/v1/{path}", answer)
        return answer

    def quote(self, **order_request):
        return self.post("quotes/", order_request)

    def order(self, token, key="k1", **more):
        return self.post("orders/", {"quote": token, **more}, **{"Idempotency-Key": key})

    def buy(self, key="k1", **order_request):
        return self.order(self.quote(**order_request).json()["token"], key)


def caller_for(buyer):
    _, key = create_key(buyer=buyer, name="tests", created_by=None)
    return Caller(buyer, key)


@pytest.fixture(autouse=True)
def nothing_cached():
    cache.clear()


@pytest.fixture
def api(market):
    """The buyer's program."""
    return caller_for(market.buyer)


@pytest.fixture
def other(market):
    """Another buyer's program, with $50."""
    buyer = make_buyer(make_user(), market.vertical)
    credit(buyer, 5_000, "other")
    return caller_for(buyer)


@pytest.fixture
def stranger(db):
    return Caller(None, "")
