"""Races for legs, with real connections: never oversold, half done or stuck."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.utils import timezone

from billing.ledger import NotEnoughMoney, balance_cents
from leads.aging.sweep import sweep
from leads.criteria.criteria import Criteria
from leads.models import Lead, Leg
from leads.people.privacy import withdraw_lead
from marketplace.audit import violations
from marketplace.models import Order, Sale
from marketplace.orders import sales
from marketplace.orders.checkout import NotAllThere, OrderAttempt, OrderRefused, place_order
from marketplace.orders.quotes import Quote, QuoteLine, quote, token_of
from marketplace.orders.request import NamedLeads, Selection
from tests.factories import credit, make_buyer, make_market, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Run all acts at once, each on its own connection; return results or exceptions in order."""
    gate = threading.Barrier(len(acts))

    def act(do: Callable[[], Any]) -> Any:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")  # connected before the gate opens
            gate.wait()
            return do()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def rich_buyer(market, cents=100_000):
    buyer = make_buyer(make_user(), market.vertical)
    credit(buyer, cents, f"for {buyer.pk}")
    return buyer


def order_of(market, buyer, order_request, *, key="k", allow_partial=False):
    token = token_of(quote(order_request, buyer=buyer, now=market.now))
    return lambda: place_order(OrderAttempt(buyer, None, token, key, allow_partial, market.now))


def test_forty_buyers_after_the_last_leg_of_one_lead():
    market = make_market()
    lead = market.lead(legs_authorized=1)
    buyers = [rich_buyer(market) for _ in range(40)]

    answers = together(*(order_of(market, buyer, NamedLeads((lead.public_id,))) for buyer in buyers))

    assert sum(isinstance(answer, Order) for answer in answers) == 1
    assert sum(isinstance(answer, NotAllThere) for answer in answers) == 39
    assert Sale.objects.count() == 1
    assert violations() == []


def test_without_the_guards_forty_buyers_do_oversell(monkeypatch):
    """The control run: with locks, claim and constraints off, the same race sells the last leg many times."""
    market = make_market()
    lead = market.lead(legs_authorized=1)
    buyers = [rich_buyer(market) for _ in range(40)]
    gap = threading.Barrier(40)

    def unlocked(lead_ids, hold):
        leads = Lead.objects.filter(pk__in=lead_ids)
        found = {one.pk: sales.LeadAvailability(1, one.legs_left, 0, 0, False) for one in leads}
        gap.wait()  # all have looked before the first one acts
        return found

    def unclaimed(lead_ids, hold):
        leg = Leg.objects.get(lead_id=lead_ids[0])
        with connection.cursor() as cursor:
            cursor.execute("UPDATE leads_leg SET status = 'sold' WHERE id = %s AND status = 'open'", [leg.pk])
        return {lead_ids[0]: (leg.pk, leg.number)}

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE marketplace_sale DROP CONSTRAINT sale_legs_never_overlap")
        cursor.execute("ALTER TABLE marketplace_sale DROP CONSTRAINT marketplace_sale_leg_id_key")
        cursor.execute("ALTER TABLE billing_earning DROP CONSTRAINT earning_is_once_per_leg_and_kind")
    monkeypatch.setattr("marketplace.orders.allocation.lock_leads", unlocked)
    monkeypatch.setattr(sales, "_claim_legs", unclaimed)
    try:
        answers = together(*(order_of(market, buyer, NamedLeads((lead.public_id,))) for buyer in buyers))

        assert sum(isinstance(answer, Order) for answer in answers) > 1
        assert "sales_never_overlap" in {violation.name for violation in violations()}
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("DELETE FROM marketplace_sale")
            cursor.execute("DELETE FROM billing_earning")
            cursor.execute(
                "ALTER TABLE billing_earning ADD CONSTRAINT earning_is_once_per_leg_and_kind UNIQUE (leg_id, kind)"
            )
            cursor.execute("SET session_replication_role = origin")
            cursor.execute("ALTER TABLE marketplace_sale ADD CONSTRAINT marketplace_sale_leg_id_key UNIQUE (leg_id)")
            cursor.execute(
                "ALTER TABLE marketplace_sale ADD CONSTRAINT sale_legs_never_overlap"
                " EXCLUDE USING gist (lead_id WITH =, span WITH &&)"
            )


