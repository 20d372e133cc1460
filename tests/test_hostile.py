"""Whatever is sent, the answer is one of ours, in the requested format, and nothing changed (P31, P36, P44)."""

import json
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from leads.criteria.common_fields import ENVELOPE
from marketplace.api.throttling import BuyerThrottle
from marketplace.storefront import views
from tests.access import writes, written_since
from tests.factories import FIELDS

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
METER = {"marketplace_apiuse", "buyers_apikey"}
MARK = '<script>alert("mark")</script>'

LONG = "9" * 100_000
TEXTS = {
    "markup": MARK,
    "an attribute": '"><img src=x onerror=alert("mark")>',
    "a template": "{{ request }}{% debug %}",
    "SQL": "1' OR '1'='1'; DROP TABLE leads_lead; --",
    "a path": "../../../../etc/passwd",
    "a long value": LONG,
    "NUL": "a\x00b",
    "Arabic digits": "٣٤",
    "superscripts": "²³",
    "emoji": "🦊👩‍👩‍👧",
    "right to left": "\u202egnp.exe",
    "10**18": str(10**18),
    "-10**400": f"-{10**400}",
    "1e400": "1e400",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "underscores": "1_0",
    "a float": "0.1e-3",
    "a newline": "1\r\nSet-Cookie: mark=1",
    "combining": "Z" + "\u0300" * 150,
    "blank": " \t ",
}
# As they come over the wire: values that no text decodes to.
WIRE = {
    "bad UTF-8": "state=%ff%fe",
    "half a surrogate": "state=%ed%a0%80",
    "a cut escape": "state=%f",
    "NUL in a name": "sta%00te=OH",
    "a name of markup": "%3Cscript%3Ealert(%22mark%22)%3C/script%3E=1",
    "a long name": f"{'n' * 100_000}=1",
    "1,000 facets": "&".join(f"state=O{number}" for number in range(1000)),
    "1,000 names": "&".join(f"f{number}=1" for number in range(1000)),
    "3,000 names": "&".join(f"f{number}=1" for number in range(3000)),
    "twice": "age_min=1&age_min=2",
    "brackets": "state[]=OH&state[$ne]=1",
    "semicolons": "state=OH;order=newest",
    "no names": "=&=1&&&",
}
PARAMETERS = (
    "state",
    "age_min",
    "loan_amount_max",
    "near",
    "postal_code",
    "after",
    "order",
    "price_min",
    "needed_by_min",
)
BUY_BAR = ("quantity", "max_price", "buy_sort", "exclusive", "lead", "by")


@pytest.fixture(autouse=True)
def unthrottled(monkeypatch):
    monkeypatch.setattr(BuyerThrottle, "rate", "100000/day", raising=False)


@pytest.fixture
def owner(cast):
    client = Client(raise_request_exception=False)
    client.force_login(cast.person("owner"), backend=BACKEND)
    return client


@pytest.fixture
def staff(cast):
    client = Client(raise_request_exception=False)
    client.force_login(cast.staff, backend=BACKEND)
    return client


@pytest.fixture
def api(cast):
    return Client(headers={"Authorization": f"Api-Key {cast.ours.key_text}"}, raise_request_exception=False)


def told(client, method, address, *, allowed=frozenset(), **sent):
    """Return what is wrong with the answer, in words; None if it is sound. Everything it did is undone."""
    before, cookies = writes(), client.cookies.copy()
    with transaction.atomic():
        response = client.generic(method, address, **sent)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        written = written_since(before) - allowed
        transaction.set_rollback(True)
    client.cookies = cookies
    return "; ".join(_wrong(address, response, content, written)) or None


def _wrong(address, response, content, written):
    kind = response.get("Content-Type", "")
    if response.status_code >= 500:
        yield f"answered {response.status_code}"
    if written:
        yield f"wrote {sorted(written)}"
    if content and kind.partition(";")[0] not in kinds(address):
        yield f"answered in {kind}"
    if kind.startswith("text/html") and (MARK.encode() in content or b"<img src=x" in content):
        yield "repeated markup"
    if "mark" in response.cookies or any("mark=1" in value for _, value in response.items() if "\n" in value):
        yield "took a header"


