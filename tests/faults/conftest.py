"""Stripe's stand-in, as in the money tests."""

from tests.billing.conftest import control, stand_in, stripe_settings  # noqa: F401
