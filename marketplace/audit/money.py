"""Checks of the books: every cent has a record, and every record its cents."""

from marketplace.audit.check import Check

CHECKS = (
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
        "Only a dispute can take a wallet below zero (P9).",
        "account",
        "SELECT id FROM billing_account WHERE balance_cents < 0 AND NOT overdrawn_by_clawback",
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
        "Nobody was charged for an order that does not exist (P5).",
        "transaction",
        """
        SELECT posted.id FROM billing_transaction AS posted WHERE posted.kind = 'order' AND NOT EXISTS (
            SELECT 1 FROM marketplace_order WHERE public_id::text = posted.reference
        )
        """,
    ),
    Check(
        "orders_cost_what_they_sold",
        "An order's total and lead count match its sales (P5).",
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
        "The wallet was charged the order's total, to the cent (P5).",
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
        "No order costs more or fills more than its quote (P12).",
        "order",
        "SELECT id FROM marketplace_order WHERE total_cents > quoted_cents OR filled > quantity",
    ),
    Check(
        "sales_earn_their_source_its_share",
        "Each sold leg earned its source the agreed share of its price, once, rounded half up.",
        "sale",
        """
        SELECT sale.id FROM marketplace_sale AS sale
        LEFT JOIN billing_earning AS earned ON earned.leg_id = sale.leg_id AND earned.kind = 'earned'
        JOIN leads_lead AS lead ON lead.id = sale.lead_id
        WHERE earned.id IS NULL
            OR earned.source_id <> lead.source_id OR earned.price_cents <> sale.price_cents
            OR earned.cents <> (earned.price_cents * earned.percent + 50) / 100
        """,
    ),
    Check(
        "earnings_are_of_sold_legs",
        "No source earns from an unsold leg, and a chargeback is exactly what was earned.",
        "earning",
        """
        SELECT earning.id FROM billing_earning AS earning
        LEFT JOIN marketplace_sale AS sale ON sale.leg_id = earning.leg_id
        LEFT JOIN billing_earning AS earned ON earned.leg_id = earning.leg_id AND earned.kind = 'earned'
        WHERE sale.id IS NULL
            OR (earning.kind = 'charged_back' AND earning.cents IS DISTINCT FROM -earned.cents)
        """,
    ),
    Check(
        "payables_hold_what_was_earned",
        "We owe a source what it earned minus what it was paid.",
        "account",
        """
        SELECT account.id FROM billing_account AS account
        LEFT JOIN (SELECT account_id, sum(cents) AS cents FROM billing_entry GROUP BY account_id) AS posted
            ON posted.account_id = account.id
        LEFT JOIN (SELECT source_id, sum(cents) AS cents FROM billing_earning GROUP BY source_id) AS earned
            ON earned.source_id = account.source_id
        LEFT JOIN (
            SELECT source_id, sum(cents) AS cents FROM billing_payout WHERE status = 'paid' GROUP BY source_id
        ) AS paid ON paid.source_id = account.source_id
        WHERE account.kind = 'payable'
            AND coalesce(posted.cents, 0) <> coalesce(earned.cents, 0) - coalesce(paid.cents, 0)
        """,
    ),
    Check(
        "payments_are_credited_once",
        "A card payment is credited to its buyer's wallet exactly once, and only if it was paid (P10, I10).",
        "payment",
        """
        SELECT payment.id FROM billing_payment AS payment
        LEFT JOIN billing_transaction AS posted ON posted.payment_id = payment.id AND posted.kind = 'top_up'
        LEFT JOIN billing_account AS wallet ON wallet.buyer_id = payment.buyer_id
        LEFT JOIN billing_entry AS entry ON entry.transaction_id = posted.id AND entry.account_id = wallet.id
        GROUP BY payment.id
        HAVING (payment.status = 'paid') <> (count(posted.id) = 1) OR count(posted.id) > 1
            OR (payment.status = 'paid' AND sum(entry.cents) IS DISTINCT FROM payment.amount_cents)
        """,
    ),
    Check(
        "refunds_are_in_the_ledger",
        "Money refunded to a card left the wallet; a failed refund put it back (P11).",
        "refund",
        """
        SELECT refund.id FROM billing_refund AS refund
        LEFT JOIN billing_transaction AS posted ON posted.kind = 'refund' AND posted.reference = refund.public_id::text
        LEFT JOIN billing_transaction AS undone
            ON undone.kind = 'reversal' AND undone.reference = posted.public_id::text
        LEFT JOIN billing_entry AS entry ON entry.transaction_id = posted.id AND entry.cents < 0
        WHERE posted.id IS NULL OR (refund.status = 'failed') <> (undone.id IS NOT NULL)
            OR entry.cents IS DISTINCT FROM -refund.amount_cents
        """,
    ),
    Check(
        "refunds_stay_within_their_payment",
        "No more is refunded to a card than was paid with it (P11).",
        "payment",
        """
        SELECT payment.id FROM billing_payment AS payment
        JOIN billing_refund AS refund ON refund.payment_id = payment.id AND refund.status <> 'failed'
        GROUP BY payment.id HAVING sum(refund.amount_cents) > payment.amount_cents
        """,
    ),
    Check(
        "returns_are_credited_once",
        "A credited return paid the sale's price back to its buyer (P11).",
        "return",
        """
        SELECT returned.id FROM marketplace_return AS returned
        JOIN marketplace_sale AS sale ON sale.id = returned.sale_id
        LEFT JOIN billing_transaction AS posted
            ON posted.kind = 'return' AND posted.reference = returned.public_id::text
        LEFT JOIN billing_account AS wallet ON wallet.buyer_id = returned.buyer_id
        LEFT JOIN billing_entry AS entry ON entry.transaction_id = posted.id AND entry.account_id = wallet.id
        WHERE (returned.status = 'credited') <> (posted.id IS NOT NULL)
            OR returned.transaction_id IS DISTINCT FROM posted.id
            OR (posted.id IS NOT NULL AND entry.cents IS DISTINCT FROM sale.price_cents)
            OR sale.buyer_id <> returned.buyer_id
        """,
    ),
    Check(
        "held_legs_have_an_order_that_waits",
        "A leg is held only for an order awaiting payment, or the hold has expired (P6).",
        "leg",
        """
        SELECT leg.id FROM leads_leg AS leg WHERE leg.status = 'held' AND leg.held_until > now() AND NOT EXISTS (
            SELECT 1 FROM marketplace_orderawaitingpayment WHERE public_id = leg.held_for AND status = 'waiting'
        )
        """,
    ),
    Check(
        "payouts_pay_what_was_earned",
        "A payout equals the sum of the earnings it pays.",
        "payout",
        """
        SELECT payout.id FROM billing_payout AS payout
        LEFT JOIN billing_earning AS earning ON earning.payout_id = payout.id
        WHERE payout.status <> 'failed' GROUP BY payout.id
        HAVING payout.cents <> coalesce(sum(earning.cents), 0) OR bool_or(earning.source_id <> payout.source_id)
        """,
    ),
)
