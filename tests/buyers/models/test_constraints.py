"""What PostgreSQL itself refuses, whatever form or verb was forgotten."""

import pytest
from django.db import IntegrityError, connection, transaction

from buyers.companies.membership import ask_approval, invite
from buyers.models import Approval, Invitation, Membership, Role, User

pytestmark = pytest.mark.django_db


def refused_by(constraint, statement, *values):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_an_approval_is_one_per_company_and_vertical(company, mortgage, now):
    ask_approval(buyer=company, vertical=mortgage, now=now)

    refused_by(
        "approval_is_one_per_vertical",
        "INSERT INTO buyers_approval (buyer_id, vertical_id, status, note, requested_at)"
        " VALUES (%s, %s, 'requested', '', now())",
        company.pk,
        mortgage.pk,
    )

    assert Approval.objects.count() == 1


@pytest.mark.parametrize("change", ["status = 'granted'", "decided_at = now()", "status = 'maybe', decided_at = now()"])
def test_a_decision_and_its_instant_go_together(company, mortgage, now, change):
    ask_approval(buyer=company, vertical=mortgage, now=now)

    refused_by("approval_decided_has_its_instant", f"UPDATE buyers_approval SET {change}")

    assert Approval.objects.get().status == "requested"


def test_an_address_has_one_open_invitation_whatever_its_case(company, now):
    invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=now)

    refused_by(
        "invitation_is_open_once_per_address",
        "INSERT INTO buyers_invitation (buyer_id, email, role, token, sent_at)"
        " VALUES (%s, 'SAM@miller.example', 'buyer', 'x', now())",
        company.pk,
    )

    assert Invitation.objects.count() == 1


def test_a_role_is_a_known_one(company, owner, now):
    invite(buyer=company, email="sam@miller.example", role=Role.BUYER, now=now)

    refused_by("membership_role_is_known", "UPDATE buyers_membership SET role = 'king'")
    refused_by("invitation_role_is_known", "UPDATE buyers_invitation SET role = 'king'")

    assert Membership.objects.get().role == "owner"


def test_a_person_has_one_membership(owner, outsider):
    refused_by(
        "user_id",
        "INSERT INTO buyers_membership (buyer_id, user_id, role, created_at) VALUES (%s, %s, 'buyer', now())",
        outsider.membership.buyer_id,
        owner.pk,
    )

    assert Membership.objects.get(user=owner).role == "owner"


def test_an_address_is_one_account_whatever_its_case(owner):
    refused_by(
        "user_email_is_unique_whatever_its_case",
        "INSERT INTO buyers_user (password, is_superuser, email, is_staff, is_active, date_joined)"
        " VALUES ('', false, 'OWNER@miller.example', false, true, now())",
    )

    assert User.objects.count() == 1
