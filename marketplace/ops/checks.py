"""Settings that a production process refuses to start with (promise P41), and a check that needs the database."""

import base64
import binascii
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

KEY_BYTES = 32
FEWEST_DIFFERENT = 16  # of 32 random bytes about 30 differ; of 50 random characters about 35
SHORTEST_SECRET = 50
UNREAL_DOMAINS = (".example", ".invalid", ".localhost", ".test", "@example.com", "@example.org")
REAL_MAIL = ("django.core.mail.backends.smtp.EmailBackend",)


def refuse_unsafe(values: Mapping[str, Any]) -> None:
    """Refuse to start, listing every problem at once. Raises ImproperlyConfigured."""
    if problems := list(unsafe(values)):
        raise ImproperlyConfigured("Production cannot start:\n" + "\n".join(f"  - {text}" for text in problems))


def unsafe(values: Mapping[str, Any]) -> Iterator[str]:
    if values["DEBUG"]:
        yield "DEBUG is on"
    yield from _secret_key(values["SECRET_KEY"])
    yield from _sealing_keys(values["FIELD_KEYS"], values["DIGEST_KEY"])
    yield from _addresses(values)
    yield from _operator(values["OPERATOR"], values["DEMO_OPERATOR"])
    yield from _mail(values)
    yield from _stripe(values)
    if values["DATABASES"]["default"]["ENGINE"] != "django.db.backends.postgresql":
        yield "DATABASE_URL must name a PostgreSQL database"
    if urlsplit(values["CELERY_BROKER_URL"]).scheme in ("", "memory", "filesystem", "sqla"):
        yield "BROKER_URL points to a broker that loses jobs"


def _secret_key(key: str) -> Iterator[str]:
    if key.startswith("django-insecure"):
        yield "SECRET_KEY is one that Django generated for development"
    if len(key) < SHORTEST_SECRET:
        yield f"SECRET_KEY is shorter than {SHORTEST_SECRET} characters"
    elif len(set(key)) < FEWEST_DIFFERENT or key in string.printable * 2:
        yield "SECRET_KEY is easy to guess: generate one from random characters"


def _sealing_keys(field_keys: Sequence[str], digest_key: str) -> Iterator[str]:
    if not field_keys:
        yield "FIELD_KEYS is missing"
    names = [entry.partition(":")[0] for entry in field_keys]
    if len(set(names)) < len(names) or not all(names):
        yield "FIELD_KEYS needs a different ID before each key, such as 1:base64,2:base64"
    keys = {f"FIELD_KEYS {name}": entry.partition(":")[2] for name, entry in zip(names, field_keys, strict=True)}
    keys["DIGEST_KEY"] = digest_key
    for name, text in keys.items():
        yield from _key(name, text)
    if len(set(keys.values())) < len(keys):
        yield "FIELD_KEYS and DIGEST_KEY must all differ"


def _key(name: str, text: str) -> Iterator[str]:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        yield f"{name} is not base64"
        return
    if len(key) != KEY_BYTES:
        yield f"{name} is {len(key)} bytes long, not {KEY_BYTES}"
    elif len(set(key)) < FEWEST_DIFFERENT:
        yield f"{name} repeats itself: generate one from random bytes"


def _addresses(values: Mapping[str, Any]) -> Iterator[str]:
    if not values["ALLOWED_HOSTS"]:
        yield "ALLOWED_HOSTS is empty"
    if any(host in ("*", ".") for host in values["ALLOWED_HOSTS"]):
        yield "ALLOWED_HOSTS allows every host"
    site = urlsplit(values["SITE_URL"])
    if site.scheme != "https" or not site.hostname:
        yield "SITE_URL must start with https://"
    if any(urlsplit(origin).scheme != "https" for origin in values["CSRF_TRUSTED_ORIGINS"]):
        yield "CSRF_TRUSTED_ORIGINS contains an origin without https"


def _operator(operator: Mapping[str, str], demo: Mapping[str, str]) -> Iterator[str]:
    for field, value in operator.items():
        if not value.strip() or value == demo[field]:
            yield f"OPERATOR_{field.upper()} is empty or still the demo's"
    if operator["email"].endswith(UNREAL_DOMAINS):
        yield "OPERATOR_EMAIL can't receive mail"


def _mail(values: Mapping[str, Any]) -> Iterator[str]:
    if values["EMAIL_BACKEND"] not in REAL_MAIL:
        yield "EMAIL_URL sends no email: set it to an SMTP server"
    elif not values.get("EMAIL_HOST"):
        yield "EMAIL_URL has no server name"
    if values["DEFAULT_FROM_EMAIL"].rstrip("> ").endswith(UNREAL_DOMAINS):
        yield "FROM_EMAIL can't receive replies"


def _stripe(values: Mapping[str, Any]) -> Iterator[str]:
    """Cards are live or off: a test key would give leads away, a live key sent to another address could be stolen."""
    key, secrets = values["STRIPE_SECRET_KEY"], values["STRIPE_WEBHOOK_SECRETS"]
    if not key and not secrets:
        return
    if not key.startswith(("sk_live_", "rk_live_")):
        yield "STRIPE_SECRET_KEY is not a live key"
    if not secrets or not all(secret.startswith("whsec_") and len(secret) >= 20 for secret in secrets):
        yield "STRIPE_WEBHOOK_SECRETS must contain the endpoint's signing secret, whsec_…"
    if values["STRIPE_API_BASE"] != "https://api.stripe.com":
        yield "STRIPE_API_BASE is not Stripe's address"
    if urlsplit(values["STRIPE_CHECKOUT_ORIGIN"]).scheme != "https":
        yield "STRIPE_CHECKOUT_ORIGIN must start with https://"


@register(Tags.database)
def no_superuser(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """In production the database role must not be a superuser, which constraints and grants would not restrain."""
    if not settings.PRODUCTION:
        return []
    return [
        Error(f"The database role of {alias!r} is a superuser.", hint="Use an ordinary role.", id="marketplace.E001")
        for alias in databases or []
        if _is_superuser(alias)
    ]


def _is_superuser(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
