"""Stripe's stand-in for the tests of money: the real SDK talks to it over real HTTP."""

import pytest
from django.utils import timezone
from stripe import HTTPClient

from billing.stripe import gateway
from stripe_stand_in.server import StandIn
from tests.billing.with_stripe import SECRET
from tests.factories import make_buyer


@pytest.fixture
def stripe_settings(settings, monkeypatch):
    # The SDK would wait half a second before it asks once more whoever did not answer.
    monkeypatch.setattr(HTTPClient, "INITIAL_DELAY", 0.01)
    settings.STRIPE_SECRET_KEY = "sk_test_of_the_stand_in"
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    settings.STRIPE_TIMEOUT_SECONDS = 5
    return settings


@pytest.fixture
def stand_in(stripe_settings):
    """Stripe's stand-in, empty, with no webhook URL: a test hands the events over itself."""
    with StandIn(webhook_secret=SECRET) as stand_in:
        stripe_settings.STRIPE_API_BASE = stand_in.url
        yield stand_in
        gateway._connected.cache_clear()


@pytest.fixture
def control(stand_in):
    return stand_in.control


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def payer(db):
    """A buyer whose wallet never had money."""
    return make_buyer()
