"""The audit finds each broken promise and no other: for each check the database is damaged on purpose."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from billing.ledger import Posting, house_account, post, wallet_of
from billing.models import Account, Earning, Payment, Payout, PayoutRun, Refund, Transaction
from leads.models import ImportRun, Lead, Suppression
from leads.people.privacy import erase_contact, withdraw_lead
from marketplace.audit import CHECKS, _snapshot, violations
from marketplace.models import Order, Return, ReturnReason, Sale
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from tests.factories import also_known_as, digest_of, make_buyer, make_market, make_text
from tests.marketplace.standing_orders.standing_cases import looked, wants
from tests.refusal import settle

pytestmark = pytest.mark.django_db

DAMAGES = {}


@pytest.fixture
def market(market):
    """Four leads; the first sold to the market's buyer, the last sold to it exclusively; an import; a second wallet."""
    market.stock = market.leads(4)
    buy(market, market.stock[0], "one")
    buy(market, market.stock[3], "two", exclusive=True)
    make_buyer_with_wallet()
    make_run(market)
    settle()
    return market


def buy(market, lead, key, exclusive=False):
    order_request = NamedLeads((lead.public_id,), exclusive=exclusive)
    token = token_of(quote(order_request, buyer=market.buyer, now=market.now))
    return place_order(OrderAttempt(market.buyer, market.user, token, key, False, market.now))


def make_buyer_with_wallet():
    return wallet_of(make_buyer())


def make_run(market):
    return ImportRun.objects.create(
        source=market.source,
        vertical=market.vertical,
        file_name="a.csv",
        file_sha256="0" * 64,
        file_bytes=1,
        status="done",
    )


def damage(name):
    """Register a function that breaks the promise ``name`` and returns the ids the audit must report."""

    def register(function):
        DAMAGES.setdefault(name, []).append(function)
        return function

    return register


