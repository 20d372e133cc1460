"""Orders: whole or nothing, never above the quote, once per key."""

import uuid
from datetime import timedelta

import pytest

from billing.ledger import NotEnoughMoney, balance_cents
from billing.models import Entry
from buyers.models import Approval
from leads.criteria.criteria import Criteria, read_criteria
from leads.intake.capture import capture_lead
from leads.models import Contact, Lead, Leg
from leads.models.contact import ContactDigest, Person
from leads.models.vertical import add_schema_version
from marketplace.inventory.query import Sort
from marketplace.models import Order, Sale
from marketplace.orders.checkout import KeyReused, NotAllThere, NotApproved, OrderAttempt, place_order
from marketplace.orders.quotes import QuoteRefused, quote, token_of
from marketplace.orders.request import NamedLeads, Selection, vertical_named
from marketplace.orders.sales import Slots
from tests.factories import FIELDS, credit, make_buyer, make_capture, make_curve, make_user

pytestmark = pytest.mark.django_db


def selection(market, quantity=2, **changes):
    return Selection(Criteria.anything(market.vertical), quantity, **changes)


def attempt(market, order_request, *, key="k1", allow_partial=False, buyer=None, later=timedelta(0)):
    buyer = buyer or market.buyer
    token = token_of(quote(order_request, buyer=buyer, now=market.now))
    return OrderAttempt(buyer, market.user, token, key, allow_partial, market.now + later)


def nothing_moved(market):
    assert not Sale.objects.exists()
    assert not Order.objects.exists()
    assert balance_cents(market.buyer) == 100_000
    assert not Leg.objects.filter(status="sold").exists()


def test_newest_leads_are_sold_and_paid_from_the_wallet(market):
    old = market.lead(age=timedelta(days=100))
    young = [market.lead(age=timedelta(days=10)), market.lead(age=timedelta(days=40))]

    order = place_order(attempt(market, selection(market)))

    assert set(Sale.objects.values_list("lead_id", "price_cents")) == {(young[0].pk, 350), (young[1].pk, 220)}
    assert (order.status, order.filled, order.total_cents) == ("filled", 2, 570)
    assert balance_cents(market.buyer) == 100_000 - 570
    assert sum(Entry.objects.values_list("cents", flat=True)) == 0
    old.refresh_from_db()
    assert (old.legs_left, old.times_sold) == (4, 0)


def test_the_limit_price_keeps_dearer_leads_out(market):
    market.lead(age=timedelta(days=10))
    cheap = market.lead(age=timedelta(days=100))

    order = place_order(attempt(market, selection(market, 1, max_price_cents=100)))

    assert list(order.sales.values_list("lead_id", "price_cents")) == [(cheap.pk, 100)]


def test_a_buyer_is_never_sold_the_same_lead_again(market):
    first = market.lead()
    place_order(attempt(market, selection(market, 1)))

    again = quote(selection(market, 1), buyer=market.buyer, now=market.now)
    named = quote(NamedLeads((first.public_id,)), buyer=market.buyer, now=market.now)

    assert again.quantity == 0
    assert named.unavailable == ((first.public_id, "already_owned"),)


def test_what_was_taken_meanwhile_is_replaced_by_the_next_best_and_said(market):
    newest = market.lead(age=timedelta(days=35), legs_authorized=1)
    second = market.lead(age=timedelta(days=50))
    third = market.lead(age=timedelta(days=60))
    mine = attempt(market, selection(market, 2))
    other = make_buyer(make_user(), market.vertical)
    credit(other, 5_000, "other")
    place_order(attempt(market, NamedLeads((newest.public_id,)), buyer=other))

    order = place_order(mine)

    assert set(order.sales.values_list("lead_id", flat=True)) == {second.pk, third.pk}
    assert (order.filled, order.replaced, order.status) == (2, 1, "filled")


def test_too_few_left_refuses_the_whole_order(market):
    lead = market.lead(legs_authorized=1)
    mine = attempt(market, selection(market, 1))
    Leg.objects.filter(lead=lead).update(status="closed", closed_reason="withdrawn")

    with pytest.raises(NotAllThere):
        place_order(mine)

    nothing_moved(market)


def test_a_part_is_sold_when_a_part_was_asked_for(market):
    leads = market.leads(3)
    order_request = NamedLeads(tuple(lead.public_id for lead in leads))
    mine = attempt(market, order_request, allow_partial=True)
    Leg.objects.filter(lead=leads[1]).update(status="closed", closed_reason="withdrawn")

    order = place_order(mine)

    assert (order.status, order.filled, order.total_cents) == ("partial", 2, 440)
    assert order.refused == [{"lead": str(leads[1].public_id), "reason": "sold_out"}]


def test_the_same_key_answers_with_the_same_order(market):
    market.leads(3)
    mine = attempt(market, selection(market, 1))

    assert place_order(mine) == place_order(mine)
    assert Sale.objects.count() == 1


