"""Who may do what (P34, P36): tests the whole of tests/access.py for every role, route and method."""

import re
import uuid

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, path, reverse

from marketplace.api.schema import described
from tests.access import (
    API,
    FOREIGN,
    KEYS,
    LOGIN,
    METHODS,
    PAGES,
    REGISTER,
    ROLES,
    foreign_routes,
    own_routes,
    writes,
    written_since,
)
from tests.cast import addresses
from tests.refusal import everything

pytestmark = pytest.mark.django_db

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
BACKEND = "django.contrib.auth.backends.ModelBackend"
# What a key's use leaves behind: the count of the rate limit, and when the key was last seen.
METER = {"marketplace_apiuse", "buyers_apikey"}
# An answer varies in these whatever it is about.
PASSING = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')
PASSING_HEADERS = {"X-Request-ID", "Content-Length"}


def browser(user=None, **options):
    client = Client(**options)
    if user:
        client.force_login(user, backend=BACKEND)
    return client


def program(key, **options):
    return Client(headers={"Authorization": f"Api-Key {key}"} if key else {}, **options)


def ask(client, method, address, json=False):
    """Return the response and the tables it wrote to, then undo everything."""
    cookies, before = client.cookies.copy(), writes()
    with transaction.atomic():
        body = {"data": b"{}", "content_type": "application/json"} if json else {}
        if method == "POST" and not json:
            response = client.post(address, {"sent": "yes"})
        else:
            response = client.generic(method, address, **body)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        written = written_since(before)
        transaction.set_rollback(True)
    client.cookies = cookies
    return response, content, written


def outcome(response):
    if response.status_code == 302 and response.url.startswith("/accounts/login/"):
        return LOGIN
    if response.status_code == 302 and response.url == reverse("buyers:register"):
        return REGISTER
    return response.status_code


def key_client(cast, role):
    return browser(cast.person("owner")) if role == "session" else program(cast.key(role))


# --- The table is whole


def test_every_route_is_in_the_table_and_every_row_has_its_route():
    assert {route.name for route in own_routes()} == {*PAGES, *API}


def test_a_route_that_nobody_put_into_the_table_is_noticed(monkeypatch):
    added = path("back-door/", lambda request: None, name="back-door")
    monkeypatch.setitem(vars(get_resolver()), "url_patterns", [*get_resolver().url_patterns, added])

    assert {route.name for route in own_routes()} - {*PAGES, *API} == {"back-door"}


def test_what_the_api_says_it_takes_is_what_the_table_lets_it_take(cast):
    promised = {(address, method.upper()) for address, methods in described()["paths"].items() for method in methods}
    open_to_keys = {
        (re.sub(r"<str:(\w+)>", r"{\1}", f"/{route.address}"), method)
        for route in own_routes()
        if route.name in API and route.name not in {"api:schema", "api:nowhere", "api-nowhere"}
        for method, answer in API[route.name].expected(KEYS.index("company")).items()
        if answer != 405 and method != "HEAD"
    }
    assert promised == open_to_keys


# --- Every role, every route, every method


@pytest.mark.parametrize("role", ROLES)
def test_pages_answer_each_role_as_the_table_says(cast, role):
    client = browser(cast.person(role))
    where = addresses(cast, cast.company_of(role))
    expected, found, effects = {}, {}, {}

    for name, row in PAGES.items():
        for method, answer in row.expected(ROLES.index(role)).items():
            response, _, written = ask(client, method, where[name])
            expected[name, method], found[name, method] = answer, outcome(response)
            if written and (method not in UNSAFE or answer in (LOGIN, REGISTER, 403, 404, 405, 422)):
                effects[name, method] = written - row.writes

    assert found == expected
    assert {asked: tables for asked, tables in effects.items() if tables} == {}


@pytest.mark.parametrize("role", KEYS)
def test_the_api_answers_each_key_as_the_table_says(cast, role):
    client = key_client(cast, role)
    where = addresses(cast, cast.ours)
    expected, found, effects = {}, {}, {}

    for name, row in API.items():
        for method, answer in row.expected(KEYS.index(role)).items():
            response, _, written = ask(client, method, where[name], json=True)
            expected[name, method], found[name, method] = answer, response.status_code
            effects[name, method] = written - row.writes - (METER if role == "company" else set())

    assert found == expected
    assert {asked: tables for asked, tables in effects.items() if tables} == {}


def test_the_owner_of_a_company_does_change_what_is_its_own(cast):
    """The control for the tests above: the same requests, if allowed, do write."""
    client, where = browser(cast.person("owner")), addresses(cast, cast.ours)

    done = {name: ask(client, "POST", where[name])[2] for name in ("buyers:remove", "buyers:withdraw", "buyers:revoke")}

    assert "buyers_membership" in done["buyers:remove"]
    assert done["buyers:withdraw"] == {"buyers_invitation"}
    assert done["buyers:revoke"] == {"buyers_apikey"}