def kinds(address):
    if address.startswith("/api/"):
        return {"application/json", "text/csv"} | ({"text/html"} if "/docs/" in address else set())
    # JSON sent to an account page is answered in JSON.
    return {"text/html", "text/plain", "text/csv"} | ({"application/json"} if "/accounts/" in address else set())


def wrongs(asked):
    return {name: wrong for name, wrong in asked.items() if wrong}


def pages(cast):
    slug = cast.market.vertical.slug
    return [f"/{slug}/", f"/{slug}/quote/", f"/{slug}/checkout/", "/api/v1/listings/"]


@pytest.mark.parametrize("text", TEXTS)
def test_no_value_of_a_filter_brings_the_shelf_down(cast, owner, api, text):
    asked = {}
    for address in pages(cast):
        fixed = {"vertical": cast.market.vertical.slug} if address.startswith("/api/") else {}
        for name in PARAMETERS if fixed else (*PARAMETERS, *BUY_BAR):
            response = told(
                api if fixed else owner,
                "GET",
                address,
                allowed=METER,
                QUERY_STRING=urlencode({**fixed, name: TEXTS[text]}),
            )
            asked[address, name] = response

    assert wrongs(asked) == {}


@pytest.mark.parametrize("query", WIRE)
def test_no_query_string_brings_a_page_down(cast, owner, staff, api, query):
    order = cast.ours.order.public_id
    ours = [*pages(cast)[:3], "/", "/orders/", f"/orders/{order}/leads/", "/company/", "/accounts/login/"]
    desk = ["/operator/imports/", f"/operator/imports/{cast.checked.public_id}/", "/admin/leads/lead/"]
    programs = [f"/api/v1/{path}" for path in ("listings/", "orders/", f"orders/{order}/", "wallet/", "docs/", "x/")]
    asked = {
        address: told(client, "GET", address, QUERY_STRING=WIRE[query], allowed=METER)
        for client, addresses in ((owner, ours), (staff, desk), (api, programs))
        for address in addresses
    }

    assert wrongs(asked) == {}


PATHS = (
    "/%00/",
    "/%ff%fe/",
    "/mortgage%00/",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/static/../../settings.py",
    "/static/%2e%2e/%2e%2e/marketplace/settings.py",
    "/leads/%3Cscript%3Ealert(%22mark%22)%3C/script%3E/",
    "/leads/00000000-0000-0000-0000-000000000000/",
    f"/leads/{'9' * 5000}/",
    "/orders/00000000000000000000000000000000/",
    "/company/members/99999999999999999999999999/remove/",
    "/company/members/٣/remove/",
    "/company/invitations/a%00b/",
    f"/company/invitations/{'x' * 5000}/",
    "/company/approvals/%F0%9F%A6%8A/ask/",
    "/operator/imports/x/",
    "/admin/leads/lead/1%00/change/",
    "/admin/leads/lead/99999999999999999999999999/change/",
    "/admin/leads/lead/99999999999999999999999999/reveal/",
    "/admin/buyers/buyer/_5F/change/",
    "/admin/autocomplete/?app_label=leads&model_name=lead&field_name=x&term=a",
    "/admin/leads/lead/?p=100000000000000000000",
    "/admin/leads/lead/?q=%00",
    "/admin/leads/lead/?contact__email_digest__startswith=a",
    "/admin/leads/lead/?id__exact=99999999999999999999999",
    "/admin/leads/lead/?captured_at__gte=never",
    "/accounts/confirm-email/%00/",
    "/accounts/password/reset/key/zzzzzzzzzzzzzzzzzzzzzz-x/",
    "/api/v1/listings/%00/",
    "/api/v1/listings/%ff/",
    f"/api/v1/orders/{'9' * 5000}/",
    "/api/v1/orders/..%2f..%2fwallet/",
    "/api/v1/%2e%2e/admin/",
    "/orders/?page=1000000000000000000",
    "/orders/?page=-1",
    "/operator/imports/?page=1000000000000000000",
    "/mortgage/?sort=newest&after=1000000000000000000",
    "/mortgage/?sort=even&after=1000000000000000000",
)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:60])
def test_no_path_brings_a_page_down(owner, staff, api, path):
    asked = {
        (who, method): told(client, method, path.partition("?")[0], QUERY_STRING=path.partition("?")[2], allowed=METER)
        for who, client in (("owner", owner), ("staff", staff), ("api", api))
        for method in ("GET", "HEAD")
    }

    assert wrongs(asked) == {}


