from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress

from buyers.companies.membership import (
    AlreadyMember,
    AnotherAddress,
    CompanyClosed,
    HasCompany,
    InvitationOver,
    LastOwner,
    ReasonMissing,
    TooManyInvitations,
    VerticalClosed,
    accept_invitation,
    ask_approval,
    change_role,
    grant_approval,
    invite,
    refuse_approval,
    register_company,
    remove_member,
    withdraw_invitation,
)
from buyers.models import Approval, Buyer, Invitation, Membership, Role
from tests.buyers.conftest import PROFILE

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(company, mortgage, now):
    return ask_approval(buyer=company, vertical=mortgage, now=now)


@pytest.fixture
def invitation(company, now):
    return invite(buyer=company, email="sam@miller.example", role=Role.VIEWER, now=now)


@pytest.fixture
def sam(make_user):
    return make_user("sam@miller.example")


def close(company, now):
    Buyer.objects.filter(pk=company.pk).update(closed_at=now)


def test_registering_makes_an_owner_and_asks_for_each_vertical(make_user, mortgage, solar, now):
    user = make_user("ann@miller.example")

    company = register_company(user=user, company=Buyer(**PROFILE), verticals=[mortgage, solar], now=now)

    assert list(company.memberships.values_list("user", "role")) == [(user.pk, "owner")]
    assert list(company.approvals.values_list("vertical__slug", "status", "requested_at", "decided_at")) == [
        ("mortgage", "requested", now, None),
        ("solar", "requested", now, None),
    ]


def test_a_person_with_a_company_registers_no_second_one(company, owner, mortgage, now):
    with pytest.raises(HasCompany):
        register_company(user=owner, company=Buyer(**PROFILE), verticals=[mortgage], now=now)

    assert list(Buyer.objects.values_list("pk", flat=True)) == [company.pk]
    assert Approval.objects.count() == 0


def test_registering_for_a_closed_vertical_registers_nothing(make_user, medicare, now):
    with pytest.raises(VerticalClosed):
        register_company(user=make_user("ann@miller.example"), company=Buyer(**PROFILE), verticals=[medicare], now=now)

    assert (Buyer.objects.count(), Membership.objects.count()) == (0, 0)


def test_asking_twice_is_one_request_with_its_first_instant(asked, company, mortgage, now):
    ask_approval(buyer=company, vertical=mortgage, now=now + timedelta(days=1))

    assert list(Approval.objects.values_list("status", "requested_at")) == [("requested", now)]


def test_asking_after_a_grant_keeps_the_grant(asked, company, mortgage, now):
    grant_approval(approval=asked, note="", now=now)

    ask_approval(buyer=company, vertical=mortgage, now=now + timedelta(days=1))

    assert list(Approval.objects.values_list("status", "decided_at")) == [("granted", now)]


def test_asking_after_a_refusal_goes_back_into_the_queue(asked, company, mortgage, now):
    refuse_approval(approval=asked, note="No license", now=now)

    again = ask_approval(buyer=company, vertical=mortgage, now=now + timedelta(days=1))

    assert (again.status, again.note, again.requested_at, again.decided_at) == (
        "requested",
        "",
        now + timedelta(days=1),
        None,
    )


def test_a_closed_vertical_cannot_be_asked_for(company, medicare, now):
    with pytest.raises(VerticalClosed):
        ask_approval(buyer=company, vertical=medicare, now=now)

    assert Approval.objects.count() == 0


def test_a_closed_company_asks_for_nothing(company, mortgage, now):
    close(company, now)

    with pytest.raises(CompanyClosed):
        ask_approval(buyer=company, vertical=mortgage, now=now)

    assert Approval.objects.count() == 0


