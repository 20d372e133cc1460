"""What follows the demo's purchases: returns, decisions, and the sources' payouts."""

from datetime import datetime, timedelta

from billing.models import Payee
from billing.payouts.payouts import PayoutRefused, make_run
from buyers.models import User
from leads.models import Source
from marketplace.models import Return, Sale
from marketplace.ops.demo.accounts import ADMIN_EMAIL
from marketplace.returns import decisions
from marketplace.returns.claims import Claim, Claimant, ask_all

HANDS_BACK = "sam@juniper.example"
CLAIMS = (
    ("disconnected", "Called on Monday at 10 and on Tuesday at 4: a recording says the number is out of service."),
    ("wrong-person", "A bakery answered both times. Nobody there knows the name."),
    ("never-asked", "She says she never filled out a form and knows nothing about it."),
    ("language", "Speaks only Portuguese; the lead lists no language."),
)


def make_returns(now: datetime) -> int:
    """Return some leads of the newest order: one is credited, one refused, the rest wait for review."""
    user = User.objects.select_related("membership__buyer").get(email=HANDS_BACK)
    asker = Claimant(user.membership.buyer, user.email, now - timedelta(hours=30))
    sold = Sale.objects.of_buyer(asker.buyer.pk).returnable(now).select_related("lead").order_by("-sold_at", "id")
    claims = [Claim(sale.lead.public_id, reason, words) for sale, (reason, words) in zip(sold, CLAIMS, strict=False)]
    # In a small market the order's return limit is used up sooner.
    asked = [answer.returned for answer in ask_all(claims, asker) if answer.returned and answer.is_accepted]
    _decide(asked, now - timedelta(hours=4))
    return len(asked)


def _decide(asked: list[Return], now: datetime) -> None:
    staff = User.objects.get(email=ADMIN_EMAIL)
    if len(asked) > 1:
        decisions.credit(asked[0], by=staff, finding="We called too: the number is out of service.", now=now)
        decisions.refuse(asked[1], by=staff, finding="We called, and the person named on the lead answered.", now=now)


def make_payees() -> None:
    """Give every source bank details for its payouts."""
    Payee.objects.bulk_create(
        Payee(source=source, method=Payee.Method.BANK, bank_reference=f"ACH {source.pk:05}", email="")
        for source in Source.objects.filter(payee=None)
    )


def make_payout_run(now: datetime) -> bool:
    """Create a payout run of what is due, to be approved by two people. False if nothing is due."""
    try:
        make_run(now, User.objects.get(email=ADMIN_EMAIL), now)
    except PayoutRefused:
        return False
    return True