HEADERS = {
    "another method": {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "PUT"},
    "a header in a key": {"Idempotency-Key": "k\r\nSet-Cookie: mark=1"},
    "a long key": {"Idempotency-Key": "k" * 100_000},
    "another host": {"X-Forwarded-Host": 'evil.example"><script>alert("mark")</script>'},
    "another address": {"X-Forwarded-For": "'; DROP TABLE leads_lead; --"},
    "a strange host": {"Host": "evil.example:99999999"},
    "another path": {"X-Original-URL": "/admin/", "X-Rewrite-URL": "/admin/"},
    "a strange language": {"Accept-Language": "x" * 5000},
    "no such kind": {"Accept": "application/x-nothing;q=99"},
    "strange cookies": {"Cookie": 'sessionid="\\000\\377"; csrftoken=;;;=;messages={"a":'},
    "strange htmx": {"HX-Request": "true", "HX-Target": MARK, "HX-Current-URL": "http://[::1"},
    "a strange key": {"Authorization": "Api-Key é\x7f"},
    "another scheme": {"Authorization": "Basic !!!"},
    "a strange time": {"If-Modified-Since": "never", "If-None-Match": '"' * 500},
    "a strange range": {"Range": "bytes=99999999999-1"},
    "a strange id": {"X-Request-ID": "a\r\nSet-Cookie: mark=1"},
}


@pytest.mark.parametrize("header", HEADERS)
def test_no_header_brings_a_page_down(cast, owner, api, header):
    order = cast.ours.order.public_id
    addresses = ["/", "/mortgage/", f"/orders/{order}/", "/company/members/"]
    programs = ["/api/v1/wallet/", f"/api/v1/orders/{order}/", "/api/v1/schema/"]
    sent = {"headers": HEADERS[header], "allowed": METER}
    asked = {(address, "GET"): told(owner, "GET", address, **sent) for address in addresses}
    asked |= {(address, "GET"): told(api, "GET", address, **sent) for address in programs}
    asked |= {(address, "POST"): told(owner, "POST", address, **sent) for address in ("/checkout/", "/")}
    body = {"data": b'{"quote": "x"}', "content_type": "application/json"}
    asked["order"] = told(api, "POST", "/api/v1/orders/", **body, **sent)

    assert {
        key: wrong for key, wrong in wrongs(asked).items() if header != "a strange host" or "answered 5" in wrong
    } == {}


BODIES = {
    "nothing": b"",
    "bad UTF-8": b'{"a": "\xff\xfe"}',
    "NUL": b'{"quote": "a\\u0000b"}',
    "half a surrogate": b'{"quote": "\\ud800"}',
    "nested lists": b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "nested objects": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "a key twice": b'{"quantity": 1, "quantity": 2}',
    "a huge number": b'{"quantity": ' + b"9" * 100_000 + b"}",
    "a huge power": b'{"quantity": 1e999999}',
    "NaN": b'{"quantity": NaN}',
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "half": b'{"a": ',
    "markup": json.dumps({MARK: MARK, "quote": MARK}).encode(),
    "a price": b'{"quote": "x", "price": 1, "total_cents": 1, "buyer": 2, "status": "filled"}',
    "too large": b'{"a": "' + b"a" * 400_000 + b'"}',
    "1,000 leads": json.dumps({"leads": ["0" * 32] * 1000}).encode(),
    "a prototype": b'{"__proto__": {"admin": true}, "constructor": {}}',
    "wrong types": b'{"vertical": {}, "criteria": "x", "quantity": [], "order": 1, "max_price_cents": "1e5"}',
}
CONTENT_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/xml",
    "application/json; charset=utf-7",
    "",
)