def test_every_leg_of_a_hot_lead_finds_one_buyer():
    market = make_market()
    lead = market.lead(legs_authorized=5)
    buyers = [rich_buyer(market) for _ in range(20)]

    answers = together(*(order_of(market, buyer, NamedLeads((lead.public_id,))) for buyer in buyers))

    assert sum(isinstance(answer, Order) for answer in answers) == 5
    assert sorted(Sale.objects.values_list("leg__number", flat=True)) == [1, 2, 3, 4, 5]
    assert violations() == []


def test_ten_buyers_with_crossed_selections_neither_wait_for_ever_nor_get_half():
    market = make_market()
    leads = market.leads(12, legs_authorized=2)
    names = [lead.public_id for lead in leads]
    buyers = [rich_buyer(market) for _ in range(10)]
    wishes = [NamedLeads(tuple(names[turn:] + names[:turn])) for turn in range(10)]

    answers = together(
        *(order_of(market, buyer, order_request) for buyer, order_request in zip(buyers, wishes, strict=True))
    )

    placed = [answer for answer in answers if isinstance(answer, Order)]
    assert len(placed) == 2
    assert all(isinstance(answer, Order | NotAllThere) for answer in answers)
    assert sorted(order.filled for order in placed) == [12, 12]
    assert Sale.objects.count() == 24
    assert violations() == []


def test_selections_are_filled_with_the_next_best_under_contention():
    market = make_market()
    market.leads(30, legs_authorized=1)
    buyers = [rich_buyer(market) for _ in range(6)]
    order_request = Selection(Criteria.anything(market.vertical), 5)

    answers = together(*(order_of(market, buyer, order_request) for buyer in buyers))

    assert [answer.filled for answer in answers if isinstance(answer, Order)] == [5] * 6
    assert Sale.objects.count() == 30
    assert violations() == []


def test_one_key_sent_by_many_at_once_places_one_order():
    market = make_market()
    market.leads(5)
    act = order_of(market, market.buyer, Selection(Criteria.anything(market.vertical), 2))

    answers = together(*[act] * 10)

    assert {answer.pk for answer in answers} == {Order.objects.get().pk}
    assert balance_cents(market.buyer) == 100_000 - 440
    assert violations() == []


def test_two_orders_of_one_buyer_never_hold_the_same_lead():
    market = make_market()
    market.leads(4)
    order_request = Selection(Criteria.anything(market.vertical), 3)
    acts = [order_of(market, market.buyer, order_request, key=f"k{number}", allow_partial=True) for number in range(4)]

    together(*acts)

    held = list(Sale.objects.values_list("lead_id", flat=True))
    assert len(held) == len(set(held)) == 4
    assert violations() == []


def test_a_wallet_of_ten_dollars_pays_two_orders_of_four():
    market = make_market()
    leads = market.leads(15)
    buyer = rich_buyer(market, 1_000)
    wishes = [NamedLeads((lead.public_id,)) for lead in leads]  # grade B, 40 days old: 220 cents each
    acts = [order_of(market, buyer, order_request, key=f"k{number}") for number, order_request in enumerate(wishes)]

    answers = together(*acts)

    assert sum(isinstance(answer, Order) for answer in answers) == 4
    assert sum(isinstance(answer, NotEnoughMoney) for answer in answers) == 11
    assert balance_cents(buyer) == 1_000 - 4 * 220
    assert violations() == []


def test_exclusive_and_ordinary_never_share_a_lead_and_both_can_win():
    winners = {True: 0, False: 0}
    market = make_market()
    while sum(winners.values()) < 10 or min(winners.values()) == 0:
        assert sum(winners.values()) < 80, f"only one kind ever wins, so nothing raced: {winners}"
        lead = market.lead(legs_authorized=3)
        one = order_of(market, rich_buyer(market), NamedLeads((lead.public_id,), exclusive=True))
        other = order_of(market, rich_buyer(market), NamedLeads((lead.public_id,)))

        together(one, other)

        kinds = set(Sale.objects.filter(lead=lead).values_list("exclusive", flat=True))
        assert len(kinds) == 1
        winners[kinds.pop()] += 1
    assert violations() == []


