"""Signing up and logging in: nobody learns who has an account, and weak passwords are refused."""

import re

import pytest
from django.core.cache import cache

from buyers.models import User
from tests.buyers.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def known(make_user):
    return make_user("ann@miller.example", PASSWORD)


def body(response):
    """What the page says, without the address that was typed and the token of the form."""
    page = re.sub(r'value="[^"]{20,}"', "", response.content.decode())
    return re.sub(r"(ann|bob)@miller\.example", "ADDRESS", page)


def answer(response):
    return response.status_code, response.get("Location"), body(response)


def test_sign_up_answers_alike_whether_the_address_is_known(client, known, settings, mailoutbox):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    answers = []
    for email in ("ann@miller.example", "bob@miller.example"):
        client.logout()
        form = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
        first = client.post("/accounts/signup/", form)
        answers.append((answer(first), answer(client.get(first.url))))

    assert answers[0] == answers[1]
    assert answers[0][0][:2] == (302, "/accounts/confirm-email/")
    assert sorted(letter.to[0] for letter in mailoutbox) == ["ann@miller.example", "bob@miller.example"]
    assert User.objects.filter(email="ann@miller.example").count() == 1


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(client, known):
    answers = [
        answer(client.post("/accounts/login/", {"login": email, "password": "not this password"}))
        for email in ("ann@miller.example", "bob@miller.example")
    ]

    assert answers[0] == answers[1]
    assert answers[0][0] == 200


def test_a_password_reset_answers_alike_whether_the_address_is_known(client, known, mailoutbox):
    answers = [
        answer(client.post("/accounts/password/reset/", {"email": email}))
        for email in ("ann@miller.example", "bob@miller.example")
    ]

    assert answers[0] == answers[1]
    assert answers[0][:2] == (302, "/accounts/password/reset/done/")
    assert len(mailoutbox) == 2


def test_without_a_confirmed_address_nobody_gets_in(client, known, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"

    response = client.post("/accounts/login/", {"login": known.email, "password": PASSWORD})

    assert (response.url, "_auth_user_id" in client.session) == ("/accounts/confirm-email/", False)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("fourteen chars", "This password is too short. It must contain at least 15 characters."),
        ("123456789123456789", "This password is too common."),
        ("dana@miller.example", "The password is too similar to the email."),
    ],
)
def test_a_weak_password_is_refused(client, password, message):
    form = {"email": "dana@miller.example", "password1": password, "password2": password}

    response = client.post("/accounts/signup/", form)

    assert message in [error for errors in response.context["form"].errors.values() for error in errors]
    assert User.objects.count() == 0


def test_fifteen_plain_characters_are_enough(client, settings):
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[1:]  # without the quick one of the tests
    password = "seventeen geese"
    form = {"email": "dana@miller.example", "password1": password, "password2": password}

    response = client.post("/accounts/signup/", form)

    assert (response.status_code, response.url) == (302, "/company/register/")
    assert User.objects.get().check_password(password)
    assert User.objects.get().password.startswith("argon2")
