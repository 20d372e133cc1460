"""Before the sale no byte, log or task reveals the person (P18, P21), and no answer depends on who it is (P19)."""

import base64
import re
import uuid

import django_filters
import pytest
from celery.app.task import Task
from django.test import Client, override_settings

from leads.criteria.filters import filters_of
from leads.models import Contact, ImportRun
from leads.models.contact import seal_person
from leads.people.identity import email_digest, phone_digest
from leads.people.privacy import withdraw_lead
from marketplace.api import serializers
from marketplace.api.throttling import BuyerThrottle
from marketplace.storefront import views
from tests.access import foreign_routes
from tests.canaries import Canary, all_heard_in
from tests.cast import addresses, buy, stored_in
from tests.crawling import crawl, whole
from tests.factories import known_as
from tests.leads.intake.importing.files import as_csv, row, uploaded, worked

pytestmark = pytest.mark.django_db

SHELF, STOPPED, OURS, THEIRS, GONE, UPLOADED, REFUSED = (Canary(number) for number in range(11, 18))
CANARIES = (SHELF, STOPPED, OURS, THEIRS, GONE, UPLOADED, REFUSED)
BACKEND = "django.contrib.auth.backends.ModelBackend"
PAGES_EACH = 120
PASSING = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')


@pytest.fixture(autouse=True)
def unthrottled(monkeypatch):
    monkeypatch.setattr(BuyerThrottle, "rate", "100000/day", raising=False)


@pytest.fixture(scope="module")
def cast_once(cast_once):
    """The market with its canaries: for sale, stopped, ours, the rival's, sold out, in an upload, refused at import."""
    with override_settings(STORAGES=stored_in(cast_once.files)):
        return sing(cast_once)


@pytest.fixture
def sung(cast):
    return cast


def sing(cast):
    market = cast.market
    for canary in (SHELF, STOPPED, OURS, THEIRS):
        setattr(cast, f"lead_{canary.number}", canary.lead(market))
    GONE.lead(market, legs_authorized=1, legs_sold_elsewhere=1)
    withdraw_lead(lead=cast.lead_12, now=market.now)
    cast.ours.order = buy(market, cast.ours.buyer, cast.ours.people["owner"], cast.lead_13)
    cast.rival.order = buy(market, cast.rival.buyer, cast.rival.people["owner"], cast.lead_14)
    cast.mapping = uploaded(market, as_csv([upload_of(UPLOADED)]))
    cast.checked = worked(
        uploaded(market, as_csv([upload_of(REFUSED, SubmittedAt="never")])), ImportRun.Status.CHECKING
    )
    return cast


def upload_of(canary, **changes):
    person = canary.person
    return row(
        canary.number,
        **{
            "First Name": person.first_name,
            "Last Name": person.last_name,
            "Email": person.email,
            "Phone": person.phone,
            "Address": person.street,
            "City": person.city,
            "Remark": canary.remark,
            "IP": canary.address,
            **changes,
        },
    )


def client_of(user):
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user, backend=BACKEND)
    return client


def program(company):
    return Client(headers={"Authorization": f"Api-Key {company.key_text}"})


def seeds(cast):
    """Every route about everyone's objects, every lead's card, and URLs that are refused."""
    own, theirs = (addresses(cast, company).values() for company in (cast.ours, cast.rival))
    slug = cast.market.vertical.slug
    leads = [getattr(cast, f"lead_{number}").public_id for number in (11, 12, 13, 14)]
    cards = [place for lead in leads for place in (f"/leads/{lead}/", f"/api/v1/listings/{lead}/")]
    pages = [f"/{slug}/?sort={order}" for order in ("even", "newest", "oldest", "cheapest", "x")]
    listings = [f"/api/v1/listings/?vertical={slug}&sort={order}" for order in ("newest", "oldest", "cheapest", "x")]
    checkouts = [f"/{slug}/checkout/?lead={lead}" for lead in leads]
    refused = [
        f"/{slug}/?age_min=x",
        f"/{slug}/?phone={SHELF.number}",
        "/nowhere/",
        f"/leads/{uuid.uuid4()}/",
        "/orders/x/",
    ]
    return list(dict.fromkeys([*cards, *pages, *listings, *checkouts, *refused, *own, *theirs]))


def heard(client, where, *, most=PAGES_EACH):
    """Return (URL, canary) wherever one is found, and the number of answers checked."""
    found, answers = [], 0
    for asked, sent in crawl(client, where, most=most):
        answers += 1
        found += [(asked, canary) for canary in all_heard_in(sent, CANARIES)]
    return found, answers


