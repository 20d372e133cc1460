"""Claims: refused without a trace, or accepted once with the source's earning held."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.ledger import balance_cents
from billing.payouts.earnings import WHILE_WAITING
from marketplace.models import Return, ReturnPolicy, ReturnReason, Sale
from marketplace.returns.claims import MOST_CLAIMS, Claim, ClaimResult, ReturnRefused, ask, ask_all, preview
from marketplace.returns.decisions import credit, refuse, take_back
from marketplace.returns.starting_policies import load_returns, read_returns
from tests.factories import make_buyer, make_market, make_source, make_text, make_user, make_vertical
from tests.marketplace.returns.return_cases import (
    CENTS,
    asker,
    buy,
    claim,
    earning_of,
    generous,
    hand_back,
    hand_back_all,
    lead_of,
    reason_of,
    standing,
)

pytestmark = pytest.mark.django_db


def refused(market, asked, **options):
    """Return the code of the refusal, after which everything is as it was."""
    before = standing(market)
    with pytest.raises(ReturnRefused) as refusal:
        ask(asked, asker(market, **options))
    assert standing(market) == before
    return refusal.value.code


def test_a_claim_for_people_waits_with_its_earning_held_and_no_money_moved(market):
    lead = lead_of(buy(market))
    earning = earning_of(lead)
    assert earning.held_until == market.now + timedelta(days=7)

    returned = hand_back(market, lead)

    assert (returned.status, returned.cents, returned.automatic, returned.finding) == ("asked", CENTS, False, "")
    assert returned.answer_by == market.now + timedelta(days=3)
    assert (returned.buyer, returned.source) == (market.buyer, market.source)
    assert earning_of(lead).held_until == WHILE_WAITING
    assert balance_cents(market.buyer) == 100_000 - CENTS
    (step,) = returned.steps.all()
    assert (step.kind, step.actor, step.words) == ("asked", str(market.user), "Out of service since March.")


def test_what_was_said_cannot_be_read_in_the_table(market):
    returned = hand_back(market, lead_of(buy(market)), words="Pat Example says no such request was made")

    with connection.cursor() as cursor:
        cursor.execute("SELECT step::text FROM marketplace_returnstep AS step")
        (written,) = (row[0] for row in cursor.fetchall())
    sealed = bytes(returned.steps.get().sealed_words)
    assert b"Example" not in sealed
    assert "Example" not in written
    assert b"Pat Example".hex() not in written


def test_what_was_said_about_one_return_does_not_open_on_another(market):
    order = buy(market, 2)
    generous(market)
    one, other = (hand_back(market, lead_of(order, place)).steps.get() for place in (0, 1))

    other.sealed_words = one.sealed_words

    with pytest.raises(Exception, match="does not belong to this row"):
        other.words  # noqa: B018


def test_it_is_refused_a_microsecond_after_the_last_instant_and_taken_at_it(market):
    lead = lead_of(buy(market))
    week = timedelta(days=7)

    assert refused(market, claim(lead), later=week + timedelta(microseconds=1)) == "too_late"
    assert hand_back(market, lead, later=week).status == "asked"


def test_what_another_company_bought_is_not_yours(market):
    other = make_buyer(make_user(), market.vertical)
    lead = lead_of(buy(market))

    assert refused(market, claim(lead), buyer=other) == "unknown"


def test_what_nobody_bought_is_answered_like_anothers(market):
    assert refused(market, claim(market.lead())) == "unknown"


@pytest.mark.parametrize("status", ["asked", "refused", "taken_back", "credited"])
def test_a_lead_is_handed_back_once_whatever_came_of_it(market, status):
    lead = lead_of(buy(market))
    returned, staff = hand_back(market, lead), make_user()
    if status == "refused":
        refuse(returned, by=staff, finding="It rings.", now=market.now)
    elif status == "taken_back":
        take_back(returned, actor="me", now=market.now)
    elif status == "credited":
        credit(returned, by=staff, finding="It is dead.", now=market.now)

    assert Return.objects.get().status == status
    assert refused(market, claim(lead, "made-up")) == "returned_before"


def test_the_answer_to_one_handed_back_before_names_that_return(market):
    lead = lead_of(buy(market))
    returned = hand_back(market, lead)

    (answer,) = hand_back_all(market, [claim(lead)])

    assert (answer.is_accepted, answer.refusal.code, answer.returned) == (False, "returned_before", returned)


def test_a_reason_of_another_vertical_or_put_aside_is_unknown(market):
    lead = lead_of(buy(market))
    ReturnReason.objects.filter(vertical=market.vertical, code="language").update(is_active=False)

    assert refused(market, claim(lead, "not-owner")) == "unknown_reason"
    assert refused(market, claim(lead, "language")) == "unknown_reason"
    assert refused(market, claim(lead, "")) == "unknown_reason"


def test_a_reason_that_people_decide_wants_words(market):
    lead = lead_of(buy(market))

    assert refused(market, claim(lead, words="  \n ")) == "words_missing"
    assert refused(market, claim(lead, words="x" * 2_001)) == "too_long"
    assert hand_back(market, lead, words="x" * 2_000).status == "asked"


@pytest.mark.parametrize(("bought", "percent", "most"), [(1, 20, 1), (4, 0, 1), (4, 25, 1), (9, 20, 1), (10, 20, 2)])
def test_so_many_of_an_order_and_at_least_one_can_be_handed_back_for_people_to_decide(market, bought, percent, most):
    generous(market, percent)
    order = buy(market, bought)
    for place in range(most):
        hand_back(market, lead_of(order, place))

    if most < bought:
        assert refused(market, claim(lead_of(order, most))) == "limit_reached"
    assert Return.objects.count() == most


def test_the_limit_is_of_each_order_alone_and_counts_within_one_list(market):
    generous(market, 20)
    order, other = buy(market, 5), buy(market, 5)

    answers = hand_back_all(market, [claim(lead_of(one, place)) for place in (0, 1) for one in (order, other)])

    assert [answer.refusal and answer.refusal.code for answer in answers] == [None, None, *["limit_reached"] * 2]


def test_a_refused_claim_and_one_taken_back_free_their_place_and_a_credited_one_does_not(market):
    order = buy(market, 4)
    staff = make_user()
    refuse(hand_back(market, lead_of(order, 0)), by=staff, finding="It rings.", now=market.now)
    take_back(hand_back(market, lead_of(order, 1)), actor="me", now=market.now)
    credit(hand_back(market, lead_of(order, 2)), by=staff, finding="It is dead.", now=market.now)

    assert refused(market, claim(lead_of(order, 3))) == "limit_reached"


def test_a_closed_company_still_gets_its_money_back(market):
    lead = lead_of(buy(market))
    type(market.buyer).objects.filter(pk=market.buyer.pk).update(closed_at=market.now)

    assert hand_back(market, lead).status == "asked"


def test_a_vertical_without_a_window_sells_for_good(market):
    ReturnPolicy.objects.filter(vertical=market.vertical).update(window_days=0)
    lead = lead_of(buy(market))

    assert Sale.objects.get(lead=lead).returnable_until is None
    assert refused(market, claim(lead)) == "not_returnable"


def test_a_list_is_answered_one_by_one_and_a_lead_named_twice_is_taken_once(market):
    generous(market)
    order = buy(market, 3)
    leads = [lead_of(order, place) for place in range(3)]
    asked = [claim(leads[0]), claim(leads[0], "made-up"), claim(leads[1], words=""), claim(leads[2])]

    answers = hand_back_all(market, asked)

    assert [answer.refusal and answer.refusal.code for answer in answers] == [None, "twice", "words_missing", None]
    assert [answer.claim.lead for answer in answers] == [one.lead for one in asked]
    assert list(Return.objects.order_by("id").values_list("sale__lead", flat=True)) == [leads[0].pk, leads[2].pk]


def test_a_preview_answers_the_same_and_does_nothing(market):
    order = buy(market, 2)
    asked = [claim(lead_of(order, 0)), claim(lead_of(order, 1)), Claim(market.lead().public_id, "made-up", "x")]
    before = standing(market)

    shown = preview(asked, asker(market))

    assert standing(market) == before
    done = hand_back_all(market, asked)
    assert [codes(one) for one in shown] == [codes(one) for one in done] == [None, "limit_reached", "unknown"]


def codes(answer: ClaimResult):
    return answer.refusal and answer.refusal.code


def test_a_long_list_costs_no_query_a_lead(market):
    generous(market)
    order = buy(market, 12)
    leads = [lead_of(order, place) for place in range(12)]
    with CaptureQueriesContext(
        connection,
    ) as few:
        hand_back_all(market, [claim(lead) for lead in leads[:2]])
    with CaptureQueriesContext(connection) as many:
        hand_back_all(market, [claim(lead) for lead in leads[2:]])

    assert len(many) == len(few)
    with pytest.raises(ValueError, match="at most"):
        ask_all([claim(leads[0])] * (MOST_CLAIMS + 1), asker(market))


# --- Windows


@pytest.mark.parametrize("vertical_days", [1, 2, 9, 10, 11, 30])
@pytest.mark.parametrize("source_days", [1, 2, 10, 11])
def test_a_buyers_window_ends_a_day_before_the_sources_at_the_latest(market, vertical_days, source_days):
    ReturnPolicy.objects.filter(vertical=market.vertical).update(window_days=vertical_days)
    market.source = make_source(return_window_days=source_days)
    market.text = make_text(market.source)

    (sale,) = buy(market).sales.all()

    days = min(vertical_days, source_days - 1)
    assert sale.returnable_until == (sale.sold_at + timedelta(days=days) if days else None)
    assert days < source_days


# --- What a new market starts with


def test_every_vertical_gets_terms_and_reasons_once(db):
    vertical = make_vertical("solar")
    ReturnReason.objects.filter(vertical=vertical, code="made-up").update(label="Mine")

    assert load_returns() == []
    assert vertical.return_policy.window_days == 9
    assert ReturnReason.objects.get(vertical=vertical, code="made-up").label == "Mine"
    assert vertical.return_reasons.filter(code="not-owner").count() == 1
    assert vertical.return_reasons.filter(code="over-age").count() == 0


def test_medicare_is_sold_for_good_and_cheap_verticals_have_shorter_windows(db):
    policies = {slug: make_vertical(slug).return_policy for slug in ("medicare", "home-insurance", "life-insurance")}

    assert policies["medicare"].window_days == 0
    assert policies["home-insurance"].window_days < policies["life-insurance"].window_days
    assert policies["life-insurance"].in_words == "leads can be returned for 9 days, up to 20% of an order"
    assert policies["medicare"].in_words == "leads cannot be returned"


def test_every_reason_fits_its_columns_and_says_what_counts():
    for entry in read_returns()["reasons"]:
        ReturnReason(**{key: value for key, value in entry.items() if key != "verticals"}).clean_fields(
            exclude=["vertical"]
        )
        assert len(entry["explanation"]) > 80


def test_changes_by_the_desk_are_kept_in_history(market):
    reason = reason_of(market, "language")
    reason.label = "No English"
    reason.save()

    assert list(reason.events.order_by("pgh_id").values_list("label", flat=True)) == [
        "No shared language",
        "No English",
    ]


def test_the_other_market_has_its_own_reasons(market):
    other = make_market("solar")

    assert set(other.vertical.return_reasons.values_list("code", flat=True)) - set(
        market.vertical.return_reasons.values_list("code", flat=True)
    ) == {"not-owner"}
