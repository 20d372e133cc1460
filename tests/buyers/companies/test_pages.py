import re
from datetime import timedelta
from smtplib import SMTPException

import pytest
from django.urls import reverse
from django.utils import timezone

from buyers.companies.keys import create_key, revoke_key
from buyers.companies.membership import accept_invitation, ask_approval, invite, refuse_approval
from buyers.models import ApiKey, Approval, Buyer, Invitation, Membership, Role, User
from tests.buyers.conftest import PASSWORD, PROFILE

pytestmark = pytest.mark.django_db


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def said(response):
    return [str(message) for message in response.context["messages"]]


# --- Registering


def test_registering_by_the_page(login, make_user, mortgage, solar, medicare):
    client = login(make_user("ann@miller.example"))

    page = client.get("/company/register/")
    response = client.post("/company/register/", {**PROFILE, "verticals": [mortgage.pk]})

    assert 'name="verticals" value="' + str(medicare.pk) not in page.content.decode()
    assert "Not for resale: Medicare." in text_of(page)
    assert response.url == "/company/"
    company = Buyer.objects.get()
    assert {name: getattr(company, name) for name in PROFILE} == PROFILE
    assert [(a.vertical, a.status) for a in company.approvals.all()] == [(mortgage, "requested")]
    assert company.memberships.get().role == "owner"


def test_a_closed_vertical_is_refused_though_no_box_offers_it(login, make_user, medicare):
    client = login(make_user("ann@miller.example"))

    response = client.post("/company/register/", {**PROFILE, "verticals": [medicare.pk]})

    assert (response.status_code, Buyer.objects.count()) == (422, 0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("state", "", "Choose a state."),
        ("state", "XX", "Select a valid choice. XX is not one of the available choices."),
        ("postal_code", "4540", "Enter a ZIP code, such as 45402 or 45402-1234."),
        ("phone", "12345", "Enter a US phone number with area code, such as (937) 555-0142."),
        ("phone", "+44 20 7946 0958", "Enter a US phone number with area code, such as (937) 555-0142."),
        ("legal_name", "  ", "This field is required."),
        ("website", "javascript:alert(1)", "Enter a valid URL."),
    ],
)
def test_a_profile_says_what_is_wrong(login, make_user, field, value, message):
    client = login(make_user("ann@miller.example"))

    response = client.post("/company/register/", {**PROFILE, field: value})

    assert (response.status_code, response.context["form"].errors) == (422, {field: [message]})
    assert Buyer.objects.count() == 0


def test_a_name_is_one_line_whatever_was_pasted(login, make_user):
    client = login(make_user("ann@miller.example"))

    client.post("/company/register/", {**PROFILE, "legal_name": " Miller\r\nBcc: all \t LLC "})

    assert Buyer.objects.get().legal_name == "Miller Bcc: all LLC"


def test_who_has_no_company_lands_where_it_is_registered(client, make_user):
    make_user("ann@miller.example", PASSWORD)

    response = client.post("/accounts/login/", {"login": "ann@miller.example", "password": PASSWORD})

    assert (response.status_code, response.url) == (302, "/company/register/")


def test_who_has_a_company_lands_on_the_shelf(client, company, make_user):
    owner = make_user("second@miller.example", PASSWORD)
    Membership.objects.create(user=owner, buyer=company, role=Role.OWNER)

    response = client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})

    assert (response.status_code, response.url) == (302, "/")


def test_staff_is_not_asked_for_a_company(client, make_user):
    make_user("desk@market.example", PASSWORD, is_staff=True)

    response = client.post("/accounts/login/", {"login": "desk@market.example", "password": PASSWORD})

    assert (response.status_code, response.url) == (302, "/")


# --- Profile and approvals


def test_the_owner_changes_the_profile(login, owner, company):
    response = login(owner).post("/company/edit/", {**PROFILE, "city": "Columbus", "closed_at": "2020-01-01"})

    assert response.url == "/company/"
    company.refresh_from_db()
    assert (company.city, company.legal_name, company.closed_at) == ("Columbus", "Miller Mortgage LLC", None)


def test_a_refused_change_changes_nothing(login, owner, company):
    response = login(owner).post("/company/edit/", {**PROFILE, "legal_name": "Other LLC", "postal_code": "no"})

    assert response.status_code == 422
    assert "<h1>Miller LLC</h1>" in response.content.decode()
    company.refresh_from_db()
    assert company.legal_name == "Miller LLC"


def test_the_profile_says_how_the_company_stands(login, owner, company, mortgage, solar, medicare, now):
    refuse_approval(
        approval=ask_approval(buyer=company, vertical=mortgage, now=now), note="Send us your license", now=now
    )

    text = text_of(login(owner).get("/company/"))

    assert "Mortgage Refused Request Mortgage again Send us your license" in text
    assert "Solar Not requested Request Solar" in text
    assert "Medicare Not for resale These people agreed to hear from only one company." in text