def test_what_a_member_is_shown_is_kept_by_nobody(cast):
    client, where = browser(cast.person("owner")), addresses(cast, cast.ours)
    asked = {name: ask(client, "GET", where[name])[0] for name in PAGES if not name.startswith("health-")}

    kept = {name for name, answer in asked.items() if "no-store" not in answer.get("Cache-Control", "")}
    assert kept == set()


def test_reading_everything_changes_no_row(cast):
    clients = [browser(cast.person(role)) for role in ("owner", "staff")]
    where = addresses(cast, cast.ours)
    before = everything()

    for client in clients:
        for name in [name for name, row in PAGES.items() if not row.writes]:
            for method in ("GET", "HEAD", "OPTIONS"):
                client.generic(method, where[name])

    assert everything() == before


# --- What is another company's is not there


def others(cast):
    """Return three addresses per route: a rival's record, a missing record, and an invalid ID."""
    theirs = addresses(cast, cast.rival)
    nobody, number = str(uuid.uuid4()), "987654321"
    rival = cast.rival
    swaps = {str(rival.order.public_id): nobody, str(rival.export.public_id): nobody}
    found = {}
    for name in [
        name
        for name in (*PAGES, *API)
        if name.startswith(("orders:", "returns:ask", "api:order", "api:file", "api:manif"))
    ]:
        if str(rival.order.public_id) in theirs[name]:
            absent = theirs[name]
            for public_id, instead in swaps.items():
                absent = absent.replace(public_id, instead)
            found[name] = theirs[name], absent, theirs[name].replace(str(rival.order.public_id), "no-id")
    found |= {
        name: (
            theirs[name],
            *(theirs[name].replace(str(rival.returned.public_id), instead) for instead in (nobody, "no-id")),
        )
        for name in ("returns:detail", "returns:credit-note", "returns:appeal", "returns:take-back", "api:return")
    }
    found |= {
        name: (theirs[name], *(theirs[name].replace(str(public_id), instead) for instead in (nobody, "no-id")))
        for name, public_id in (
            ("orders:background", rival.background_order.public_id),
            ("api:background-order", rival.background_order.public_id),
            ("buyers:customer-list", rival.customers.public_id),
            ("buyers:remove-customers", rival.customers.public_id),
        )
    }
    found |= {
        name: (
            theirs[name],
            *(theirs[name].replace(str(rival.standing.public_id), other) for other in (nobody, "no-id")),
        )
        for name in (*PAGES, *API)
        if name.startswith(("standing_orders:", "api:standing-")) and str(rival.standing.public_id) in theirs[name]
    }
    for name, thing in (
        ("buyers:role", rival.member),
        ("buyers:remove", rival.member),
        ("buyers:withdraw", rival.invitation),
        ("buyers:revoke", rival.key),
    ):
        theirs_is = f"/{thing.pk}/"
        found[name] = tuple(theirs[name].replace(theirs_is, f"/{pk}/") for pk in (thing.pk, number, "no-id"))
    return found


def anonymous(response, content):
    """Return a response's content without what changes from request to request."""
    headers = {name: value for name, value in response.headers.items() if name not in PASSING_HEADERS}
    return response.status_code, headers, PASSING.sub(b"", content)


@pytest.mark.parametrize("role", ["viewer", "buyer", "owner"])
def test_anothers_is_to_the_byte_what_is_not_there(cast, role):
    client = browser(cast.person(role))

    for name, places in others(cast).items():
        if name in PAGES:
            for method in METHODS:
                answers = [ask(client, method, place) for place in places]
                theirs, absent, malformed = (anonymous(response, content) for response, content, _ in answers)
                assert theirs == absent, (name, method)
                assert theirs[0] in (404, 405), (name, method)
                assert malformed[0] == 404, (name, method)
                assert [written for _, _, written in answers] == [set(), set(), set()], (name, method)


def test_anothers_order_is_to_the_byte_no_order_for_a_key(cast):
    client = program(cast.ours.key_text)

    for name, places in others(cast).items():
        if name in API:
            for method in METHODS:
                answers = [ask(client, method, place, json=True) for place in places]
                theirs, absent, malformed = (anonymous(response, content) for response, content, _ in answers)
                assert theirs == absent == malformed, (name, method)
                assert theirs[0] in (404, 405), (name, method)
                assert set().union(*(written for _, _, written in answers)) <= METER, (name, method)


