"""Every example is true: requests of the description and of docs/api.md are sent, and answers have their shape."""

import json
import re
import shlex
from pathlib import Path

import pytest
from jsonschema import ValidationError

from leads.starting_verticals import load_verticals
from marketplace.api import returns, standing
from marketplace.api.examples import BACKGROUND_ORDER, LEAD, ORDER, TOKEN
from marketplace.api.schema import described
from marketplace.models import Sale
from marketplace.returns import claims
from marketplace.returns.starting_policies import load_returns
from marketplace.standing_orders import outcomes
from tests.factories import make_market
from tests.marketplace.api.conftest import caller_for
from tests.marketplace.api.schema_check import check, check_answer

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).resolve().parents[3] / "docs" / "api.md"
MARKET = "http://localhost:8000/api/v1"


@pytest.fixture
def api(db):
    """A company of the demo's mortgage vertical, where leads are for sale that the examples ask for."""
    load_verticals()
    load_returns()
    market = make_market()
    for state in ("OH", "TX"):
        market.leads(4, state=state, attributes={"purpose": "refinance"})
    return caller_for(market.buyer)


class Session:
    """Sends examples one after the other; what earlier answers gave stands in for the examples' ids."""

    def __init__(self, api):
        self.api = api
        self.known = {"<token>": "", TOKEN: "", "<order>": "", ORDER: "", "<lead>": "", LEAD: "", BACKGROUND_ORDER: ""}

    def send(self, method, path, body=None, **headers):
        path, query = self.put_in(path).removeprefix(MARKET).partition("?")[::2]
        path = f"/api/v1{path.removeprefix('/api/v1')}"
        raw = self.put_in(body) if body else ""
        answer = self.api.client.generic(method, path, raw, "application/json", QUERY_STRING=query, headers={**headers})
        assert answer.status_code in (200, 201), (method, path, raw, answer.content)
        check_answer(method, path, answer)
        self.learn(path, answer)
        return answer

    def put_in(self, text):
        for name, value in self.known.items():
            text = text.replace(name, value or name)
        return text

    def learn(self, path, answer):
        said = answer.json() if answer["Content-Type"] == "application/json" else {}
        if path.endswith("/quotes/"):
            self.known |= {"<token>": said["token"], TOKEN: said["token"]}
        if path.endswith("/listings/"):
            self.known[LEAD] = said["results"][0]["id"]
        if path.endswith("/orders/"):
            bought = str(Sale.objects.latest("id").lead.public_id)
            self.known |= {"<order>": said["id"], ORDER: said["id"], "<lead>": bought}
        if path.endswith("/standing-orders/"):
            self.known.setdefault("<standing-order>", said["id"])


def curls():
    """(method, address, body, headers) of each command of the page, in their order."""
    (script,) = re.findall(r"```sh\n(.*?)```", DOCS.read_text(), re.DOTALL)
    variables = dict(re.findall(r"^(\w+)='?(.*?)'?$", script, re.MULTILINE))
    for name, value in variables.items():
        script = script.replace(f"${name}", value)
    words = shlex.split(script, comments=True)
    starts = [place for place, word in enumerate(words) if word == "curl"]
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        yield command_of(words[start + 1 : end])


def command_of(words):
    options = [(words[place], words[place + 1]) for place in range(len(words) - 1) if words[place].startswith("-")]
    taken = {value for pair in options for value in pair}
    (address,) = [word for word in words if word not in taken]
    body = dict(options).get("-d")
    headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
    assert headers.pop("Authorization") == "Api-Key rem_…"
    return dict(options).get("-X", "POST" if body else "GET"), address, body, headers


def test_every_command_of_the_page_works_as_it_stands(api):
    session, asked = Session(api), list(curls())

    answers = [session.send(method, address, body, **headers) for method, address, body, headers in asked]

    assert len(asked) == 12
    assert [answer.status_code for answer in answers] == [200, 200, 200, 201, 200, 200, 200, 200, 201, 200, 200, 200]
    assert answers[1].json()["count"] == 8
    assert answers[7].json()["results"][0]["accepted"] is True
    assert answers[10].json()["status"] == "ended"


def requests_of_the_description():
    """(id, method, path, body) of each example, quotes before orders and orders before returns."""
    for path, methods in described()["paths"].items():
        for method, said in methods.items():
            content = said.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                yield said["operationId"], method.upper(), path, json.dumps(example["value"], ensure_ascii=False)


def test_every_request_of_the_description_works(api):
    session = Session(api)
    session.send("GET", "/api/v1/listings/?vertical=mortgage")
    rank = ["create_quote", "place_order", "create_returns", "create_standing_order", "update_standing_order"]
    asked = sorted(requests_of_the_description(), key=lambda one: rank.index(one[0]))

    for name, method, path, body in asked:
        sent = {"Idempotency-Key": "k"} if name == "place_order" else {}
        session.send(method, path.replace("{public_id}", "<standing-order>"), body, **sent)

    assert [name for name, *_ in asked] == [
        *["create_quote"] * 2,
        "place_order",
        "create_returns",
        *["create_standing_order"] * 2,
        "update_standing_order",
    ]


def test_every_operation_with_a_body_has_an_example():
    named = {name for name, *_ in requests_of_the_description()}

    assert named == {
        said["operationId"]
        for methods in described()["paths"].values()
        for said in methods.values()
        if "requestBody" in said
    }


def examples_of(content):
    return content.get("examples", {}).values()


def test_examples_have_the_shapes_they_illustrate():
    contents = [
        content
        for methods in described()["paths"].values()
        for said in methods.values()
        for part in (said.get("requestBody", {}), *said["responses"].values())
        for content in part.get("content", {}).values()
    ]
    examples = [(one["value"], content["schema"]) for content in contents for one in examples_of(content)]

    for value, shape in examples:
        check(value, shape)

    assert len(examples) == 15


def test_an_answer_of_another_shape_is_noticed(api):
    answer = api.get("wallet/")
    shape = described()["paths"]["/api/v1/wallet/"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    for wrong in ({"balance_cents": "1"}, {"balance_cents": None}, {"entries": [{}]}):
        with pytest.raises(ValidationError):
            check({**answer.json(), **wrong}, shape)


def test_enums_name_every_code_that_the_market_has():
    source = Path(claims.__file__).read_text()

    assert set(returns.CODES) == set(re.findall(r'ReturnRefused\(\s*"(\w+)"', source))
    assert set(standing.OUTCOMES) == {"new", *outcomes._SAID}
