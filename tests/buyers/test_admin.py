import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.urls import reverse

from buyers.companies.keys import create_key
from buyers.companies.membership import ask_approval, grant_approval, invite, refuse_approval
from buyers.models import Approval, Buyer, Membership, Role, User
from tests.buyers.conftest import PROFILE

pytestmark = pytest.mark.django_db

QUEUE = "/admin/buyers/approval/"


@pytest.fixture
def staff(client):
    user = User.objects.create_superuser("desk@market.example")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def asked(company, mortgage, now):
    return ask_approval(buyer=company, vertical=mortgage, now=now)


def decide(staff, action, approvals, note=""):
    form = {"action": action, "_selected_action": [approval.pk for approval in approvals], "note": note}
    return staff.post(QUEUE, form, follow=True)


def said(response):
    return [str(message) for message in response.context["messages"]]


def test_the_queue_grants_and_writes_to_the_owners(
    staff, asked, owner, colleague, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        response = decide(staff, "grant", [asked], note="Welcome")

    asked.refresh_from_db()
    assert (asked.status, asked.note, asked.decided_at is not None) == ("granted", "Welcome", True)
    assert said(response) == ["Decisions saved and emailed to the owners: 1."]
    [letter] = mailoutbox
    assert (letter.to, letter.subject) == ([owner.email], "Remainder: Mortgage, approved")
    assert "Our note: Welcome" in letter.body


def test_deciding_the_same_again_writes_no_second_letter(
    staff, asked, mailoutbox, django_capture_on_commit_callbacks, now
):
    grant_approval(approval=asked, note="", now=now)

    with django_capture_on_commit_callbacks(execute=True):
        response = decide(staff, "grant", [asked])

    asked.refresh_from_db()
    assert (asked.decided_at, mailoutbox) == (now, [])
    assert said(response) == ["Decisions saved and emailed to the owners: 0."]


def test_the_queue_refuses_only_with_a_reason(staff, asked, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = decide(staff, "refuse", [asked])

    asked.refresh_from_db()
    assert (asked.status, mailoutbox) == ("requested", [])
    assert said(response) == [
        "Miller LLC: Mortgage, Requested: Enter a note that tells the company why.",
        "Decisions saved and emailed to the owners: 0.",
    ]


def test_a_refusal_carries_its_reason(staff, asked, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        decide(staff, "refuse", [asked], note="No license found")

    asked.refresh_from_db()
    assert (asked.status, asked.note) == ("refused", "No license found")
    assert "Our note: No license found" in mailoutbox[0].body


def test_staff_who_may_only_look_decides_nothing(client, make_user, asked):
    user = make_user("looks@market.example", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_approval"))
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    decide(client, "grant", [asked])

    asked.refresh_from_db()
    assert asked.status == "requested"


def test_the_waiting_filter_shows_companies_to_decide_on(staff, asked, make_company, mortgage, now):
    decided = make_company("decided")
    refuse_approval(approval=ask_approval(buyer=decided, vertical=mortgage, now=now), note="No", now=now)

    page = staff.get("/admin/buyers/buyer/?queue=waiting")

    assert list(page.context["cl"].queryset) == [asked.buyer]


def inline(approval, **decision):
    return {
        **PROFILE,
        "approvals-TOTAL_FORMS": 1,
        "approvals-INITIAL_FORMS": 1,
        "approvals-0-id": approval.pk,
        "approvals-0-buyer": approval.buyer_id,
        "memberships-TOTAL_FORMS": 0,
        "memberships-INITIAL_FORMS": 0,
        **{f"approvals-0-{field}": value for field, value in decision.items()},
    }


def test_the_company_s_page_decides_too(staff, asked, mailoutbox, django_capture_on_commit_callbacks):
    address = reverse("admin:buyers_buyer_change", args=[asked.buyer_id])

    with django_capture_on_commit_callbacks(execute=True):
        response = staff.post(address, inline(asked, status="granted", note="Fine"))

    asked.refresh_from_db()
    assert (response.status_code, asked.status, asked.note) == (302, "granted", "Fine")
    assert asked.decided_at is not None
    assert [letter.subject for letter in mailoutbox] == ["Remainder: Mortgage, approved"]


def test_saving_the_company_s_page_without_a_decision_decides_nothing(
    staff, asked, mailoutbox, django_capture_on_commit_callbacks
):
    address = reverse("admin:buyers_buyer_change", args=[asked.buyer_id])

    with django_capture_on_commit_callbacks(execute=True):
        response = staff.post(address, inline(asked, status="requested", note=""))

    asked.refresh_from_db()
    assert (response.status_code, asked.status, mailoutbox) == (302, "requested", [])


@pytest.mark.parametrize(("status", "note"), [("refused", ""), ("requested", "later")])
def test_the_company_s_page_refuses_what_the_verbs_refuse(staff, asked, now, status, note):
    grant_approval(approval=asked, note="", now=now)
    address = reverse("admin:buyers_buyer_change", args=[asked.buyer_id])

    response = staff.post(address, inline(asked, status=status, note=note))

    asked.refresh_from_db()
    assert (response.status_code, asked.status, asked.decided_at) == (200, "granted", now)


def test_no_token_and_no_digest_is_shown(staff, company, owner, now):
    invitation = invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=now)
    key, _ = create_key(buyer=company, name="import", created_by=owner)

    pages = [
        staff.get(reverse("admin:buyers_invitation_change", args=[invitation.pk])),
        staff.get(reverse("admin:buyers_apikey_change", args=[key.pk])),
        staff.get("/admin/buyers/invitation/"),
        staff.get("/admin/buyers/apikey/"),
    ]

    assert [page.status_code for page in pages] == [200] * 4
    for page in pages:
        assert invitation.token not in page.content.decode()
        assert key.digest not in page.content.decode()


@pytest.mark.parametrize("model", ["approval", "apikey", "invitation", "membership"])
def test_what_has_rules_of_its_own_is_not_edited_by_hand(staff, company, asked, owner, now, model):
    invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=now)
    create_key(buyer=company, name="import", created_by=owner)
    row = apps.get_model("buyers", model).objects.get()

    assert staff.get(f"/admin/buyers/{model}/add/").status_code == 403
    assert staff.post(f"/admin/buyers/{model}/{row.pk}/change/", {"role": "viewer"}).status_code == 403
    assert staff.post(f"/admin/buyers/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_people_and_companies_are_not_deleted(staff, company, owner):
    for address in (f"/admin/buyers/user/{owner.pk}/delete/", f"/admin/buyers/buyer/{company.pk}/delete/"):
        assert staff.post(address, {"post": "yes"}).status_code == 403

    assert Membership.objects.filter(user=owner, buyer=company).exists()


def test_staff_makes_an_account(staff):
    form = {
        "email": "Dana@Market.example",
        "usable_password": "true",
        "password1": "seventeen grey geese",
        "password2": "seventeen grey geese",
    }

    response = staff.post("/admin/buyers/user/add/", form)

    assert response.status_code == 302
    assert User.objects.get(email="dana@market.example").check_password("seventeen grey geese")


def test_the_audit_trail_says_who_changed_what(staff, asked):
    address = reverse("admin:buyers_buyer_change", args=[asked.buyer_id])

    staff.post(address, inline(asked, status="granted", note="Fine"))
    events = staff.get(f"/admin/pghistory/middlewareevents/?method=tracks&obj=buyers.Approval:{asked.pk}")

    assert events.status_code == 200
    assert [(event.pgh_label, str(event.user)) for event in events.context["cl"].result_list] == [
        ("update", "desk@market.example"),
        ("insert", "None"),
    ]


@pytest.mark.parametrize("model", ["user", "buyer", "approval", "membership", "apikey", "invitation"])
def test_every_list_opens_and_searches(staff, company, asked, owner, now, model):
    create_key(buyer=company, name="import", created_by=owner)
    invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=now)

    page = staff.get(f"/admin/buyers/{model}/?q=miller")

    assert (page.status_code, page.context["cl"].result_count) == (200, 1)


def test_closing_a_company_ends_its_approvals_use(staff, company):
    address = reverse("admin:buyers_buyer_change", args=[company.pk])
    form = {
        **PROFILE,
        "closed_at_0": "2026-11-22",
        "closed_at_1": "12:00:00",
        **{f"{name}-{part}_FORMS": 0 for name in ("approvals", "memberships") for part in ("TOTAL", "INITIAL")},
    }

    assert staff.post(address, form).status_code == 302
    assert Buyer.objects.trading().count() == 0
    assert Approval.objects.count() == 0
