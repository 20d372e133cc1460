"""Orders whose leads are returned, and claims about them."""

import uuid
from datetime import timedelta

from django.db import connection

from billing.ledger import balance_cents
from billing.models import Earning
from leads.criteria.criteria import read_criteria
from marketplace.models import Return, ReturnPolicy, ReturnReason, ReturnStep
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads, Selection, vertical_named
from marketplace.returns.claims import Claim, Claimant, ask, ask_all
from tests.factories import credit, make_buyer, make_user

CENTS = 220  # grade B, forty days old


def buy(market, quantity=1, *, buyer=None, user=None, leads=None, **changes):
    """An order of selected leads."""
    leads = leads or market.leads(quantity, **changes)
    order_request = NamedLeads(tuple(lead.public_id for lead in leads))
    return placed(market, order_request, buyer or market.buyer, user or market.user)


def buy_by(market, quantity, *clauses):
    """An order of leads by filters."""
    criteria = read_criteria({"vertical": market.vertical.slug, "all": list(clauses)}, vertical_named)
    return placed(market, Selection(criteria, quantity), market.buyer, market.user)


def placed(market, order_request, buyer, user):
    token = token_of(quote(order_request, buyer=buyer, now=market.now))
    return place_order(OrderAttempt(buyer, user, token, uuid.uuid4().hex, False, market.now))


def another(market):
    """Another company with $100."""
    buyer = make_buyer(make_user(), market.vertical)
    credit(buyer, 10_000, f"another {buyer.pk}")
    return buyer


def lead_of(order, place=0):
    return order.sales.order_by("id")[place].lead


def claim(lead, reason="disconnected", words="A recording says that it is out of service."):
    return Claim(lead.public_id, reason, words)


def asker(market, *, buyer=None, later=timedelta()):
    return Claimant(buyer or market.buyer, str(market.user), market.now + later)


def hand_back(market, lead, reason="disconnected", words="Out of service since March.", *, later=timedelta()):
    return ask(claim(lead, reason, words), asker(market, later=later))


def hand_back_all(market, claims, **options):
    return ask_all(claims, asker(market, **options))


def generous(market, percent=100):
    ReturnPolicy.objects.filter(vertical=market.vertical).update(most_percent=percent)


def reason_of(market, code):
    return ReturnReason.objects.get(vertical=market.vertical, code=code)


def earning_of(lead):
    return Earning.objects.get(leg__sale__lead=lead, kind="earned")


def standing(market):
    """Return everything that a return may change."""
    return (
        balance_cents(market.buyer),
        list(Return.objects.order_by("id").values_list("sale", "status")),
        ReturnStep.objects.count(),
        list(Earning.objects.order_by("id").values_list("leg", "kind", "held_until")),
    )


def clerk(**changes):
    return make_user(is_staff=True, **changes)


def suppress_at(digest, instant, kind="phone"):
    """Create a suppression recorded at that time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leads_suppression (kind, digest, reason, created_at) VALUES (%s, %s, 'dnc', %s)",
            [kind, digest, instant],
        )
