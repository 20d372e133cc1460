"""Whatever is sent, the server answers with one of its own answers, and sells nothing by accident."""

import json
from string import printable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from billing.ledger import balance_cents
from leads.criteria.common_fields import ENVELOPE
from marketplace.api.throttling import BuyerThrottle
from marketplace.models import Order
from tests.factories import FIELDS

pytestmark = pytest.mark.django_db
hammer = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

NAMES = [*ENVELOPE, *(item["name"] for item in FIELDS), "email", "vertical"]
SCALARS = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(-(10**16), 10**16),
    some.floats(),
    some.text(max_size=20),
    some.sampled_from(["OH", "mortgage", "newest", "call", "refinance", "45402", "2026-01-31", "true"]),
)
VALUES = some.recursive(
    SCALARS, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=6), inner, max_size=3)
)
CLAUSES = some.fixed_dictionaries(
    {"field": some.sampled_from(NAMES) | SCALARS},
    optional=dict.fromkeys(("in", "has", "is", "min", "max", "zip", "miles", "near"), VALUES),
)
WISHES = some.fixed_dictionaries(
    {},
    optional={
        "vertical": some.just("mortgage") | VALUES,
        "criteria": some.lists(CLAUSES, max_size=3) | VALUES,
        "quantity": some.integers(1, 9) | VALUES,
        "sort": some.sampled_from(["newest", "oldest", "cheapest"]) | VALUES,
        "max_price_cents": VALUES,
        "exclusive": VALUES,
        "leads": VALUES,
    },
)


@pytest.fixture(autouse=True)
def unthrottled(monkeypatch):
    monkeypatch.setattr(BuyerThrottle, "rate", "100000/day", raising=False)


def is_answer(answer, allowed):
    assert answer.status_code in allowed
    if answer.status_code != 200:
        assert list(answer.json())[:3] == ["code", "message", "fields"]


def test_any_wish_is_quoted_or_refused(market, api):
    market.leads(6)

    @hammer
    @given(WISHES | VALUES)
    def ask(order_request):
        is_answer(api.post("quotes/", json.dumps(order_request).encode()), {200, 400})

    ask()
    assert not Order.objects.exists()


def test_any_bytes_are_refused(market, api):
    @hammer
    @given(some.binary(max_size=200) | some.text(printable, max_size=60).map(str.encode))
    def ask(body):
        is_answer(api.post("quotes/", body), {400})
        is_answer(api.post("orders/", body, **{"Idempotency-Key": "k"}), {400})

    ask()


def test_any_order_without_a_quote_is_refused(market, api):
    token = api.quote(leads=[str(market.lead().public_id)]).json()["token"]
    tokens = some.integers(0, len(token) - 1).map(
        lambda at: token[:at] + ("-" if token[at] != "-" else "_") + token[at + 1 :]
    )
    orders = some.fixed_dictionaries({"quote": tokens | VALUES}, optional={"allow_partial": VALUES, "price": VALUES})

    @hammer
    @given(orders)
    def ask(order):
        is_answer(api.post("orders/", json.dumps(order).encode(), **{"Idempotency-Key": "k"}), {400})

    ask()
    assert not Order.objects.exists()
    assert balance_cents(api.buyer) == 100_000


def test_any_query_is_answered_or_refused(market, api):
    market.leads(3)
    parameters = ["sort", "after", "limit", "state", "age_min", "age_max", "price_min", "near", "miles", "postal_code"]
    parameters += [
        "zip_prefix",
        "loan_amount_min",
        "rate_max",
        "first_time",
        "features",
        "needed_by_max",
        "channels",
        "x",
    ]
    values = some.text(max_size=12) | some.integers(-(10**18), 10**18).map(str) | some.floats().map(str)
    values |= some.sampled_from(["OH", "true", "45402", "newest", "5", "2026-01-31", "va"])

    @hammer
    @given(some.lists(some.tuples(some.sampled_from(parameters), values), max_size=4))
    def ask(pairs):
        answer = api.client.get("/api/v1/listings/", [("vertical", "mortgage"), *pairs])
        is_answer(answer, {200, 400})

    ask()
