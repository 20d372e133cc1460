"""Checks of standing orders: their totals match their fills, and their fills match their orders."""

from marketplace.audit.check import Check

CHECKS = (
    Check(
        "standing_orders_count_their_fills",
        "A standing order's lead count and spending match its fills, so that its caps hold.",
        "standing order",
        """
        SELECT wanted.id FROM buyers_standingorder AS wanted
        LEFT JOIN marketplace_standingfill AS fill ON fill.standing_id = wanted.id
        GROUP BY wanted.id
        HAVING wanted.filled <> coalesce(sum(fill.leads), 0) OR wanted.spent_cents <> coalesce(sum(fill.cents), 0)
        """,
    ),
    Check(
        "fills_agree_with_their_orders",
        "A fill has the same leads, amount and company as its order.",
        "fill",
        """
        SELECT fill.id FROM marketplace_standingfill AS fill
        JOIN marketplace_order AS placed ON placed.id = fill.order_id
        JOIN buyers_standingorder AS wanted ON wanted.id = fill.standing_id
        WHERE placed.filled <> fill.leads OR placed.total_cents <> fill.cents OR placed.buyer_id <> wanted.buyer_id
            OR placed.placed_at <> fill.filled_at
        """,
    ),
)
