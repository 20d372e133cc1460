"""The audit: every promise that SQL can check, asked of one snapshot of the database.

A check is a question that answers the ids of what breaks its promise; nothing is ever mended here. Constraints should
make every answer empty: the audit is for what gets past them (a restore, a superuser, a constraint dropped by mistake).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

IDS_SHOWN = 20


@dataclass(frozen=True)
class Check:
    """``sql`` selects one column: the ids, of the kind that ``of`` names, that break the promise."""

    name: str
    promise: str
    of: str
    sql: str


@dataclass(frozen=True)
class Violation:
    """A broken promise: how many rows break it, and the first of their ids."""

    name: str
    promise: str
    of: str
    count: int
    ids: tuple[str, ...]


def violations() -> list[Violation]:
    """What is wrong now, in the order of CHECKS; empty when all promises hold."""
    with _snapshot():
        return [violation for check in CHECKS if (violation := _ask(check))]


@contextmanager
def _snapshot() -> Iterator[None]:
    """One read-only view of everything; within a caller's transaction, that transaction's own view."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL jit = off")
        cursor.execute("SET LOCAL work_mem = '128MB'")
        yield


def _ask(check: Check) -> Violation | None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH found (id) AS MATERIALIZED ({check.sql})
            SELECT (SELECT count(*) FROM found), ARRAY(SELECT id::text FROM found ORDER BY found.id LIMIT {IDS_SHOWN})
            """  # noqa: S608  (constants of this module only)
        )
        count, ids = cursor.fetchone()
    return Violation(check.name, check.promise, check.of, count, tuple(ids)) if count else None


CHECKS = (
    Check(
        "sales_never_overlap",
        "A leg is sold once, and exclusive means exclusive (P1, P3).",
        "lead",
        """
        SELECT DISTINCT one.lead_id FROM marketplace_sale AS one
        JOIN marketplace_sale AS other ON other.lead_id = one.lead_id AND other.id > one.id AND other.span && one.span
        """,
    ),
    Check(
        "sales_stay_within_the_legs",
        "A lead is sold at most as often as its consent allows (P1).",
        "sale",
        """
        SELECT sale.id FROM marketplace_sale AS sale JOIN leads_lead AS lead ON lead.id = sale.lead_id
        WHERE isempty(sale.span) OR lower(sale.span) < 1 OR upper(sale.span) > lead.legs_authorized + 1
        """,
    ),
    Check(
        "people_are_sold_once_to_a_buyer",
        "No buyer holds the same person's request twice (P2).",
        "request",
        "SELECT request_id FROM marketplace_sale GROUP BY request_id, buyer_id HAVING count(*) > 1",
    ),
    Check(
        "sales_agree_with_their_lead",
        "A sale names its own leg's lead, its own order's buyer and the request that the lead belongs to (P2).",
        "sale",
        """
        SELECT sale.id FROM marketplace_sale AS sale
        JOIN leads_lead AS lead ON lead.id = sale.lead_id
        JOIN leads_leg AS leg ON leg.id = sale.leg_id
        JOIN marketplace_order AS placed ON placed.id = sale.order_id
        WHERE leg.lead_id <> sale.lead_id OR placed.buyer_id <> sale.buyer_id OR leg.market <> sale.market
            OR sale.request_id <> coalesce(lead.duplicate_of_id, lead.id) OR NOT sale.span @> leg.number::int
        """,
    ),
    Check(
        "sold_legs_have_a_sale",
        "What counts as sold was sold to somebody (P1, P6).",
        "leg",
        """
        SELECT leg.id FROM leads_leg AS leg
        WHERE leg.state = 'sold' AND NOT EXISTS (SELECT 1 FROM marketplace_sale WHERE leg_id = leg.id)
        """,
    ),
    Check(
        "sales_have_a_sold_leg",
        "What was sold cannot be sold again (P1).",
        "sale",
        """
        SELECT sale.id FROM marketplace_sale AS sale LEFT JOIN leads_leg AS leg ON leg.id = sale.leg_id
        WHERE leg.state IS DISTINCT FROM 'sold'
        """,
    ),
    Check(
        "legs_are_all_there",
        "Sold, open and closed legs of a lead, numbered from 1, make up what was authorized (P6).",
        "lead",
        """
        SELECT lead.id FROM leads_lead AS lead
        LEFT JOIN (
            SELECT lead_id, count(*) AS legs, min(number) AS first, max(number) AS last FROM leads_leg GROUP BY lead_id
        ) AS held ON held.lead_id = lead.id
        WHERE lead.kind <> 'compiled'
            AND (held.legs, held.first, held.last) IS DISTINCT FROM (lead.legs_authorized, 1, lead.legs_authorized)
        """,
    ),
    Check(
        "leads_count_their_legs",
        "The numbers that the shelf and the labels show are those of the legs (P6).",
        "lead",
        """
        SELECT lead.id FROM leads_lead AS lead
        LEFT JOIN (
            SELECT lead_id,
                count(*) FILTER (WHERE state = 'sold' OR closed_reason = 'sold_elsewhere') AS sold,
                count(*) FILTER (WHERE state = 'open' AND market = 'realtime') AS realtime,
                count(*) FILTER (WHERE state = 'open' AND market = 'aged') AS aged
            FROM leads_leg GROUP BY lead_id
        ) AS legs ON legs.lead_id = lead.id
        WHERE (lead.times_sold, lead.legs_realtime, lead.legs_aged)
            IS DISTINCT FROM (coalesce(legs.sold, 0), coalesce(legs.realtime, 0), coalesce(legs.aged, 0))
        """,
    ),
    Check(
        "aged_legs_have_their_instant",
        "A leg is aged from one known instant on, and not before (P7).",
        "leg",
        "SELECT id FROM leads_leg WHERE (market = 'aged') <> (aged_at IS NOT NULL)",
    ),
    Check(
        "verticals_closed_for_resale_have_no_shelf",
        "A vertical that is closed for resale has no aged leg to sell.",
        "leg",
        """
        SELECT leg.id FROM leads_vertical AS vertical
        JOIN leads_lead AS lead ON lead.vertical_id = vertical.id AND lead.legs_aged > 0
        JOIN leads_leg AS leg ON leg.lead_id = lead.id AND leg.state = 'open' AND leg.market = 'aged'
        WHERE NOT vertical.open_for_resale
        """,
    ),
    Check(
        "stopped_leads_are_not_for_sale",
        "A stop closes every open leg (P14).",
        "lead",
        """
        SELECT lead.id FROM leads_lead AS lead
        WHERE lead.withdrawn_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM leads_leg WHERE lead_id = lead.id AND state = 'open')
        """,
    ),
    Check(
        "nothing_is_sold_after_its_stop",
        "No sale is younger than the person's stop (P14).",
        "sale",
        """
        SELECT sale.id FROM marketplace_sale AS sale JOIN leads_lead AS lead ON lead.id = sale.lead_id
        WHERE sale.sold_at > lead.withdrawn_at
        """,
    ),
    Check(
        "suppressed_people_are_not_for_sale",
        "No lead of a suppressed person has an open leg (P14).",
        "lead",
        """
        SELECT contact.lead_id FROM leads_contact AS contact
        WHERE (
            EXISTS (SELECT 1 FROM leads_suppression WHERE kind = 'phone' AND digest = contact.phone_digest)
            OR EXISTS (SELECT 1 FROM leads_suppression WHERE kind = 'phone' AND digest = contact.second_phone_digest)
            OR EXISTS (SELECT 1 FROM leads_suppression WHERE kind = 'email' AND digest = contact.email_digest)
        ) AND EXISTS (SELECT 1 FROM leads_leg WHERE lead_id = contact.lead_id AND state = 'open')
        """,
    ),
    Check(
        "what_is_for_sale_has_consent",
        "Open legs stand on a consent; compiled records never have any (I12).",
        "lead",
        """
        SELECT DISTINCT leg.lead_id FROM leads_leg AS leg JOIN leads_lead AS lead ON lead.id = leg.lead_id
        LEFT JOIN leads_consent AS consent ON consent.lead_id = leg.lead_id
        WHERE leg.state = 'open' AND (consent.id IS NULL OR lead.kind = 'compiled')
        """,
    ),
    Check(
        "consent_allows_every_leg",
        "No lead has more legs than the words that the person saw allow.",
        "lead",
        """
        SELECT lead.id FROM leads_lead AS lead JOIN leads_consent AS consent ON consent.lead_id = lead.id
        JOIN leads_consenttext AS wording ON wording.id = consent.text_id
        WHERE lead.legs_authorized > wording.most_companies
        """,
    ),
    Check(
        "what_is_for_sale_can_be_reached",
        "Open legs have somebody to call: a contact that was not erased.",
        "lead",
        """
        SELECT DISTINCT leg.lead_id FROM leads_leg AS leg
        LEFT JOIN leads_contact AS contact ON contact.lead_id = leg.lead_id
        WHERE leg.state = 'open' AND (contact.id IS NULL OR contact.erased_at IS NOT NULL)
        """,
    ),
    Check(
        "erased_contacts_hold_nothing",
        "An erased person is gone: no sealed value and no digest (P17).",
        "lead",
        """
        SELECT lead_id FROM leads_contact
        WHERE erased_at IS NOT NULL AND num_nonnulls(sealed, phone_digest, second_phone_digest, email_digest) > 0
        """,
    ),
    Check(
        "imports_account_for_every_row",
        "Every row of a file was taken, flagged, refused or a duplicate, and what was taken is there (P25).",
        "import run",
        """
        SELECT run.id FROM leads_importrun AS run
        CROSS JOIN LATERAL (SELECT count(*) AS leads FROM leads_lead WHERE import_run_id = run.id) AS made
        CROSS JOIN LATERAL (
            SELECT count(DISTINCT row) AS rows FROM leads_importproblem WHERE run_id = run.id AND outcome = 'refused'
        ) AS told
        WHERE run.rows_read <> run.taken + run.flagged + run.refused + run.duplicates
            OR run.refused <> told.rows
            OR (run.state = 'done' AND run.rows_read <> run.rows_total)
            OR (run.state IN ('running', 'done')
                AND made.leads NOT BETWEEN run.taken + run.flagged AND run.taken + run.flagged + run.duplicates)
        """,
    ),
    Check(
        "transactions_sum_to_zero",
        "Every transaction has at least two entries that sum to zero (P8).",
        "transaction",
        """
        SELECT posted.id FROM billing_transaction AS posted
        LEFT JOIN billing_entry AS entry ON entry.transaction_id = posted.id
        GROUP BY posted.id HAVING count(entry.id) < 2 OR sum(entry.cents) <> 0
        """,
    ),
    Check(
        "the_ledger_sums_to_zero",
        "All entries together sum to zero (P8).",
        "sum in cents",
        "SELECT sum(cents) FROM billing_entry HAVING sum(cents) <> 0",
    ),
    Check(
        "wallets_hold_what_was_posted",
        "A wallet's balance is the sum of its entries (P9).",
        "account",
        """
        SELECT account.id FROM billing_account AS account
        LEFT JOIN billing_entry AS entry ON entry.account_id = account.id
        WHERE account.kind = 'wallet' GROUP BY account.id HAVING account.balance_cents <> coalesce(sum(entry.cents), 0)
        """,
    ),
    Check(
        "wallets_are_not_overdrawn",
        "Only a dispute takes a wallet below zero (P9).",
        "account",
        "SELECT id FROM billing_account WHERE balance_cents < 0 AND NOT overdrawn_by_dispute",
    ),
    Check(
        "orders_are_in_the_ledger",
        "Every order was charged (P5).",
        "order",
        """
        SELECT placed.id FROM marketplace_order AS placed WHERE NOT EXISTS (
            SELECT 1 FROM billing_transaction WHERE kind = 'order' AND reference = placed.public_id::text
        )
        """,
    ),
    Check(
        "charges_have_an_order",
        "Nobody was charged for an order that is not there (P5).",
        "transaction",
        """
        SELECT posted.id FROM billing_transaction AS posted WHERE posted.kind = 'order' AND NOT EXISTS (
            SELECT 1 FROM marketplace_order WHERE public_id::text = posted.reference
        )
        """,
    ),
    Check(
        "orders_cost_what_they_sold",
        "An order's total and number are those of its sales (P5).",
        "order",
        """
        SELECT placed.id FROM marketplace_order AS placed
        LEFT JOIN (
            SELECT order_id, count(*) AS sales, sum(price_cents) AS cents FROM marketplace_sale GROUP BY order_id
        ) AS sold ON sold.order_id = placed.id
        WHERE (placed.filled, placed.total_cents) IS DISTINCT FROM (coalesce(sold.sales, 0), coalesce(sold.cents, 0))
        """,
    ),
    Check(
        "orders_charged_their_total",
        "What left the wallet is the order's total, to the cent (P5).",
        "order",
        """
        SELECT placed.id FROM marketplace_order AS placed
        JOIN billing_transaction AS posted ON posted.kind = 'order' AND posted.reference = placed.public_id::text
        LEFT JOIN billing_account AS wallet ON wallet.buyer_id = placed.buyer_id
        LEFT JOIN billing_entry AS entry ON entry.transaction_id = posted.id AND entry.account_id = wallet.id
        GROUP BY placed.id HAVING coalesce(sum(entry.cents), 0) <> -placed.total_cents
        """,
    ),
    Check(
        "orders_stay_within_their_quote",
        "Nobody pays more or gets more than was quoted (P12).",
        "order",
        "SELECT id FROM marketplace_order WHERE total_cents > quoted_cents OR filled > quantity",
    ),
)
