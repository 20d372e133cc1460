"""The demo market, made whole or not at all."""

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
CURVES_SINCE = timedelta(days=3 * 365)  # so that what was sold in the past had a price
REPORT_EVERY = 2_000


def make_market(report: Report, *, leads: int = LEADS) -> list[Login]:
    """Fill an empty market and answer with who can log in. In a market that is filled already nothing changes.

    Only where the file with the logins is gone, everybody gets new ones. Raises CommandError in production.
    """
    if settings.PRODUCTION:
        raise CommandError("The demo market has made-up people and money: it is not for production")
    now = timezone.now()
    if User.objects.filter(email=ADMIN_EMAIL).exists():
        return _logins_of_the_market(report, now)
    with transaction.atomic():
        return _fill(report, leads, now)


def _logins_of_the_market(report: Report, now: datetime) -> list[Login]:
    kept = kept_logins()
    if kept is not None:
        report("the demo market is there already")
        return kept
    report("the demo market is there already, its logins were not: everybody has a new password and key")
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
            report(f"leads {taken:,} of {leads:,}")
            reported = taken
    report(f"orders {make_purchases(now)}, returns {make_returns(now)}")
    make_standing_orders(now)
    make_payees()
    make_payout_run(now)
    return logins


def _look_again() -> None:
    """Let the database see how much there is by now: it planned for empty tables, and would read them whole."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE leads_lead, leads_leg, leads_contact, leads_consent, leads_consenttext")
