"""The desk for the supply: people stay masked, every look is on the record, and fields change without code."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.urls import reverse

from buyers.models import User
from leads.admin.field_forms import initial_of
from leads.models import (
    ConsentText,
    FieldSchema,
    ImportProblem,
    ImportRun,
    Lead,
    Reveal,
    Source,
    Suppression,
    Vertical,
)
from leads.models.vertical import add_schema_version
from leads.people.identity import email_digest, phone_digest
from leads.people.privacy import erase_contact, withdraw_lead
from leads.schema.fields import stored_form
from tests.factories import FIELDS, make_person, make_user
from tests.refusal import everything

pytestmark = pytest.mark.django_db
REASON = "The buyer says the number is wrong"


@pytest.fixture
def desk(client):
    client.force_login(make_user("desk@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def clerk(client):
    """Staff who may look at everything of leads and change nothing."""
    user = make_user("clerk@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="leads", codename__startswith="view_"))
    client.force_login(user)
    return client


@pytest.fixture
def person():
    return make_person(70_001)


@pytest.fixture
def lead(market, person):
    return market.lead(
        person=person, attributes={"purpose": "refinance", "diagnosis": "b", "remark": "Ask for Zebulon"}
    )


def secrets_in(response, person):
    text = response.content.decode()
    return [
        value
        for value in (person.last_name, person.phone, person.phone[-10:], person.email, "Zebulon")
        if value in text
    ]


def page(model, name, *args):
    return reverse(f"admin:leads_{model}_{name}", args=args)


# People
@pytest.mark.parametrize(
    "model",
    [
        "lead",
        "source",
        "vertical",
        "fieldschema",
        "consenttext",
        "importrun",
        "importproblem",
        "suppression",
        "sweeprun",
        "reveal",
    ],
)
def test_no_list_shows_a_person(desk, lead, person, model):
    response = desk.get(page(model, "changelist"))

    assert response.status_code == 200
    assert secrets_in(response, person) == []


def test_a_lead_shows_its_person_masked(desk, lead, person):
    response = desk.get(page("lead", "change", lead.pk))

    assert secrets_in(response, person) == []
    assert "•••" in response.content.decode()
    assert "Refinance" in response.content.decode()


@pytest.mark.parametrize("newer", [[{**FIELDS[0], "sensitive": True, "filterable": False}, *FIELDS[1:]], FIELDS[1:]])
def test_an_answer_that_a_newer_version_hid_or_dropped_is_masked_in_old_leads(desk, market, lead, newer):
    add_schema_version(market.vertical, newer)

    masked = desk.get(page("lead", "change", lead.pk)).content.decode()
    opened = desk.post(page("lead", "reveal", lead.pk), {"reason": REASON}).content.decode()

    assert "Wants: •••" in masked
    assert "Refinance" not in masked
    assert "Refinance" in opened


@pytest.mark.parametrize("query", ["pat70001@example.com", "Example70001", "Zebulon", "+19372070001"])
def test_no_search_finds_a_person(desk, lead, query):
    response = desk.get(page("lead", "changelist"), {"q": query})

    assert response.context["cl"].result_count == 0


@pytest.mark.parametrize("field", ["public_id", "external_id"])
def test_search_finds_a_lead_by_its_ids(desk, market, lead, field):
    market.lead()

    response = desk.get(page("lead", "changelist"), {"q": str(getattr(lead, field))})

    assert list(response.context["cl"].queryset) == [lead]


@pytest.mark.parametrize(
    "lookup", ["attributes__remark__contains=Z", "digests__digest__isnull=0", "attributes__contains=x"]
)
def test_no_link_asks_which_leads_hold_what(desk, lead, lookup):
    assert desk.get(f"{page('lead', 'changelist')}?{lookup}").status_code == 400


@pytest.mark.parametrize(
    ("queue", "inside", "outside"),
    [
        ("flagged", {"flags": ("rate:is not a number",)}, {}),
        ("realtime", {"age": timedelta(minutes=1)}, {}),
        ("shelf", {}, {"age": timedelta(minutes=1)}),
    ],
)
def test_queues_part_the_leads(desk, market, queue, inside, outside):
    wanted = market.lead(**inside)
    market.lead(**outside)

    shown = desk.get(page("lead", "changelist"), {"queue": queue}).context["cl"].queryset

    assert list(shown) == [wanted]


def test_the_queue_of_stopped_leads_holds_those_alone(desk, market):
    stopped, _ = market.leads(2)
    withdraw_lead(stopped, market.now)

    assert list(desk.get(page("lead", "changelist"), {"queue": "withdrawn"}).context["cl"].queryset) == [stopped]


def test_opening_a_contact_is_written_down_first_and_shown_once(desk, lead, person):
    response = desk.post(page("lead", "reveal", lead.pk), {"reason": REASON})

    assert list(Reveal.objects.values_list("lead", "actor", "reason")) == [(lead.pk, "desk@example.com", REASON)]
    assert secrets_in(response, person) == [person.last_name, person.phone, person.phone[-10:], person.email, "Zebulon"]
    assert "no-store" in response["Cache-Control"]
    assert "192.0.2.7" in response.content.decode()


def test_asking_to_open_a_contact_opens_nothing(desk, lead, person):
    response = desk.get(page("lead", "reveal", lead.pk))

    assert response.status_code == 200
    assert secrets_in(response, person) == []
    assert not Reveal.objects.exists()


@pytest.mark.parametrize("reason", ["", "too short", " " * 12])
def test_a_contact_is_not_opened_without_a_reason(desk, lead, person, reason):
    response = desk.post(page("lead", "reveal", lead.pk), {"reason": reason})

    assert secrets_in(response, person) == []
    assert not Reveal.objects.exists()


def test_staff_without_the_right_open_nothing(clerk, lead, person):
    response = clerk.post(page("lead", "reveal", lead.pk), {"reason": REASON})

    assert response.status_code == 403
    assert secrets_in(response, person) == []
    assert not Reveal.objects.exists()
    assert page("lead", "reveal", lead.pk) not in clerk.get(page("lead", "change", lead.pk)).content.decode()


def test_the_right_to_open_can_be_given(clerk, lead, person):
    User.objects.get(email="clerk@example.com").user_permissions.add(Permission.objects.get(codename="reveal_contact"))

    response = clerk.post(page("lead", "reveal", lead.pk), {"reason": REASON})

    assert person.phone in response.content.decode()
    assert Reveal.objects.get().actor == "clerk@example.com"


def test_strangers_reach_nothing(client, lead):
    for address in (page("lead", "changelist"), page("lead", "reveal", lead.pk), page("lead", "withdraw", lead.pk)):
        assert client.post(address, {"reason": REASON}).status_code == 302
    assert not Reveal.objects.exists()


def test_an_erased_contact_cannot_be_opened(desk, lead, market):
    erase_contact(lead, market.now)

    response = desk.post(page("lead", "reveal", lead.pk), {"reason": REASON}, follow=True)

    assert "This contact was erased." in response.content.decode()
    assert not Reveal.objects.exists()


def test_stopping_a_request_closes_its_legs_and_says_who_and_why(desk, lead):
    desk.post(page("lead", "withdraw", lead.pk), {"reason": "Asked by phone", "scope": "lead"})

    lead.refresh_from_db()
    assert lead.withdrawn_at is not None
    assert set(lead.legs.values_list("status", "closed_reason")) == {("closed", "withdrawn")}
    assert not Suppression.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.user.email, entry.change_message) == ("desk@example.com", "Stopped (lead): Asked by phone")


def test_stopping_a_person_suppresses_it_for_good(desk, market, lead, person):
    other = market.lead(person=person, source=market.source, age=market.now - lead.captured_at)

    desk.post(page("lead", "withdraw", lead.pk), {"reason": "Asked by phone", "scope": "person"})

    digests = {(row.kind, bytes(row.digest)) for row in Suppression.objects.filter(reason="own_stop")}
    assert digests == {("phone", phone_digest(person.phone)), ("email", email_digest(person.email))}
    assert Lead.objects.withdrawn().filter(pk__in=[lead.pk, other.pk]).count() == len({lead.pk, other.pk})


def test_staff_who_may_only_look_stop_nothing(clerk, lead):
    before = everything()

    assert clerk.post(page("lead", "withdraw", lead.pk), {"reason": REASON, "scope": "lead"}).status_code == 403

    assert everything() == before


def test_a_lead_is_neither_added_changed_nor_deleted_by_hand(desk, lead):
    assert desk.get(page("lead", "add")).status_code == 403
    assert desk.post(page("lead", "change", lead.pk), {"state": "CA"}).status_code == 403
    assert desk.post(page("lead", "delete", lead.pk), {"post": "yes"}).status_code == 403


# Suppressions
@pytest.mark.parametrize(
    ("typed", "kind", "digest"),
    [
        ("(937) 207-0001", "phone", phone_digest("+19372070001")),
        (" PAT70001@Example.com ", "email", email_digest("pat70001@example.com")),
    ],
)
def test_a_suppression_is_typed_and_kept_as_a_digest(desk, lead, typed, kind, digest):
    response = desk.post(page("suppression", "add"), {"address": typed, "reason": "own_stop"}, follow=True)

    row = Suppression.objects.get(kind=kind)
    assert (row.reason, bytes(row.digest)) == ("own_stop", digest)
    assert "Leads from this person that were stopped: 1." in response.content.decode()
    lead.refresh_from_db()
    assert lead.withdrawn_at is not None


def test_what_is_no_address_is_refused(desk, lead):
    before = everything()

    response = desk.post(page("suppression", "add"), {"address": "12", "reason": "own_stop"})

    assert "Enter a North American phone number or an email address." in response.content.decode()
    assert everything() == before


@pytest.mark.parametrize(("reason", "status", "left"), [("own_stop", 403, 1), ("drop", 302, 0)])
def test_a_persons_own_stop_is_never_taken_back(desk, reason, status, left):
    row = Suppression.objects.create(kind="phone", digest=b"1" * 32, reason=reason)

    assert desk.post(page("suppression", "delete", row.pk), {"post": "yes"}).status_code == status

    assert Suppression.objects.count() == left


# Fields
def posted(vertical, rows):
    """What the editor's page sends for these rows."""
    data = {
        "version": vertical.schemas.order_by("-version").first().version,
        "form-TOTAL_FORMS": len(rows),
        "form-INITIAL_FORMS": len(vertical.schema.fields),
    }
    for number, row in enumerate(rows):
        for key, value in {"ORDER": number + 1, **row}.items():
            if value is not None and value is not False:
                data[f"form-{number}-{key}"] = value
    return data