@pytest.mark.parametrize("body", BODIES)
def test_no_body_brings_a_page_down(cast, owner, api, body):
    slug = cast.market.vertical.slug
    posts = {owner: ["/checkout/", "/company/edit/", "/company/keys/", f"/orders/{cast.ours.order.public_id}/files/"]}
    posts[owner] += ["/company/members/", f"/company/approvals/{slug}/", f"/{slug}/", "/accounts/login/"]
    posts[api] = ["/api/v1/quotes/", "/api/v1/orders/", "/api/v1/wallet/"]
    asked = {
        (address, kind): told(client, "POST", address, data=BODIES[body], content_type=kind, allowed=METER)
        for client, addresses in posts.items()
        for address in addresses
        for kind in CONTENT_TYPES
    }

    assert wrongs(asked) == {}


@pytest.mark.parametrize("text", TEXTS)
def test_no_value_of_a_form_brings_a_page_down(cast, owner, staff, text):
    order, run = cast.ours.order.public_id, cast.mapping.public_id
    profile = ("legal_name", "trade", "street", "city", "state", "postal_code", "phone", "website", "license")
    forms = {
        (owner, "/company/edit/"): profile,
        (owner, "/company/keys/"): (),
        (owner, "/company/members/"): ("email", "role"),
        (owner, "/checkout/"): ("quote", "idempotency_key", "partial"),
        (owner, f"/orders/{order}/files/"): ("preset", "format", "columns", "part", "position_phone"),
        (staff, "/operator/imports/new/"): ("source", "vertical", "timezone", "file"),
        (staff, f"/operator/imports/{run}/columns/"): ("column_0", "default_legs", "default_consent_text", "then"),
    }
    asked = {
        address: told(
            client,
            "POST",
            address,
            data=urlencode(dict.fromkeys(names, TEXTS[text])).encode(),
            content_type="application/x-www-form-urlencoded",
        )
        for (client, address), names in forms.items()
    }

    assert wrongs(asked) == {}


def test_what_the_checks_call_wrong_they_do_find(cast, owner, monkeypatch):
    def repeat(request, template, context, **kwargs):
        cast.market.source.save()
        return HttpResponse(request.GET["said"], status=500)

    monkeypatch.setattr(views, "render", repeat)

    found = told(owner, "GET", "/", QUERY_STRING=urlencode({"said": MARK}))

    assert found == "answered 500; wrote ['leads_source']; repeated markup"


NAMES = [*ENVELOPE, *(item["name"] for item in FIELDS)]
PARAMETER = some.builds(str.__add__, some.sampled_from(NAMES), some.sampled_from(["", "_min", "_max"]))
PARAMETER |= some.sampled_from(["age_min", "age_max", "miles", "order", "after", *BUY_BAR]) | some.text(max_size=8)
VALUE = some.text(max_size=12) | some.integers(-(10**18), 10**18).map(str) | some.floats().map(str)
VALUE |= some.sampled_from(["OH", "true", "45402", "newest", "even", "5", "2026-01-31", "va", "call", *TEXTS.values()])


def test_any_query_of_the_shelf_is_answered_or_refused(cast, owner):
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(some.lists(some.tuples(PARAMETER, VALUE), max_size=5))
    def ask(pairs):
        assert told(owner, "GET", "/mortgage/", QUERY_STRING=urlencode(pairs), headers={"HX-Request": "true"}) is None

    ask()