def sql(statement, *values):
    """Run a statement past every trigger and foreign key."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


def drop(table, *constraints):
    settle()
    for constraint in constraints:
        sql(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")


def first_sale(market):
    return Sale.objects.get(lead=market.stock[0])


def free_leg(market, number=1):
    return market.stock[1].legs.get(number=number)


@damage("sales_never_overlap")
def a_leg_within_an_exclusive_sale_is_sold(market):
    """Sell leg 2 of the exclusive lead to someone else as well, with a matching order and charge."""
    exclusive = Sale.objects.get(exclusive=True)
    drop("marketplace_sale", "sale_legs_never_overlap")
    sale = first_sale(market)
    leg = exclusive.lead.legs.get(number=2)
    sql("UPDATE leads_leg SET status = 'closed', closed_reason = 'exclusive' WHERE id = %s", sale.leg_id)
    sql("UPDATE leads_lead SET times_sold = 0 WHERE id = %s", sale.lead_id)
    sql("UPDATE leads_leg SET status = 'sold', closed_reason = '' WHERE id = %s", leg.pk)
    sql("UPDATE leads_lead SET times_sold = 2 WHERE id = %s", exclusive.lead_id)
    other = make_buyer_with_wallet().buyer
    sql("UPDATE marketplace_order SET buyer_id = %s WHERE id = %s", other.pk, sale.order_id)
    sql(
        "UPDATE billing_entry SET account_id = %s WHERE account_id = %s AND transaction_id = (SELECT id FROM"
        " billing_transaction WHERE reference = %s)",
        other.wallet.pk,
        market.buyer.wallet.pk,
        str(sale.order.public_id),
    )
    sql("UPDATE billing_account SET balance_cents = balance_cents + 220 WHERE id = %s", market.buyer.wallet.pk)
    sql("UPDATE billing_account SET balance_cents = -220, overdrawn_by_clawback = true WHERE id = %s", other.wallet.pk)
    sql(
        "UPDATE marketplace_sale SET lead_id = %s, request_id = %s, leg_id = %s, span = '[2,3)', buyer_id = %s"
        " WHERE id = %s",
        exclusive.lead_id,
        exclusive.lead_id,
        leg.pk,
        other.pk,
        sale.pk,
    )
    sql("UPDATE billing_earning SET leg_id = %s WHERE leg_id = %s", leg.pk, sale.leg_id)
    return [exclusive.lead_id]


@damage("sales_stay_within_the_legs")
def a_span_beyond_the_last_leg(market):
    sql("UPDATE marketplace_sale SET span = '[1,6)' WHERE id = %s", first_sale(market).pk)
    return [first_sale(market).pk]


@damage("people_are_sold_once_to_a_buyer")
def the_same_person_twice(market):
    second = market.stock[3]
    drop("marketplace_sale", "sale_is_once_per_person_and_buyer")
    sql("UPDATE leads_lead SET duplicate_of_id = %s WHERE id = %s", market.stock[0].pk, second.pk)
    sql("UPDATE marketplace_sale SET request_id = %s WHERE lead_id = %s", market.stock[0].pk, second.pk)
    return [market.stock[0].pk]


@damage("sales_agree_with_their_lead")
def another_buyer_than_the_orders(market):
    sql("UPDATE marketplace_sale SET buyer_id = %s WHERE id = %s", make_buyer().pk, first_sale(market).pk)
    return [first_sale(market).pk]


@damage("sales_agree_with_their_lead")
def the_request_of_somebody_else(market):
    sql("UPDATE marketplace_sale SET request_id = %s WHERE id = %s", market.stock[1].pk, first_sale(market).pk)
    return [first_sale(market).pk]


@damage("sold_legs_have_a_sale")
def a_leg_sold_to_nobody(market):
    leg = free_leg(market)
    sql("UPDATE leads_leg SET status = 'sold' WHERE id = %s", leg.pk)
    sql("UPDATE leads_lead SET times_sold = 1, legs_left = 3 WHERE id = %s", leg.lead_id)
    return [leg.pk]


@damage("sales_have_a_sold_leg")
def a_sold_leg_opened_again(market):
    sale = first_sale(market)
    sql("UPDATE leads_leg SET status = 'open' WHERE id = %s", sale.leg_id)
    sql("UPDATE leads_lead SET times_sold = 0, legs_left = 4 WHERE id = %s", sale.lead_id)
    return [sale.pk]


@damage("legs_are_all_there")
def a_leg_lost(market):
    leg = free_leg(market, 4)
    sql("DELETE FROM leads_leg WHERE id = %s", leg.pk)
    sql("UPDATE leads_lead SET legs_left = 3 WHERE id = %s", leg.lead_id)
    return [leg.lead_id]


@damage("leads_count_their_legs")
def a_wrong_count(market):
    sql("UPDATE leads_lead SET legs_left = 3 WHERE id = %s", market.stock[1].pk)
    return [market.stock[1].pk]


@damage("leads_count_their_legs")
def a_wrong_label(market):
    sql("UPDATE leads_lead SET times_sold = 0 WHERE id = %s", market.stock[0].pk)
    return [market.stock[0].pk]


@damage("aged_legs_have_their_instant")
def an_aged_leg_without_instant(market):
    drop("leads_leg", "leg_aged_has_its_instant")
    sql("UPDATE leads_leg SET aged_at = NULL WHERE id = %s", free_leg(market).pk)
    return [free_leg(market).pk]


@damage("verticals_closed_for_resale_have_no_shelf")
def a_shelf_in_medicare(market):
    medicare = make_market("medicare")
    lead = medicare.lead(legs_authorized=1)
    sql("UPDATE leads_vertical SET open_for_resale = false WHERE id = %s", medicare.vertical.pk)
    return [lead.legs.get().pk]


@damage("stopped_leads_are_not_for_sale")
def a_stop_that_closed_nothing(market):
    sql("UPDATE leads_lead SET withdrawn_at = now() WHERE id = %s", market.stock[1].pk)
    return [market.stock[1].pk]


@damage("nothing_is_sold_after_its_stop")
def a_sale_after_the_stop(market):
    withdraw_lead(market.stock[0], market.now)
    later = market.now + timedelta(seconds=1)
    sql("UPDATE marketplace_sale SET sold_at = %s WHERE id = %s", later, first_sale(market).pk)
    return [first_sale(market).pk]


@damage("suppressed_people_are_not_for_sale")
def a_suppression_that_stopped_nobody(market):
    Suppression.objects.create(kind="email", digest=digest_of(market.stock[1], "email"), reason="own_stop")
    return [market.stock[1].pk]


@damage("suppressed_people_are_not_for_sale")
def a_suppressed_second_phone(market):
    digest = b"2" * 32
    also_known_as(market.stock[1], digest)
    Suppression.objects.create(kind="phone", digest=digest, reason="own_stop")
    return [market.stock[1].pk]


@damage("what_is_for_sale_has_consent")
def a_consent_lost(market):
    sql("DELETE FROM leads_consent WHERE lead_id = %s", market.stock[1].pk)
    return [market.stock[1].pk]


@damage("what_is_for_sale_has_consent")
def a_compiled_record_for_sale(market):
    sql("UPDATE leads_lead SET kind = 'compiled' WHERE id = %s", market.stock[1].pk)
    return [market.stock[1].pk]


@damage("consent_allows_every_leg")
def words_for_fewer_companies(market):
    text = make_text(market.source, most_companies=3, version="v4")
    sql("UPDATE leads_consent SET text_id = %s WHERE lead_id = %s", text.pk, market.stock[1].pk)
    return [market.stock[1].pk]


@damage("what_is_for_sale_can_be_reached")
def nobody_left_to_call(market):
    sql("DELETE FROM leads_contactdigest WHERE lead_id = %s", market.stock[1].pk)
    sql("UPDATE leads_contact SET sealed = NULL, erased_at = now() WHERE lead_id = %s", market.stock[1].pk)
    return [market.stock[1].pk]


@damage("what_is_for_sale_can_be_reached")
def a_contact_lost(market):
    sql("DELETE FROM leads_contact WHERE lead_id = %s", market.stock[1].pk)
    return [market.stock[1].pk]


@damage("erased_contacts_hold_nothing")
def an_erased_person_still_there(market):
    erase_contact(market.stock[1], market.now)
    settle()
    drop("leads_contact", "contact_is_whole_or_erased")
    sql("UPDATE leads_contact SET sealed = 'still there' WHERE lead_id = %s", market.stock[1].pk)
    return [market.stock[1].pk]


@damage("erased_contacts_hold_nothing")
def an_erased_persons_second_phone_still_there(market):
    erase_contact(market.stock[1], market.now)
    sql(
        "INSERT INTO leads_contactdigest (lead_id, kind, digest) VALUES (%s, 'phone', %s)",
        market.stock[1].pk,
        b"2" * 32,
    )
    return [market.stock[1].pk]


@damage("imports_account_for_every_row")
def a_row_in_no_count(market):
    drop("leads_importrun", "import_accounts_for_every_row")
    sql("UPDATE leads_importrun SET rows_read = 1, rows_total = 1")
    return [ImportRun.objects.get().pk]


@damage("imports_account_for_every_row")
def a_row_taken_that_made_no_lead(market):
    sql("UPDATE leads_importrun SET rows_read = 1, rows_total = 1, taken = 1")
    return [ImportRun.objects.get().pk]


@damage("imports_account_for_every_row")
def a_row_refused_without_a_reason(market):
    sql("UPDATE leads_importrun SET rows_read = 1, rows_total = 1, refused = 1")
    return [ImportRun.objects.get().pk]


@damage("imports_account_for_every_row")
def an_end_before_the_last_row(market):
    sql("UPDATE leads_importrun SET rows_total = 1")
    return [ImportRun.objects.get().pk]


def transaction_of(order):
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM billing_transaction WHERE reference = %s", [str(order.public_id)])
        return cursor.fetchone()[0]


@damage("transactions_sum_to_zero")
def two_transactions_that_balance_only_together(market):
    one, two = (transaction_of(order) for order in Order.objects.order_by("pk"))
    for transaction, cents in ((one, 5), (two, -5)):
        sql(
            "UPDATE billing_entry SET cents = cents + %s WHERE transaction_id = %s AND account_id IN"
            " (SELECT id FROM billing_account WHERE kind = 'sales')",
            cents,
            transaction,
        )
    return [one, two]


@damage("transactions_sum_to_zero")
def a_transaction_without_entries(market):
    sql(
        "INSERT INTO billing_transaction (id, public_id, kind, reference, memo, actor, posted_at, stripe_id)"
        " VALUES (900001, gen_random_uuid(), 'credit', 'empty', '', '', now(), '')"
    )
    return [900001]


@damage("the_ledger_sums_to_zero")
def an_entry_of_no_transaction(market):
    sql(
        "INSERT INTO billing_entry (transaction_id, account_id, cents, posted_at)"
        " SELECT 900002, id, 77, now() FROM billing_account WHERE kind = 'sales'"
    )
    return [77]


@damage("wallets_hold_what_was_posted")
def a_wallet_with_a_cent_too_much(market):
    sql("UPDATE billing_account SET balance_cents = balance_cents + 1 WHERE id = %s", market.buyer.wallet.pk)
    return [market.buyer.wallet.pk]


@damage("wallets_hold_what_was_posted")
def a_wallet_with_money_from_nowhere(market):
    wallet = make_buyer_with_wallet()
    sql("UPDATE billing_account SET balance_cents = 1 WHERE id = %s", wallet.pk)
    return [wallet.pk]


@damage("wallets_are_not_overdrawn")
def a_wallet_overdrawn(market):
    wallet = make_buyer_with_wallet()
    drop("billing_account", "wallet_is_never_below_zero")
    sql(
        "INSERT INTO billing_transaction (id, public_id, kind, reference, memo, actor, posted_at, stripe_id)"
        " VALUES (900003, gen_random_uuid(), 'credit', 'overdraft', '', '', now(), '')"
    )
    sql(
        "INSERT INTO billing_entry (transaction_id, account_id, cents, posted_at)"
        " SELECT 900003, id, 9, now() FROM billing_account WHERE kind = 'sales' UNION ALL SELECT 900003, %s, -9, now()",
        wallet.pk,
    )
    sql("UPDATE billing_account SET balance_cents = -9 WHERE id = %s", wallet.pk)
    return [wallet.pk]


@damage("orders_are_in_the_ledger")
def an_order_nobody_paid(market):
    order = first_sale(market).order
    sql("UPDATE billing_transaction SET kind = 'credit' WHERE id = %s", transaction_of(order))
    return [order.pk]


@damage("charges_have_an_order")
def a_charge_for_nothing(market):
    sql("UPDATE billing_transaction SET kind = 'order' WHERE kind = 'credit'")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM billing_transaction WHERE reference LIKE 'first%%'")
        return [cursor.fetchone()[0]]


@damage("orders_cost_what_they_sold")
def a_sale_cheaper_than_its_order_says(market):
    """Half of $2.20 and of $2.19 round to the same amount, so the source earned the right share."""
    sql("UPDATE marketplace_sale SET price_cents = price_cents - 1 WHERE id = %s", first_sale(market).pk)
    sql("UPDATE billing_earning SET price_cents = price_cents - 1 WHERE leg_id = %s", first_sale(market).leg_id)
    return [first_sale(market).order_id]


@damage("orders_cost_what_they_sold")
def an_order_that_counts_one_too_few(market):
    sql("UPDATE marketplace_order SET filled = 0 WHERE id = %s", first_sale(market).order_id)
    return [first_sale(market).order_id]


@damage("orders_charged_their_total")
def a_charge_of_another_amount(market):
    """One more cent leaves the wallet and the entries balance: only the order disagrees."""
    transaction = transaction_of(first_sale(market).order)
    sql(
        "UPDATE billing_entry AS entry SET cents = cents + sign(cents) FROM billing_account AS account"
        " WHERE transaction_id = %s AND account.id = entry.account_id AND account.kind IN ('wallet', 'sales')",
        transaction,
    )
    sql("UPDATE billing_account SET balance_cents = balance_cents - 1 WHERE id = %s", market.buyer.wallet.pk)
    return [first_sale(market).order_id]


@damage("orders_stay_within_their_quote")
def an_order_over_its_quote(market):
    drop("marketplace_order", "order_never_costs_more_than_quoted")
    sql("UPDATE marketplace_order SET quoted_cents = total_cents - 1 WHERE id = %s", first_sale(market).order_id)
    return [first_sale(market).order_id]


@damage("orders_stay_within_their_quote")
def an_order_over_its_quantity(market):
    drop("marketplace_order", "order_never_fills_more_than_asked")
    sql("UPDATE marketplace_order SET quantity = 0 WHERE id = %s", first_sale(market).order_id)
    return [first_sale(market).order_id]


@damage("sales_earn_their_source_its_share")
def a_source_that_went_without(market):
    """Its share went to nobody, and the books agree."""
    sale = first_sale(market)
    sql("DELETE FROM billing_earning WHERE leg_id = %s", sale.leg_id)
    sql(
        "DELETE FROM billing_entry AS entry USING billing_account AS account WHERE transaction_id = %s"
        " AND account.id = entry.account_id AND account.kind IN ('payable', 'shares')",
        transaction_of(sale.order),
    )
    return [sale.pk]


@damage("sales_earn_their_source_its_share")
def a_share_of_a_cent_too_much(market):
    sale = first_sale(market)
    sql("UPDATE billing_earning SET cents = cents + 1 WHERE leg_id = %s", sale.leg_id)
    sql(
        "UPDATE billing_entry AS entry SET cents = cents + sign(cents) FROM billing_account AS account"
        " WHERE transaction_id = %s AND account.id = entry.account_id AND account.kind IN ('payable', 'shares')",
        transaction_of(sale.order),
    )
    return [sale.pk]


def an_earning(market, **changes):
    values = {
        "leg": free_leg(market),
        "source": market.source,
        "kind": "earned",
        "cents": 0,
        "price_cents": 1,
        "percent": 0,
        "transaction_id": transaction_of(first_sale(market).order),
        "at": market.now,
        "held_until": market.now,
        **changes,
    }
    return Earning.objects.create(**values)


@damage("earnings_are_of_sold_legs")
def an_earning_by_an_unsold_leg(market):
    return [an_earning(market).pk]


@damage("earnings_are_of_sold_legs")
def a_charge_back_of_nothing_earned(market):
    sale = first_sale(market)
    back = an_earning(market, leg=sale.leg, kind="charged_back")
    return [back.pk]


@damage("payables_hold_what_was_earned")
def a_payout_that_is_not_in_the_ledger(market):
    earning = Earning.objects.get(leg=first_sale(market).leg)
    payout = a_payout(market, earning.cents)
    sql("UPDATE billing_earning SET payout_id = %s WHERE id = %s", payout.pk, earning.pk)
    sql("UPDATE billing_payout SET status = 'paid', paid_at = now() WHERE id = %s", payout.pk)
    return [market.source.payable.pk]


def a_payout(market, cents):
    run = PayoutRun.objects.create(
        cutoff_at=market.now, two_people_over_cents=0, created_by=market.user, created_at=market.now
    )
    return Payout.objects.create(run=run, source=market.source, cents=cents, method="bank")


@damage("payouts_pay_what_was_earned")
def a_payout_of_nothing_earned(market):
    return [a_payout(market, 500).pk]


def a_payment(market, status="open", **changes):
    values = {"purpose": "top_up", "amount_cents": 5_000, "created_at": market.now, **changes}
    payment = Payment.objects.create(buyer=market.buyer, status="open", **values)
    sql("UPDATE billing_payment SET status = %s, ended_at = now() WHERE id = %s", status, payment.pk)
    return payment


def credited(market, payment, times=1):
    for number in range(times):
        posting = Posting("top_up", f"{payment.public_id} {number}", market.now, payment=payment)
        post(posting, {wallet_of(market.buyer): 5_000, house_account(Account.Kind.STRIPE): -5_000})
    settle()
    return payment


@damage("payments_are_credited_once")
def a_payment_that_nobody_credited(market):
    return [a_payment(market, "paid").pk]


@damage("payments_are_credited_once")
def a_payment_credited_twice(market):
    return [credited(market, a_payment(market, "paid"), times=2).pk]


@damage("payments_are_credited_once")
def a_credit_for_a_payment_that_failed(market):
    return [credited(market, a_payment(market, "failed")).pk]


@damage("payments_are_credited_once")
def a_payment_of_a_dollar_more_than_was_credited(market):
    payment = credited(market, a_payment(market, "paid"))
    sql("UPDATE billing_payment SET amount_cents = 5100 WHERE id = %s", payment.pk)
    return [payment.pk]


def a_refund(market, payment, cents, status="succeeded"):
    refund = Refund.objects.create(
        payment=payment, amount_cents=cents, status=status, made_by="desk", created_at=market.now
    )
    posting = Posting("refund", str(refund.public_id), market.now, payment=payment)
    post(posting, {wallet_of(market.buyer): -cents, house_account(Account.Kind.STRIPE): cents})
    settle()
    return refund


@damage("refunds_are_in_the_ledger")
def a_refund_that_never_left_the_wallet(market):
    refund = a_refund(market, credited(market, a_payment(market, "paid")), 100)
    sql("UPDATE billing_transaction SET kind = 'write_off' WHERE reference = %s", str(refund.public_id))
    return [refund.pk]


@damage("refunds_are_in_the_ledger")
def a_failed_refund_that_the_buyer_did_not_get_back(market):
    return [a_refund(market, credited(market, a_payment(market, "paid")), 100, "failed").pk]


@damage("refunds_stay_within_their_payment")
def more_refunded_than_paid(market):
    payment = credited(market, a_payment(market, "paid"))
    refunds = [a_refund(market, payment, 2_000), a_refund(market, payment, 3_000)]
    posted = Transaction.objects.get(kind="refund", reference=str(refunds[0].public_id))
    sql("UPDATE billing_refund SET amount_cents = 2001 WHERE id = %s", refunds[0].pk)
    sql("UPDATE billing_entry SET cents = cents + sign(cents) WHERE transaction_id = %s", posted.pk)
    sql("UPDATE billing_account SET balance_cents = balance_cents - 1 WHERE id = %s", market.buyer.wallet.pk)
    return [payment.pk]


def a_return(market):
    sale = first_sale(market)
    reason = ReturnReason.objects.filter(vertical=market.vertical).first()
    return Return.objects.create(
        sale=sale,
        buyer=market.buyer,
        source=market.source,
        reason=reason,
        cents=sale.price_cents,
        asked_at=market.now,
    )


@damage("returns_are_credited_once")
def a_return_called_credited(market):
    returned = a_return(market)
    drop("marketplace_return", "return_credited_has_its_money")
    sql("UPDATE marketplace_return SET status = 'credited', decided_at = now() WHERE id = %s", returned.pk)
    return [returned.pk]


@damage("returns_are_credited_once")
def a_credit_for_a_return_that_was_refused(market):
    returned = a_return(market)
    posting = Posting("return", str(returned.public_id), market.now)
    post(posting, {wallet_of(market.buyer): returned.cents, house_account(Account.Kind.RETURNS): -returned.cents})
    settle()
    return [returned.pk]


@damage("held_legs_have_an_order_that_waits")
def a_leg_held_for_nobody(market):
    leg = free_leg(market)
    sql(
        "UPDATE leads_leg SET status = 'held', held_until = now() + interval '1 hour', held_for = gen_random_uuid()"
        " WHERE id = %s",
        leg.pk,
    )
    return [leg.pk]


# --- Standing orders


def filled(market):
    order = looked(wants(market), market.now)
    assert order.filled == 2
    return order


@damage("standing_orders_count_their_fills")
def a_standing_order_that_bought_less_than_its_fills(market):
    order = filled(market)
    sql("UPDATE buyers_standingorder SET filled = 1 WHERE id = %s", order.pk)
    return [order.pk]


@damage("standing_orders_count_their_fills")
def a_standing_order_that_spent_without_a_fill(market):
    order = wants(market)
    sql("UPDATE buyers_standingorder SET spent_cents = 1 WHERE id = %s", order.pk)
    return [order.pk]


@damage("fills_agree_with_their_orders")
def a_fill_of_another_companys_order(market):
    order = filled(market)
    sql("UPDATE buyers_standingorder SET buyer_id = %s WHERE id = %s", make_buyer().pk, order.pk)
    return [order.fills.get().pk]


@damage("fills_agree_with_their_orders")
def a_fill_that_was_paid_at_another_time(market):
    fill = filled(market).fills.get()
    sql("UPDATE marketplace_standingfill SET filled_at = filled_at + interval '1 day' WHERE id = %s", fill.pk)
    return [fill.pk]


CASES = [pytest.param(name, act, id=act.__name__) for name, acts in DAMAGES.items() for act in acts]


@pytest.mark.parametrize(("name", "act"), CASES)
def test_a_damage_is_reported_by_its_check_and_no_other(market, name, act):
    assert violations() == []

    ids = act(market)

    found = violations()
    assert [(one.name, one.count, one.ids) for one in found] == [(name, len(ids), tuple(str(number) for number in ids))]


def test_every_check_has_a_damage():
    assert {check.name for check in CHECKS} == set(DAMAGES)


def test_no_more_than_twenty_ids_are_shown_and_all_are_counted(market):
    numbers = sorted(lead.pk for lead in market.leads(25))
    sql("UPDATE leads_lead SET legs_left = 0 WHERE id >= %s", numbers[0])

    (found,) = violations()

    assert (found.count, found.ids) == (25, tuple(str(number) for number in numbers[:20]))


def test_an_empty_market_breaks_no_promise(db):
    assert violations() == []


def test_the_command_says_that_all_holds(market, capsys):
    call_command("audit_invariants", json=True)

    assert json.loads(capsys.readouterr().out) == {"checks": len(CHECKS), "holds": True, "violations": []}


def test_the_command_ends_with_one_and_names_what_is_broken(market, capsys):
    sql("UPDATE leads_lead SET legs_left = 0 WHERE id = %s", market.stock[1].pk)

    with pytest.raises(SystemExit) as end:
        call_command("audit_invariants", json=True)

    said = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert [(one["name"], one["count"], one["ids"]) for one in said["violations"]] == [
        ("leads_count_their_legs", 1, [str(market.stock[1].pk)])
    ]


@pytest.mark.django_db(transaction=True)
def test_the_audit_reads_one_snapshot_and_can_write_nothing():
    with _snapshot(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
        assert cursor.fetchone() == ("repeatable read", "on")
    assert violations() == []
    assert not Lead.objects.exists()