def test_the_same_key_for_another_order_is_refused(market):
    market.leads(3)
    place_order(attempt(market, selection(market, 1)))

    with pytest.raises(KeyReused):
        place_order(attempt(market, selection(market, 2)))

    assert Sale.objects.count() == 1


def test_a_key_belongs_to_one_buyer(market):
    market.leads(3)
    other = make_buyer(make_user(), market.vertical)
    credit(other, 5_000, "other")

    first = place_order(attempt(market, selection(market, 1)))
    second = place_order(attempt(market, selection(market, 1), buyer=other))

    assert first.pk != second.pk


def test_an_empty_wallet_buys_nothing(market):
    market.leads(600, age=timedelta(days=10))
    mine = attempt(market, selection(market, 600))

    with pytest.raises(NotEnoughMoney) as refusal:
        place_order(mine)

    assert refusal.value.needed_cents == 600 * 333  # 350 × 0.95, rounded half up
    nothing_moved(market)


def test_only_an_approved_buyer_buys(market):
    market.lead()
    Approval.objects.update(status="refused")

    with pytest.raises(NotApproved):
        place_order(attempt(market, selection(market, 1)))

    nothing_moved(market)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-4],
        lambda t: t[:30] + ("A" if t[30] != "A" else "B") + t[31:],
        lambda t: t[:60] + "é",
        lambda t: "",
    ],
)
def test_a_token_that_was_altered_is_refused(market, spoil):
    market.lead()
    mine = attempt(market, selection(market, 1))

    with pytest.raises(QuoteRefused):
        place_order(OrderAttempt(mine.buyer, mine.user, spoil(mine.token), "k", False, mine.now))

    nothing_moved(market)


def test_a_token_has_one_spelling(market):
    """The last letter of a text in Base64 can hold bits that mean nothing: another letter, the same bytes."""
    market.lead()
    token = token_of(quote(selection(market, 1), buyer=market.buyer, now=market.now))
    while len(token) % 4 == 0:
        market.now += timedelta(microseconds=1)
        token = token_of(quote(selection(market, 1), buyer=market.buyer, now=market.now))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    respelled = token[:-1] + letters[letters.index(token[-1]) ^ 1]

    with pytest.raises(QuoteRefused):
        place_order(OrderAttempt(market.buyer, market.user, respelled, "k", False, market.now))

    nothing_moved(market)


def test_a_quote_is_of_no_use_to_another_buyer(market):
    market.lead()
    mine = attempt(market, selection(market, 1))
    other = make_buyer(make_user(), market.vertical)

    with pytest.raises(QuoteRefused):
        place_order(OrderAttempt(other, None, mine.token, "k", False, mine.now))

    nothing_moved(market)


def test_a_quote_ends_after_ten_minutes(market):
    market.lead()

    with pytest.raises(QuoteRefused):
        place_order(attempt(market, selection(market, 1), later=timedelta(minutes=10)))
    nothing_moved(market)

    assert place_order(attempt(market, selection(market, 1), later=timedelta(minutes=9, seconds=59))).filled == 1


def test_a_new_curve_does_not_change_a_quote_in_hand(market):
    market.lead(age=timedelta(days=10))
    mine = attempt(market, selection(market, 1))
    make_curve(market.vertical, effective_at=market.now - timedelta(seconds=1), tiers=[(0, 900)])

    assert place_order(mine).total_cents == 350
    assert Sale.objects.get().curve == market.curve


def test_a_lead_that_got_cheaper_is_charged_cheaper(market):
    market.lead(age=timedelta(days=7, hours=23, minutes=55))
    mine = attempt(market, selection(market, 1), later=timedelta(minutes=6))

    order = place_order(mine)

    assert (order.quoted_cents, order.total_cents) == (500, 350)


def test_a_better_grade_meanwhile_does_not_raise_the_price(market):
    lead = market.lead(age=timedelta(days=10))
    named = attempt(market, NamedLeads((lead.public_id,)))
    market.source.grade = "A"
    market.source.save(update_fields=["grade"])

    assert place_order(named).total_cents == 350


def test_the_oldest_first_order_never_takes_dearer_leads_than_quoted(market):
    old = market.lead(age=timedelta(days=100), legs_authorized=1)
    market.lead(age=timedelta(days=10))
    mine = attempt(market, selection(market, 1, sort=Sort.OLDEST))
    Leg.objects.filter(lead=old).update(status="closed", closed_reason="withdrawn")

    with pytest.raises(NotAllThere):
        place_order(mine)

    nothing_moved(market)


def test_an_exclusive_sale_closes_the_other_legs(market):
    lead = market.lead()

    order = place_order(attempt(market, selection(market, 1, exclusive=True)))

    assert order.total_cents == 3 * 220
    assert list(lead.legs.values_list("status", "closed_reason")) == [("sold", "")] + [("closed", "exclusive")] * 3
    assert Sale.objects.get().span.upper == 5
    assert Lead.objects.get().legs_left == 0


