"""Two owners leave at the same instant. Both see the other one: only the lock on the company keeps one of them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import connections

from buyers.companies import membership as companies
from buyers.models import Membership, Role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture
def two_owners(company, colleague):
    company.memberships.update(role=Role.OWNER)
    return list(company.memberships.all())


@pytest.fixture
def gap(monkeypatch):
    """Holds each one between looking for another owner and acting, until both have looked or a second has passed."""
    looked = Barrier(2)
    has_other_owner = companies.has_other_owner

    def look_and_wait(membership):
        found = has_other_owner(membership)
        # It breaks when the other one stands before the lock, as it should.
        with suppress(BrokenBarrierError):
            looked.wait(timeout=1)
        return found

    monkeypatch.setattr(companies, "has_other_owner", look_and_wait)


def leave(membership):
    try:
        companies.remove_member(membership=membership)
    except companies.LastOwner:
        return "refused"
    finally:
        connections.close_all()
    return "left"


def demote(membership):
    try:
        companies.change_role(membership=membership, role=Role.VIEWER)
    except companies.LastOwner:
        return "refused"
    finally:
        connections.close_all()
    return "left"


def both(act, memberships):
    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(act, memberships))


@pytest.mark.parametrize("act", [leave, demote])
def test_of_two_owners_who_go_at_once_one_stays(two_owners, gap, act):
    outcomes = both(act, two_owners)

    assert outcomes == ["left", "refused"]
    assert Membership.objects.owners().count() == 1


@pytest.mark.parametrize("act", [leave, demote])
def test_without_the_lock_both_would_go(two_owners, gap, monkeypatch, act):
    monkeypatch.setattr(companies, "_locked", lambda buyer_id: None)

    outcomes = both(act, two_owners)

    assert outcomes == ["left", "left"]
    assert Membership.objects.owners().count() == 0


def test_one_person_who_accepts_two_invitations_at_once_joins_one_company(company, make_company, make_user, now):
    user = make_user("sam@miller.example")
    invitations = [
        companies.invite(buyer=buyer, email=user.email, role=Role.BUYER, now=now)
        for buyer in (company, make_company("other"))
    ]

    def join(invitation):
        try:
            companies.accept_invitation(invitation=invitation, user=user, now=now)
        except companies.HasCompany:
            return "refused"
        finally:
            connections.close_all()
        return "joined"

    assert both(join, invitations) == ["joined", "refused"]
    assert Membership.objects.filter(user=user).count() == 1
