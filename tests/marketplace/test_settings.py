import base64
import os
import secrets
import string
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from marketplace.ops.checks import no_superuser, refuse_unsafe, unsafe

PROJECT = Path(__file__).resolve().parents[2]
DEMO_OPERATOR = {
    "name": "Demo LLC",
    "street": "1 Demo Street",
    "city": "Dayton",
    "phone": "1",
    "email": "a@demo.example",
}
OPERATOR = {
    "name": "Acme LLC",
    "street": "1 Main Street",
    "city": "Austin",
    "phone": "2",
    "email": "desk@acme-desk.com",
}


def key(length=32):
    return base64.b64encode(secrets.token_bytes(length)).decode()


SHARED = key()


def production(**changes):
    return {
        "DEBUG": False,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": [f"2:{key()}", f"1:{SHARED}"],
        "DIGEST_KEY": key(),
        "ALLOWED_HOSTS": ["leads.acme-desk.com"],
        "SITE_URL": "https://leads.acme-desk.com",
        "CSRF_TRUSTED_ORIGINS": ["https://leads.acme-desk.com"],
        "OPERATOR": OPERATOR,
        "DEMO_OPERATOR": DEMO_OPERATOR,
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail.acme-desk.com",
        "DEFAULT_FROM_EMAIL": "Acme <desk@acme-desk.com>",
        "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql"}},
        "CELERY_BROKER_URL": "pgmq://",
        "STRIPE_SECRET_KEY": "sk_live_" + "a" * 24,
        "STRIPE_WEBHOOK_SECRETS": ["whsec_" + "b" * 32],
        "STRIPE_API_BASE": "https://api.stripe.com",
        "STRIPE_CHECKOUT_ORIGIN": "https://checkout.stripe.com",
        **changes,
    }


@pytest.mark.parametrize("broker", ["pgmq://", "amqp://rabbit/", "redis://cache/0"])
def test_a_real_production_starts(broker):
    refuse_unsafe(production(CELERY_BROKER_URL=broker))


def test_a_production_without_cards_starts():
    refuse_unsafe(production(STRIPE_SECRET_KEY="", STRIPE_WEBHOOK_SECRETS=[]))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"DEBUG": True}, "DEBUG is on"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is shorter than 50 characters"),
        ({"SECRET_KEY": secrets.token_urlsafe(20)}, "SECRET_KEY is shorter than 50 characters"),
        ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY is easy to guess"),
        (
            {"SECRET_KEY": string.digits + string.ascii_letters},
            "SECRET_KEY is easy to guess",
        ),
        ({"SECRET_KEY": "django-insecure-" + secrets.token_urlsafe(50)}, "SECRET_KEY is one that Django generated"),
        ({"FIELD_KEYS": []}, "FIELD_KEYS is missing"),
        ({"FIELD_KEYS": ["1:not base64!"]}, "FIELD_KEYS 1 is not base64"),
        ({"FIELD_KEYS": [f"1:{key(16)}"]}, "FIELD_KEYS 1 is 16 bytes long, not 32"),
        ({"FIELD_KEYS": ["1:" + base64.b64encode(b"k" * 32).decode()]}, "FIELD_KEYS 1 repeats itself"),
        ({"FIELD_KEYS": [f"1:{key()}", f"1:{key()}"]}, "FIELD_KEYS needs a different ID"),
        ({"FIELD_KEYS": [key()]}, "FIELD_KEYS"),
        ({"DIGEST_KEY": ""}, "DIGEST_KEY is 0 bytes long, not 32"),
        ({"DIGEST_KEY": key(31)}, "DIGEST_KEY is 31 bytes long, not 32"),
        ({"DIGEST_KEY": base64.b64encode(b"ab" * 16).decode()}, "DIGEST_KEY repeats itself"),
        ({"DIGEST_KEY": SHARED}, "FIELD_KEYS and DIGEST_KEY must all differ"),
        ({"FIELD_KEYS": [f"1:{SHARED}", f"2:{SHARED}"]}, "FIELD_KEYS and DIGEST_KEY must all differ"),
        ({"ALLOWED_HOSTS": []}, "ALLOWED_HOSTS is empty"),
        ({"ALLOWED_HOSTS": ["leads.acme-desk.com", "*"]}, "ALLOWED_HOSTS allows every host"),
        ({"SITE_URL": "http://leads.acme-desk.com"}, "SITE_URL must start with https://"),
        ({"SITE_URL": "leads.acme-desk.com"}, "SITE_URL must start with https://"),
        (
            {"CSRF_TRUSTED_ORIGINS": ["https://a.com", "http://b.com"]},
            "CSRF_TRUSTED_ORIGINS contains an origin without https",
        ),
        ({"OPERATOR": {**OPERATOR, "name": "Demo LLC"}}, "OPERATOR_NAME is empty or still the demo's"),
        ({"OPERATOR": {**OPERATOR, "phone": " "}}, "OPERATOR_PHONE is empty or still the demo's"),
        ({"OPERATOR": {**OPERATOR, "email": "me@acme.example"}}, "OPERATOR_EMAIL can't receive mail"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "EMAIL_URL sends no email"),
        ({"EMAIL_HOST": ""}, "EMAIL_URL has no server name"),
        ({"DEFAULT_FROM_EMAIL": "Remainder <desk@remainder.example>"}, "FROM_EMAIL can't receive replies"),
        ({"DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3"}}}, "DATABASE_URL must name a PostgreSQL"),
        ({"CELERY_BROKER_URL": "memory://"}, "BROKER_URL points to a broker that loses jobs"),
        ({"STRIPE_SECRET_KEY": "sk_test_" + "a" * 24}, "STRIPE_SECRET_KEY is not a live key"),
        ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY is not a live key"),
        ({"STRIPE_WEBHOOK_SECRETS": []}, "STRIPE_WEBHOOK_SECRETS must contain"),
        ({"STRIPE_WEBHOOK_SECRETS": ["whsec_" + "b" * 32, "old"]}, "STRIPE_WEBHOOK_SECRETS must contain"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:8001"}, "STRIPE_API_BASE is not Stripe's"),
        ({"STRIPE_CHECKOUT_ORIGIN": "http://localhost:8001"}, "STRIPE_CHECKOUT_ORIGIN must start"),
    ],
)
def test_production_refuses_to_start_with(changes, problem):
    with pytest.raises(ImproperlyConfigured) as refusal:
        refuse_unsafe(production(**changes))

    assert problem in str(refusal.value)