def fields_page(vertical):
    return reverse("admin:leads_vertical_fields", args=[vertical.pk])


@pytest.fixture
def rows(market):
    return initial_of(market.vertical.schema)


def newest(vertical):
    return FieldSchema.objects.filter(vertical=vertical).first()


def test_fields_are_added_changed_ordered_and_dropped_in_a_new_version(desk, market, rows):
    rows[0]["label"] = "Purpose"
    rows[0]["choices"] += "\ncash_out: Cash out"
    rows[1]["ORDER"] = 99
    rows[3]["DELETE"] = "on"
    new = {
        "name": "credit",
        "label": "Credit",
        "type": "number",
        "minimum": "300",
        "maximum": "850",
        "filterable": "on",
    }
    new["aliases"] = "fico, credit score"

    response = desk.post(fields_page(market.vertical), posted(market.vertical, [*rows, new]))

    assert response.status_code == 302
    first, amount, features, _, *rest = FIELDS
    changed = {**first, "label": "Purpose", "choices": {**first["choices"], "cash_out": "Cash out"}}
    added = {
        "name": "credit",
        "label": "Credit",
        "type": "number",
        "filterable": True,
        "minimum": 300,
        "maximum": 850,
        "aliases": ["fico", "credit score"],
    }
    assert newest(market.vertical).version == 2
    assert newest(market.vertical).fields == stored_form([changed, features, *rest, added, amount])
    assert FieldSchema.objects.get(version=1).fields == stored_form(FIELDS)


