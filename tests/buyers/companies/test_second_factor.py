"""Staff and their second factor."""

import pytest
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)

from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
PAGES = ["/admin/", "/operator/imports/"]


@pytest.fixture
def staff(client):
    user = make_user(is_staff=True, is_superuser=True)
    client.login(email=user.email, password=PASSWORD)
    return user


@pytest.mark.parametrize("page", PAGES)
def test_staff_on_a_password_alone_are_sent_to_set_one_up(client, staff, settings, page):
    settings.STAFF_SECOND_FACTOR = True

    answer = client.get(page)

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/")


@pytest.mark.parametrize("page", PAGES)
def test_staff_with_a_second_factor_come_in(client, staff, settings, page):
    settings.STAFF_SECOND_FACTOR = True
    TOTP.activate(staff, generate_totp_secret())

    assert client.get(page).status_code == 200


def test_everybody_else_is_not_asked(client, settings):
    settings.STAFF_SECOND_FACTOR = True
    user = make_user()
    client.login(email=user.email, password=PASSWORD)

    assert client.get("/company/register/").status_code == 200


def code_of(secret):
    (counter, *_) = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, counter))


@pytest.fixture
def secret():
    return generate_totp_secret()


@pytest.fixture
def at_the_code(client, secret):
    """Somebody with a second factor who has given the password."""
    user = make_user()
    TOTP.activate(user, secret)
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    return user


def is_in(client, user):
    return client.session.get("_auth_user_id") == str(user.pk)


def test_the_password_alone_does_not_open_an_account_with_a_second_factor(client, at_the_code):
    assert not is_in(client, at_the_code)
    assert client.get("/company/")["Location"].startswith("/accounts/login/")


def test_the_code_opens_it(client, at_the_code, secret):
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})

    assert is_in(client, at_the_code)


@pytest.mark.parametrize("code", ["000000", "", "12345", "abcdef"])
def test_a_wrong_code_does_not(client, at_the_code, code):
    client.post("/accounts/2fa/authenticate/", {"code": code})

    assert not is_in(client, at_the_code)


def test_a_code_opens_it_once(client, at_the_code, secret):
    code = code_of(secret)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    client.logout()
    client.post("/accounts/login/", {"login": at_the_code.email, "password": PASSWORD})

    client.post("/accounts/2fa/authenticate/", {"code": code})

    assert not is_in(client, at_the_code)