def test_everything_wrong_is_said_at_once():
    problems = list(unsafe(production(DEBUG=True, ALLOWED_HOSTS=[], SITE_URL="http://x.com")))

    assert problems == ["DEBUG is on", "ALLOWED_HOSTS is empty", "SITE_URL must start with https://"]


def start(tmp_path, **changes):
    """Import the settings in a process of their own, as a server does."""
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(tmp_path),
        "MODE": "production",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": f"1:{key()}",
        "DIGEST_KEY": key(),
        "SITE_URL": "https://leads.acme-desk.com",
        "ALLOWED_HOSTS": "leads.acme-desk.com",
        "DATABASE_URL": "postgres://market@localhost/market",
        "EMAIL_URL": "smtp://mail.acme-desk.com:587",
        **{f"OPERATOR_{field.upper()}": value for field, value in OPERATOR.items()},
        **changes,
    }
    present = {name: value for name, value in environment.items() if value is not None}
    code = "import marketplace.settings as s; print(s.DEBUG, s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE)"
    return subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=present, capture_output=True, text=True)


def test_a_production_process_starts_from_a_whole_environment(tmp_path):
    done = start(tmp_path)

    assert (done.returncode, done.stdout) == (0, "False True True\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"SECRET_KEY": None}, 'Environment variable "SECRET_KEY" not set'),
        ({"FIELD_KEYS": None}, 'Environment variable "FIELD_KEYS" not set'),
        ({"DIGEST_KEY": None}, 'Environment variable "DIGEST_KEY" not set'),
        ({"DATABASE_URL": None}, "production needs DATABASE_URL"),
        ({"DEBUG": "1", "OPERATOR_NAME": None}, "OPERATOR_NAME is empty or still the demo's"),
        ({"MODE": "prod"}, "Must be one of: demo, test, production"),
        ({"PORT": "eighty"}, "PORT"),
    ],
)
def test_a_production_process_ends_at_once(tmp_path, changes, problem):
    done = start(tmp_path, **changes)

    assert done.returncode == 1
    assert problem in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db
def test_a_superuser_is_no_role_for_a_market(settings):
    settings.PRODUCTION = True

    assert [error.id for error in no_superuser(databases=["default"])] == ["marketplace.E001"]

    settings.PRODUCTION = False
    assert no_superuser(databases=["default"]) == []