def test_a_lead_with_a_sale_is_never_sold_exclusively(market):
    lead = market.lead(legs_sold_elsewhere=1)

    quoted = quote(NamedLeads((lead.public_id,), exclusive=True), buyer=market.buyer, now=market.now)

    assert quoted.unavailable == ((lead.public_id, "not_exclusive"),)
    assert quote(selection(market, 1, exclusive=True), buyer=market.buyer, now=market.now).quantity == 0


def test_one_person_is_sold_once_also_when_he_asked_twice(market):
    first = market.lead()
    person = Contact.objects.get(lead=first).open(str(first.public_id))
    again = capture_lead(make_capture(market, person=person, age=timedelta(days=39)), now=market.now)
    assert Lead.objects.get(pk=again.lead_id).duplicate_of_id == first.pk

    order = place_order(attempt(market, selection(market, 2), allow_partial=True))

    assert order.filled == 1
    assert quote(selection(market, 2), buyer=market.buyer, now=market.now).quantity == 0


def test_stock_that_comes_after_the_quote_takes_nobodys_place(market):
    market.lead(age=timedelta(days=2))
    market.leads(9, age=timedelta(days=10))
    mine = attempt(market, selection(market, 10))
    market.now += timedelta(minutes=1)
    market.leads(40, age=timedelta(days=1))

    order = place_order(OrderAttempt(mine.buyer, mine.user, mine.token, mine.key, False, market.now))

    assert (order.filled, order.total_cents, order.quoted_cents) == (10, 500 + 9 * 350, 500 + 9 * 350)


def test_each_lead_costs_at_most_a_line_of_the_quote():
    slots = Slots({500: 1, 350: 2})

    assert [slots.take(price) for price in (350, 500, 500, 300, 100)] == [True, True, False, True, False]


def test_the_volume_discount_is_for_leads_that_there_are(market):
    lead = market.lead()
    strangers = tuple(uuid.uuid4() for _ in range(499))

    named = quote(NamedLeads((lead.public_id, *strangers)), buyer=market.buyer, now=market.now)
    few = quote(selection(market, 600), buyer=market.buyer, now=market.now)

    assert (named.quantity, named.total_cents) == (1, 220)
    assert (few.quantity, few.total_cents) == (1, 220)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1)])
def test_one_person_is_sold_once_also_when_a_later_request_shows_it(market, order):
    """A phone and an address look like two people until a third request has both."""
    phone_only = Person(phone="+19372000001", email="")
    mail_only = Person(email="pat@example.com")
    both = Person(phone="+19372000001", email="pat@example.com")
    people = [phone_only, mail_only, both]
    for number in order:
        capture_lead(make_capture(market, person=people[number], age=timedelta(days=40 + number)), now=market.now)

    placed = place_order(attempt(market, selection(market, 3), allow_partial=True))
    again = quote(selection(market, 3), buyer=market.buyer, now=market.now)
    known = list(ContactDigest.objects.filter(lead__sales__order=placed).values_list("digest", flat=True))

    assert len(known) == len(set(map(bytes, known))) > 0
    assert again.quantity == 0


def test_the_same_person_much_later_is_a_request_of_its_own(market):
    person = Person(phone="+19372000001")
    for days in (100, 40):
        capture_lead(make_capture(market, person=person, age=timedelta(days=days)), now=market.now)

    assert place_order(attempt(market, selection(market, 2))).filled == 2


def test_a_vertical_that_closes_meanwhile_refuses_the_order(market):
    lead = market.lead()
    tokens = [
        token_of(quote(order_request, buyer=market.buyer, now=market.now))
        for order_request in (selection(market, 1), NamedLeads((lead.public_id,)))
    ]
    market.vertical.open_for_resale = False
    market.vertical.save(update_fields=["open_for_resale"])

    for token in tokens:
        with pytest.raises(QuoteRefused):
            place_order(OrderAttempt(market.buyer, market.user, token, "k", False, market.now))

    nothing_moved(market)


def test_a_filter_that_is_gone_meanwhile_refuses_the_quote(market):
    market.lead()
    criteria = read_criteria(
        {"vertical": "mortgage", "all": [{"field": "purpose", "in": ["refinance"]}]}, vertical_named
    )
    token = token_of(quote(Selection(criteria, 1), buyer=market.buyer, now=market.now))
    add_schema_version(market.vertical, [field for field in FIELDS if field["name"] != "purpose"])

    with pytest.raises(QuoteRefused):
        place_order(OrderAttempt(market.buyer, market.user, token, "k", False, market.now))

    nothing_moved(market)


def test_an_exclusive_order_says_what_was_replaced(market):
    first = market.lead(age=timedelta(days=35))
    market.lead(age=timedelta(days=40))
    mine = attempt(market, selection(market, 1, exclusive=True))
    other = make_buyer(make_user(), market.vertical)
    credit(other, 5_000, "other")
    place_order(attempt(market, NamedLeads((first.public_id,)), buyer=other))

    order = place_order(mine)

    assert (order.filled, order.replaced) == (1, 1)
