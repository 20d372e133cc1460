"""Recount legs: most changes only affect the legs of known leads, which are read here without their answers."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

from leads.arrays import key_array
from leads.models.lead import FOR_SALE

_LEGS = f"""
    SELECT lead.id, lead.vertical_id, {FOR_SALE}, lead.times_sold, lead.legs_left,
        EXISTS (SELECT FROM leads_leg WHERE lead_id = lead.id AND status = 'held' AND held_until > now())
    FROM leads_lead AS lead WHERE lead.id = ANY(%s::bigint[])
"""  # noqa: S608  (a constant)


@dataclass(frozen=True)
class Legs:
    """The legs of one lead. ``are_held``: somebody is paying for at least one of them."""

    vertical_id: int
    for_sale: bool
    times_sold: int
    legs_left: int
    are_held: bool


def legs_of(leads: Collection[int]) -> dict[int, Legs]:
    """Return the current legs by lead. A lead that does not exist is left out."""
    with connection.cursor() as cursor:
        cursor.execute(_LEGS, [key_array(leads)])
        return {lead: Legs(*found) for lead, *found in cursor.fetchall()}
