"""The shelf in the browser: what it shows to whom, and what it never shows."""

from datetime import timedelta

import pytest
from django.urls import reverse

from leads.models import Leg
from leads.models.vertical import add_schema_version
from leads.people.privacy import withdraw_lead
from marketplace.models import Order, Sale
from tests.cast import buy
from tests.factories import (
    FIELDS,
    PASSWORD,
    make_buyer,
    make_capture,
    make_person,
    make_source,
    make_text,
    make_user,
    make_vertical,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(client, market):
    client.login(email=market.user.email, password=PASSWORD)
    return client


def browse(client, market, query="", **headers):
    return client.get(f"{reverse('storefront:browse', args=[market.vertical.slug])}?{query}", headers=headers)


def text_of(response):
    return " ".join(response.content.decode().split())


def test_the_front_page_shows_stock_and_prices(client, market):
    market.leads(6)

    page = text_of(client.get("/"))

    assert "Mortgage" in page
    assert "$5.00" in page
    assert '<td class="number">6</td>' in page


def test_a_closed_vertical_says_so_and_sells_nothing(client, market):
    make_vertical("medicare", open_for_resale=False)

    page = text_of(client.get("/medicare/"))

    assert "Not resold" in page
    assert client.get("/medicare/checkout/").status_code in (302, 404)


def test_browsing_shows_counts_prices_and_provenance(client, market):
    market.leads(7, age=timedelta(days=10))

    page = text_of(browse(client, market))

    assert "<dd>7</dd>" in page
    assert "$3.50" in page
    assert "OH 454xx" in page
    assert "0 of 4" in page
    assert "Own form" in page


def test_filters_narrow_and_stand_as_chips(client, market):
    market.leads(5, state="OH")
    market.leads(6, state="CA", postal_code="90210")

    page = text_of(browse(client, market, "state=CA"))

    assert "<dd>6</dd>" in page
    assert 'aria-label="Remove filter: California"' in page
    assert "OH 454xx" not in page


def test_small_counts_are_not_told(client, market):
    market.leads(3)

    page = text_of(browse(client, market))

    assert "<dd>&lt;5</dd>" in page
    assert "<dd>3</dd>" not in page


def test_htmx_gets_the_results_and_the_counts_only(client, market):
    market.leads(6)

    answer = browse(client, market, **{"HX-Request": "true"})

    assert b"<html" not in answer.content
    assert b'id="results"' in answer.content
    assert b'id="facet-state" hx-swap-oob="true"' in answer.content
    assert "HX-Request" in answer["Vary"]


@pytest.mark.parametrize(
    "query", ["nope=1", "sort=contact", "after=zzz", "sort=newest&after=1", "age_min=x", "state=<script>"]
)
def test_a_filter_that_makes_no_sense_is_a_400_with_a_sentence(client, market, query):
    answer = browse(client, market, query)

    assert answer.status_code == 400
    assert b"Check these filters" in answer.content
    assert b"<script>" not in answer.content.replace(b"<script src=", b"")


def test_an_empty_shelf_shows_the_ways_out(client, market):
    market.leads(2)

    page = text_of(browse(client, market, "state=TX"))

    assert "No leads match" in page
    assert "Without “Texas”" in page


def test_a_vertical_without_leads_says_so(client, market):
    page = text_of(browse(client, market))

    assert "No leads for sale right now" in page


def test_a_page_whose_leads_were_sold_meanwhile_leads_back_to_the_first(client, market):
    first, last = market.lead(), market.lead(age=timedelta(days=60))

    page = text_of(browse(client, market, f"sort=newest&after={last.public_id}"))

    assert "No more leads" in page
    assert first.short_id not in page


def test_the_card_of_a_lead_you_own_hides_nothing_and_sells_nothing(member, market):
    lead = market.lead(legs_authorized=3)
    buy(market, market.buyer, market.user, lead)

    page = text_of(member.get(reverse("storefront:lead", args=[lead.public_id])))

    assert "You paid" in page
    assert "Price today" not in page
    assert "Hidden until you buy" not in page


def test_the_card_tells_where_a_lead_came_from_and_what_is_not_known(client, market):
    lead = market.lead(legs_sold_elsewhere=1)

    page = text_of(client.get(reverse("storefront:lead", args=[lead.public_id])))

    assert market.source.legal_name in page
    assert market.text.wording in page
    assert "1 sold, 3 open" in page
    assert "Sold before we received it" in page
    assert "What we do not know" in page


def test_a_masked_site_stays_masked(client, market):
    source = make_source(site="secret.example", site_masked=True)
    lead = market.lead(source=source, text=make_text(source))

    page = text_of(client.get(reverse("storefront:lead", args=[lead.public_id])))

    assert "Masked by the source" in page
    assert "secret.example" not in page


@pytest.mark.parametrize("end", ["withdrawn", "expired"])
def test_a_lead_off_the_shelf_has_no_card(client, market, end):
    lead = market.lead()
    Leg.objects.filter(lead=lead).update(status="closed", closed_reason=end)

    assert client.get(reverse("storefront:lead", args=[lead.public_id])).status_code == 404


def test_the_till_says_what_it_would_cost(member, market):
    market.leads(10)

    page = text_of(browse(member, market))

    assert "Buy 10 leads for $22.00" in page
    assert "Your wallet has $1,000.00" in page


def test_buying_in_the_browser(member, market):
    market.leads(10)

    review = member.get("/mortgage/checkout/?quantity=4&buy_sort=newest&by=order")
    assert "Buy 4 leads for $8.80" in text_of(review)
    form = {name: review.context[name] for name in ("token", "idempotency_key")}
    answer = member.post(
        "/checkout/", {"quote": form["token"], "idempotency_key": form["idempotency_key"], "partial": "true"}
    )

    order = Order.objects.get()
    assert answer.url == reverse("orders:detail", args=[order.public_id])
    assert (order.filled, order.total_cents, order.placed_by) == (4, 880, market.user)


def test_the_button_pressed_twice_buys_once(member, market):
    market.leads(10)
    review = member.get("/mortgage/checkout/?quantity=4")
    form = {"quote": review.context["token"], "idempotency_key": review.context["idempotency_key"], "partial": "true"}

    assert member.post("/checkout/", form).url == member.post("/checkout/", form).url
    assert Sale.objects.count() == 4


def test_ticked_leads_are_bought_by_name(member, market):
    leads = market.leads(3)

    review = member.get("/mortgage/checkout/", {"by": "pick", "lead": [str(lead.public_id) for lead in leads[:2]]})
    member.post("/checkout/", {"quote": review.context["token"], "idempotency_key": "k", "partial": "false"})

    assert set(Sale.objects.values_list("lead_id", flat=True)) == {leads[0].pk, leads[1].pk}


def test_a_refused_order_shows_the_page_again_with_a_new_quote(member, market):
    lead = market.lead()
    review = member.get("/mortgage/checkout/?quantity=1")
    Leg.objects.filter(lead=lead).update(status="closed", closed_reason="withdrawn")

    answer = member.post("/checkout/", {"quote": review.context["token"], "idempotency_key": "k", "partial": "true"})

    assert answer.status_code == 409
    assert "Nothing was charged" in text_of(answer)
    assert not Order.objects.exists()


@pytest.mark.parametrize("quote", ["", "nonsense", "A" * 5000])
def test_a_forged_quote_leads_back_to_the_shelf(member, market, quote):
    market.lead()

    answer = member.post("/checkout/", {"quote": quote, "idempotency_key": "k"})

    assert answer.status_code == 302
    assert not Order.objects.exists()


def test_without_approval_there_is_no_button_and_no_order(client, market):
    market.lead()
    user = make_user()
    make_buyer(user)
    client.login(email=user.email, password=PASSWORD)

    review = client.get("/mortgage/checkout/?quantity=1")
    answer = client.post("/checkout/", {"quote": review.context["token"], "idempotency_key": "k"})

    assert "not approved for these leads yet" in text_of(review)
    assert answer.status_code == 422
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "quantity=0",
        "quantity=-5",
        "quantity=9999999999",
        "quantity=x",
        "max_price=x",
        "max_price=-1",
        "buy_sort=up",
        "max_price=1e9999",
    ],
)
def test_terms_that_make_no_sense_are_said(member, market, query):
    market.leads(5)

    buy_bar = member.get(f"/mortgage/quote/?{query}")
    review = member.get(f"/mortgage/checkout/?{query}", follow=True)

    assert buy_bar.status_code == 200
    assert review.status_code == 200
    assert "Review and pay" not in text_of(review) or "quantity" not in query