def test_a_grant_lets_the_company_buy_and_is_news_once(asked, company, mortgage, solar, now):
    assert company.may_buy(mortgage.pk) is False

    news = [grant_approval(approval=asked, note=" Welcome ", now=now + timedelta(hours=hour)) for hour in (1, 2)]

    assert news == [True, False]
    asked.refresh_from_db()
    assert (asked.note, asked.decided_at) == ("Welcome", now + timedelta(hours=1))
    assert (company.may_buy(mortgage.pk), company.may_buy(solar.pk)) == (True, False)


def test_a_grant_ends_with_the_vertical_the_company_or_a_refusal(asked, company, mortgage, now):
    grant_approval(approval=asked, note="", now=now)

    refuse_approval(approval=asked, note="Licence lapsed", now=now)

    assert company.may_buy(mortgage.pk) is False


def test_a_closed_company_may_not_buy_what_it_is_approved_for(asked, company, mortgage, now):
    grant_approval(approval=asked, note="", now=now)
    close(company, now)

    assert Buyer.objects.get().may_buy(mortgage.pk) is False


def test_a_refusal_says_why(asked, now):
    with pytest.raises(ReasonMissing):
        refuse_approval(approval=asked, note="  ", now=now)

    asked.refresh_from_db()
    assert asked.status == "requested"


def test_a_vertical_that_closed_since_is_not_granted(asked, mortgage, now):
    mortgage.open_for_resale = False
    mortgage.save(update_fields=["open_for_resale"])
    asked.refresh_from_db()

    with pytest.raises(VerticalClosed):
        grant_approval(approval=asked, note="", now=now)

    asked.refresh_from_db()
    assert asked.status == "requested"


def test_inviting_again_sends_a_new_link_instead_of_a_second_one(company, invitation, now):
    again = invite(buyer=company, email=" SAM@miller.example", role=Role.BUYER, now=now + timedelta(days=9))

    assert (again.pk, again.role, again.sent_at) == (invitation.pk, "buyer", now + timedelta(days=9))
    assert again.token != invitation.token
    assert Invitation.objects.count() == 1


def test_a_member_is_not_invited(company, colleague, now):
    with pytest.raises(AlreadyMember):
        invite(buyer=company, email="Colleague@miller.example", role=Role.BUYER, now=now)

    assert Invitation.objects.count() == 0


def test_a_closed_company_invites_nobody(company, now):
    close(company, now)

    with pytest.raises(CompanyClosed):
        invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=now)

    assert Invitation.objects.count() == 0


def test_only_so_many_invitations_wait_at_a_time(company, now):
    for number in range(20):
        invite(buyer=company, email=f"{number}@miller.example", role=Role.BUYER, now=now)

    with pytest.raises(TooManyInvitations):
        invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=now)

    assert Invitation.objects.count() == 20
    assert invite(buyer=company, email="7@miller.example", role=Role.OWNER, now=now).role == "owner"


def test_accepting_joins_with_the_role_of_the_invitation(company, invitation, sam, now):
    membership = accept_invitation(invitation=invitation, user=sam, now=now)

    assert (membership.user, membership.buyer, membership.role) == (sam, company, "viewer")
    invitation.refresh_from_db()
    assert (invitation.accepted_at, invitation.accepted_by) == (now, sam)


def test_accepting_twice_is_one_membership(invitation, sam, now):
    first, second = [accept_invitation(invitation=invitation, user=sam, now=now) for _ in range(2)]

    assert first.pk == second.pk
    assert Membership.objects.filter(user=sam).count() == 1


def test_a_link_that_was_used_lets_a_removed_member_in_no_more(invitation, sam, now):
    remove_member(membership=accept_invitation(invitation=invitation, user=sam, now=now))

    with pytest.raises(InvitationOver):
        accept_invitation(invitation=invitation, user=sam, now=now)

    assert Membership.objects.filter(user=sam).count() == 0


