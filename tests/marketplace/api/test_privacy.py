"""Before the sale no byte that the API answers says who asked (P18), and nothing it takes depends on it (P19)."""

import pytest

from buyers.models import Approval
from leads.intake.capture import Evidence
from leads.models.contact import Person

pytestmark = pytest.mark.django_db
CANARY = Person(
    first_name="Zebulonia",
    last_name="Quackenbush",
    phone="+19375550777",
    email="zebulonia.q@canary.example",
    street="77 Canary Wharf Lane",
    city="Xanaduville",
)
WORDS = [
    b"Zebulonia",
    b"Quackenbush",
    b"5550777",
    b"zebulonia.q",
    b"canary.example",
    b"Canary Wharf",
    b"Xanaduville",
    b"192.0.2.77",
    b"45402",
    b"secret diagnosis remark",
    b"253111",
    b"trustedform.example",
]


@pytest.fixture
def lead(market):
    evidence = Evidence(
        text=market.text, given_at=market.now, page="https://quotes.example/mortgage", ip_address="192.0.2.77"
    )
    return market.lead(
        person=CANARY,
        evidence=evidence,
        attributes={
            "purpose": "refinance",
            "loan_amount": 253_111,
            "diagnosis": "b",
            "remark": "secret diagnosis remark",
        },
    )


def whole(answer):
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(sorted(answer.headers.items())).encode() + body


def test_nothing_before_the_sale_says_who_asked(market, api, stranger, lead):
    card = f"listings/{lead.public_id}/"
    token = api.quote(leads=[str(lead.public_id)]).json()["token"]
    Approval.objects.update(status="refused")
    answers = [
        whole(caller.client.generic(method, f"/api/v1/{path}"))
        for caller in (api, stranger)
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT")
        for path in (
            "verticals/",
            "listings/?vertical=mortgage",
            "listings/?vertical=mortgage&sort=cheapest&limit=1&state=OH",
            f"listings/?vertical=mortgage&after={lead.public_id}",
            "listings/?vertical=mortgage&age_min=x",
            "listings/?vertical=solar",
            card,
            f"{card}x/",
            "quotes/",
            "orders/",
            f"orders/{lead.public_id}/",
            f"orders/{lead.public_id}/file.csv",
            f"orders/{lead.public_id}/manifest/",
            "wallet/",
            "schema/",
        )
    ]
    answers += [
        whole(answer)
        for answer in (
            api.quote(vertical="mortgage", criteria=[], quantity=1),
            api.quote(leads=[str(lead.public_id)]),
            api.order(token),
            api.order(token[:-2]),
        )
    ]

    assert len(answers) == 154
    assert [word for word in WORDS for answer in answers if word in answer] == []
    assert '"attributes":{"purpose":"Refinance","loan_amount":"$240–260k"}'.encode() in api.get(card).content


def test_the_file_after_the_sale_does_say_it(market, api, lead):
    order = api.buy(leads=[str(lead.public_id)]).json()["id"]

    file = whole(api.get(f"orders/{order}/file.csv"))

    assert [word for word in WORDS[:8] if word not in file] == [b"192.0.2.77"]


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "phone",
        "first_name",
        "last_name",
        "street",
        "city",
        "contact",
        "contact__phone",
        "lead__contact",
        "q",
        "search",
        "ip_address",
        "external_id",
    ],
)
def test_no_parameter_or_clause_reaches_a_person(market, api, lead, name):
    for value in ("Zebulonia", "nobody"):
        asked = api.get("listings/", f"vertical=mortgage&{name}={value}")
        clause = {"field": name, "in": [value]}
        wished = api.quote(vertical="mortgage", criteria=[clause], quantity=1)

        assert asked.json() == {
            "code": "invalid",
            "message": "This filter does not exist.",
            "fields": {name: ["This filter does not exist."]},
        }
        assert (wished.status_code, list(wished.json()["fields"])) == (400, [name])


def test_answers_about_a_company_are_kept_by_nobody(market, api, lead):
    answers = [
        api.get("wallet/"),
        api.get("listings/", "vertical=mortgage"),
        api.get("orders/x/"),
        api.post("quotes/", {}),
    ]

    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
