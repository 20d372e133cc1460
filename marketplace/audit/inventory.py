"""Checks of legs, sales and counts: nothing is sold twice, nothing gets stuck."""

from marketplace.audit.check import Check

CHECKS = (
    Check(
        "sales_never_overlap",
        "A leg is sold at most once, and an exclusive lead to one company only (P1, P3).",
        "lead",
        """
        SELECT DISTINCT one.lead_id FROM marketplace_sale AS one
        JOIN marketplace_sale AS other ON other.lead_id = one.lead_id AND other.id > one.id AND other.span && one.span
        """,
    ),
    Check(
        "sales_stay_within_the_legs",
        "A lead is sold no more often than its consent allows (P1).",
        "sale",
        """
        SELECT sale.id FROM marketplace_sale AS sale JOIN leads_lead AS lead ON lead.id = sale.lead_id
        WHERE isempty(sale.span) OR lower(sale.span) < 1 OR upper(sale.span) > lead.legs_authorized + 1
        """,
    ),
    Check(
        "people_are_sold_once_to_a_buyer",
        "No buyer has the same person's request twice (P2).",
        "request",
        "SELECT request_id FROM marketplace_sale GROUP BY request_id, buyer_id HAVING count(*) > 1",
    ),
    Check(
        "sales_agree_with_their_lead",
        "A sale names the lead of its leg, the buyer of its order and the request its lead belongs to (P2).",
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
        "Every leg marked sold has a sale (P1, P6).",
        "leg",
        """
        SELECT leg.id FROM leads_leg AS leg
        WHERE leg.status = 'sold' AND NOT EXISTS (SELECT 1 FROM marketplace_sale WHERE leg_id = leg.id)
        """,
    ),
    Check(
        "sales_have_a_sold_leg",
        "Every sale has a leg marked sold, so it cannot be sold again (P1).",
        "sale",
        """
        SELECT sale.id FROM marketplace_sale AS sale LEFT JOIN leads_leg AS leg ON leg.id = sale.leg_id
        WHERE leg.status IS DISTINCT FROM 'sold'
        """,
    ),
    Check(
        "legs_are_all_there",
        "The sold, open and closed legs of a lead, numbered from 1, add up to the authorized number (P6).",
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
        "The counts shown with a lead match its legs (P6).",
        "lead",
        """
        SELECT lead.id FROM leads_lead AS lead
        LEFT JOIN (
            SELECT lead_id,
                count(*) FILTER (WHERE status = 'sold' OR closed_reason = 'sold_elsewhere') AS sold,
                count(*) FILTER (WHERE status = 'open' AND market = 'realtime') AS realtime,
                count(*) FILTER (WHERE status IN ('open', 'held') AND market = 'aged') AS aged
            FROM leads_leg GROUP BY lead_id
        ) AS legs ON legs.lead_id = lead.id
        WHERE (lead.times_sold, lead.legs_realtime, lead.legs_left)
            IS DISTINCT FROM (coalesce(legs.sold, 0), coalesce(legs.realtime, 0), coalesce(legs.aged, 0))
        """,
    ),
    Check(
        "aged_legs_have_their_instant",
        "A leg is aged if and only if the time it became aged is recorded (P7).",
        "leg",
        "SELECT id FROM leads_leg WHERE (market = 'aged') <> (aged_at IS NOT NULL)",
    ),
    Check(
        "verticals_closed_for_resale_have_no_shelf",
        "A vertical closed for resale has no aged leg for sale.",
        "leg",
        """
        SELECT leg.id FROM leads_vertical AS vertical
        JOIN leads_lead AS lead ON lead.vertical_id = vertical.id AND lead.legs_left > 0
        JOIN leads_leg AS leg ON leg.lead_id = lead.id AND leg.status IN ('open', 'held') AND leg.market = 'aged'
        WHERE NOT vertical.open_for_resale
        """,
    ),
    Check(
        "imports_account_for_every_row",
        "Every row of a file was accepted, flagged, refused or a duplicate, and the accepted leads exist (P25).",
        "import run",
        """
        SELECT run.id FROM leads_importrun AS run
        CROSS JOIN LATERAL (SELECT count(*) AS leads FROM leads_lead WHERE import_run_id = run.id) AS made
        CROSS JOIN LATERAL (
            SELECT count(DISTINCT row) AS rows FROM leads_importproblem WHERE run_id = run.id AND outcome = 'refused'
        ) AS told
        WHERE run.rows_read <> run.taken + run.flagged + run.refused + run.duplicates
            OR run.refused <> told.rows
            OR (run.status = 'done' AND run.rows_read <> run.rows_total)
            OR (run.status IN ('running', 'done')
                AND made.leads NOT BETWEEN run.taken + run.flagged AND run.taken + run.flagged + run.duplicates)
        """,
    ),
)
