"""The ledger against SQL: with the application's own role, anything that would falsify the books is refused."""

from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction

from billing.ledger import balance_cents, house_account, wallet_of
from billing.models import Account, Earning, Entry, StripeEvent, Transaction
from marketplace.audit import violations
from marketplace.returns.decisions import credit
from tests.billing.with_stripe import VISA, asked, books, hand_over_all, open_page
from tests.factories import make_market
from tests.marketplace.returns.return_cases import buy, clerk, hand_back, lead_of
from tests.refusal import everything, refused_by, settle

pytestmark = pytest.mark.django_db
PERMISSION_DENIED = "42501"
GRANTS = """
    CREATE ROLE {role} LOGIN;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
    GRANT CONNECT ON DATABASE {database} TO {role};
    GRANT USAGE ON SCHEMA public TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
"""
"""What the role of the web processes and workers needs and no more; tables belong to the role that migrates."""
GRANT_TEMPORARY = "GRANT TEMPORARY ON DATABASE {database} TO {role}"

REFUSED_BY_TRIGGER = [
    ("UPDATE billing_entry SET cents = cents + 1 WHERE id = {entry}", "entry_is_immutable"),
    ("UPDATE billing_entry SET posted_at = now() WHERE id = {entry}", "entry_is_immutable"),
    ("UPDATE billing_entry SET balance_cents = 1 WHERE id = {entry}", "entry_is_immutable"),
    ("DELETE FROM billing_entry WHERE id = {entry}", "entry_is_immutable"),
    ("UPDATE billing_transaction SET memo = 'x' WHERE id = {posted}", "transaction_is_immutable"),
    ("UPDATE billing_transaction SET posted_at = now() WHERE id = {posted}", "transaction_is_immutable"),
    ("DELETE FROM billing_transaction WHERE id = {posted}", "transaction_is_immutable"),
    (
        "UPDATE billing_account SET balance_cents = balance_cents + 100 WHERE id = {wallet}",
        "wallet_moves_by_entries_only",
    ),
    ("UPDATE billing_account SET buyer_id = NULL, kind = 'losses' WHERE id = {wallet}", "account_is_for_good"),
    ("UPDATE billing_account SET currency = 'EUR' WHERE id = {wallet}", "account_is_for_good"),
    ("DELETE FROM billing_account WHERE id = {wallet}", "account_is_never_deleted"),
    ("UPDATE billing_earning SET cents = cents + 1 WHERE id = {earning}", "earning_changes_only_by_payout"),
    ("DELETE FROM billing_earning WHERE id = {earning}", "earning_is_never_deleted"),
    ("UPDATE billing_stripeevent SET body = '{{}}' WHERE id = {event}", "stripe_event_is_as_it_came"),
    ("UPDATE billing_stripeevent SET type = 'charge.refunded' WHERE id = {event}", "stripe_event_is_as_it_came"),
    ("DELETE FROM billing_stripeevent WHERE id = {event}", "stripe_event_is_never_deleted"),
    # Half a transaction, an empty one, one that does not add up, one that overdraws, one with a used reference.
    (
        "INSERT INTO billing_entry (transaction_id, account_id, cents) VALUES ({posted}, {fees}, 5)",
        "entries_sum_to_zero",
    ),
    ("WITH new AS ({begin}) SELECT id FROM new", "transaction_has_entries"),
    (
        "WITH new AS ({begin}) INSERT INTO billing_entry (transaction_id, account_id, cents)"
        " SELECT id, {wallet}, 500 FROM new UNION ALL SELECT id, {fees}, -499 FROM new",
        "entries_sum_to_zero",
    ),
    (
        "WITH new AS ({begin}) INSERT INTO billing_entry (transaction_id, account_id, cents)"
        " SELECT id, {wallet}, -10000000 FROM new UNION ALL SELECT id, {fees}, 10000000 FROM new",
        "wallet_is_never_below_zero",
    ),
    (
        "INSERT INTO billing_transaction (public_id, kind, reference, memo, actor, posted_at, stripe_id)"
        " SELECT gen_random_uuid(), kind, reference, memo, actor, posted_at, stripe_id"
        " FROM billing_transaction WHERE id = {posted}",
        "transaction_happens_once",
    ),
    # pgtrigger's own switch, for a session that knows it.
    (
        "SET LOCAL pgtrigger.ignore = '{{public.billing_entry:pgtrigger_entry_is_immutable_{hash}}}'; "
        "UPDATE billing_entry SET cents = cents + 1 WHERE id = {entry}",
        "entry_is_immutable",
    ),
    ("SET CONSTRAINTS ALL DEFERRED; DELETE FROM billing_entry WHERE id = {entry}", "entry_is_immutable"),
]
DENIED = [
    *(
        f"TRUNCATE billing_{table} CASCADE"
        for table in ("entry", "transaction", "account", "earning", "stripeevent", "payment", "refund", "payout")
    ),
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "ALTER TABLE billing_entry DISABLE TRIGGER USER",
    "ALTER TABLE billing_entry DISABLE TRIGGER ALL",
    "ALTER TABLE billing_account DROP CONSTRAINT wallet_is_never_below_zero",
    "ALTER TABLE billing_entry OWNER TO CURRENT_USER",
    "DROP TRIGGER {trigger} ON billing_entry",
    "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW;END'",
    "ALTER FUNCTION {function}() RENAME TO gone",
    "CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean"
    " LANGUAGE sql AS 'SELECT true'",
    "CREATE RULE silent AS ON UPDATE TO billing_account DO INSTEAD NOTHING",
    "CREATE TRIGGER mine BEFORE INSERT ON billing_entry FOR EACH ROW EXECUTE FUNCTION {function}()",
    "ALTER TABLE billing_entry ENABLE ROW LEVEL SECURITY",
    # Names the triggers' functions would find before ours, and trigger depth from a trigger of one's own.
    "CREATE TEMPORARY TABLE billing_account (id bigint, cents bigint)",
    "CREATE TABLE public.mine (id bigint)",
    "CREATE FUNCTION public.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW;END'",
    "CREATE FUNCTION pg_temp.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW;END'",
    "CREATE SCHEMA mine",
    "COPY billing_entry FROM PROGRAM 'true'",
]