def test_the_detector_hears_a_word_in_every_shape():
    canary = SHELF
    email, phone = canary.person.email, canary.person.phone
    shapes = [
        email.encode(),
        email.upper().encode(),
        canary.person.street.encode(),
        b"77 Canary &amp; Wharf Lane".replace(b"77", str(canary.number).encode()),
        canary.person.last_name.replace("'", "&#x27;").encode(),
        b"zebu.11%40canary.example",
        b"Zebul\\u00f6nia11",
        b"(937) 555-0711",
        b"937.555.0711",
        phone.encode().hex().encode(),
        base64.b64encode(b"{" + email.encode() + b"}"),
        base64.urlsafe_b64encode(b"ab" + canary.remark.encode()),
        base64.b64encode(b"id=" + canary.person.city.encode()),
        b"".join(f"&#{character};".encode() for character in email.encode()),
        phone_digest(phone).hex().encode(),
        base64.b64encode(email_digest(email)),
    ]
    assert [shape for shape in shapes if not canary.heard_in(b"<p>" + shape + b"</p>")] == []
    assert not canary.heard_in(b"<p>nothing of " + THEIRS.person.email.encode())


@pytest.mark.parametrize("who", ["stranger", "viewer", "newcomer", "program", "clerk"])
def test_who_bought_nothing_is_told_about_nobody(sung, capsys, who):
    viewer = sung.closed.people["viewer"] if who == "viewer" else None
    client = program(sung.closed) if who == "program" else client_of(viewer or sung.person(who))
    if who == "program":
        sung.closed.buyer.closed_at = None
        sung.closed.buyer.save(update_fields=["closed_at"])
    # Staff see a few values of an upload while they map its columns: see the test of staff.
    where = [place for place in seeds(sung) if who != "clerk" or not place.endswith("/columns/")]

    found, answers = heard(client, where)

    assert found == []
    assert answers >= 240
    assert not any(canary.heard_in(capsys.readouterr().err.encode()) for canary in CANARIES)


@pytest.mark.parametrize("by", ["session", "key"])
def test_a_company_is_told_about_its_own_people_only_and_in_its_own_orders(sung, by):
    client = client_of(sung.ours.people["owner"]) if by == "session" else program(sung.ours)

    found, answers = heard(client, seeds(sung))

    order = str(sung.ours.order.public_id)
    assert answers >= 240
    assert {canary for _, canary in found} == {OURS}
    assert [asked for asked, _ in found if order not in asked] == []
    files = "/file/" if by == "session" else "/file.csv"
    assert {asked for asked, _ in found if files in asked and asked.startswith("GET")} != set()


def test_staff_are_told_about_nobody_without_a_reason(sung, capsys):
    client = client_of(sung.staff)
    lead = sung.lead_11
    where = [
        "/admin/",
        f"/admin/leads/lead/{lead.pk}/change/",
        f"/admin/leads/lead/{lead.pk}/reveal/",
        f"/admin/leads/lead/{lead.pk}/withdraw/",
        f"/admin/leads/lead/{lead.pk}/history/",
        f"/admin/leads/lead/?q={lead.public_id}",
        *[f"/{route.address}" for route in foreign_routes("admin/") if route.name.endswith("_changelist")],
        *[place for place in seeds(sung) if place.startswith("/operator/")],
    ]

    found, answers = heard(client, where, most=120)

    # The one page that shows a few values of an upload, so that its columns can be told apart; nobody caches it.
    columns = f"/operator/imports/{sung.mapping.public_id}/"
    assert [asked for asked, canary in found if canary is not UPLOADED or columns not in asked] == []
    assert answers >= 300
    assert "no-store" in client.get(f"{columns}columns/")["Cache-Control"]
    revealed = client.post(f"/admin/leads/lead/{lead.pk}/reveal/", {"reason": "The person wrote to us"})
    assert SHELF.heard_in(whole(revealed))
    assert not any(canary.heard_in(capsys.readouterr().err.encode()) for canary in CANARIES)


# --- The crawl is shown to fail


def in_the_page(monkeypatch, said):
    monkeypatch.setattr(views, "unknowns_of", lambda lead: [said(lead)])


def in_a_header(monkeypatch, said):
    shown = views.render

    def render(request, template, context, **kwargs):
        response = shown(request, template, context, **kwargs)
        response["ETag"] = f'"{said(context["lead"]).encode().hex()}"' if "lead" in context else '""'
        return response

    monkeypatch.setattr(views, "render", render)


def in_the_api(monkeypatch, said):
    shown = serializers.CardSerializer.to_representation

    def to_representation(self, lead):
        return {**shown(self, lead), "hint": base64.b64encode(said(lead).encode()).decode()}

    monkeypatch.setattr(serializers.CardSerializer, "to_representation", to_representation)


@pytest.mark.parametrize("leak", [in_the_page, in_a_header, in_the_api])
def test_a_leak_is_heard(sung, monkeypatch, leak):
    leak(monkeypatch, lambda lead: lead.contact.open(str(lead.public_id)).phone)
    client = program(sung.rival) if leak is in_the_api else client_of(None)

    found, _ = heard(client, seeds(sung)[:8], most=8)

    assert SHELF in {canary for _, canary in found}


