"""Checks for the people behind the leads: consent, opt-outs, erasure."""

from marketplace.audit.check import Check

CHECKS = (
    Check(
        "stopped_leads_are_not_for_sale",
        "An opt-out closes every open leg (P14).",
        "lead",
        """
        SELECT lead.id FROM leads_lead AS lead
        WHERE lead.withdrawn_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM leads_leg WHERE lead_id = lead.id AND status IN ('open', 'held'))
        """,
    ),
    Check(
        "nothing_is_sold_after_its_stop",
        "No lead is sold after the person opted out (P14).",
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
        SELECT DISTINCT known.lead_id FROM leads_suppression AS stopped
        JOIN leads_contactdigest AS known ON known.digest = stopped.digest AND known.kind = stopped.kind
        WHERE EXISTS (SELECT 1 FROM leads_leg WHERE lead_id = known.lead_id AND status IN ('open', 'held'))
        """,
    ),
    Check(
        "what_is_for_sale_has_consent",
        "Every open leg has a consent, and compiled records have no open legs (I12).",
        "lead",
        """
        SELECT DISTINCT leg.lead_id FROM leads_leg AS leg JOIN leads_lead AS lead ON lead.id = leg.lead_id
        LEFT JOIN leads_consent AS consent ON consent.lead_id = leg.lead_id
        WHERE leg.status IN ('open', 'held') AND (consent.id IS NULL OR lead.kind = 'compiled')
        """,
    ),
    Check(
        "consent_allows_every_leg",
        "No lead has more legs than the consent text the person saw allows.",
        "lead",
        """
        SELECT lead.id FROM leads_lead AS lead JOIN leads_consent AS consent ON consent.lead_id = lead.id
        JOIN leads_consenttext AS wording ON wording.id = consent.text_id
        WHERE lead.legs_authorized > wording.most_companies
        """,
    ),
    Check(
        "what_is_for_sale_can_be_reached",
        "Every open leg has a contact that has not been erased.",
        "lead",
        """
        SELECT DISTINCT leg.lead_id FROM leads_leg AS leg
        LEFT JOIN leads_contact AS contact ON contact.lead_id = leg.lead_id
        WHERE leg.status IN ('open', 'held') AND (contact.id IS NULL OR contact.erased_at IS NOT NULL)
        """,
    ),
    Check(
        "erased_contacts_hold_nothing",
        "An erased contact has no sealed value and no digest left (P17).",
        "lead",
        """
        SELECT contact.lead_id FROM leads_contact AS contact
        WHERE contact.erased_at IS NOT NULL AND (
            contact.sealed IS NOT NULL
            OR EXISTS (SELECT 1 FROM leads_contactdigest WHERE lead_id = contact.lead_id)
        )
        """,
    ),
)