def test_saving_the_fields_as_they_are_makes_no_version(desk, market, rows):
    desk.post(fields_page(market.vertical), posted(market.vertical, rows))

    assert newest(market.vertical).version == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "Bad Name"}, "enter a name of lowercase letters"),
        ({"name": "state"}, "is a reserved name. Choose another."),
        ({"name": "purpose"}, "is listed twice"),
        ({"type": "choice"}, "has a type that needs choices"),
        ({"choices": "a: A"}, "has a type that cannot have choices"),
        ({"type": "choice", "choices": "a: A\na: B"}, "“a” is listed twice."),
        ({"minimum": "9", "maximum": "3"}, "Enter a maximum that is not below the minimum."),
        ({"label": ""}, "This field is required."),
    ],
)
def test_fields_that_make_no_sense_are_refused_with_a_sentence(desk, market, rows, change, sentence):
    new = {"name": "credit", "label": "Credit", "type": "number", **change}

    response = desk.post(fields_page(market.vertical), posted(market.vertical, [*rows, new]))

    assert sentence in response.content.decode()
    assert newest(market.vertical).version == 1


def test_a_field_that_leads_use_keeps_its_type(desk, market, lead, rows):
    rows[8]["type"] = "number"

    response = desk.post(fields_page(market.vertical), posted(market.vertical, rows))

    assert "“remark” already has values of the type “Text”" in response.content.decode()
    assert newest(market.vertical).version == 1