def test_no_personal_datum_is_in_any_byte_before_the_sale(client, member, market):
    person = make_person(777)
    from leads.intake.capture import capture_lead

    capture_lead(make_capture(market, person=person), now=market.now)
    lead_url = reverse("storefront:lead", args=[market.vertical.leads.get().public_id])
    canaries = [
        person.first_name + " ",
        person.last_name,
        person.phone[-10:],
        person.phone[-7:],
        person.email,
        person.street,
        "192.0.2.7",
    ]

    for url in [
        "/",
        "/mortgage/",
        "/mortgage/?sort=newest",
        "/mortgage/quote/",
        "/mortgage/checkout/?quantity=1",
        lead_url,
        "/mortgage/?nope=1",
        lead_url[:-2] + "0/",
    ]:
        for visitor in (client, member):
            answer = visitor.get(url)
            said = answer.content.decode() + str(answer.headers)
            assert [canary for canary in canaries if canary in said] == [], url


def test_a_page_costs_as_many_queries_for_fifty_rows_as_for_five(client, market, django_assert_max_num_queries):
    market.leads(5)
    browse(client, market)
    with django_assert_max_num_queries(25) as few:
        browse(client, market)
    market.leads(45)
    browse(client, market)
    with django_assert_max_num_queries(25) as many:
        browse(client, market)

    assert len(many) == len(few)


def test_the_same_wish_can_be_priced_sold_to_nobody_else(member, market):
    market.leads(5)

    shared = member.get("/mortgage/checkout/?quantity=2&by=order")
    alone = member.get("/mortgage/checkout/?quantity=2&by=order&exclusive=true")

    assert 'href="?quantity=2&amp;by=order&amp;exclusive=true"' in shared.content.decode()
    assert "Buy 2 leads for $4.40" in text_of(shared)
    assert "Buy 2 leads for $13.20" in text_of(alone)


def test_a_field_that_was_made_sensitive_later_is_hidden_in_old_leads_too(client, market):
    lead = market.lead()
    card = reverse("storefront:lead", args=[lead.public_id])
    assert "Refinance" in text_of(client.get(card))

    add_schema_version(market.vertical, [{**FIELDS[0], "sensitive": True, "filterable": False}, *FIELDS[1:]])

    assert "Refinance" not in text_of(client.get(card))
    assert "Refinance" not in text_of(browse(client, market))


def test_a_withdrawn_lead_is_gone_from_the_very_next_page_and_answer(client, market):
    leads = market.leads(8)
    assert str(leads[0].public_id) in browse(client, market).content.decode()

    for gone, lead in enumerate(leads[:3], 1):
        withdraw_lead(lead, market.now)
        page = browse(client, market)
        assert str(lead.public_id) not in page.content.decode()
        assert page.context["counts"].matching == 8 - gone

    assert str(leads[7].public_id) in page.content.decode()