@pytest.fixture
def sold(market):
    """A market with some of everything in its books."""
    buy(market, 2)
    StripeEvent.objects.create(
        event_id="evt_1",
        type="charge.succeeded",
        livemode=False,
        happened_at=market.now,
        received_at=market.now,
        try_at=market.now,
        body={"id": "evt_1"},
    )
    settle()
    return market


@pytest.fixture
def things(sold):
    name = one("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'pgtrigger_entry_is_immutable_%'")
    begin = (
        "INSERT INTO billing_transaction (public_id, kind, reference, memo, actor, posted_at, stripe_id)"
        " VALUES (gen_random_uuid(), 'credit', 'forged', '', '', now(), '') RETURNING id"
    )
    return {
        "entry": Entry.objects.filter(account__kind="wallet").latest("id").pk,
        "posted": Transaction.objects.filter(kind="order").get().pk,
        "wallet": wallet_of(sold.buyer).pk,
        "fees": house_account(Account.Kind.FEES).pk,
        "earning": Earning.objects.first().pk,
        "event": StripeEvent.objects.first().pk,
        "begin": begin,
        "trigger": name,
        "function": name,
        "hash": name.rpartition("_")[2],
    }


def one(question):
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


@contextmanager
def as_the_application():
    """Grant what the docs say, then act as that role."""
    with connection.cursor() as cursor:
        cursor.execute(GRANTS.format(**names()))
        cursor.execute("SET LOCAL ROLE {role}".format(**names()))
    assert one("SELECT current_user") == names()["role"].strip('"')
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def names():
    database = connection.settings_dict["NAME"]
    quoted = connection.ops.quote_name
    return {"role": quoted(f"application_of_{database}"), "database": quoted(database)}


def run(statements):
    with connection.cursor() as cursor:
        for statement in statements.split("; "):
            cursor.execute(statement)


@pytest.mark.parametrize(("attempt", "guard"), REFUSED_BY_TRIGGER, ids=[sql[:60] for sql, _ in REFUSED_BY_TRIGGER])
def test_the_books_refuse_to_be_falsified(things, attempt, guard):
    with as_the_application(), refused_by(guard):
        run(attempt.format(**things))


@pytest.mark.parametrize("attempt", DENIED, ids=[sql[:60] for sql in DENIED])
def test_the_application_may_not_lift_the_guards(things, attempt):
    before = everything()

    with as_the_application(), pytest.raises(DatabaseError) as refusal, transaction.atomic():
        run(attempt.format(**things))

    assert refusal.value.__cause__.sqlstate == PERMISSION_DENIED
    assert everything() == before


def test_the_normal_verbs_need_no_more(control, sold):
    """Buy, return, top up and receive Stripe's events as that role, with the same result."""
    with as_the_application():
        returned = hand_back(sold, lead_of(buy(sold, 3)))
        credit(returned, by=clerk(), finding="It is dead.", now=sold.now)
        payment = open_page(asked(sold.buyer, 4_000))
        control.submit(session=payment.stripe_session_id, card=VISA)
        hand_over_all(control)
        settle()

    assert balance_cents(sold.buyer) == 100_000 - 5 * 220 + 220 + 4_000
    assert books()["payable"] == 4 * 110
    assert violations() == []


def test_with_tables_of_its_own_that_role_would_deceive_the_guards(things):
    """The control run: why TEMPORARY is revoked. The triggers' functions would read tables the role made."""
    with as_the_application():
        run("RESET ROLE")
        run(GRANT_TEMPORARY.format(**names()))
        run(f"SET LOCAL ROLE {names()['role']}")
        run("CREATE TEMPORARY TABLE billing_entry (LIKE public.billing_entry)")
        run("ALTER TABLE pg_temp.billing_entry ALTER id DROP NOT NULL, ALTER posted_at DROP NOT NULL")
        forged = "INSERT INTO {} (transaction_id, account_id, cents) VALUES ({posted}, {fees}, {cents})"
        for cents, account in ((5, "fees"), (-5, "wallet")):
            run(forged.format("pg_temp.billing_entry", **{**things, "fees": things[account]}, cents=cents))
        run(forged.format("public.billing_entry", **things, cents=5))
        settle()
        run("DROP TABLE pg_temp.billing_entry")

    assert Entry.objects.total_cents() == 5


@pytest.mark.django_db(transaction=True)
def test_nothing_is_added_to_what_was_posted_before():
    market = make_market()
    buy(market)
    posted, fees, losses = (
        Transaction.objects.get(kind="order").pk,
        house_account(Account.Kind.FEES).pk,
        house_account(Account.Kind.LOSSES).pk,
    )

    with pytest.raises(DatabaseError):
        run(
            "INSERT INTO billing_entry (transaction_id, account_id, cents)"
            f" VALUES ({posted}, {fees}, 5), ({posted}, {losses}, -5)"
        )


def test_a_market_can_be_made_from_nothing_by_that_role(db):
    with as_the_application():
        market = make_market("solar")
        buy(market, 2)
        settle()

    assert balance_cents(market.buyer) == 100_000 - 2 * 220
