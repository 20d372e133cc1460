"""Nobody whom a company has already is shown or sold to it: not by criteria, not by name, and exclusions say the same
as the shelf."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.ledger import balance_cents
from buyers.models import OwnCustomer
from buyers.own_customers.lists import remove
from leads.criteria.criteria import Criteria
from leads.models import Lead
from marketplace.inventory import exclusion_cache
from marketplace.inventory.exclusions import Extent, extent_of, has_fewer_than, owned_among, owned_since
from marketplace.inventory.pages import best
from marketplace.inventory.query import Sort, StockQuery, not_owned_by
from marketplace.models import Sale
from marketplace.orders.checkout import NotAllThere, OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from marketplace.prices.pricing import frozen
from tests.factories import also_known_as, digest_of, known_as, make_buyer, make_market, make_person
from tests.marketplace.inventory.own_customers import bring
from tests.marketplace.returns.return_cases import another, buy, hand_back, lead_of

pytestmark = pytest.mark.django_db

SECOND = b"2" * 32


def first_of(lead, kind):
    """The lead's own digest of that kind, not the second phone that a test adds."""
    return next(bytes(one.digest) for one in lead.digests.filter(kind=kind) if bytes(one.digest) != SECOND)


def named(*leads):
    return NamedLeads(tuple(lead.public_id for lead in leads))


def shown(market, buyer=None):
    window = timedelta(days=market.vertical.duplicate_window_days)
    leads = Lead.objects.for_sale().in_vertical(market.vertical)
    return set(not_owned_by(leads, buyer or market.buyer, window).values_list("pk", flat=True))


def hidden(market, buyer=None):
    return set(Lead.objects.for_sale().in_vertical(market.vertical).values_list("pk", flat=True)) - shown(market, buyer)


# --- Shown and sold


@pytest.mark.parametrize("known", ["phone", "second phone", "email"])
def test_an_own_customer_is_not_shown_whatever_is_known_of_them(market, known):
    theirs, other = market.lead(), market.lead()
    also_known_as(theirs, SECOND)

    bring(market.buyer, SECOND if known == "second phone" else first_of(theirs, known))

    assert shown(market) == {other.pk}
    assert shown(market, another(market)) == {theirs.pk, other.pk}


@pytest.mark.parametrize("asked", [0, 1_000])
def test_of_leads_that_are_listed_later_own_customers_are_hidden_too(market, monkeypatch, asked):
    """Asked lead by lead, or from what the buyer has: the count does not differ."""
    monkeypatch.setattr(exclusion_cache, "MOST_LATE_ASKED", asked)
    early = market.lead()
    bring(market.buyer, digest_of(early))
    query = StockQuery(
        market.vertical, Criteria.anything(market.vertical), frozen(market.curve), market.now, market.buyer
    )
    assert best(query, Sort.NEWEST, 10) == []

    late, same = market.leads(2)
    known_as(same, phone=[digest_of(early)])

    assert best(query, Sort.NEWEST, 10) == [late.pk]


@pytest.mark.parametrize("known", ["phone", "second phone", "email"])
def test_an_own_customer_cannot_be_bought_by_name(market, known):
    theirs, other = market.lead(), market.lead()
    also_known_as(theirs, SECOND)
    bring(market.buyer, SECOND if known == "second phone" else first_of(theirs, known))

    quoted = quote(named(theirs, other), buyer=market.buyer, now=market.now)

    assert quoted.unavailable == ((theirs.public_id, "own_customer"),)
    assert [line.lead for line in quoted.lines] == [other.public_id]


def test_a_list_that_came_after_the_quote_keeps_its_people_out_of_the_order(market):
    theirs, other = market.lead(), market.lead()
    token = token_of(quote(named(theirs, other), buyer=market.buyer, now=market.now))
    bring(market.buyer, digest_of(theirs))

    with pytest.raises(NotAllThere):
        place_order(OrderAttempt(market.buyer, None, token, "all", False, market.now))
    assert (Sale.objects.count(), balance_cents(market.buyer)) == (0, 100_000)

    order = place_order(OrderAttempt(market.buyer, None, token, "a part", True, market.now))
    assert list(order.sales.values_list("lead_id", flat=True)) == [other.pk]
    assert balance_cents(market.buyer) == 100_000 - order.total_cents


def test_the_age_of_a_lead_does_not_matter_to_whose_customer_it_is(market):
    old = market.lead(age=timedelta(days=900))

    bring(market.buyer, digest_of(old))

    assert shown(market) == set()


def test_a_list_counts_while_it_is_read_and_no_longer_when_it_is_removed(market):
    lead = market.lead()
    made = bring(market.buyer, digest_of(lead), status="reading")
    assert shown(market) == set()

    remove(made, now=market.now)

    assert shown(market) == {lead.pk}
    assert quote(named(lead), buyer=market.buyer, now=market.now).unavailable == ()