def test_a_member_reads_the_profile_without_its_buttons(login, viewer, mortgage):
    page = login(viewer).get("/company/").content.decode()

    assert "Miller LLC" in page
    assert reverse("buyers:ask", args=["mortgage"]) not in page
    assert reverse("buyers:edit") not in page
    assert reverse("buyers:keys") not in page


def test_the_owner_asks_for_a_vertical(login, owner, company, mortgage):
    response = login(owner).post("/company/approvals/mortgage/ask/", follow=True)

    assert said(response) == ["You requested Mortgage. We will email you when we have reviewed it."]
    assert list(Approval.objects.values_list("buyer", "status")) == [(company.pk, "requested")]


def test_asking_for_a_closed_vertical_is_refused_with_its_reason(login, owner, medicare):
    response = login(owner).post("/company/approvals/medicare/ask/", follow=True)

    assert said(response) == ["Medicare is not open for resale, so no company can be approved for it."]
    assert Approval.objects.count() == 0


def test_a_closed_company_is_told_so(login, owner, company, mortgage, now):
    Buyer.objects.update(closed_at=now)

    page = login(owner).get("/company/")

    assert "We closed this company on November 22, 2026 ." in text_of(page)
    assert reverse("buyers:ask", args=["mortgage"]) not in page.content.decode()


# --- Members and invitations


def test_an_invitation_goes_out_by_mail(
    login, owner, company, mailoutbox, django_capture_on_commit_callbacks, settings
):
    with django_capture_on_commit_callbacks(execute=True):
        response = login(owner).post("/company/members/", {"email": "Sam@Miller.example", "role": "viewer"})

    invitation = Invitation.objects.get()
    assert (response.url, invitation.email, invitation.role) == ("/company/members/", "sam@miller.example", "viewer")
    [letter] = mailoutbox
    assert (letter.to, letter.subject) == (["sam@miller.example"], "You are invited to join a company on Remainder")
    assert f"{settings.SITE_URL}/company/invitations/{invitation.token}/" in letter.body
    assert "You are invited to buy leads for Miller LLC on Remainder." in letter.body


def test_a_mail_server_that_fails_does_not_fail_the_page(
    login, owner, monkeypatch, django_capture_on_commit_callbacks, caplog
):
    def down(*_, **__):
        raise SMTPException("down")

    monkeypatch.setattr("buyers.companies.mail.send_mail", down)
    with django_capture_on_commit_callbacks(execute=True):
        response = login(owner).post("/company/members/", {"email": "sam@miller.example", "role": "buyer"})

    assert response.status_code == 302
    assert Invitation.objects.get().email == "sam@miller.example"


def test_inviting_a_member_is_refused_in_the_form(login, owner, colleague, mailoutbox):
    response = login(owner).post("/company/members/", {"email": colleague.email, "role": "buyer"})

    assert (response.status_code, response.context["form"].errors) == (
        422,
        {"email": ["This person is already in your company."]},
    )
    assert (Invitation.objects.count(), mailoutbox) == (0, [])


def test_invitations_are_seen_by_owners_only(login, owner, viewer, company):
    invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=timezone.now())
    invite(buyer=company, email="old@miller.example", role=Role.BUYER, now=timezone.now() - timedelta(days=8))

    seen_by_owner = text_of(login(owner).get("/company/members/"))
    seen_by_viewer = text_of(login(viewer).get("/company/members/"))

    assert re.search(r"old@miller\.example Buyer Expired", seen_by_owner)
    assert re.search(r"sam@miller\.example Buyer Open until", seen_by_owner)
    assert "sam@miller.example" not in seen_by_viewer
    assert "Invite a colleague" not in seen_by_viewer


def test_the_owner_withdraws_an_invitation(login, owner, company, now):
    invitation = invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=now)

    login(owner).post(f"/company/invitations/{invitation.pk}/withdraw/")

    assert Invitation.objects.count() == 0


def test_the_owner_changes_a_role(login, owner, colleague):
    login(owner).post(f"/company/members/{colleague.membership.pk}/role/", {"role": "viewer"})

    assert Membership.objects.get(user=colleague).role == "viewer"


def test_an_unknown_role_changes_nothing(login, owner, colleague):
    response = login(owner).post(f"/company/members/{colleague.membership.pk}/role/", {"role": "king"}, follow=True)

    assert said(response) == ["Choose one of the roles."]
    assert Membership.objects.get(user=colleague).role == "buyer"


def test_the_page_refuses_to_demote_the_last_owner(login, owner):
    response = login(owner).post(f"/company/members/{owner.membership.pk}/role/", {"role": "viewer"}, follow=True)

    assert said(response) == ["A company must have at least one owner. Make somebody else an owner first."]
    assert Membership.objects.get().role == "owner"


def test_a_removed_member_is_out_at_once(client, login, owner, colleague):
    login(owner).post(f"/company/members/{colleague.membership.pk}/remove/")

    assert login(colleague).get("/company/").url == "/company/register/"


