"""The demo market, created completely or not at all."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.utils import timezone

from buyers.models import User
from leads.starting_verticals import load_verticals
from marketplace.ops.demo.accounts import ADMIN_EMAIL, Login, kept_logins, make_accounts, renew_logins
from marketplace.ops.demo.afterwards import make_payees, make_payout_run, make_returns
from marketplace.ops.demo.purchases import make_purchases
from marketplace.ops.demo.sources import make_sources
from marketplace.ops.demo.standing import make_standing_orders
from marketplace.ops.demo.stock import fill_stock
from marketplace.prices.starting_curves import load_curves
from marketplace.returns.starting_policies import load_returns

Report = Callable[[str], None]

LEADS = 20_000
SEED = 2026
CURVES_SINCE = timedelta(days=3 * 365)  # so that past sales had a price
REPORT_EVERY = 2_000


def make_market(report: Report, *, leads: int = LEADS) -> list[Login]:
    """Fill an empty market and return its logins. If it is already filled, nothing changes.

    Only if the file with the logins is gone does everyone get new ones. Raises CommandError in production.
    """
    if settings.PRODUCTION:
        raise CommandError("The demo market has fictional people and money. Do not run it in production.")
    now = timezone.now()
    if User.objects.filter(email=ADMIN_EMAIL).exists():
        return _logins_of_the_market(report, now)
    with transaction.atomic():
        return _fill(report, leads, now)


def _logins_of_the_market(report: Report, now: datetime) -> list[Login]:
    kept = kept_logins()
    if kept is not None:
        report("the demo market already exists")
        return kept
    report("the demo market already exists, but its logins were missing: everyone has a new password and key")
    with transaction.atomic():
        return renew_logins(now)


def _fill(report: Report, leads: int, now: datetime) -> list[Login]:
    load_verticals()
    load_curves(effective_at=now - CURVES_SINCE)
    load_returns()
    logins = make_accounts(now)
    chance = random.Random(SEED)  # noqa: S311  (the same market every time, and no secret)
    reported = 0
    for taken in fill_stock(make_sources(), leads=leads, chance=chance, now=now):
        if taken - reported >= REPORT_EVERY or taken == leads:
            _look_again()
            report(f"{taken:,} of {leads:,} leads")
            reported = taken
    report(f"{make_purchases(now)} orders, {make_returns(now)} returns")
    make_standing_orders(now)
    make_payees()
    make_payout_run(now)
    return logins


def _look_again() -> None:
    """Update the database's statistics: it planned for empty tables and would scan them in full."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE leads_lead, leads_leg, leads_contact, leads_consent, leads_consenttext")