def test_a_field_that_no_lead_uses_may_change_its_type(desk, market, lead, rows):
    rows[4]["type"] = "money"

    desk.post(fields_page(market.vertical), posted(market.vertical, rows))

    assert newest(market.vertical).parsed.by_name["rate"].type == "money"


def test_a_name_that_was_dropped_does_not_come_back_with_another_type(market, lead):
    add_schema_version(market.vertical, FIELDS[:8])

    with pytest.raises(ValidationError, match="remark"):
        add_schema_version(market.vertical, [{"name": "remark", "label": "Remark", "type": "flag"}])

    assert newest(market.vertical).version == 2


def test_fields_that_somebody_saved_meanwhile_are_not_overwritten(desk, market, rows):
    mine = posted(market.vertical, rows[:2])
    add_schema_version(market.vertical, FIELDS[:5])

    response = desk.post(fields_page(market.vertical), mine)

    assert "Someone else saved changes to these fields" in response.content.decode()
    assert newest(market.vertical).fields == stored_form(FIELDS[:5])


def test_staff_who_may_only_look_change_no_fields(clerk, market, rows):
    assert clerk.post(fields_page(market.vertical), posted(market.vertical, rows[:2])).status_code == 403
    assert newest(market.vertical).version == 1


def test_the_editor_shows_every_field_and_old_versions_stay_readable(desk, market):
    editor = desk.get(fields_page(market.vertical)).content.decode()
    old = desk.get(page("fieldschema", "change", newest(market.vertical).pk)).content.decode()

    assert all(field["label"] in editor and field["label"] in old for field in FIELDS)
    assert "style=" not in editor