def test_the_page_says_why_a_lead_is_left_out(market, client):
    lead, other = market.lead(), market.lead()
    bring(market.buyer, digest_of(lead))
    client.force_login(market.user, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(f"/mortgage/checkout/?lead={lead.public_id}&lead={other.public_id}").content.decode()

    assert f"Lead {lead.short_id}: on your list of own customers" in page


# --- Handed back


def sold_before_the_list(market, at):
    """A lead, and a list with the email address of its person, in force at that instant after the sale was made."""
    lead = market.lead()
    order = buy(market, leads=[lead])
    bring(market.buyer, digest_of(lead, "email"), at=order.placed_at + at)
    return lead


@pytest.mark.parametrize(
    ("at", "status"), [(timedelta(seconds=-1), "credited"), (timedelta(), "credited"), (timedelta(seconds=1), "asked")]
)
def test_a_duplicate_of_an_own_customer_is_found_if_the_list_was_in_force_at_the_sale(market, at, status):
    lead = sold_before_the_list(market, at)

    returned = hand_back(market, lead, "duplicate")

    assert returned.status == status
    assert balance_cents(market.buyer) == 100_000 - (0 if status == "credited" else 220)
    if status == "asked":
        assert returned.finding == "You did not have this person before, from us or on one of your lists."


def test_a_customer_known_by_another_phone_is_found_through_the_leads_between(market):
    lead = lead_of(buy(market))
    bridge = market.lead()
    known_as(bridge, phone=[digest_of(lead)], email=[b"e" * 32])
    bring(market.buyer, b"e" * 32, at=market.now - timedelta(days=1))

    assert hand_back(market, lead, "duplicate").status == "credited"


def test_another_companys_customer_is_no_duplicate(market):
    lead = lead_of(buy(market))
    bring(another(market), digest_of(lead), at=market.now - timedelta(days=1))

    assert hand_back(market, lead, "duplicate").status == "asked"


# --- Exclusions


def a_crowd(market, number, leads):
    """Leads whose people share phones and addresses at random, over a year, some of them repeats of a request."""
    drawn = random.Random(number)
    made = [market.lead(age=timedelta(days=drawn.randint(1, 120))) for _ in range(leads)]
    pool = [bytes([value]) * 32 for value in range(leads // 2)]
    for lead in made:
        phone, second, email = (drawn.choice(pool) for _ in range(3))
        phones = [phone, *drawn.choice([[], [second]])]
        known_as(lead, phone=phones, email=drawn.choice([[], [bytes([255 - email[0]]) * 32]]))
    return drawn, made


@pytest.mark.parametrize("number", range(6))
def test_exclusions_are_what_the_shelf_hides(market, number):
    """Bought, linked and brought along in random order; full, since the last look, and among any leads."""
    drawn, leads = a_crowd(market, number, 40)
    person = make_person()
    leads += [market.lead(person=person, age=timedelta(days=days)) for days in (50, 40, 30)]
    buyer, rival = another(market), another(market)
    assert leads[-1].duplicate_of_id
    known, extent = set(), Extent()

    for _ in range(16):
        who, lead = drawn.choice([buyer, buyer, rival]), drawn.choice(leads)
        if drawn.random() < 0.4:
            bring(who, digest_of(lead))
        elif not quote(named(lead), buyer=who, now=market.now).unavailable:
            buy(market, buyer=who, leads=[lead])
        newer = extent_of(buyer.pk)
        known |= set(owned_since(buyer.pk, market.vertical, extent))
        extent = newer

        expected = hidden(market, buyer)
        assert set(held_leads(buyer.pk, market.vertical)) == expected
        assert known == expected
        assert set(owned_among(buyer.pk, [lead.pk for lead in leads])) & shelf(market) == expected
    assert expected
    assert Sale.objects.filter(buyer=buyer).exists()
    assert OwnCustomer.objects.filter(buyer=buyer).exists()
    assert owned_since(buyer.pk, market.vertical, extent) == []


def test_what_a_buyer_has_is_compared_with_a_number(market):
    first, second = market.leads(2)
    buy(market, leads=[first])
    bring(market.buyer, digest_of(second))

    assert [has_fewer_than(market.buyer.pk, most) for most in (1, 2, 3)] == [False, False, True]
    assert has_fewer_than(another(market).pk, 1)


def held_leads(buyer_id, vertical):
    return owned_since(buyer_id, vertical, Extent())


def shelf(market):
    return set(Lead.objects.for_sale().in_vertical(market.vertical).values_list("pk", flat=True))


def test_what_is_sold_out_or_of_another_vertical_is_not_listed(market):
    solar = make_market("solar")
    here, there = market.lead(), solar.lead()
    sold_out = market.lead(legs_authorized=1)
    digest = digest_of(here)
    for lead in (there, sold_out):
        known_as(lead, phone=[digest])
    buy(market, buyer=another(market), leads=[sold_out])
    bring(market.buyer, digest)

    assert held_leads(market.buyer.pk, market.vertical) == [here.pk]
    assert held_leads(market.buyer.pk, solar.vertical) == [there.pk]
    assert set(owned_among(market.buyer.pk, [here.pk, there.pk, sold_out.pk])) == {here.pk, there.pk, sold_out.pk}


def test_a_purchase_in_one_vertical_hides_the_person_there_only(market):
    solar = make_market("solar")
    bought, same = market.lead(), solar.lead()
    known_as(same, phone=[digest_of(bought)])

    buy(market, leads=[bought])

    assert held_leads(market.buyer.pk, solar.vertical) == owned_among(market.buyer.pk, [same.pk]) == []
    assert held_leads(market.buyer.pk, market.vertical) == owned_among(market.buyer.pk, [bought.pk]) == [bought.pk]


def test_two_second_phones_are_one_person_to_all_who_look(market):
    bought, same = market.lead(), market.lead()
    for lead in (bought, same):
        also_known_as(lead, SECOND)

    buy(market, leads=[bought])

    assert shown(market) == set()
    assert set(held_leads(market.buyer.pk, market.vertical)) == {bought.pk, same.pk}
    assert quote(named(same), buyer=market.buyer, now=market.now).unavailable == ((same.public_id, "already_owned"),)


def test_a_removed_list_is_counted(market):
    lead = market.lead()
    made = bring(market.buyer, digest_of(lead))
    assert extent_of(market.buyer.pk).lists_ended == 0

    remove(made, now=timezone.now())

    assert extent_of(market.buyer.pk).lists_ended == 1
    assert extent_of(make_buyer().pk) == Extent()
    assert held_leads(market.buyer.pk, market.vertical) == []