def test_anothers_file_does_not_open_under_an_own_order(cast):
    own, theirs = cast.ours, cast.rival
    mixed = reverse("orders:progress", args=[own.order.public_id, theirs.export.public_id])
    absent = reverse("orders:progress", args=[own.order.public_id, uuid.uuid4()])
    client = browser(cast.person("owner"))

    assert anonymous(*ask(client, "GET", mixed)[:2]) == anonymous(*ask(client, "GET", absent)[:2])
    assert ask(client, "GET", mixed)[0].status_code == 404


def test_a_lead_that_somebody_else_bought_up_is_to_the_byte_no_lead(cast):
    withdrawn = cast.market.lead(legs_authorized=1, legs_sold_elsewhere=1)
    for client, address in (
        (browser(), "/leads/{}/"),
        (browser(cast.person("owner")), "/leads/{}/"),
        (program(cast.ours.key_text), "/api/v1/listings/{}/"),
    ):
        answers = [ask(client, "GET", address.format(public_id)) for public_id in (withdrawn.public_id, uuid.uuid4())]
        gone, absent = (anonymous(response, content) for response, content, _ in answers)
        assert gone == absent
        assert gone[0] == 404


# --- Cookies alone change nothing

SIGNED = {"stripe-webhook"}  # Stripe's signature over the body stands for the token


def test_every_unsafe_method_of_a_page_wants_the_token(cast):
    where = addresses(cast, cast.ours)
    roles = ("stranger", "owner", "staff")
    pages = set(PAGES) - SIGNED
    found = {
        (role, name, method): (response.status_code, written)
        for role in roles
        for client in [browser(cast.person(role), enforce_csrf_checks=True)]
        for name in pages
        for method in UNSAFE
        for response, _, written in [ask(client, method, where[name])]
    }

    assert {asked: said for asked, said in found.items() if said != (403, set())} == {}
    assert len(found) == len(roles) * len(pages) * len(UNSAFE)


def test_only_the_api_takes_a_change_without_the_token_and_it_knows_no_cookies(cast):
    exempt = {route.name for route in own_routes() if getattr(route.view, "csrf_exempt", False)}
    foreign = [
        route.name
        for prefix in FOREIGN
        for route in foreign_routes(prefix)
        if getattr(route.view, "csrf_exempt", False)
    ]

    assert exempt == {*API, *SIGNED}
    assert foreign == []


# --- Addresses that others decide about: one rule each


def filled(address):
    """Return an address of this route for the first record of each kind."""
    known = {"app_label": "leads", "key": "abc", "uidb36": "1", "url": "nothing"}
    address = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda found: known.get(found[1], "1"), address)
    address = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: known.get(found[1], "1"), address)
    return "/" + address.replace("^", "").replace("$", "")


@pytest.mark.parametrize("role", ["stranger", "owner"])
def test_the_admin_opens_to_staff_only(cast, role):
    client = browser(cast.person(role))
    asked = [
        (f"{method} {route.name}", *ask(client, method, filled(route.address)))
        for route in foreign_routes("admin/")
        if route.name not in {"admin:login", "admin:logout"}
        for method in ("GET", "POST")
    ]

    assert len(asked) > 300
    assert {
        name: response.status_code
        for name, response, _, _ in asked
        if not (response.status_code == 302 and response.url.startswith("/admin/login/?next="))
    } == {}
    assert set().union(*(written for _, _, _, written in asked)) == set()


def test_staff_without_permissions_reach_no_model(cast):
    client = browser(cast.clerk)
    asked = {
        f"{method} {route.name}": ask(client, method, filled(route.address))[0].status_code
        for route in foreign_routes("admin/")
        if re.search(r":(leads|buyers|billing|marketplace|auth|account|mfa|pghistory)_", route.name)
        for method in ("GET", "POST")
    }

    assert len(asked) > 250
    # 302: nothing under that id, said before anybody may see anything; 405: a change that wants a POST.
    assert {name: status for name, status in asked.items() if status not in (302, 403, 404, 405)} == {}


# Of the accounts, a stranger reaches these; everything else asks to log in.
TO_STRANGERS = {
    "account_login",
    "account_signup",
    "account_logout",
    "account_inactive",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}


def test_the_pages_of_an_account_ask_strangers_to_log_in_and_a_look_changes_nothing(cast):
    stranger, member = browser(), browser(cast.person("owner"))
    asked = {route.name: ask(stranger, "GET", filled(route.address)) for route in foreign_routes("accounts/")}
    looked = [ask(member, "GET", filled(route.address)) for route in foreign_routes("accounts/")]

    assert {name for name, (response, _, _) in asked.items() if outcome(response) != LOGIN} == TO_STRANGERS
    assert {name: written for name, (_, _, written) in asked.items() if written} == {}
    assert [written for _, _, written in looked if written] == []