def test_a_member_may_leave(login, viewer, company):
    response = login(viewer).post(f"/company/members/{viewer.membership.pk}/remove/")

    assert response.url == "/company/register/"
    assert company.memberships.count() == 1


# --- Coming in by an invitation


@pytest.fixture
def invitation(company):
    return invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=timezone.now())


def link_to(invitation):
    return reverse("buyers:accept", args=[invitation.token])


@pytest.mark.parametrize("verification", ["mandatory", "optional"])
def test_a_stranger_signs_up_comes_back_and_joins(client, invitation, company, settings, mailoutbox, verification):
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    page = client.get(link_to(invitation)).content.decode()
    sign_up = f"/accounts/signup/?next={link_to(invitation).replace('/', '%2F')}"
    assert f'href="{sign_up}"' in page

    response = client.post(
        "/accounts/signup/",
        {"email": "sam@miller.example", "password1": PASSWORD, "password2": PASSWORD, "next": link_to(invitation)},
    )
    joined = client.post(response.url)

    assert (response.url, joined.url) == (link_to(invitation), "/company/")
    membership = Membership.objects.get(user__email="sam@miller.example")
    assert (membership.buyer, membership.role) == (company, "buyer")
    assert mailoutbox == []


def test_a_link_does_not_prove_another_address(client, invitation, settings, mailoutbox):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client.get(link_to(invitation))

    response = client.post(
        "/accounts/signup/", {"email": "eve@miller.example", "password1": PASSWORD, "password2": PASSWORD}
    )

    assert response.url == "/accounts/confirm-email/"
    assert [letter.to for letter in mailoutbox] == [["eve@miller.example"]]


def test_another_person_is_told_whose_invitation_it_is_not(login, invitation, make_user):
    response = login(make_user("eve@miller.example")).post(link_to(invitation))

    assert response.status_code == 422
    assert "This invitation was sent to a different email address." in text_of(response)
    assert Membership.objects.filter(user__email="eve@miller.example").count() == 0


def test_an_invitation_that_ran_out_offers_nothing(client, invitation):
    Invitation.objects.update(sent_at=timezone.now() - timedelta(days=8))

    page = client.get(link_to(invitation))

    assert "This invitation is no longer valid" in text_of(page)
    assert (b"Join" in page.content, "account_verified_email" in client.session) == (False, False)


def test_an_unknown_link_is_not_found(client, invitation):
    assert client.get(link_to(invitation)[:-2] + "/").status_code == 404


def test_the_link_of_a_used_invitation_says_it_is_over(client, invitation, make_user):
    accept_invitation(invitation=invitation, user=make_user("sam@miller.example"), now=timezone.now())

    assert "This invitation is no longer valid" in text_of(client.get(link_to(invitation)))


# --- API keys


def test_a_new_key_is_shown_once_and_works(login, owner, company):
    client = login(owner)

    page = client.post("/company/keys/", {"name": "nightly import"}).content.decode()

    plain = re.search(r'id="plain" type="text" value="(rem_[\w-]{43})"', page).group(1)
    key = ApiKey.objects.live().matching(plain).get()
    assert (key.buyer, key.name, key.created_by, key.prefix) == (company, "nightly import", owner, plain[:8])
    again = client.get("/company/keys/").content.decode()
    assert (plain in again, key.prefix in again, key.digest in again) == (False, True, False)


def test_a_key_needs_a_name(login, owner):
    response = login(owner).post("/company/keys/", {"name": " "})

    assert (response.status_code, ApiKey.objects.count()) == (422, 0)


def test_a_company_has_so_many_live_keys(login, owner, company, now):
    keys = [create_key(buyer=company, name=str(number), created_by=owner)[0] for number in range(20)]

    refused = login(owner).post("/company/keys/", {"name": "one more"})
    revoke_key(key=keys[0], now=now)
    made = login(owner).post("/company/keys/", {"name": "one more"})

    assert (refused.status_code, made.status_code, ApiKey.objects.unrevoked().count()) == (422, 200, 20)


def test_the_owner_revokes_a_key_once(login, owner, company):
    key, plain = create_key(buyer=company, name="import", created_by=owner)
    client = login(owner)

    client.post(f"/company/keys/{key.pk}/revoke/")
    key.refresh_from_db()
    first = key.revoked_at
    client.post(f"/company/keys/{key.pk}/revoke/")

    key.refresh_from_db()
    assert (first is not None, key.revoked_at) == (True, first)
    assert not ApiKey.objects.live().matching(plain).exists()


def test_pages_cost_the_same_however_many_rows_they_list(
    login, owner, company, make_user, django_assert_max_num_queries, now
):
    for number in range(12):
        Membership.objects.create(user=User.objects.create(email=f"{number}@miller.example"), buyer=company)
        create_key(buyer=company, name=str(number), created_by=owner)
        invite(buyer=company, email=f"i{number}@miller.example", role=Role.BUYER, now=now)
    client = login(owner)

    for page in ("/company/", "/company/members/", "/company/keys/"):
        with django_assert_max_num_queries(10):
            client.get(page)