@pytest.mark.parametrize(
    ("age", "joins"),
    [(timedelta(days=7) - timedelta(seconds=1), True), (timedelta(days=7), False), (timedelta(days=70), False)],
)
def test_an_invitation_is_good_for_seven_days(invitation, sam, now, age, joins):
    if joins:
        accept_invitation(invitation=invitation, user=sam, now=now + age)
    else:
        with pytest.raises(InvitationOver):
            accept_invitation(invitation=invitation, user=sam, now=now + age)

    assert Membership.objects.filter(user=sam).exists() is joins
    assert Invitation.objects.pending().exists() is not joins


def test_the_link_before_the_newest_is_over(company, invitation, sam, now):
    invite(buyer=company, email=invitation.email, role=Role.BUYER, now=now)

    with pytest.raises(InvitationOver):
        accept_invitation(invitation=invitation, user=sam, now=now)

    assert Membership.objects.filter(user=sam).count() == 0


def test_a_withdrawn_invitation_is_over(invitation, sam, now):
    withdraw_invitation(invitation=invitation)

    with pytest.raises(InvitationOver):
        accept_invitation(invitation=invitation, user=sam, now=now)

    assert Membership.objects.filter(user=sam).count() == 0


def test_withdrawing_leaves_an_accepted_invitation_on_record(invitation, sam, now):
    accept_invitation(invitation=invitation, user=sam, now=now)

    withdraw_invitation(invitation=invitation)

    assert Invitation.objects.get().accepted_by == sam


@pytest.mark.parametrize(("verified", "joins"), [(True, True), (False, False)])
def test_a_second_address_counts_when_it_is_verified(invitation, make_user, now, verified, joins):
    user = make_user("sam@home.example")
    EmailAddress.objects.create(user=user, email="sam@miller.example", verified=verified, primary=False)

    if joins:
        accept_invitation(invitation=invitation, user=user, now=now)
    else:
        with pytest.raises(AnotherAddress):
            accept_invitation(invitation=invitation, user=user, now=now)

    assert Membership.objects.filter(user=user).exists() is joins


def test_an_invitation_is_for_its_address_only(invitation, make_user, now):
    user = make_user("eve@miller.example")

    with pytest.raises(AnotherAddress):
        accept_invitation(invitation=invitation, user=user, now=now)

    invitation.refresh_from_db()
    assert (invitation.accepted_at, Membership.objects.filter(user=user).count()) == (None, 0)


def test_a_member_of_another_company_joins_no_second_one(make_company, invitation, sam, now):
    other = register_company(user=sam, company=Buyer(**PROFILE), verticals=[], now=now)

    with pytest.raises(HasCompany):
        accept_invitation(invitation=invitation, user=sam, now=now)

    invitation.refresh_from_db()
    assert (invitation.accepted_at, Membership.objects.get(user=sam).buyer) == (None, other)


def test_nobody_joins_a_closed_company(company, invitation, sam, now):
    close(company, now)

    with pytest.raises(CompanyClosed):
        accept_invitation(invitation=invitation, user=sam, now=now)

    assert Membership.objects.filter(user=sam).count() == 0


@pytest.mark.parametrize("role", [Role.BUYER, Role.VIEWER])
def test_the_last_owner_is_not_demoted(owner, colleague, role):
    with pytest.raises(LastOwner):
        change_role(membership=owner.membership, role=role)

    assert Membership.objects.get(user=owner).role == "owner"


def test_the_last_owner_does_not_leave(owner, colleague):
    with pytest.raises(LastOwner):
        remove_member(membership=owner.membership)

    assert Membership.objects.filter(user=owner).exists()


def test_an_owner_may_go_once_there_is_another(company, owner, colleague):
    change_role(membership=colleague.membership, role=Role.OWNER)

    change_role(membership=owner.membership, role=Role.VIEWER)
    remove_member(membership=owner.membership)

    assert list(company.memberships.values_list("user", "role")) == [(colleague.pk, "owner")]


def test_an_owner_of_another_company_does_not_count(owner, outsider):
    with pytest.raises(LastOwner):
        remove_member(membership=owner.membership)

    assert Membership.objects.filter(user=owner).exists()
