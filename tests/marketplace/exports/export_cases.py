"""Bought orders to write files of, and files read back."""

import csv
import io
from dataclasses import replace

from django.utils import timezone

from leads.models import Contact, Lead
from marketplace.exports.shape import shape_of
from marketplace.exports.writing import Count, write
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from tests.factories import make_person


def buy(market, leads, *, key="k1", buyer=None):
    buyer = buyer or market.buyer
    order_request = NamedLeads(tuple(lead.public_id for lead in leads))
    token = token_of(quote(order_request, buyer=buyer, now=market.now))
    return place_order(OrderAttempt(buyer, market.user, token, key, False, market.now))


def buy_people(market, people, **changes):
    """One order of one lead for each of these people, in their order."""
    return buy(market, [market.lead(person=person, **changes) for person in people])


def person(**changes):
    return replace(make_person(), **changes)


def written(order, *args, **kwargs):
    """(the file's bytes, its count)"""
    count = Count()
    return b"".join(write(shape_of(order, *args, **kwargs), count)), count


def parsed(content):
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


def table(order, *args, **kwargs):
    """The file as a dict a row, by heading."""
    heading, *rows = parsed(written(order, *args, **kwargs)[0])
    return [dict(zip(heading, row, strict=True)) for row in rows]


def withdraw(lead):
    Lead.objects.filter(pk=lead.pk).update(withdrawn_at=timezone.now())


def erase(lead):
    Contact.objects.filter(lead=lead).update(sealed=None, erased_at=timezone.now())