def test_the_sweep_and_buyers_at_the_boundary_never_take_the_same_leg_apart():
    """Four sweeps race with buyers as legs pass their window: each leg ages once, and sold ones stay unchanged."""
    market = make_market()
    market.now = timezone.now() - timedelta(minutes=16)
    due = market.leads(25, captured_at=market.now)  # caught young: real-time legs that are due by now
    market.now = timezone.now()
    stock = market.leads(10)
    buyers = [rich_buyer(market) for _ in range(4)]
    order_request = Selection(Criteria.anything(market.vertical), 10)
    orders = [order_of(market, buyer, order_request, allow_partial=True) for buyer in buyers]

    answers = together(*[sweep] * 4, *orders)

    assert sum(answer.moved for answer in answers[:4]) == sum(lead.legs_authorized for lead in due)
    assert all(isinstance(answer, Order) for answer in answers[4:])
    assert not Leg.objects.filter(market="realtime").exists()
    assert set(Sale.objects.values_list("market", flat=True)) == {"aged"}
    assert Sale.objects.count() == 4 * len(stock)
    assert violations() == []


def test_a_stop_that_is_acknowledged_is_before_every_later_sale():
    market = make_market()
    for _ in range(8):
        lead = market.lead(legs_authorized=4)
        acts = [order_of(market, rich_buyer(market), NamedLeads((lead.public_id,))) for _ in range(3)]

        together(lambda lead=lead: withdraw_lead(lead, now=timezone.now()), *acts)

        lead.refresh_from_db()
        assert lead.withdrawn_at is not None
        assert lead.legs_left == 0
        with pytest.raises(OrderRefused):
            place_order(
                OrderAttempt(market.buyer, None, _late_token(market, lead), f"late {lead.pk}", False, market.now)
            )
    assert violations() == []


def _late_token(market, lead):
    """A quote from before the person's stop, used after it."""
    quoted = Quote(
        market.buyer.pk,
        NamedLeads((lead.public_id,)),
        (QuoteLine(1, 220, 40, 40, lead.public_id),),
        {market.vertical.pk: market.curve.pk},
        market.now,
    )
    return token_of(quoted)


def test_the_constraint_holds_when_every_manner_is_forgotten():
    market = make_market()
    lead = market.lead(legs_authorized=1)
    place_order(OrderAttempt(market.buyer, None, _late_token(market, lead), "k", False, market.now))
    sale = Sale.objects.get()
    other = rich_buyer(market)

    with pytest.raises(IntegrityError, match="sale"), transaction.atomic():
        Sale.objects.create(
            order=Order.objects.get(),
            leg=sale.leg,
            lead=lead,
            request=lead,
            buyer=other,
            market="aged",
            span=sale.span,
            price_cents=1,
            curve=market.curve,
            sold_at=market.now,
        )

    assert Sale.objects.count() == 1


def test_an_order_passes_over_what_somebody_else_is_buying_and_waits_only_when_it_must():
    market = make_market()
    older = market.leads(3, age=timedelta(days=60))
    newest = market.leads(3, age=timedelta(days=40))
    buyer = rich_buyer(market)

    with closing(connections.create_connection("default")) as other, other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute("SELECT 1 FROM leads_lead WHERE id = ANY(%s) FOR NO KEY UPDATE", [[lead.pk for lead in newest]])
        free = order_of(market, buyer, Selection(Criteria.anything(market.vertical), 3), key="free")()
        with connection.cursor() as ours:
            ours.execute("SET lock_timeout = '200ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            order_of(market, buyer, Selection(Criteria.anything(market.vertical), 3), key="rest")()
        other.rollback()
    with connection.cursor() as ours:
        ours.execute("RESET lock_timeout")
    rest = order_of(market, buyer, Selection(Criteria.anything(market.vertical), 3), key="rest")()

    assert set(free.sales.values_list("lead", flat=True)) == {lead.pk for lead in older}
    assert set(rest.sales.values_list("lead", flat=True)) == {lead.pk for lead in newest}
    assert violations() == []