# --- Jobs


def test_no_task_is_told_who(sung, monkeypatch, django_capture_on_commit_callbacks):
    told = []
    monkeypatch.setattr(Task, "apply_async", lambda self, *args, **kwargs: told.append((self.name, args, kwargs)))
    owner, staff = client_of(sung.ours.people["owner"]), client_of(sung.staff)
    order = sung.ours.order.public_id

    with django_capture_on_commit_callbacks(execute=True):
        owner.post(f"/orders/{order}/files/", {"preset": "hubspot", "format": "csv"})
        staff.post(f"/operator/imports/{sung.checked.public_id}/start/")
        staff.post("/operator/aging/run/")
    program(sung.ours).get(f"/api/v1/orders/{order}/manifest/?preset=convoso")

    assert {"leads.intake.importing.tasks.import_file", "leads.aging.tasks.sweep_ages"} <= {name for name, _, _ in told}
    assert not any(canary.heard_in(repr(told).encode()) for canary in CANARIES)


# --- No question about a person has an answer

GUESSES = """
    phone email name first_name last_name street city contact contact__phone contact__email
    contact__phone_digest lead__contact__email phone_digest email_digest ip ip_address user_agent external_id q
    query search s term find fields include expand embed select only exclude omit sort sort_by order_by ordering
    group_by distinct filter where id pk public_id duplicate_of request_id withdrawn_at flags attributes
    attributes__remark remark diagnosis format page page_size offset limit cursor debug callback
"""
GUESSED = GUESSES.split()
ASKED = ["", "x", SHELF.person.email, SHELF.person.phone, SHELF.person.last_name]


def become(lead, canary):
    """Make it the same lead, of somebody else."""
    person = canary.person
    Contact.objects.filter(lead=lead).update(sealed=seal_person(person, row=str(lead.public_id)))
    known_as(lead, phone=[phone_digest(person.phone)], email=[email_digest(person.email)])


def answerable(name, made):
    """Return a value that this filter accepts."""
    offered = made.extra.get("choices")
    choices = offered() if callable(offered) else offered
    dated = isinstance(made, django_filters.DateFilter)
    return choices[0][0] if choices else "2026-01-31" if dated else "1" if name.endswith(("_min", "_max")) else "45402"


def questions(cast):
    """Each filter and sort there is, and each guess, with what someone looking for a person would ask."""
    allowed = filters_of(cast.market.vertical).base_filters
    slug, lead = cast.market.vertical.slug, cast.lead_11.public_id
    page = [
        {"order": order, "after": after} for order in ("even", "newest", "oldest", "cheapest") for after in ("", lead)
    ]
    pairs = [{name: value} for name, made in allowed.items() for value in (answerable(name, made), ASKED[2])]
    pairs += [{name: value} for name in GUESSED for value in ASKED[-2:]]
    return [
        *[(f"/{slug}/", query) for query in [*page, *pairs]],
        *[("/api/v1/listings/", {"vertical": slug, **query}) for query in [*page, *pairs]],
        *[("/admin/leads/lead/", {name: value}) for name in ("q", "contact__email_digest", "o") for value in ASKED],
    ]


def answers_to(cast, asked):
    """Return the status, size and bytes of each answer, to a user allowed to ask there."""
    shop, desk, key = client_of(cast.rival.people["owner"]), client_of(cast.staff), program(cast.rival)
    found = []
    for path, query in asked:
        client = key if path.startswith("/api/") else desk if path.startswith("/admin/") else shop
        # A part of the page: what is around it does not depend on the question.
        response = client.get(path, query, headers={"HX-Request": "true"} if client is shop else {})
        found.append((response.status_code, PASSING.sub(b"", response.content)))
    return found


def test_no_question_tells_two_people_apart(sung):
    asked = questions(sung)

    of_one = answers_to(sung, asked)
    become(sung.lead_11, Canary(44))
    of_another = answers_to(sung, asked)

    assert [asked[place] for place, answer in enumerate(of_one) if answer != of_another[place]] == []
    guesses = [
        place for place, (path, query) in enumerate(asked) if set(query) & set(GUESSED) and "/admin/" not in path
    ]
    told = {(tuple(asked[place][1])[-1], of_one[place][0]) for place in guesses}
    assert {status for name, status in told if name != "limit"} == {400}


def test_a_question_that_does_tell_is_noticed(sung, monkeypatch):
    shown = views.even_sample

    def sorted_by_phone(look, **kwargs):
        found = shown(look, **kwargs)
        found.leads.sort(key=lambda lead: Contact.objects.get(lead=lead.id).open(str(lead.public_id)).phone)
        return found

    monkeypatch.setattr(views, "even_sample", sorted_by_phone)
    asked = [(f"/{sung.market.vertical.slug}/", {"sort": "even"})]

    of_one = answers_to(sung, asked)
    become(sung.lead_11, Canary(99))

    assert answers_to(sung, asked) != of_one