def test_a_vertical_is_made_in_the_desk_and_asks_for_its_fields(desk):
    values = {
        "slug": "roofing",
        "name": "Roofing",
        "trade": "Roofing",
        "position": 5,
        "window_minutes": 15,
        "default_legs": 4,
        "shelf_life_days": 730,
        "retention_days": 1095,
        "duplicate_window_days": 30,
        "open_for_resale": "on",
    }

    response = desk.post(page("vertical", "add"), values)

    roofing = Vertical.objects.get(slug="roofing")
    assert response["Location"] == fields_page(roofing)
    rows = [{"name": "roof", "label": "Roof", "type": "choice", "choices": "tile: Tile\nslate"}]
    data = {"version": 0, "form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 0, "form-0-ORDER": 1}
    desk.post(fields_page(roofing), data | {f"form-0-{key}": value for key, value in rows[0].items()})
    assert newest(roofing).fields == stored_form(
        [{"name": "roof", "label": "Roof", "type": "choice", "choices": {"tile": "Tile", "slate": "slate"}}]
    )


# Sources and words
def test_a_new_grade_stands_in_the_sources_history_with_its_author(desk, market):
    values = {
        "slug": market.source.slug,
        "legal_name": market.source.legal_name,
        "address": market.source.address,
        "phone": market.source.phone,
        "kind": "own_form",
        "site": market.source.site,
        "grade": "C",
        "payout_percent": 50,
        "return_window_days": 10,
        "is_active": "on",
    }

    response = desk.post(page("source", "change", market.source.pk), values, follow=True)

    assert response.status_code == 200
    text = desk.get(page("source", "change", market.source.pk)).content.decode()
    assert "UTC: B</div>" in text
    assert "UTC: C, by desk@example.com</div>" in text


def test_a_source_that_rewards_people_is_not_graded_well(desk, market):
    response = desk.post(
        page("source", "change", market.source.pk),
        {"legal_name": "X", "address": "X", "phone": "1", "kind": "own_form", "grade": "A", "incentive": "on"},
    )

    assert "Choose grade C or D: an incentivized source cannot be graded higher." in response.content.decode()
    assert Source.objects.get(pk=market.source.pk).grade == "B"


def test_words_are_added_and_never_changed(desk, market):
    values = {
        "source": market.source.pk,
        "version": "v4",
        "wording": "Up to 3 companies may call.",
        "channels": ["call", "text"],
        "most_companies": 3,
        "named_partners": "One, Inc\nTwo LLC\n",
    }
    desk.post(page("consenttext", "add"), values)
    text = ConsentText.objects.get(version="v4")
    assert (text.channels, text.most_companies, text.named_partners) == (["call", "text"], 3, ["One, Inc", "Two LLC"])

    response = desk.post(page("consenttext", "change", text.pk), {**values, "most_companies": 9})

    assert response.status_code == 403
    assert desk.get(page("consenttext", "change", text.pk)).status_code == 200
    assert ConsentText.objects.get(version="v4").most_companies == 3


@pytest.mark.parametrize("model", ["vertical", "source", "consenttext"])
def test_what_must_stay_cannot_be_deleted(desk, market, model):
    row = {"vertical": market.vertical, "source": market.source, "consenttext": market.text}[model]

    assert desk.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_the_history_of_a_source_names_what_changed_and_who_did_it(desk, market):
    response = desk.get(
        reverse("admin:pghistory_middlewareevents_changelist"),
        {"obj": f"leads.Source:{market.source.pk}", "method": "tracks"},
    )

    assert response.status_code == 200
    assert response.context["cl"].result_count == 1


def test_an_import_shows_its_counts_and_the_way_to_its_page(desk, market):
    run = ImportRun.objects.create(
        source=market.source, vertical=market.vertical, file_name="a.csv", file_sha256="0" * 64, file_bytes=1
    )
    problem = ImportProblem.objects.create(run=run, row=1, outcome="refused", field="state", reason="is not known")

    text = desk.get(page("importrun", "change", run.pk)).content.decode()

    assert reverse("leads:import", args=[run.public_id]) in text
    assert desk.post(page("importrun", "change", run.pk), {"state": "done"}).status_code == 403
    assert desk.post(page("importproblem", "delete", problem.pk), {"post": "yes"}).status_code == 403


def test_nothing_of_a_person_has_a_page_of_its_own(desk):
    assert not {model for model in admin.site._registry if model.__name__ in ("Contact", "Consent")}
