from datetime import UTC, datetime

import pytest

from buyers.companies.membership import register_company
from buyers.models import Buyer, Membership, Role, User
from leads.models import Vertical

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
PASSWORD = "seventeen grey geese"
PROFILE = {
    "legal_name": "Miller Mortgage LLC",
    "trade": "Mortgage broker",
    "street": "12 Main Street",
    "city": "Dayton",
    "state": "OH",
    "postal_code": "45402",
    "phone": "(937) 555-0142",
    "website": "",
    "license": "NMLS 123456",
}


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def make_user():
    def make(email, password=None, **fields):
        return User.objects.create_user(email, password, **fields)

    return make


@pytest.fixture
def mortgage(db):
    return Vertical.objects.create(slug="mortgage", name="Mortgage", trade="mortgage", position=1)


@pytest.fixture
def solar(db):
    return Vertical.objects.create(slug="solar", name="Solar", trade="solar", position=2)


@pytest.fixture
def medicare(db):
    return Vertical.objects.create(
        slug="medicare", name="Medicare", trade="insurance", position=3, open_for_resale=False
    )


@pytest.fixture
def make_company(make_user):
    """A company with an owner, owner@<name>.example."""

    def make(name="miller"):
        company = Buyer(**{**PROFILE, "legal_name": f"{name.title()} LLC"})
        return register_company(user=make_user(f"owner@{name}.example"), company=company, verticals=[], now=NOW)

    return make


@pytest.fixture
def company(make_company):
    return make_company()


@pytest.fixture
def owner(company):
    return company.memberships.get(role=Role.OWNER).user


@pytest.fixture
def colleague(company, make_user):
    """A buyer in the company."""
    user = make_user("colleague@miller.example")
    Membership.objects.create(user=user, buyer=company, role=Role.BUYER)
    return user


@pytest.fixture
def viewer(company, make_user):
    user = make_user("viewer@miller.example")
    Membership.objects.create(user=user, buyer=company, role=Role.VIEWER)
    return user


@pytest.fixture
def outsider(make_company):
    """The owner of another company."""
    return make_company("other").memberships.get().user


@pytest.fixture
def login(client):
    def login(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return login
